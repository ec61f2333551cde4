"""Joins of two streams whose rows are at most some time apart.

A left row of time t meets right rows of time t - upper to t - lower. A row is kept until the least watermark has
passed the last time that a partner can have; a row of an outer side that met none comes out then, padded with NULLs.
Lateness is judged by the rows' own shards alone, so that the result does not depend on how shards interleave. Rows of
one shard of one table follow Flink's interval join (allowed lateness 0): a row is kept unless its watermark has
reached that last time already, and is met until the later row's watermark has passed it. Of other rows none was first:
they meet unless the watermark of either had passed the last time that the other can meet.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/joins/#interval-joins
"""

from __future__ import annotations

from bisect import bisect_left, insort_right
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from operator import attrgetter, itemgetter
from typing import Any

from streaming_sql.expressions import Evaluate
from streaming_sql.nodes import Node, Scan
from streaming_sql.operators.join_side import JoinSide, Row, decode_time, encode_time, join_kind
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing
from streaming_sql.operators.shelf import FOREVER, Due, StateKeys
from streaming_sql.watermark import NEVER

_time_of = attrgetter("time")
_expiry = itemgetter(0, 1, 2, 3)


@dataclass(frozen=True, eq=False, kw_only=True)
class IntervalJoinNode(Node):
    """Rows of two inputs whose keys are equal and left.time - right.time within lower to upper, both in ms.

    Rows are the left columns, then the right ones. `condition` is a closure over such a row.
    """

    sides: tuple[JoinSide, JoinSide]
    lower_ms: int
    upper_ms: int
    condition: Evaluate | None = None

    def create(self) -> IntervalJoin:
        """No rows held."""
        nodes = {edge.node for edge in self.inputs}
        one_table = len(nodes) == 1 and all(isinstance(node, Scan) for node in nodes)
        return IntervalJoin(self.sides, self.lower_ms, self.upper_ms, self.condition, one_table=one_table)

    def describe(self) -> list[str]:
        """The kind, the bounds, and how long rows are kept."""
        kept = f"left {max(-self.lower_ms, 0)} ms, right {max(self.upper_ms, 0)} ms after their time"
        return [
            f"interval join: {join_kind(self.sides)} on {len(self.sides[0].key_types)} equal keys",
            f"bounds: left time - right time from {self.lower_ms} to {self.upper_ms} ms",
            f"state: rows by key, {kept}",
            f"watermark: {self.delay_ms} ms behind the inputs'",
        ]


class _Held:
    """A row that may still meet partners. `watermark` is its shard's when it came, `arrival` its number here."""

    __slots__ = ("arrival", "joined", "shard", "time", "values", "watermark")

    def __init__(self, time: int, arrival: int, shard: str, watermark: int, values: Row) -> None:
        self.time = time
        self.arrival = arrival
        self.shard = shard
        self.watermark = watermark
        self.values = values
        self.joined = False


_Group = tuple[list[_Held], list[_Held]]


