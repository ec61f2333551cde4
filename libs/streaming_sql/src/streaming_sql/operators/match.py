"""MATCH_RECOGNIZE: rows wait for the watermark, then go in order of time to the matcher of their key.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/match_recognize/

A row is late when its time is not after its shard's watermark. A match comes out with the row that lets it out; one
that waited for an attempt which ran out of its WITHIN comes out at that moment: the attempt's start plus WITHIN.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from streaming_sql.expressions import Evaluate, Expression
from streaming_sql.nodes import Node
from streaming_sql.operators.match_state import Held, MatchCodec, Waiting
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing
from streaming_sql.operators.shelf import FOREVER, Due, StateKeys
from streaming_sql.patterns.automaton import Automaton
from streaming_sql.patterns.matcher import Attempt, Matcher, Partition, Skip
from streaming_sql.patterns.rows import Condition, Fold
from streaming_sql.relation import packed
from streaming_sql.watermark import NEVER


@dataclass(frozen=True, eq=False, kw_only=True)
class MatchNode(Node):
    """Rows of matches: (key..., measure..., time at which it came out, which of the key's at that time it is).

    Attributes:
        keys: of PARTITION BY, from a base row.
        columns: what is kept of each row, from a base row; all that follows reads these.
        order: a sort key for rows of equal time, None for the order of arrival.
        conditions: of each variable, None for every row.
        folds: the aggregates that the conditions use.
        measures: from the MatchRows of a match.
        window_ms: WITHIN, 0 for none.
        details: what EXPLAIN tells.

    """

    keys: tuple[Expression, ...]
    columns: tuple[Expression, ...]
    automaton: Automaton
    conditions: tuple[Condition | None, ...]
    measures: tuple[Evaluate, ...]
    folds: tuple[Fold, ...] = ()
    order: Callable[[Any], tuple[Any, ...]] | None = None
    window_ms: int = 0
    skip: Skip = field(default_factory=Skip)
    details: tuple[str, ...] = ()

    def create(self) -> Match:
        """No rows."""
        return Match(self)

    def describe(self) -> list[str]:
        """The pattern and what bounds its state."""
        return ["match recognize", *self.details]


class Match:
    """The keys' rows, waiting and under way.

    Attributes:
        matcher: what all keys' rows go to; its `stuck` counts matches whose skip rule could not be followed.

    """

    def __init__(self, node: MatchNode) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.dirty: set[Key] = set()
        self.node = node
        self.matcher = Matcher(node.automaton, node.conditions, node.folds, node.window_ms, node.skip)
        self._key, self._columns = packed(node.keys), packed(node.columns)
        self._order = node.order
        self._codec = MatchCodec(node, self.matcher)
        self._waiting: list[Waiting] = []
        self._pushed = 0
        self._numbers: dict[str, int] = {}
        self._partitions: dict[Key, Partition] = {}
        self._spare = self.matcher.partition()
        self._timers: list[tuple[int, str, Key]] = []
        self._counts: dict[Key, int] = {}
        self._counted_at: int | None = None
        self._held = 0
        self._latest: int | None = None
        self.keys = StateKeys((self._key,), self._codec.keys.encode, self._codec.keys.decode)

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Keep a row until the least watermark reaches its time."""
        if time <= watermark:
            self.late(time, watermark, watermark + 1)
            return
        kept, key = self._columns(row), self._key(row)
        number = self._numbers.get(shard, 0)
        self._numbers[shard] = number + 1
        self._wait(time, shard, number, key, kept)
        self.dirty.add(key)
        self._note(time)

    def _wait(self, time: int, shard: str, number: int, key: Key, row: tuple[Any, ...]) -> None:
        self._pushed += 1
        order = self._order(row) if self._order else ()
        heapq.heappush(self._waiting, (time, order, shard, number, self._pushed, key, row))

    def advance(self, before: int, now: int, /) -> None:
        """Match the rows up to `now`, and drop attempts that have run out of time, all in order of time."""
        waiting, timers = self._waiting, self._timers
        while True:
            due = waiting[0][0] if waiting else now + 1
            timer = timers[0][0] if timers else now + 1
            if timer <= due and timer <= now:
                self._expire(before)
            elif due <= now:
                time, *_, key, row = heapq.heappop(waiting)
                self._take(key, row, time, before)
            else:
                return

    def _take(self, key: Key, row: tuple[Any, ...], time: int, watermark: int) -> None:
        partition = self._partitions.get(key)
        if partition is None:
            partition = self._spare
        matches = self.matcher.take(partition, row, time)
        self._held += 1
        self._close(key, partition, matches, time, watermark)
        if partition is self._spare and not partition.idle:
            self._partitions[key], self._spare = partition, self.matcher.partition()
        self._watch(key, partition)

    def _expire(self, watermark: int) -> None:
        time, _, key = heapq.heappop(self._timers)
        partition = self._partitions.get(key)
        if partition is not None and partition.timer == time:
            partition.timer = None
            self._close(key, partition, self.matcher.expire(partition, time), time, watermark)
            self._watch(key, partition)

    def _close(self, key: Key, partition: Partition, matches: list[Attempt], time: int, watermark: int) -> None:
        """Put out the matches and forget what is no longer needed."""
        for match in matches:
            rows = self.matcher.rows(partition, match, time)
            measures = [measure(rows) for measure in self.node.measures]
            self.emit((*key, *measures, time, self._ordinal(key, time)), time, watermark, "")
        kept = len(partition.rows)
        partition.trim()
        self._held -= kept - len(partition.rows)
        self.dirty.add(key)
        if partition is not self._spare and partition.idle:
            del self._partitions[key]

    def _ordinal(self, key: Key, time: int) -> int:
        """How many matches of the key have come out at this time; all of one time come out in one advance."""
        if time != self._counted_at:
            self._counted_at = time
            self._counts.clear()
        count = self._counts.get(key, 0)
        self._counts[key] = count + 1
        return count

    def _watch(self, key: Key, partition: Partition) -> None:
        """Wake up when the key's first attempt runs out of time."""
        if self.node.window_ms and partition.timer is None and not partition.idle:
            partition.timer = partition.attempts[0].time + self.node.window_ms
            heapq.heappush(self._timers, (partition.timer, repr(key), key))

    def flush_time(self) -> int | None:
        """The time of the last row that waits, or when the last attempt has run out of time."""
        if self._latest is None or not (self._waiting or (self.node.window_ms and self._partitions)):
            return None
        return self._latest + self.node.window_ms

    @property
    def size(self) -> int:
        """How many rows are held."""
        return len(self._waiting) + self._held

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """Of each key what MatchCodec says."""
        wanted = self._partitions.keys() if keys is None else [key for key in keys if key in self._partitions]
        held = {key: Held(self._partitions[key]) for key in wanted}
        return self._codec.encode(None if keys is None else list(keys), list(self._waiting), held)

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """The rows and attempts of a snapshot."""
        for encoded, state in parts:
            key = self._codec.key(encoded)
            for time, shard, number, row in self._codec.waiting(state):
                self._wait(time, shard, number, key, row)
                self._numbers[shard] = max(self._numbers.get(shard, 0), number + 1)
                self._note(time)
            partition = self._codec.partition(state)
            if partition is not None:
                self._partitions[key] = partition
                self._held += len(partition.rows)
                for attempt in partition.attempts:
                    if attempt is not self.matcher.waiting:
                        self._note(attempt.time)
                self._watch(key, partition)

    def evict(self, keys: Collection[Key]) -> list[Due]:
        """See Evictable."""
        dues: dict[Key, int] = dict.fromkeys(keys, FOREVER)
        fires: dict[Key, int] = dict.fromkeys(keys, NEVER)
        waits = NEVER if self._latest is None else self._latest + self.node.window_ms
        for time, *_, key, _ in self._waiting:
            if key in dues:
                dues[key], fires[key] = min(dues[key], time), waits
        for key in keys:
            partition = self._partitions.pop(key, None)
            if partition is not None:
                self._held -= len(partition.rows)
                if partition.timer is not None:
                    dues[key], fires[key] = min(dues[key], partition.timer), waits
        self._waiting = [entry for entry in self._waiting if entry[5] not in dues]
        self._timers = [entry for entry in self._timers if entry[2] not in dues]
        heapq.heapify(self._waiting)
        heapq.heapify(self._timers)
        return [(dues[key], fires[key]) for key in dues]

    def _note(self, time: int) -> None:
        if self._latest is None or time > self._latest:
            self._latest = time


def sort_key(places: list[tuple[Evaluate, bool, bool]]) -> Callable[[Any], tuple[Any, ...]]:
    """A sort key of a row from (value, descending, NULLs first) of each column."""

    def key(row: Any) -> tuple[Any, ...]:
        parts: list[Any] = []
        for evaluate, descending, nulls_first in places:
            value = evaluate(row)
            if value is None:
                parts.append((not nulls_first, 0))
            else:
                parts.append((nulls_first, _Descending(value) if descending else value))
        return tuple(parts)

    return key


class _Descending:
    """A value that sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: _Descending) -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(self.value == other.value)

    __hash__ = None  # type: ignore[assignment]
