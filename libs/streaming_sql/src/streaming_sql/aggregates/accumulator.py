"""What every aggregate function promises.

An accumulator grows by one value at a time and merges, and its result depends on neither the order of values nor how
they were split among states. The ordered ones (FIRST_VALUE, LAST_VALUE, LISTAGG) depend on the order in which each
shard gave its values, and on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from streaming_sql.types import SqlType


class Accumulator(Protocol):
    """One aggregate function over one argument type. NULLs are left out by the caller, as SQL says.

    Attributes:
        retractable: whether `retract` takes a value back out, as frames that move on need it.
        ordered: whether `add` is given (value, event time in ms, shard, number) instead of the value alone; the number
            grows with each row of the shard.
        divisible: whether `encode` gives a list whose parts are states too, of which the whole is merged.

    """

    retractable: ClassVar[bool] = False
    ordered: ClassVar[bool] = False
    divisible: ClassVar[bool] = False

    @property
    def type(self) -> SqlType:
        """The result's type."""

    def initial(self) -> Any:
        """The state of no values."""

    def add(self, state: Any, value: Any, /) -> Any:
        """The state with one more value that is not NULL; may change `state` in place."""

    def retract(self, state: Any, value: Any, /) -> Any:
        """The state without one value that was added; may change `state` in place. Only if `retractable`."""
        raise TypeError(f"{type(self).__name__} takes no value back")

    def merge(self, left: Any, right: Any, /) -> Any:
        """The state of both; changes neither, and later changes of the result change neither."""

    def join(self, left: Any, right: Any, /) -> Any:
        """As `merge`, where rows of both came mixed; what `merge` gives of an ordered one has left's before right's."""
        return self.merge(left, right)

    def copy(self, state: Any, /) -> Any:
        """The same state; later changes of one do not change the other."""
        return self.merge(state, self.initial())

    def result(self, state: Any, /) -> Any:
        """The aggregate's value; `state` stays as it is."""

    def encode(self, state: Any, /) -> Any:
        """The state as JSON values that share nothing with it."""

    def decode(self, value: Any, /) -> Any:
        """The state that encode gave."""

    def lines(self, slot: str) -> tuple[tuple[str, ...], dict[str, Callable[..., Any]]]:
        """`add` as Python statements: `slot` takes in `value`, `state` is free to use; and the functions they call.

        The statements say the same as `add` and spare its call for every record; none: `add` is called.
        """
        return (), {}
