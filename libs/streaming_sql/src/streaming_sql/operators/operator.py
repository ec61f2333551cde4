"""What every operator is to the engine.

Rows come in one by one with their event time and their own shard's watermark; `advance` tells that the least watermark
over all shards has moved. For a fixed assignment of records to shards the rows that come out must depend neither on
how shards interleave nor on how often `advance` is called: so a row is late by its own shard's watermark alone, and
timers fire by the least one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Literal, Protocol

Change = Literal["+I", "+U", "-D"]
"""What a row does to the result: adds to it, replaces the row of the same key, takes it away."""
Key = tuple[Any, ...]


class Emit(Protocol):
    """Gives a row to every operator that reads this one; `watermark` and `shard` are as `receive` has them."""

    def __call__(self, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Give a row on."""


class Late(Protocol):
    """Reports that the row just received came too late: its time, its shard's watermark, and the bound it missed."""

    def __call__(self, time: int, watermark: int, bound: int, /) -> None:
        """Report the row."""


class Operator(Protocol):
    """One running node. The engine sets `emit` and `late` before the first row.

    Attributes:
        emit: gives a row to what reads this operator.
        late: reports the row just received as late.
        dirty: keys whose state has changed, or gone, since the engine last took the set.

    """

    emit: Emit
    late: Late
    dirty: set[Key]

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Take one row of input `port`; `time` in ms.

        `watermark` is that of the row's own shard before the row came; of a row that another operator emitted as time
        advanced, the least watermark before that. `shard` is where the row came from, "" if from no single one.
        """

    def advance(self, before: int, now: int, /) -> None:
        """The least watermark went from `before` to `now`: fire what is due, in order of time, and forget the rest."""

    def flush_time(self) -> int | None:
        """The watermark that would fire all that is still held open; None if nothing is."""

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """The state of the given keys, of all if None, as pairs of JSON values (key, state) that `restore` understands.

        It is the state at the call, though rows may come before the pairs are taken, in another thread maybe: what
        changes later is copied here, and encoded there. A given key without state is given with None.
        """

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """Continue from what `snapshot` gave; only on a fresh operator."""

    @property
    def size(self) -> int:
        """How many groups and rows are held."""


def emit_nothing(row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
    """The `emit` of an operator that nothing reads."""


def report_nothing(time: int, watermark: int, bound: int, /) -> None:
    """The `late` of an operator that no engine runs."""
