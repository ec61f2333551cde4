"""The first or last row of each key: deduplication.

By event time the row is revised when an earlier or later one comes, late rows included, as in Flink 1.20; by processing
time the last row is. See
https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/deduplication/.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from streaming_sql.expressions import Evaluate
from streaming_sql.nodes import Node
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing
from streaming_sql.operators.row_codec import RowCodec
from streaming_sql.operators.shelf import Due, StateKeys
from streaming_sql.operators.time_to_live import TimeToLive
from streaming_sql.types import SqlType

Kept = tuple[int, str, int, tuple[Any, ...]]
"""The row that a key has now: its time, shard, number of arrival from there, columns."""


@dataclass(frozen=True, eq=False, kw_only=True)
class DeduplicateNode(Node):
    """One row of each key, as `columns`.

    Attributes:
        last: the last row is kept, or else the first.
        by_arrival: ordered by processing time, which is the order in which rows come; for the first row see FirstRows.
        condition: what else must be True of a row that comes out; what it was True of before is taken away.

    """

    key: Callable[[Any], Key]
    key_types: tuple[SqlType, ...]
    columns: Callable[[Any], tuple[Any, ...]]
    column_types: tuple[SqlType, ...]
    last: bool
    by_arrival: bool
    condition: Evaluate | None = None
    ttl_ms: int | None = None

    def create(self) -> Deduplicate:
        """An operator that holds nothing."""
        return Deduplicate(self)

    def describe(self) -> list[str]:
        """Which row is kept."""
        clock = "processing time" if self.by_arrival else "event time"
        return [f"deduplicate: the {'last' if self.last else 'first'} row of a key by {clock}", "revised as rows come"]


class Deduplicate:
    """Keeps one row of each key and emits it anew whenever another takes its place.

    Of rows of one time the first keeps a first place and the last takes a last one, over shards by their names; so the
    final table follows from each shard's rows alone.
    """

    def __init__(self, node: DeduplicateNode) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.dirty: set[Key] = set()
        self._node = node
        self._kept: dict[Key, Kept] = {}
        self._arrivals: dict[str, int] = {}
        self._ttl = TimeToLive(node.ttl_ms)
        self._keys, self._columns = RowCodec(node.key_types), RowCodec(node.column_types)
        self.keys = StateKeys((node.key,), self._keys.encode, self._keys.decode)

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Keep the row if it comes before or after the one that is kept."""
        node = self._node
        key = node.key(row)
        number = self._arrivals.get(shard, 0)
        self._arrivals[shard] = number + 1
        if self._ttl.is_over(key, watermark):
            self._forget(key)
        kept = self._kept.get(key)
        if kept is not None and not node.by_arrival and ((time, shard, number) < kept[:3]) is node.last:
            return
        columns = node.columns(row)
        if kept is not None and node.by_arrival and columns == kept[3]:
            return
        self._kept[key] = (time, shard, number, columns)
        self._ttl.write(key, time)
        self.dirty.add(key)
        self._emit_change(None if kept is None else kept[3], columns, time, watermark, shard)

    def _emit_change(
        self, old: tuple[Any, ...] | None, new: tuple[Any, ...], time: int, watermark: int, shard: str
    ) -> None:
        condition = self._node.condition
        if condition is not None and old is not None and condition(old) is not True:
            old = None
        if condition is None or condition(new) is True:
            self.emit(new, time, watermark, shard, "+I" if old is None else "+U")
        elif old is not None:
            self.emit(old, time, watermark, shard, "-D")

    def advance(self, before: int, now: int, /) -> None:
        """Forget the keys whose time to live is over."""
        for key in self._ttl.over(now):
            self._forget(key)

    def _forget(self, key: Key) -> None:
        self._ttl.forget(key)
        self._kept.pop(key, None)
        self.dirty.add(key)

    def flush_time(self) -> int | None:
        """Nothing is held back."""
        return None

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """By key: the row's time, shard, number of arrival, columns, and when it was written."""
        wanted = list(self._kept) if keys is None else keys
        captured = [(key, self._kept.get(key), self._ttl.written(key)) for key in wanted]
        return ((self._keys.encode(key), self._encoded(kept, written)) for key, kept, written in captured)

    def _encoded(self, kept: Kept | None, written: int | None) -> list[Any] | None:
        return None if kept is None else [*kept[:3], self._columns.encode(kept[3]), written]

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """Continue from what `snapshot` gave."""
        for encoded, (time, shard, number, values, written) in parts:
            key = self._keys.decode(encoded)
            self._kept[key] = (time, shard, number, self._columns.decode(values))
            self._ttl.write(key, written)
            self._arrivals[shard] = max(self._arrivals.get(shard, 0), number + 1)

    def evict(self, keys: Collection[Key]) -> list[Due]:
        """See Evictable."""
        for key in keys:
            self._kept.pop(key, None)
        return self._ttl.evict(keys)

    @property
    def size(self) -> int:
        """Keys."""
        return len(self._kept)
