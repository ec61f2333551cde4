"""The rows of several inputs, one after another as they come.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/set-ops/#union
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from streaming_sql.nodes import Node
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing


@dataclass(frozen=True, eq=False, kw_only=True)
class UnionNode(Node):
    """The rows of all inputs; `columns` make an input's base row a tuple."""

    columns: tuple[Callable[[Any], tuple[Any, ...]], ...]

    def create(self) -> Union:
        """An operator that holds nothing."""
        return Union(self.columns)

    def describe(self) -> list[str]:
        """How many inputs there are."""
        return [f"union of {len(self.inputs)} inputs"]


class Union:
    """Every row of every input as the tuple that `columns` of its port gives; holds nothing."""

    size = 0

    def __init__(self, columns: tuple[Callable[[Any], tuple[Any, ...]], ...]) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.dirty: set[Key] = set()
        self._columns = columns

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Pass the row on."""
        self.emit(self._columns[port](row), time, watermark, shard, change)

    def advance(self, before: int, now: int, /) -> None:
        """Nothing waits for time."""

    def flush_time(self) -> int | None:
        """Nothing is held."""
        return None

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """There is no state."""
        return iter(())

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """There is no state."""
