# ruff: noqa: D102 (Total says what each method promises)
"""Aggregates over the rows of a match. They add up in the order of the rows, as Flink does, and states never change.

So attempts that part ways share what they have in common, and a sum of doubles rounds as Flink's does.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Protocol

from streaming_sql.types import BIGINT, STRING, SqlType, decimal_type, finite, fit_decimal, wrap_integer

_EXACT = Context(prec=120)
_DIVIDE = Context(prec=38, rounding=ROUND_HALF_UP)


class Total(Protocol):
    """One aggregate function over one argument type; NULLs are left out by the caller. States are JSON-able by codec.

    `encode` and `decode` are exact.
    """

    @property
    def type(self) -> SqlType:
        """The result's type."""

    @property
    def initial(self) -> Any:
        """The state of no values."""

    def add(self, state: Any, value: Any, /) -> Any:
        """A new state with one more value."""

    def result(self, state: Any, /) -> Any:
        """The aggregate's value."""

    def encode(self, state: Any, /) -> Any:
        """The state as a JSON value."""

    def decode(self, value: Any, /) -> Any:
        """The state that encode was given."""


@dataclass(frozen=True)
class Count:
    """COUNT."""

    type: SqlType = BIGINT
    initial: int = 0

    def add(self, state: int, value: object, /) -> int:
        return state + 1

    def result(self, state: int, /) -> int:
        return state

    def encode(self, state: int, /) -> int:
        return state

    def decode(self, value: int, /) -> int:
        return value


@dataclass(frozen=True)
class Last:
    """The value of the last row that `prefer`, given the value kept and the next one, takes; NULL of none."""

    type: SqlType
    prefer: Callable[[Any, Any], bool]
    initial: None = None

    def add(self, state: Any, value: Any, /) -> Any:
        return value if state is None or self.prefer(state, value) else state

    def result(self, state: Any, /) -> Any:
        return state

    def encode(self, state: Any, /) -> Any:
        return str(state) if isinstance(state, Decimal) else state

    def decode(self, value: Any, /) -> Any:
        return Decimal(value) if self.type.name == "DECIMAL" and value is not None else value


@dataclass(frozen=True)
class Sum:
    """SUM and AVG: (total, count). Integers wrap as in Java, DECIMAL(p, s) sums to DECIMAL(38, s)."""

    argument: SqlType
    average: bool
    initial: tuple[Any, int] = (0, 0)

    @property
    def type(self) -> SqlType:
        if self.argument.name != "DECIMAL":
            return self.argument
        return decimal_type(38, max(6, self.argument.scale) if self.average else self.argument.scale)

    def add(self, state: tuple[Any, int], value: Any, /) -> tuple[Any, int]:
        total, count = state
        if self.argument.name == "DECIMAL":
            return _EXACT.add(Decimal(total), value), count + 1
        if self.argument.is_integer:
            return wrap_integer(total + value, BIGINT if self.average else self.argument), count + 1
        total += value
        if self.argument.name == "FLOAT" and not self.average:
            total = _float(total)
        return total, count + 1

    def result(self, state: tuple[Any, int], /) -> Any:
        total, count = state
        if not count:
            return None
        if self.argument.name == "DECIMAL":
            return fit_decimal(_DIVIDE.divide(total, Decimal(count)) if self.average else total, self.type)
        if not self.average:
            return total if self.argument.is_integer else finite(total)
        if self.argument.is_integer:
            return wrap_integer(abs(total) // count * (1 if total >= 0 else -1), self.argument)
        return finite(_float(total / count) if self.argument.name == "FLOAT" else total / count)

    def encode(self, state: tuple[Any, int], /) -> list[Any]:
        total, count = state
        return [str(total) if isinstance(total, Decimal) else total, count]

    def decode(self, value: list[Any], /) -> tuple[Any, int]:
        total, count = value
        return (Decimal(total) if isinstance(total, str) else total), count


@dataclass(frozen=True)
class Joined:
    """LISTAGG: texts with a separator between them; NULL of none."""

    separator: str = ","
    type: SqlType = STRING
    initial: None = None

    def add(self, state: str | None, value: str, /) -> str:
        return value if state is None else f"{state}{self.separator}{value}"

    def result(self, state: str | None, /) -> str | None:
        return state

    def encode(self, state: str | None, /) -> str | None:
        return state

    def decode(self, value: str | None, /) -> str | None:
        return value


def _float(value: float) -> float:
    """Rounded to single precision."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def lesser(kept: Any, value: Any) -> bool:
    """MIN."""
    return bool(value < kept)


def greater(kept: Any, value: Any) -> bool:
    """MAX."""
    return bool(value > kept)


def never(kept: Any, value: Any) -> bool:
    """FIRST_VALUE."""
    return False


def always(kept: Any, value: Any) -> bool:
    """LAST_VALUE."""
    return True


__all__ = ["Count", "Joined", "Last", "Sum", "Total", "always", "greater", "lesser", "never"]
