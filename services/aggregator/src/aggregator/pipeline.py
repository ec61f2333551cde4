"""The aggregator's pipeline, read downwards: count in → fire → save → commit → done → deliver → forget.

The whole of a commit is one snapshot: positions, watermarks, open windows and the rows not yet known to be delivered.
What was decided (which windows fire, that a shard is idle) is durable before any of it is seen outside, so a crash
between any two steps only repeats identical rows. See docs/decisions/0002-aggregator-state.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

import structlog

from aggregator.alerts import result_row
from aggregator.deliver import Delivery
from aggregator.duplicates import SeenEvents
from aggregator.metrics import AggregatorMetrics
from aggregator.rows import STAGE, Stamp
from aggregator.silence import Policy, Silence
from aggregator.state import Chain, State, decode_state
from aggregator.state_store import Pointer, StaleOwner, StateStore, StoreUnavailable
from shardline import Batch, Checkpoint, Lease, ShardLease
from streaming_sql import Engine, Program

_T = TypeVar("_T")
_RECORDS_A_TURN = 500
"""Records counted in before other tasks get their turn: about 5 ms of work."""
_RETRY_CAP_SECONDS = 5.0


@dataclass(frozen=True)
class Pace:
    """When to commit: at the latest after `commit_seconds`, at once with `pending_records` not committed.

    `remember_ms` is how long behind the newest event time an event is known again when it comes twice; 0 for never.
    """

    commit_seconds: float = 1.0
    pending_records: int = 5_000
    remember_ms: int = 0
    silence: Policy = field(default_factory=Policy)


@dataclass(frozen=True)
class Time:
    """Where time comes from: a monotonic clock in seconds, the wall clock in ms, and waiting."""

    monotonic: Callable[[], float]
    wall_ms: Callable[[], int]
    sleep: Callable[[float], Awaitable[None]]


class Pipeline:
    """Windows over every shard of the stream, by the one owner of them all; a `shardline.Processor`.

    `leases` lists the group's leases, so that no window fires before every shard is known. Once `is_stale`, another
    worker owns the state: nothing is delivered any more, and this object is of no further use.
    """

    def __init__(
        self,
        program: Program,
        store: StateStore,
        delivery: Delivery,
        leases: Callable[[], Awaitable[list[Lease]]],
        metrics: AggregatorMetrics,
        pace: Pace,
        time: Time,
        prepare: Callable[[Engine], None] = lambda engine: None,
    ) -> None:
        """`prepare` is given each engine before its first record."""
        self._program = program
        self._prepare = prepare
        self._store = store
        self._delivery = delivery
        self._leases = leases
        self._metrics = metrics
        self._pace = pace
        self._time = time
        self._state: State | None = None
        self._pointer = Pointer()
        self._under_way: Pointer | None = None
        self._epoch = 0
        self._changed = False
        self._chain = Chain()
        self._pending: list[Batch] = []
        self._pending_records = 0
        self._silence = Silence(pace.silence)
        self._held: set[str] = set()
        self._one_at_a_time = asyncio.Lock()
        self._wake = asyncio.Event()
        self._stale = asyncio.Event()
        self._log = structlog.get_logger(STAGE)

    @property
    def is_stale(self) -> bool:
        """Whether a newer owner has claimed the state."""
        return self._stale.is_set()

    @property
    def engine(self) -> Engine | None:
        """The engine at work; None before the first shard, and once another worker owns the state."""
        return None if self._state is None or self.is_stale else self._state.engine

    async def until_stale(self) -> None:
        """Return once another worker owns the state."""
        await self._stale.wait()

    async def start(self, lease: ShardLease) -> Checkpoint | None:
        """Read on from where the state has counted the shard in; the first call claims and loads the state."""
        async with self._one_at_a_time:
            self._epoch = max(self._epoch, lease.epoch)
            if self._state is None:
                self._state = await self._restore()
            position = self._state.begin_shard(lease)
        self._held.add(lease.shard_id)
        self._metrics.stage.shards_owned.labels(lease.stream).set(len(self._held))
        self._silence.started(lease.shard_id, self._time.monotonic())
        return position

    async def process(self, batch: Batch) -> None:
        """Count a batch in. It is done once a commit holds it."""
        state, shard = self._state, batch.lease.shard_id
        if state is None or self.is_stale:
            return
        self._silence.heard(shard, self._time.monotonic(), len(batch.records), batch.millis_behind_latest)
        size = sum(len(record.data) for record in batch.records)
        self._metrics.stage.received(batch.lease.stream, shard, len(batch.records), size, batch.millis_behind_latest)
        await self._count_in(state, batch)
        if batch.shard_ended:
            state.end_shard(shard, [child.shard_id for child in batch.child_shards])
            self._silence.left(shard)
        if batch.records or batch.shard_ended:
            self._changed = True
            self._pending.append(batch)
            self._pending_records += len(batch.records)
        if batch.shard_ended or self._pending_records >= self._pace.pending_records:
            self._wake.set()
        self._metrics.stage.worked(batch.lease.stream, shard)

    async def drain(self, lease: ShardLease) -> None:
        """Commit and deliver what is decided. Open windows stay in the state: the next owner fires them."""
        await self.commit()
        await self.commit()  # forgets the rows that the first one delivered
        self._leave(lease)

    async def lost(self, lease: ShardLease) -> None:
        """Nothing to forget: what is counted in stays so, and the next commit fails if another worker took over."""
        self._leave(lease)

    async def run(self) -> None:
        """Commit at the pace until cancelled or stale."""
        while not self.is_stale:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pace.commit_seconds):
                    await self._wake.wait()
            self._wake.clear()
            await self.commit()

    async def commit(self) -> None:
        """Fire what is due, make the state durable, mark its batches done, and deliver the rows that it decided."""
        async with self._one_at_a_time:
            state = self._state
            if state is None or self.is_stale:
                return
            self._fire(state)
            if self._changed:
                await self._commit(state)

    async def replace_program(self, program: Program, remember_ms: int) -> None:
        """Go on with another program: what is due by the former one fires first."""
        async with self._one_at_a_time:
            self._program = program
            self._pace = replace(self._pace, remember_ms=remember_ms)
            state = self._state
            if state is None or self.is_stale:
                return
            self._fire(state)
            state.seen.remember(remember_ms)
            self._warn_of(state.replace_program(program))
            self._prepare(state.engine)
            self._chain, self._changed = Chain(), True

    async def _commit(self, state: State) -> None:
        """Cut short anywhere, what is not durable and what is not delivered is left to the next commit."""
        batches, rows = self._pending, state.outbox.rows
        self._pending, self._pending_records, self._changed = [], 0, False
        whole = self._chain.wants_whole
        captured = state.capture(changes=not whole)
        try:
            data = await asyncio.to_thread(captured.encode)
            await self._make_durable(data, whole=whole)
        except StaleOwner as stale:
            self._give_up(stale)
            return
        except BaseException:  # one shard's drain may end by its deadline, or its lease be lost: the others go on
            self._pending[:0] = batches
            self._pending_records += sum(len(batch.records) for batch in batches)
            self._changed, self._chain = True, Chain()
            raise
        self._chain = self._chain.followed_by(len(data), whole=whole)
        for batch in batches:
            batch.done()
        self._changed = self._changed or bool(rows)
        self._measure(state, len(data))
        rejected = await self._delivery.deliver(rows, self._time.wall_ms())
        state.outbox.drop(rows)
        state.outbox.add(rejected)

    async def _restore(self) -> State:
        """Claim the state and load what counts. Rows that a former owner may not have delivered come with it."""
        pointer = await self._persistently(lambda: self._store.claim(self._epoch))
        seen = SeenEvents(self._pace.remember_ms)
        state = State(Engine(self._program), seen)
        discarded: list[str] = []
        if pointer.generation:
            snapshots = await self._persistently(lambda: self._store.load(pointer))
            state, discarded = decode_state(snapshots, self._program, seen)
        self._warn_of(discarded)
        self._prepare(state.engine)
        state.await_shards(await self._leases())
        swept = await self._persistently(lambda: self._store.sweep(pointer, self._epoch))
        self._pointer, self._changed = pointer, bool(state.outbox)
        self._log.info(
            "state claimed", generation=pointer.generation, epoch=self._epoch, outbox=len(state.outbox), swept=swept
        )
        return state

    async def _count_in(self, state: State, batch: Batch) -> None:
        records = state.unseen(batch.lease.shard_id, batch.records)
        for start in range(0, len(records), _RECORDS_A_TURN):
            applied, duplicates = state.apply(batch.lease, records[start : start + _RECORDS_A_TURN])
            self._metrics.duplicates.inc(duplicates)
            self._metrics.null_fields.inc(applied.null_fields)
            self._metrics.without_time.inc(applied.without_time)
            for late in applied.late:
                self._metrics.late_events.labels(late.query).inc()
            await asyncio.sleep(0)

    def _fire(self, state: State) -> None:
        verdict = self._silence.judge(state.engine.shards)
        moved = state.engine.follow(verdict.idle)
        if verdict.silent_seconds is not None:
            moved = state.engine.let_time_pass(int(verdict.silent_seconds * 1000)) or moved
        if verdict.flush:
            moved = state.engine.finish() or moved
        fired = state.engine.advance()
        stamp = Stamp(self._epoch, self._pointer.generation + 1, self._time.wall_ms())
        state.outbox.add(result_row(window, stamp) for window in fired)
        for window in fired:
            self._metrics.fired(window)
        self._changed = self._changed or moved or bool(fired)

    async def _make_durable(self, data: bytes, *, whole: bool) -> None:
        """Raises StaleOwner; tries again whatever else happens."""
        if self._under_way is not None:  # a commit was cut off: it may have come about
            found = await self._persistently(lambda: self._store.claim(self._epoch))
            self._pointer = self._under_way if found == self._under_way else self._pointer
            self._under_way = None
        before, epoch, started = self._pointer, self._epoch, self._time.monotonic()
        key = await self._persistently(lambda: self._store.save(before.generation + 1, epoch, data))
        self._under_way = after = before.after(key, whole=whole)
        self._pointer = await self._persistently(lambda: self._store.commit(before, after, epoch))
        self._under_way = None
        self._metrics.commits.inc()
        self._metrics.commit_seconds.observe(self._time.monotonic() - started)
        for unneeded in self._pointer.unneeded(before):
            try:
                await self._store.delete(unneeded)
            except StoreUnavailable as error:
                self._log.warning("an old snapshot stays until the next start", error=str(error))

    async def _persistently(self, call: Callable[[], Awaitable[_T]]) -> _T:
        wait = 0.1
        while True:
            try:
                return await call()
            except StoreUnavailable as error:
                self._metrics.commit_retries.inc()
                self._log.warning("state not written or read, trying again", error=str(error), seconds=wait)
            await self._time.sleep(wait)
            wait = min(2 * wait, _RETRY_CAP_SECONDS)

    def _warn_of(self, discarded: list[str]) -> None:
        for query in discarded:
            self._log.warning("query changed, its open windows are discarded", query=query)

    def _give_up(self, stale: StaleOwner) -> None:
        self._log.warning("another worker owns the state", reason=str(stale))
        self._stale.set()

    def _measure(self, state: State, size: int) -> None:
        self._metrics.state_bytes.set(size)
        self._metrics.open_groups.set(state.engine.group_count)
        self._metrics.remembered_events.set(len(state.seen))
        self._metrics.outbox_rows.set(len(state.outbox))

    def _leave(self, lease: ShardLease) -> None:
        self._held.discard(lease.shard_id)
        self._silence.left(lease.shard_id)
        self._metrics.stage.shards_owned.labels(lease.stream).set(len(self._held))
        self._metrics.stage.shard_left(lease.stream, lease.shard_id)


__all__ = ["Pace", "Pipeline", "Time"]
