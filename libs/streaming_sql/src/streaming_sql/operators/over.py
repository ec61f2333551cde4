"""OVER windows ordered by event time: each row comes out once, with functions of the rows before it in its partition.

Four variants, as in Flink's runtime: ROWS or RANGE, up to a bound or unbounded. They differ in which rows are late and
in when a key is forgotten, see `Over`. Semantics:
https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/over-agg/.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from operator import itemgetter
from typing import Any

from streaming_sql.nodes import Node
from streaming_sql.operators.operator import Emit, Key, Late, emit_nothing, report_nothing
from streaming_sql.operators.over_frame import Frame, FrameWalk
from streaming_sql.operators.over_functions import FrameFunction
from streaming_sql.operators.over_state import Computed, OverCodec, Partition
from streaming_sql.operators.shelf import FOREVER, Due, StateKeys
from streaming_sql.types import SqlType
from streaming_sql.watermark import NEVER

_order = itemgetter(0, 1, 2, 3)


@dataclass(frozen=True, eq=False, kw_only=True)
class OverNode(Node):
    """Functions over one frame. The rows that come out are `columns` and then the functions' results.

    Attributes:
        key: PARTITION BY's values of a row.
        columns: what to keep of a row.
        arguments: what each function takes from a row, in their order.

    """

    key: Callable[[Any], Key]
    key_types: tuple[SqlType, ...]
    columns: Callable[[Any], tuple[Any, ...]]
    column_types: tuple[SqlType, ...]
    arguments: Callable[[Any], tuple[Any, ...]]
    argument_types: tuple[SqlType, ...]
    functions: tuple[FrameFunction, ...]
    frame: Frame
    calls: tuple[str, ...] = ()
    ttl_ms: int | None = None

    @property
    def retention(self) -> int | None:
        """How long after a row's time its key is kept at least, in ms; None: for ever."""
        return self.frame.preceding if self.frame.in_time else self.ttl_ms

    def create(self) -> Over:
        """An operator that holds nothing."""
        return Over(self)

    def describe(self) -> list[str]:
        """The frame and the functions."""
        judged = "by the last time fired of its key" if self.local and self.frame.preceding is not None else "by shard"
        return [f"over {self.frame}", *self.calls, f"late: judged {judged}"]


