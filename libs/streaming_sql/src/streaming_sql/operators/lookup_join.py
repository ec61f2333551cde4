"""Joins of a stream with a reference table as it stands when the row comes.

The table's rows are given by `set_reference`, whole, as one version; rows received from then on meet that version.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/joins/#lookup-join
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from streaming_sql.decode import RowDecoder
from streaming_sql.expressions import Evaluate
from streaming_sql.nodes import Node
from streaming_sql.operators.join_side import JoinSide, Row, join_kind
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing
from streaming_sql.tables import Table


@dataclass(frozen=True, eq=False, kw_only=True)
class LookupJoinNode(Node):
    """Rows of the input with those of a reference table: left columns, then the table's.

    Attributes:
        table: the reference table; its rows do not come through an input but from Engine.set_reference.
        decoder: what reads its rows.
        condition: a closure over joined rows.

    """

    table: Table
    decoder: RowDecoder
    sides: tuple[JoinSide, JoinSide]
    condition: Evaluate | None = None

    def create(self) -> LookupJoin:
        """A join with an empty reference table."""
        return LookupJoin(self.sides[0], self.sides[1], self.condition)

    def describe(self) -> list[str]:
        """The kind of join, and the table."""
        return [
            f"lookup join: {join_kind(self.sides)} with {self.table.name} on {len(self.sides[0].key_types)} equal keys",
            f"reference: {self.table.options.get('path', self.table.name)}",
        ]


class LookupJoin:
    """Joined rows are the left columns, then the reference table's; a LEFT join pads rows that meet none.

    Attributes:
        version: the version of the reference table that rows meet, "" while it has none and is empty. It is part of
            the state, the rows are not: after `restore` they are to be given again before the next row comes.

    """

    size = 0

    def __init__(self, left: JoinSide, reference: JoinSide, condition: Evaluate | None = None) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.dirty: set[Key] = set()
        self.version = ""
        self._left = left
        self._reference = reference
        self._condition = condition
        self._rows: dict[Row, list[Row]] = {}

    def set_reference(self, version: str, rows: Iterable[Any]) -> None:
        """Let rows received from now on meet these base rows of the reference table, and no others."""
        self.use(version, self.index(rows))

    def index(self, rows: Iterable[Any]) -> dict[Row, list[Row]]:
        """The table's rows by key. Other joins of the same node may use it too."""
        key, columns = self._reference.key, self._reference.columns
        index: dict[Row, list[Row]] = {}
        for row in rows:
            place = key(row)
            if None not in place:
                index.setdefault(place, []).append(columns(row))
        return index

    def use(self, version: str, index: dict[Row, list[Row]]) -> None:
        """Let rows received from now on meet the rows of an index."""
        self._rows, self.version = index, version
        self.dirty.add(())

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Join one row with what the table holds for its key."""
        left = self._left
        values = left.columns(row)
        condition = self._condition
        alone = left.outer
        for found in self._rows.get(left.key(row), ()):
            pair = values + found
            if condition is None or condition(pair) is True:
                alone = False
                self.emit(pair, time, watermark, shard, change)
        if alone:
            self.emit(values + self._reference.nulls, time, watermark, shard, change)

    def advance(self, before: int, now: int, /) -> None:
        """Nothing waits for time."""

    def flush_time(self) -> int | None:
        """No row is held back."""
        return None

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """The version alone, under the empty key."""
        if (keys is None and self.version) or (keys is not None and () in keys):
            return iter([([], self.version or None)])
        return iter(())

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """The version alone."""
        for _, version in parts:
            self.version = version
