"""Joins of rows that belong to the same window, when the window has passed.

A row that comes when its own shard's watermark has reached the window's end - 1 is late for that window. Rows of one
window come out in the order in which they came, those of several shards by shard.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/window-join/
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from operator import itemgetter
from typing import Any, Literal

from streaming_sql.expressions import Evaluate
from streaming_sql.nodes import Node
from streaming_sql.operators.join_side import JoinSide, Row, join_kind
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing
from streaming_sql.operators.shelf import FOREVER, Due, StateKeys
from streaming_sql.watermark import NEVER

Window = tuple[int, int]
"""Its end, then its start, in ms."""
Kind = Literal["JOIN", "SEMI", "ANTI"]
_Held = tuple[str, int, Row]
"""A row's shard, the number of its arrival here, and its values."""
_Group = tuple[list[_Held], list[_Held]]


@dataclass(frozen=True, eq=False, kw_only=True)
class WindowJoinNode(Node):
    """Rows of two inputs of one window and equal keys: left columns, right columns, window start, window end.

    `windows` give the (end, start) of an input's base row. `condition` is a closure over left and right columns.
    """

    sides: tuple[JoinSide, JoinSide]
    windows: tuple[Callable[[Any], Window], Callable[[Any], Window]]
    kind: Kind = "JOIN"
    condition: Evaluate | None = None

    def create(self) -> WindowJoin:
        """No open windows."""
        return WindowJoin(self.sides, self.windows, self.kind, self.condition)

    def describe(self) -> list[str]:
        """The kind of join."""
        kind = join_kind(self.sides) if self.kind == "JOIN" else self.kind
        return [
            f"window join: {kind} on the window and {len(self.sides[0].key_types)} equal keys",
            "state: rows by key until their window has passed",
        ]


class WindowJoin:
    """A joined row is the left columns, the right columns, window start and window end.

    SEMI gives the left rows that met a right one and ANTI those that met none, both without the right columns.
    """

    def __init__(
        self,
        sides: tuple[JoinSide, JoinSide],
        windows: tuple[Callable[[Any], Window], Callable[[Any], Window]],
        kind: Kind = "JOIN",
        condition: Evaluate | None = None,
    ) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.dirty: set[Key] = set()
        self.size = 0
        self._sides = sides
        self._window_of = windows
        self._kind = kind
        self._condition = condition
        self._open: dict[Window, dict[Row, _Group]] = {}
        self._ends: list[Window] = []
        self._arrivals = 0
        self.keys = StateKeys((sides[0].key, sides[1].key), sides[0].encode_key, sides[0].decode_key)

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Keep a row until its window has passed."""
        window = self._window_of[port](row)
        if window[0] - 1 <= watermark:
            self.late(time, watermark, window[0])
            return
        side = self._sides[port]
        key = side.key(row)
        if None in key and not (side.outer or (self._kind == "ANTI" and port == 0)):
            return
        self._group(window, key)[port].append((shard, self._arrivals, side.columns(row)))
        self._arrivals += 1
        self.size += 1
        self.dirty.add(key)

    def _group(self, window: Window, key: Row) -> _Group:
        groups = self._open.get(window)
        if groups is None:
            groups = self._open[window] = {}
            heappush(self._ends, window)
        group = groups.get(key)
        if group is None:
            group = groups[key] = ([], [])
        return group

    def advance(self, before: int, now: int, /) -> None:
        """Join the rows of every window that has passed, oldest first, and forget them."""
        while self._ends and self._ends[0][0] - 1 <= now:
            window = heappop(self._ends)
            groups = self._open.pop(window)
            self.dirty.update(groups)
            bounds = (window[1], window[0])
            for key, group in _in_order(groups):
                self.size -= len(group[0]) + len(group[1])
                lefts, rights = ([values for _, _, values in held] for held in group)
                if None in key:
                    found = [*self._join(lefts, []), *self._join([], rights)]
                else:
                    found = list(self._join(lefts, rights))
                for row in found:
                    self.emit(row + bounds, window[0] - 1, before, "")

    def _join(self, lefts: list[Row], rights: list[Row]) -> Iterator[Row]:
        if self._kind != "JOIN":
            wanted = self._kind == "SEMI"
            yield from (left for left in lefts if any(self._meet(left + right) for right in rights) is wanted)
            return
        left_side, right_side = self._sides
        met: set[int] = set()
        for left in lefts:
            alone = left_side.outer
            for place, right in enumerate(rights):
                pair = left + right
                if self._meet(pair):
                    alone = False
                    met.add(place)
                    yield pair
            if alone:
                yield left + right_side.nulls
        if right_side.outer:
            nulls = left_side.nulls
            yield from (nulls + right for place, right in enumerate(rights) if place not in met)

    def _meet(self, pair: Row) -> bool:
        return self._condition is None or self._condition(pair) is True

    def flush_time(self) -> int | None:
        """The watermark that passes the last open window; None if none is open."""
        return max(self._open)[0] - 1 if self._open else None

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """(key, [[end, start, [left rows, right rows]]...]), each row [shard, arrival, values]."""
        if keys is None:
            keys = {key for groups in self._open.values() for key in groups}
        taken = [
            (
                key,
                [
                    (window, [list(rows) for rows in groups[key]])
                    for window, groups in self._open.items()
                    if key in groups
                ],
            )
            for key in keys
        ]
        return self._encoded(taken)

    def _encoded(self, taken: list[tuple[Key, list[tuple[Window, list[list[_Held]]]]]]) -> Iterator[tuple[Any, Any]]:
        for key, windows in taken:
            state = [
                [*window, [self._encode(port, rows) for port, rows in enumerate(group)]] for window, group in windows
            ]
            yield self._sides[0].encode_key(key), state or None

    def _encode(self, port: int, rows: list[_Held]) -> list[Any]:
        return [[shard, arrival, self._sides[port].encode(values)] for shard, arrival, values in rows]

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """Add the keys of a snapshot."""
        for encoded_key, windows in parts:
            key = self._sides[0].decode_key(encoded_key)
            for end, start, encoded in windows:
                group = self._group((end, start), key)
                for port, rows in enumerate(encoded):
                    for shard, arrival, values in rows:
                        group[port].append((shard, arrival, self._sides[port].decode(values)))
                        self._arrivals = max(self._arrivals, arrival + 1)
                        self.size += 1

    def evict(self, keys: Collection[Key]) -> list[Due]:
        """See Evictable."""
        dues: list[Due] = []
        for key in keys:
            ends = []
            for window, groups in self._open.items():
                group = groups.pop(key, None)
                if group is not None:
                    ends.append(window[0] - 1)
                    self.size -= len(group[0]) + len(group[1])
            dues.append((min(ends, default=FOREVER), max(ends, default=NEVER)))
        return dues


def _in_order(groups: dict[Row, _Group]) -> list[tuple[Row, _Group]]:
    """Groups by their first row's shard and arrival, their rows likewise."""
    for group in groups.values():
        for rows in group:
            rows.sort(key=itemgetter(0, 1))
    return sorted(groups.items(), key=lambda item: min(rows[0][:2] for rows in item[1] if rows))