class Over:
    """Buffers rows and computes them in order of time, then of shard and arrival.

    Lateness: over an unbounded frame a row is late when its shard's watermark has reached its time. Over a bounded one
    Flink asks the key: a row is late when a timer of its key has fired at its time or after. That is followed where all
    rows of a key come from one shard (`node.local`): then a row behind the watermark still counts, its timer is due as
    the watermark moves next, and what the key has fired is known from the shard's own watermark whatever others do.

    A bounded RANGE forgets a key at 1.5 ranges after a row's time, or later if more rows come; its timers count as
    fired times too. Other frames do so by the time to live, if there is one: where shards share keys, a key is over for
    a row whose own time is so much later than those before it, since when rows come depends on how shards interleave.
    """

    def __init__(self, node: OverNode) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.dirty: set[Key] = set()
        self._node = node
        self._key, self._columns, self._arguments = node.key, node.columns, node.arguments
        self._bounded = node.frame.preceding is not None
        self._by_key = node.local and node.frame.preceding is not None
        self._retention = node.retention
        self._ends_by_key = node.local and not self._by_key and node.retention is not None
        self._ends_by_time = not node.local and not node.frame.in_time
        self._partitions: dict[Key, Partition] = {}
        self._schedule: list[tuple[int, int, Key]] = []
        self._scheduled = 0
        self._arrivals: dict[str, int] = {}
        self._held: list[Computed] = []
        self._rows = 0
        self._step = FrameWalk(node.functions, node.frame).step
        self._cleanups: dict[int, list[Key]] = {}
        self._buckets: list[int] = []
        self._bucket_ms = max((node.retention or 0) // 2, 1)
        self._codec = OverCodec(node.key_types, node.column_types, node.argument_types, node.functions)
        self.keys = StateKeys((node.key,), self._codec.keys.encode, self._codec.keys.decode)

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: object = "+I", /) -> None:
        """Buffer a row, unless it is late."""
        key = self._key(row)
        partition = self._partitions.get(key)
        due = time
        if self._by_key:
            if partition is not None and partition.timers and partition.timers[0][0] <= watermark:
                partition = self._caught_up(key, partition, time, watermark)
            last = 0 if partition is None else partition.last
            if time <= last:
                self.late(time, watermark, last + 1)
                return
            if due <= watermark:
                due = watermark + 1
        elif time <= watermark or (time <= 0 and self._bounded):
            self.late(time, watermark, watermark + 1 if time <= watermark else 1)
            return
        elif self._ends_by_key and partition is not None:
            partition = self._caught_up(key, partition, time, watermark)
        if partition is None:
            partition = self._partitions[key] = Partition([function.initial() for function in self._node.functions])
        number = self._arrivals.get(shard, 0)
        self._arrivals[shard] = number + 1
        self._rows += 1
        self.dirty.add(key)
        entry = (shard, number, self._columns(row), self._arguments(row), watermark)
        waiting = partition.waiting.get(time)
        if waiting is None:
            partition.waiting[time] = [entry]
            heappush(partition.timers, (due, time))
            if partition.scheduled is None or due < partition.scheduled:
                self._put_on_schedule(key, partition, due)
        else:
            waiting.append(entry)
        if not self._ends_by_time:
            self._keep(key, partition, time, watermark)

    def _keep(self, key: Key, partition: Partition, time: int, watermark: int) -> None:
        """The key has a row of this time: it is kept for its retention at least."""
        retention, cleanup = self._retention, partition.cleanup
        if retention is None or (cleanup is not None and cleanup > time + retention):
            return
        partition.cleanup = at = time + retention * 3 // 2 + 1
        due = max(at, watermark + 1) if self._by_key else at
        heappush(partition.timers, (due, at))
        self._put_in_bucket(key, due)

    def _put_in_bucket(self, key: Key, due: int) -> None:
        """To be looked at when the least watermark has passed `due` for sure; rows of the key do not wait for that."""
        bucket = due // self._bucket_ms
        keys = self._cleanups.get(bucket)
        if keys is None:
            keys = self._cleanups[bucket] = []
            heappush(self._buckets, bucket)
        keys.append(key)

    def _put_on_schedule(self, key: Key, partition: Partition, due: int) -> None:
        partition.scheduled = due
        self._scheduled += 1
        heappush(self._schedule, (due, self._scheduled, key))

    def _caught_up(self, key: Key, partition: Partition, time: int, watermark: int) -> Partition | None:
        """The key with the timers fired that its own shard has passed, if a row's fate hangs on them.

        It does where the row is behind, or the key is over. The least watermark may lag, so what is computed is held.
        """
        if time > watermark and (partition.cleanup is None or partition.cleanup > watermark):
            return partition
        rows: list[Computed] = []
        self._run(key, partition, watermark, rows)
        for computed in rows:
            insort(self._held, computed, key=_order)
        known = self._partitions.get(key)
        if known is not None:
            self._reschedule(key, known)
        return known

    def _reschedule(self, key: Key, partition: Partition) -> None:
        if partition.waiting and partition.scheduled != partition.timers[0][0]:
            self._put_on_schedule(key, partition, partition.timers[0][0])

    def advance(self, before: int, now: int, /) -> None:
        """Compute and emit every row that is due, oldest first."""
        schedule = self._schedule
        computed: list[Computed] = []
        while schedule and schedule[0][0] <= now:
            due, _, key = heappop(schedule)
            partition = self._partitions.get(key)
            if partition is None or partition.scheduled != due:
                continue
            partition.scheduled = None
            self._run(key, partition, now, computed)
            if partition.waiting:
                self._reschedule(key, partition)
        while self._buckets and (self._buckets[0] + 1) * self._bucket_ms - 1 <= now:
            for key in self._cleanups.pop(heappop(self._buckets)):
                partition = self._partitions.get(key)
                if partition is not None:
                    self._run(key, partition, now, computed)
        while self._held and self._held[0][0] <= now:
            computed.append(self._held.pop(0))
            self.dirty.add(computed[-1][6])
        computed.sort(key=_order)
        emit = self.emit
        for _, time, shard, _, row, watermark, _ in computed:
            emit(row, time, watermark if time <= watermark else before, shard)

    def _run(self, key: Key, partition: Partition, watermark: int, computed: list[Computed]) -> None:
        """Fire the key's timers up to `watermark`."""
        timers, waiting = partition.timers, partition.waiting
        self.dirty.add(key)
        while timers and timers[0][0] <= watermark:
            due, time = heappop(timers)
            if partition.cleanup is not None and partition.cleanup <= time:
                self._rows -= len(partition.frame)
                if not waiting or not self._ends_by_time:
                    del self._partitions[key]
                    break
                partition.begin_anew([function.initial() for function in self._node.functions])
            rows = waiting.pop(time, None)
            if rows is not None:
                self._rows -= self._step(key, partition, due, time, rows, computed)
                if self._ends_by_time:
                    self._keep(key, partition, time, watermark)
            if rows is not None or self._node.frame.in_time:
                partition.last = time

    def flush_time(self) -> int | None:
        """The watermark at which the last buffered row is due."""
        dues = [
            due
            for partition in self._partitions.values()
            for due, time in partition.timers
            if time in partition.waiting
        ]
        return max([*dues, *(held[0] for held in self._held)], default=None)

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """See OverCodec."""
        held: dict[Key, list[Computed]] = {}
        for computed in self._held:
            held.setdefault(computed[6], []).append(computed)
        wanted = self._partitions.keys() | held.keys() if keys is None else keys
        captured = [(key, self._codec.capture(self._partitions.get(key)), held.get(key, ())) for key in wanted]
        return (self._codec.encode(*state) for state in captured)

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """Continue from what `snapshot` gave."""
        for encoded, state in parts:
            key, partition, held = self._codec.decode(encoded, state)
            for computed in held:
                insort(self._held, computed, key=_order)
                self._count_arrival(computed[2], computed[3])
            if partition is None:
                continue
            self._partitions[key] = partition
            self._rows += partition.rows
            self._reschedule(key, partition)
            for due, time in partition.timers:
                if time == partition.cleanup:
                    self._put_in_bucket(key, due)
            for rows in partition.waiting.values():
                for row in rows:
                    self._count_arrival(row[0], row[1])

    def _count_arrival(self, shard: str, number: int) -> None:
        self._arrivals[shard] = max(self._arrivals.get(shard, 0), number + 1)

    def evict(self, keys: Collection[Key]) -> list[Due]:
        """See Evictable."""
        gone = {key: self._partitions.pop(key, None) for key in keys}
        held: dict[Key, list[int]] = {}
        for computed in self._held:
            if computed[6] in gone:
                held.setdefault(computed[6], []).append(computed[0])
        if held:
            self._held = [computed for computed in self._held if computed[6] not in gone]
        self._schedule = [entry for entry in self._schedule if entry[2] in self._partitions]
        heapify(self._schedule)
        for bucket, waiting in self._cleanups.items():
            self._cleanups[bucket] = [key for key in waiting if key in self._partitions]
        self._rows -= sum(partition.rows for partition in gone.values() if partition is not None)
        return [self._due(partition, held.get(key, [])) for key, partition in gone.items()]

    def _due(self, partition: Partition | None, held: list[int]) -> Due:
        """A key whose rows have all been computed is forgotten with the others of its bucket."""
        fires, looked_at = list(held), FOREVER
        for due, time in partition.timers if partition is not None else ():
            if partition is not None and time in partition.waiting:
                fires.append(due)
            else:
                looked_at = min(looked_at, (due // self._bucket_ms + 1) * self._bucket_ms - 1)
        return min([*fires, looked_at]), max(fires, default=NEVER)

    @property
    def size(self) -> int:
        """Keys, rows that wait and rows of frames."""
        return len(self._partitions) + self._rows + len(self._held)
