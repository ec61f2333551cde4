"""Top-N of each key in each window: emitted once, when the window ends.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/window-topn/ and, for the first or
last row by time, .../window-deduplication/.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from streaming_sql.expressions import Evaluate
from streaming_sql.nodes import Node
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing
from streaming_sql.operators.ordering import Reversed, SortKey, tie_key
from streaming_sql.operators.row_codec import RowCodec
from streaming_sql.operators.shelf import FOREVER, Due, StateKeys
from streaming_sql.types import SqlType
from streaming_sql.watermark import NEVER

Entry = tuple[SortKey, SortKey, int, tuple[Any, ...]]
"""A row kept: by what it sorts, what breaks ties (its shard and number of arrival), that number, its columns."""


@dataclass(frozen=True, eq=False, kw_only=True)
class WindowTopNNode(Node):
    """The rows of rank `first` to `last` of each key of a window. They come out as `columns` and the rank.

    Attributes:
        key: of a row within its window.
        window_end: the end of a row's window in ms.
        order: the sort key of a kept row.
        latest: of rows of one sort key the one that came last ranks first.

    """

    key: Callable[[Any], Key]
    key_types: tuple[SqlType, ...]
    window_end: Evaluate
    columns: Callable[[Any], tuple[Any, ...]]
    column_types: tuple[SqlType, ...]
    order: Callable[[Any], SortKey]
    first: int
    last: int
    latest: bool = False
    by: str = ""

    def create(self) -> WindowTopN:
        """An operator that holds nothing."""
        return WindowTopN(self)

    def describe(self) -> list[str]:
        """The ranks and the order."""
        return [f"window top-n: rank {self.first} to {self.last} by {self.by}", "emitted when a window ends"]


class WindowTopN:
    """Keeps the best rows of each key of the open windows. A row is late when its shard has reached the end - 1."""

    def __init__(self, node: WindowTopNNode) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.dirty: set[Key] = set()
        self._node = node
        self._windows: dict[int, dict[Key, list[Entry]]] = {}
        self._ends: list[int] = []
        self._ends_of: dict[Key, set[int]] = {}
        self._rows = 0
        self._arrivals: dict[str, int] = {}
        self._keys, self._columns = RowCodec(node.key_types), RowCodec(node.column_types)
        self.keys = StateKeys((node.key,), self._keys.encode, self._keys.decode)

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Rank a row within its window."""
        node = self._node
        end = node.window_end(row)
        if end - 1 <= watermark:
            self.late(time, watermark, end)
            return
        number = self._arrivals.get(shard, 0)
        self._arrivals[shard] = number + 1
        columns = node.columns(row)
        key = node.key(row)
        entry = self._entry(columns, shard, number)
        kept = self._entries(end, key)
        if len(kept) < node.last:
            self._rows += 1
        elif entry[:2] < kept[-1][:2]:
            kept.pop()
        else:
            return
        insort(kept, entry, key=_sort)
        self.dirty.add(key)

    def _entry(self, columns: tuple[Any, ...], shard: str, number: int) -> Entry:
        tie = tie_key(columns, shard, number)
        return self._node.order(columns), (Reversed(tie),) if self._node.latest else tie, number, columns

    def _entries(self, end: int, key: Key) -> list[Entry]:
        window = self._windows.get(end)
        if window is None:
            window = self._windows[end] = {}
            heappush(self._ends, end)
        kept = window.get(key)
        if kept is None:
            kept = window[key] = []
            self._ends_of.setdefault(key, set()).add(end)
        return kept

    def advance(self, before: int, now: int, /) -> None:
        """Emit the windows that have ended, oldest first, each key's rows by rank."""
        node = self._node
        while self._ends and self._ends[0] - 1 <= now:
            end = heappop(self._ends)
            for key, kept in self._windows.pop(end).items():
                self._rows -= len(kept)
                self.dirty.add(key)
                ends = self._ends_of[key]
                ends.discard(end)
                if not ends:
                    del self._ends_of[key]
                for rank, entry in enumerate(kept[node.first - 1 :], node.first):
                    self.emit((*entry[3], rank), end - 1, before, "")

    def flush_time(self) -> int | None:
        """The watermark at which the last open window ends."""
        return max(self._windows) - 1 if self._windows else None

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """By key: the open windows' ends and kept rows in order."""
        wanted = list(self._ends_of) if keys is None else keys
        captured = [
            (key, [(end, list(self._windows[end][key])) for end in sorted(self._ends_of.get(key, ()))])
            for key in wanted
        ]
        return ((self._keys.encode(key), self._encoded(windows)) for key, windows in captured)

    def _encoded(self, windows: Sequence[tuple[int, list[Entry]]]) -> list[Any] | None:
        encoded = []
        for end, kept in windows:
            rows = [[_shard(entry), entry[2], self._columns.encode(entry[3])] for entry in kept]
            encoded.append([end, rows])
        return encoded or None

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """Continue from what `snapshot` gave."""
        for encoded, windows in parts:
            key = self._keys.decode(encoded)
            for end, rows in windows:
                kept = self._entries(end, key)
                for shard, number, values in rows:
                    kept.append(self._entry(self._columns.decode(values), shard, number))
                    self._arrivals[shard] = max(self._arrivals.get(shard, 0), number + 1)
                self._rows += len(rows)

    def evict(self, keys: Collection[Key]) -> list[Due]:
        """See Evictable."""
        dues: list[Due] = []
        for key in keys:
            ends = self._ends_of.pop(key, set())
            self._rows -= sum(len(self._windows[end].pop(key)) for end in ends)
            dues.append((min(ends) - 1, max(ends) - 1) if ends else (FOREVER, NEVER))
        return dues

    @property
    def size(self) -> int:
        """Keys of open windows, and rows."""
        return sum(len(window) for window in self._windows.values()) + self._rows


def _sort(entry: Entry) -> tuple[SortKey, SortKey]:
    return entry[0], entry[1]


def _shard(entry: Entry) -> str:
    tie = entry[1][0].value if isinstance(entry[1][0], Reversed) else entry[1]
    return str(tie[0])
