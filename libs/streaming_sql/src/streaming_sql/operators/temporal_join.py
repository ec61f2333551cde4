"""Joins of a stream with what a versioned table held at each row's own time.

The right input's rows are versions, by key and event time; a left row of time t meets the last version of a time up
to t. It waits until the least watermark has reached t, so that every version in time is there. As in Flink a late
version counts for the left rows that still wait, and a late left row meets the version that was in force at its own
shard's watermark, unless that is newer than the row; both are judged by the rows' own shards alone. Of versions of
one key and time the one that came last counts, by shard and arrival.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/joins/#event-time-temporal-join
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any

from streaming_sql.expressions import Evaluate
from streaming_sql.nodes import Node
from streaming_sql.operators.join_side import JoinSide, Row, decode_time, encode_time, join_kind
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing
from streaming_sql.operators.shelf import FOREVER, Due, StateKeys
from streaming_sql.watermark import NEVER

_Waiting = tuple[int, str, int, int, int, Row, Row]
"""When it is due, shard, arrival, time, its shard's watermark, key, values."""
_Version = tuple[int, str, int, int, Row]
"""Time, shard, arrival, its shard's watermark, values."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TemporalJoinNode(Node):
    """Rows of the first input with the version of the second in force at their time: left columns, right columns.

    `condition` is a closure over such a row.
    """

    sides: tuple[JoinSide, JoinSide]
    condition: Evaluate | None = None

    def create(self) -> TemporalJoin:
        """No rows and no versions."""
        return TemporalJoin(self.sides[0], self.sides[1], self.condition)

    def describe(self) -> list[str]:
        """The kind of join."""
        return [
            f"temporal join: {join_kind(self.sides)} with the version in force at the row's event time",
            "state: rows until the watermark reaches their time; of every key the versions that they can meet",
        ]


class TemporalJoin:
    """Joined rows are the left columns, then the version's; a LEFT join pads rows that meet none."""

    def __init__(self, left: JoinSide, versions: JoinSide, condition: Evaluate | None = None) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.dirty: set[Key] = set()
        self._sides = (left, versions)
        self._condition = condition
        self._waiting: list[_Waiting] = []
        self._waiting_by_key: dict[Row, dict[tuple[str, int], _Waiting]] = {}
        self._versions: dict[Row, list[_Version]] = {}
        self._stale: list[tuple[int, int, Row]] = []
        self._arrivals = 0
        self._version_count = 0
        self.keys = StateKeys((left.key, versions.key), left.encode_key, left.decode_key)

    @property
    def size(self) -> int:
        """Rows that wait and versions kept."""
        return len(self._waiting) + self._version_count

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Keep a version, or a row until its time has come."""
        side = self._sides[port]
        key, values = side.key(row), side.columns(row)
        arrival = self._arrivals
        self._arrivals += 1
        if None in key:
            if port == 0 and side.outer:
                self.emit(values + self._sides[1].nulls, time, watermark, shard)
            return
        if port == 0:
            self._wait((max(time, watermark + 1), shard, arrival, time, watermark, key, values))
        else:
            self._keep(key, (time, shard, arrival, watermark, values))
        self.dirty.add(key)
        if time <= watermark:
            self.late(time, watermark, watermark + 1)

    def _wait(self, waiting: _Waiting) -> None:
        heappush(self._waiting, waiting)
        self._waiting_by_key.setdefault(waiting[5], {})[waiting[1:3]] = waiting

    def _keep(self, key: Row, version: _Version) -> None:
        versions = self._versions.setdefault(key, [])
        place = bisect_right(versions, version)
        versions.insert(place, version)
        self._version_count += 1
        for time, _, arrival, watermark, _ in versions[max(place, 1) : place + 2]:  # these make another one stale
            heappush(self._stale, (max(time, watermark + 1), arrival, key))

    def advance(self, before: int, now: int, /) -> None:
        """Join the rows whose time has come, in its order, and forget the versions that no row can meet any more."""
        while self._waiting and self._waiting[0][0] <= now:
            waiting = heappop(self._waiting)
            self._join(waiting)
            key = waiting[5]
            rows = self._waiting_by_key[key]
            del rows[waiting[1:3]]
            if not rows:
                del self._waiting_by_key[key]
            self.dirty.add(key)
        while self._stale and self._stale[0][0] <= now:
            _, _, key = heappop(self._stale)
            self._forget(key, now)

    def _join(self, waiting: _Waiting) -> None:
        _, shard, _, time, watermark, key, values = waiting
        left, right = self._sides
        found = self._version(self._versions.get(key, []), time, watermark)
        pair = None if found is None else values + found
        if pair is None or (self._condition is not None and self._condition(pair) is not True):
            if not left.outer:
                return
            pair = values + right.nulls
        self.emit(pair, time, watermark, shard)

    def _version(self, versions: list[_Version], time: int, watermark: int) -> Row | None:
        due, limit = max(time, watermark + 1), max(time, watermark)
        for version in reversed(versions):
            if version[0] <= limit and version[3] < due:
                return version[4] if version[0] <= time else None
        return None

    def _forget(self, key: Row, now: int) -> None:
        versions = self._versions[key]
        last = 0
        for place in range(len(versions) - 1, 0, -1):
            if versions[place][0] <= now and versions[place][3] < now:
                last = place
                break
        if last:
            del versions[:last]
            self._version_count -= last
            self.dirty.add(key)

    def flush_time(self) -> int | None:
        """The watermark at which no row waits any more; None if none waits. The last versions stay."""
        return max(self._waiting)[0] if self._waiting else None

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """(key, [rows that wait, versions]): [shard, arrival, time, watermark, values], [time, shard, ...] each."""
        taken = [
            (key, sorted(self._waiting_by_key.get(key, {}).values()), list(self._versions.get(key, ())))
            for key in ({**self._versions, **self._waiting_by_key} if keys is None else keys)
        ]
        return self._encoded(taken)

    def _encoded(self, taken: list[tuple[Key, list[_Waiting], list[_Version]]]) -> Iterator[tuple[Any, Any]]:
        left, right = self._sides
        for key, rows, kept in taken:
            waiting = [
                [shard, arrival, time, encode_time(watermark), left.encode(values)]
                for _, shard, arrival, time, watermark, _, values in rows
            ]
            versions = [
                [time, shard, arrival, encode_time(watermark), right.encode(values)]
                for time, shard, arrival, watermark, values in kept
            ]
            yield left.encode_key(key), [waiting, versions] if waiting or versions else None

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """Add the keys of a snapshot."""
        left, right = self._sides
        for encoded_key, (waiting, versions) in parts:
            key = left.decode_key(encoded_key)
            for shard, arrival, time, at, values in waiting:
                watermark = decode_time(at)
                due = max(time, watermark + 1)
                self._wait((due, shard, arrival, time, watermark, key, left.decode(values)))
                self._arrivals = max(self._arrivals, arrival + 1)
            for time, shard, arrival, at, values in versions:
                self._keep(key, (time, shard, arrival, decode_time(at), right.decode(values)))
                self._arrivals = max(self._arrivals, arrival + 1)

    def evict(self, keys: Collection[Key]) -> list[Due]:
        """See Evictable."""
        dues: list[Due] = []
        for key in keys:
            waiting, versions = self._waiting_by_key.pop(key, {}).values(), self._versions.pop(key, [])
            self._version_count -= len(versions)
            stale = [max(time, watermark + 1) for time, _, _, watermark, _ in versions[1:]]
            fires = [row[0] for row in waiting]
            dues.append((min([*fires, *stale], default=FOREVER), max(fires, default=NEVER)))
        self._waiting = [row for row in self._waiting if row[5] in self._waiting_by_key]
        self._stale = [entry for entry in self._stale if entry[2] in self._versions]
        heapify(self._waiting)
        heapify(self._stale)
        return dues