class IntervalJoin:
    """Joined rows are the left columns, then the right ones; their time is the later of the two rows'.

    `one_table`: both inputs read one table, so rows of one shard come in its order whatever the batches.

    Attributes:
        delay_ms: how far the output's watermark stands behind the inputs'.

    """

    def __init__(
        self,
        sides: tuple[JoinSide, JoinSide],
        lower_ms: int,
        upper_ms: int,
        condition: Evaluate | None = None,
        *,
        one_table: bool = False,
    ) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.dirty: set[Key] = set()
        self.size = 0
        self.delay_ms = output_delay(lower_ms, upper_ms)
        self._sides = sides
        self._back = (upper_ms, -lower_ms)  # a partner's time is from time - back
        self._ahead = (-lower_ms, upper_ms)  # to time + ahead
        self._never = lower_ms > upper_ms
        self._condition = condition
        self._one_table = one_table
        self._nulls = (sides[1].nulls, sides[0].nulls)
        self._groups: dict[Row, _Group] = {}
        self._expiries: list[tuple[int, int, int, Row]] = []
        self._arrivals = 0
        self._now = NEVER
        self.keys = StateKeys((sides[0].key, sides[1].key), sides[0].encode_key, sides[0].decode_key)

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Join one row with all that it meets, and keep it for those to come."""
        side = self._sides[port]
        key = side.key(row)
        held = _Held(time, self._arrivals, shard, watermark, side.columns(row))
        self._arrivals += 1
        if None in key or self._never:
            if side.outer:
                self._pad(port, held)
            return
        last = time + self._ahead[port]
        group = self._groups.get(key)
        if group is not None:
            self._meet(port, held, group[1 - port], last)
        if time <= watermark and last <= watermark:
            self.late(time, watermark, watermark - max(self._ahead[port], 0) + 1)
        if last < self._now:
            if group is not None:
                self.dirty.add(key)
            if side.outer and not held.joined:
                self._pad(port, held)
            return
        if group is None:
            group = self._groups[key] = ([], [])
        self._keep(port, key, held, group[port])

    def _meet(self, port: int, held: _Held, others: list[_Held], last: int) -> None:
        back = self._back[port]
        time, shard, watermark = held.time, held.shard, held.watermark
        first = max(time, watermark) - back
        condition, one_table = self._condition, self._one_table
        place = 0 if not others or others[0].time >= first else bisect_left(others, first, key=_time_of)
        for partner in others[place:] if place else others:
            if partner.time > last:
                break
            if one_table and partner.shard == shard:
                if partner.watermark >= partner.time + back:
                    continue
            elif partner.watermark > last:
                continue
            pair = partner.values + held.values if port else held.values + partner.values
            if condition is not None and condition(pair) is not True:
                continue
            held.joined = partner.joined = True
            self.emit(
                pair,
                max(time, partner.time),
                max(watermark, partner.watermark) - self.delay_ms,
                max(shard, partner.shard),
            )

    def _keep(self, port: int, key: Row, held: _Held, rows: list[_Held]) -> None:
        if not rows or rows[-1].time <= held.time:
            rows.append(held)
        else:
            insort_right(rows, held, key=_time_of)
        if rows[0] is held:
            heappush(self._expiries, (held.time + self._ahead[port], held.arrival, port, key))
        self.size += 1
        self.dirty.add(key)

    def _pad(self, port: int, held: _Held) -> None:
        nulls = self._nulls[port]
        row = nulls + held.values if port else held.values + nulls
        self.emit(row, held.time, held.watermark - self.delay_ms, held.shard)

    def advance(self, before: int, now: int, /) -> None:
        """Forget rows that no partner can meet any more; those of an outer side that met none come out."""
        self._now = now
        alone: list[tuple[int, int, str, int, _Held]] = []
        expiries = self._expiries
        while expiries and expiries[0][0] < now:
            _, _, port, key = heappop(expiries)
            group = self._groups.get(key)
            if group is not None:
                self._expire(port, key, group, now, alone)
        alone.sort(key=_expiry)
        for _, port, _, _, held in alone:
            self._pad(port, held)

    def _expire(
        self, port: int, key: Row, group: _Group, now: int, alone: list[tuple[int, int, str, int, _Held]]
    ) -> None:
        rows, ahead = group[port], self._ahead[port]
        count = bisect_left(rows, now - ahead, key=_time_of)
        if not count:
            return
        if self._sides[port].outer:
            alone.extend(
                (row.time + ahead, port, row.shard, row.arrival, row) for row in rows[:count] if not row.joined
            )
        del rows[:count]
        self.size -= count
        self.dirty.add(key)
        if rows:
            heappush(self._expiries, (rows[0].time + ahead, rows[0].arrival, port, key))
        elif not group[1 - port]:
            del self._groups[key]

    def flush_time(self) -> int | None:
        """The watermark at which nothing is kept any more; None if nothing is."""
        lasts = [
            rows[-1].time + self._ahead[port]
            for group in self._groups.values()
            for port, rows in enumerate(group)
            if rows
        ]
        return max(lasts) + 1 if lasts else None

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """(key, [left rows, right rows]), each row [time, arrival, shard, watermark, joined, values]."""
        taken = [
            (key, [[(row, row.joined) for row in rows] for rows in self._groups.get(key, ([], []))])
            for key in (self._groups if keys is None else keys)
        ]
        return self._encoded(taken)

    def _encoded(self, taken: list[tuple[Key, list[list[tuple[_Held, bool]]]]]) -> Iterator[tuple[Any, Any]]:
        for key, group in taken:
            state = [[_encode(side, *row) for row in rows] for side, rows in zip(self._sides, group, strict=True)]
            yield self._sides[0].encode_key(key), state if any(state) else None

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """Add the keys of a snapshot."""
        for encoded_key, encoded in parts:
            key = self._sides[0].decode_key(encoded_key)
            group: _Group = ([], [])
            for port, rows in enumerate(encoded):
                group[port].extend(_decode(self._sides[port], rows))
                group[port].sort(key=_time_of)
                self.size += len(group[port])
                self._arrivals = max([self._arrivals, *(row.arrival + 1 for row in group[port])])
                if group[port]:
                    first = group[port][0]
                    heappush(self._expiries, (first.time + self._ahead[port], first.arrival, port, key))
            self._groups[key] = group

    def evict(self, keys: Collection[Key]) -> list[Due]:
        """See Evictable."""
        dues: list[Due] = []
        for key in keys:
            group = self._groups.pop(key, ([], []))
            ahead = [(rows, self._ahead[port]) for port, rows in enumerate(group) if rows]
            self.size -= sum(len(rows) for rows, _ in ahead)
            first = min((rows[0].time + more + 1 for rows, more in ahead), default=FOREVER)
            dues.append((first, max((rows[-1].time + more + 1 for rows, more in ahead), default=NEVER)))
        self._expiries = [entry for entry in self._expiries if entry[3] in self._groups]
        heapify(self._expiries)
        return dues


def output_delay(lower_ms: int, upper_ms: int) -> int:
    """How long after its time a row can still come out, as the watermark that it was received at counts.

    One millisecond more than Flink's: its padded rows leave at the watermark that follows their last partner's time,
    and one of a window's last millisecond would be late for that window if a watermark fell on that very time.
    """
    return max(-lower_ms, upper_ms, 0) + 1


def _encode(side: JoinSide, row: _Held, joined: bool) -> list[Any]:
    return [row.time, row.arrival, row.shard, encode_time(row.watermark), joined, side.encode(row.values)]


def _decode(side: JoinSide, rows: list[Any]) -> Iterator[_Held]:
    for time, arrival, shard, watermark, joined, values in rows:
        held = _Held(time, arrival, shard, decode_time(watermark), side.decode(values))
        held.joined = joined
        yield held
