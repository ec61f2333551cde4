"""The aggregator's pipeline, read downwards: count in → fire → save → commit → done → deliver → forget.

A pipeline runs one unit of state. The whole of a commit is one snapshot: positions, watermarks, open windows and the
rows not yet known to be delivered. What was decided (which windows fire, that a shard is idle) is durable before any of
it is seen outside, so a crash between any two steps only repeats identical rows. See
docs/decisions/0002-aggregator-state.md.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from aggregator.deliver import Delivery
from aggregator.durable import Durable, Time
from aggregator.metrics import AggregatorMetrics
from aggregator.rows import STAGE, Stamp
from aggregator.silence import Policy, Silence
from aggregator.state_store import StaleOwner, StoreUnavailable
from aggregator.unit import Origin, Running, UnitState
from shardline import Batch, Checkpoint, LeaseTableUnavailable, ShardLease

_RECORDS_A_TURN = 500
"""Records counted in before other tasks get their turn: about 5 ms of work."""


@dataclass(frozen=True)
class Pace:
    """When to commit: at the latest after `commit_seconds`, at once with `pending_records` not committed."""

    commit_seconds: float = 1.0
    pending_records: int = 5_000
    silence: Policy = field(default_factory=Policy)


class Pipeline:
    """One unit, by its one owner; a `shardline.Processor` of the unit's shards.

    Once `is_stale`, another worker owns the state: nothing is delivered any more, and this object is of no further use.
    """

    def __init__(
        self,
        running: Running,
        origin: Origin,
        durable: Durable,
        delivery: Delivery,
        metrics: AggregatorMetrics,
        pace: Pace,
        time: Time,
    ) -> None:
        self._running = running
        self._origin = origin
        self._durable = durable
        self._delivery = delivery
        self._metrics = metrics
        self._pace = pace
        self._time = time
        self._state: UnitState | None = None
        self._epoch = 0
        self._changed = False
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
    def state(self) -> UnitState | None:
        """The state at work; None before the first shard, and once another worker owns it."""
        return None if self.is_stale else self._state

    async def tidy(self) -> None:
        """Delete what the state was made of, once nothing needs it; what cannot be done now is for the next time."""
        try:
            await self._origin.tidy()
        except (StoreUnavailable, LeaseTableUnavailable) as error:
            self._log.warning("not tidied up, trying again later", error=str(error))

    async def until_stale(self) -> None:
        """Return once another worker owns the state."""
        await self._stale.wait()

    async def start(self, lease: ShardLease) -> Checkpoint | None:
        """Read on from where the state has counted the shard in; the first call claims and loads the state."""
        async with self._one_at_a_time:
            self._epoch = max(self._epoch, lease.epoch)
            if self._state is None:
                self._state = await self._restore(lease)
            position = self._state.begin_shard(lease)
        if lease.shard_id not in self._held:
            self._held.add(lease.shard_id)
            self._metrics.stage.shards_owned.labels(lease.stream).inc()
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
        if batch.records:
            await self._origin.before()
        await self._count_in(state, batch)
        self._origin.after(batch)
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

    async def run_instead(self, running: Running) -> None:
        """Go on with another program: what is due by the former one fires first."""
        async with self._one_at_a_time:
            self._running = running
            state = self._state
            if state is None or self.is_stale:
                return
            self._fire(state)
            self._warn_of(state.run(running))
            self._durable.begin_chain()
            self._changed = True

    async def _commit(self, state: UnitState) -> None:
        """Cut short anywhere, what is not durable and what is not delivered is left to the next commit."""
        batches, rows = self._pending, state.outbox.rows
        self._pending, self._pending_records, self._changed = [], 0, False
        whole = self._durable.wants_whole
        try:
            captured = state.capture(changes=not whole)
            data = await asyncio.to_thread(captured.encode)
            await self._durable.commit(data, self._epoch, whole=whole)
        except StaleOwner as stale:
            self._give_up(stale)
            return
        except BaseException:  # one shard's drain may end by its deadline, or its lease be lost: the others go on
            self._pending[:0] = batches
            self._pending_records += sum(len(batch.records) for batch in batches)
            self._changed = True
            self._durable.begin_chain()
            raise
        for batch in batches:
            batch.done()
        self._changed = self._changed or bool(rows)
        self._metrics.measure(self, state.held, len(state.outbox), len(data))
        rejected = await self._delivery.deliver(rows, self._time.wall_ms())
        state.outbox.drop(rows)
        state.outbox.add(rejected)

    async def _restore(self, lease: ShardLease) -> UnitState:
        """Claim the state and load what counts. Rows that a former owner may not have delivered come with it."""
        chain = await self._durable.claim(self._epoch)
        state, discarded = await self._origin.begin(self._running, lease, chain)
        self._warn_of(discarded)
        swept = await self._durable.sweep(self._epoch)
        self._changed = bool(state.outbox)
        self._log.info(
            "state claimed",
            generation=self._durable.generation,
            epoch=self._epoch,
            outbox=len(state.outbox),
            swept=swept,
        )
        return state

    async def _count_in(self, state: UnitState, batch: Batch) -> None:
        records = state.unseen(batch.lease.shard_id, batch.records)
        for start in range(0, len(records), _RECORDS_A_TURN):
            self._metrics.counted(state.apply(batch.lease, records[start : start + _RECORDS_A_TURN]))
            await asyncio.sleep(0)

    def _fire(self, state: UnitState) -> None:
        stamp = Stamp(self._epoch, self._durable.generation + 1, self._time.wall_ms())
        fired = state.fire(self._silence.judge(state.shards), stamp)
        for window in fired.rows:
            self._metrics.fired(window)
        self._changed = self._changed or fired.moved

    def _warn_of(self, discarded: list[str]) -> None:
        for query in discarded:
            self._log.warning("query changed, its open windows are discarded", query=query)

    def _give_up(self, stale: StaleOwner) -> None:
        self._log.warning("another worker owns the state", reason=str(stale))
        self._stale.set()

    def _leave(self, lease: ShardLease) -> None:
        if lease.shard_id in self._held:
            self._held.discard(lease.shard_id)
            self._metrics.stage.shards_owned.labels(lease.stream).dec()
        self._silence.left(lease.shard_id)
        self._metrics.stage.shard_left(lease.stream, lease.shard_id)


__all__ = ["Pace", "Pipeline", "Time"]
