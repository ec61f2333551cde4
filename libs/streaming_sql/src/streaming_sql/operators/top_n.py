"""Top-N of each key over all rows so far: revised as better rows come.

Changes are those of Flink's append-only top-N operators: with the rank in the result rows move down one rank each
("+U"), without it the last row leaves and the new one enters, and of a top-1 the one row is replaced. See
https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/topn/.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from streaming_sql.expressions import Evaluate
from streaming_sql.nodes import Node
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing
from streaming_sql.operators.ordering import SortKey, tie_key
from streaming_sql.operators.row_codec import RowCodec
from streaming_sql.operators.shelf import Due, StateKeys
from streaming_sql.operators.time_to_live import TimeToLive
from streaming_sql.types import SqlType

Entry = tuple[SortKey, SortKey, tuple[Any, ...]]
"""A row kept: by what it sorts, what breaks ties, its columns."""
Place = tuple[int, int, str]
"""The time, watermark and shard of the row that is being taken in."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TopNNode(Node):
    """The rows of rank `first` to `last` of each key. They come out as `columns`, and the rank if `ranked`.

    Attributes:
        order: the sort key of a kept row.
        condition: what else must be True of a row that comes out; what it was True of before is taken away.

    """

    key: Callable[[Any], Key]
    key_types: tuple[SqlType, ...]
    columns: Callable[[Any], tuple[Any, ...]]
    column_types: tuple[SqlType, ...]
    order: Callable[[Any], SortKey]
    first: int
    last: int
    ranked: bool
    condition: Evaluate | None = None
    by: str = ""
    ttl_ms: int | None = None

    def create(self) -> TopN:
        """An operator that holds nothing."""
        return TopN(self)

    def describe(self) -> list[str]:
        """The ranks and the order."""
        return [f"top-n: rank {self.first} to {self.last} by {self.by}", "revised as better rows come"]


class TopN:
    """Keeps the best rows of each key, and emits what changes among the wanted ranks as soon as a row comes.

    The final table follows from each shard's rows alone; what is emitted on the way also from how shards interleave.
    """

    def __init__(self, node: TopNNode) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.dirty: set[Key] = set()
        self._node = node
        self._kept: dict[Key, list[Entry]] = {}
        self._rows = 0
        self._arrivals: dict[str, int] = {}
        self._ttl = TimeToLive(node.ttl_ms)
        self._keys, self._columns = RowCodec(node.key_types), RowCodec(node.column_types)
        self.keys = StateKeys((node.key,), self._keys.encode, self._keys.decode)
        self._change = self._shift if node.ranked else self._swap

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Rank a row, if it is among the best."""
        node = self._node
        key = node.key(row)
        columns = node.columns(row)
        number = self._arrivals.get(shard, 0)
        self._arrivals[shard] = number + 1
        entry = (node.order(columns), tie_key(columns, shard, number), columns)
        if self._ttl.is_over(key, watermark):
            self._forget(key)
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = []
        elif len(kept) >= node.last and not entry[:2] < kept[-1][:2]:
            return
        place = bisect_left(kept, entry[:2], key=_sort)
        kept.insert(place, entry)
        dropped = kept.pop() if len(kept) > node.last else None
        self._rows += dropped is None
        self._ttl.write(key, time)
        self.dirty.add(key)
        self._change(kept, place, dropped, (time, watermark, shard))

    def _shift(self, kept: Sequence[Entry], place: int, dropped: Entry | None, at: Place) -> None:
        """The new row takes its rank, the rows below move down."""
        first = self._node.first
        for rank in range(place + 1, len(kept) + 1):
            below = kept[rank] if rank < len(kept) else dropped
            if rank >= first:
                old = None if below is None else (*below[2], rank)
                self._emit_change(old, (*kept[rank - 1][2], rank), at)

    def _swap(self, kept: Sequence[Entry], place: int, dropped: Entry | None, at: Place) -> None:
        """Without ranks only the row that leaves and the one that enters show; of one rank they replace each other."""
        first = self._node.first
        leaves = dropped[2] if dropped else None
        enters = kept[place][2] if place + 1 >= first else (kept[first - 1][2] if len(kept) >= first else None)
        if enters is None or (enters == leaves and first != self._node.last):
            return
        if first == self._node.last:
            self._emit_change(leaves, enters, at)
            return
        if leaves is not None:
            self._emit_change(leaves, None, at)
        self._emit_change(None, enters, at)

    def _emit_change(self, old: tuple[Any, ...] | None, new: tuple[Any, ...] | None, at: Place) -> None:
        condition = self._node.condition
        if condition is not None:
            old = old if old is not None and condition(old) is True else None
            new = new if new is not None and condition(new) is True else None
        time, watermark, shard = at
        if new is not None:
            self.emit(new, time, watermark, shard, "+I" if old is None else "+U")
        elif old is not None:
            self.emit(old, time, watermark, shard, "-D")

    def advance(self, before: int, now: int, /) -> None:
        """Forget the keys whose time to live is over."""
        for key in self._ttl.over(now):
            self._forget(key)

    def _forget(self, key: Key) -> None:
        self._ttl.forget(key)
        self._rows -= len(self._kept.pop(key, ()))
        self.dirty.add(key)

    def flush_time(self) -> int | None:
        """Nothing is held back."""
        return None

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """By key: when it was written, and the kept rows in order, each with what breaks its ties."""
        wanted = list(self._kept) if keys is None else keys
        captured = [(key, list(self._kept.get(key, ())), self._ttl.written(key)) for key in wanted]
        return ((self._keys.encode(key), self._encoded(entries, written)) for key, entries, written in captured)

    def _encoded(self, entries: Sequence[Entry], written: int | None) -> list[Any] | None:
        if not entries:
            return None
        rows = [[tie[0], tie[1] if tie[0] else 0, self._columns.encode(columns)] for _, tie, columns in entries]
        return [written, rows]

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """Continue from what `snapshot` gave."""
        for encoded, (written, entries) in parts:
            key = self._keys.decode(encoded)
            kept = self._kept[key] = []
            self._ttl.write(key, written)
            self._rows += len(entries)
            for shard, number, values in entries:
                columns = self._columns.decode(values)
                kept.append((self._node.order(columns), tie_key(columns, shard, number), columns))
                self._arrivals[shard] = max(self._arrivals.get(shard, 0), number + 1)

    def evict(self, keys: Collection[Key]) -> list[Due]:
        """See Evictable."""
        for key in keys:
            self._rows -= len(self._kept.pop(key, ()))
        return self._ttl.evict(keys)

    @property
    def size(self) -> int:
        """Keys and rows."""
        return len(self._kept) + self._rows


def _sort(entry: Entry) -> tuple[SortKey, SortKey]:
    return entry[0], entry[1]
