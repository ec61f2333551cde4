"""A consumer group: workers that share a stream's shards and need nobody to lead them."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from shardline.backoff import Backoff
from shardline.cancellation import despite_cancellation
from shardline.clock import Clock, LoopClock
from shardline.errors import LeaseTableUnavailable
from shardline.leases.held import HeldLease
from shardline.leases.holes import AUDIT_SECONDS
from shardline.leases.shard_sync import ShardSync
from shardline.leases.table import LeaseTable
from shardline.leases.taker import TAKES_AT_ONCE, LeaseTaker
from shardline.processor import Processor
from shardline.reading.budget import Budget
from shardline.reading.loss import DataLoss
from shardline.reading.one_stream import OneStream, Streams
from shardline.reading.reader import Reader
from shardline.reading.stream import Source, Stream
from shardline.settings import GroupSettings
from shardline.snapshot import GroupSnapshot, shard_state
from shardline.startup import UNAVAILABLE, insist
from shardline.work.batches import Batches
from shardline.work.offers import Offers
from shardline.work.surroundings import Surroundings
from shardline.work.worker import ShardWorker

_LOSSES_KEPT = 100

_log = logging.getLogger(__name__)


class ConsumerGroup:
    """One worker of the group that `application` forms on `stream`.

    `kinesis` is an aiobotocore client. Records come over connections of the group's own, to the client's
    endpoint and with its credentials; only with the transport "aiobotocore" does each shard read hold one
    of the client's, which then needs `max_pool_connections` of at least the stream's shards (open and
    closed) plus 10. `lease_table` belongs to this application and stream alone. `worker_id` must be
    unique; it defaults to a random one. Groups of one process that are given the same `budget` share it;
    by default each has its own, of the settings' `max_process_records` and `max_process_bytes`. `source`
    and `streams` replace Kinesis, in tests and for many streams.
    """

    def __init__(
        self,
        *,
        stream: str,
        application: str,
        kinesis: Any,
        lease_table: LeaseTable,
        worker_id: str = "",
        settings: GroupSettings | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        source: Source | None = None,
        streams: Streams | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.stream = stream
        self.application = application
        self.worker_id = worker_id or f"{application}-{uuid.uuid4().hex[:12]}"
        self._settings = settings or GroupSettings()
        self._clock = clock or LoopClock()
        self._rng = rng or random.Random()  # noqa: S311 - jitter needs no secrecy
        self._table = lease_table
        self._budget = budget or Budget(self._settings.max_process_records, self._settings.max_process_bytes)
        self._owns_source = source is None
        self._source = source or Stream(
            kinesis,
            stream,
            self._settings.consumer_name or application,
            self._clock,
            self._settings.initial_timestamp,
            self._settings.transport,
        )
        self._losses: list[DataLoss] = []
        self._data_losses = 0
        self._past_restarts = 0
        reader = Reader(self._source, self._settings, self._clock, self._rng.random, self.note_loss)
        self._streams: Streams = streams or OneStream(stream, reader)
        self._taker = LeaseTaker(lease_table, self.worker_id, self._settings, self._clock, self._rng)
        self._shard_sync = ShardSync(
            lease_table, self._streams, self._settings.initial_checkpoint, self._clock, self._note_unread_shard
        )
        self._workers: dict[str, ShardWorker] = {}
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()

    async def run(self, processor: Processor, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then drain, checkpoint and release every lease, and return.

        Raises LeaseTableMismatch when the lease table serves another application or stream. Troubles of
        AWS are retried for ever; troubles of the processor restart its shard.
        """
        self._stop = stop
        around = Surroundings(
            self._streams, self._table, processor, self._settings, self._budget, self._clock, self._rng, self
        )
        try:
            await self._work(around)
        finally:
            if self._owns_source:
                await self._source.aclose()

    async def _work(self, around: Surroundings) -> None:
        if not await self._prepare():
            return
        try:
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._leave_at_stop())
                keeping = [tasks.create_task(self._keep_synced()), tasks.create_task(self._keep_audited())]
                while not self._stop.is_set():
                    delay = await self._scan(tasks, around)
                    await self._pause(delay)
                self._leave_all()
                for task in (watching, *keeping):
                    task.cancel()
                await self._taker.withdraw(self._workers)
        except BaseException:
            await despite_cancellation(self._leave_nothing())
            raise

    async def _leave_nothing(self) -> None:
        """After a cancellation: withdraw what was asked for or only just taken, and tell the others."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.lease_duration_seconds):
                await self._taker.withdraw(())
                await self._taker.ring()

    def batches(self, stop: asyncio.Event | None = None, *, empty: bool = False, in_turn: bool = False) -> Batches:
        """Return the batches of every shard this worker comes to read, as an asynchronous iterator.

            async with group.batches(stop) as batches:
                async for batch in batches:
                    ...
                    batch.done()

        Each shard's batches come in order, the shards' by turns. A shard is read on until its undone
        records or bytes reach the bounds, so call `done` on every batch. Setting `stop` ends the
        iteration; see Batches for the other ways out. Raises as `run` does.

        `empty` gives batches without records too: heartbeats, and the end of a shard. With `in_turn` a
        shard's next batch waits until its former one is done, so that several tasks may take batches from
        one iterator and still keep each shard's order.
        """
        return Batches(self.run, stop, Offers(empty=empty, in_turn=in_turn))

    def snapshot(self) -> GroupSnapshot:
        """Return what this worker is doing now."""
        return GroupSnapshot(
            worker_id=self.worker_id,
            stream=self.stream,
            shards=tuple(shard_state(worker) for _, worker in sorted(self._workers.items())),
            data_losses=self._data_losses,
            losses=tuple(self._losses),
            hash_range_holes=len(self._shard_sync.holes),
            transport=self._settings.transport,
            records_in_flight=self._budget.records,
            bytes_in_flight=self._budget.size,
            restarts=self._past_restarts + sum(worker.tally.restarts for worker in self._workers.values()),
        )

    def note_loss(self, loss: DataLoss) -> None:
        """Have the snapshot tell of records that are lost."""
        self._data_losses += 1
        self._losses = [*self._losses[-(_LOSSES_KEPT - 1) :], loss]

    def give_up(self, unwanted: Callable[[str], bool]) -> None:
        """Drain, checkpoint and release the leases whose keys `unwanted` picks. Returns at once."""
        for lease_key, worker in self._workers.items():
            if unwanted(lease_key):
                worker.leave()

    def wake(self) -> None:
        """Have the lease table looked at at once."""
        self._wake.set()

    async def sync(self) -> None:
        """List the shards, create the leases that are missing and delete those that nothing needs.

        Raises LeaseTableUnavailable, StreamUnavailable, or ShardGone when there is no such stream.
        """
        if await self._shard_sync.sync(self._workers):
            self._taker.doubt()
            self.wake()
            await self._taker.ring()

    def _note_unread_shard(self, loss: DataLoss) -> None:
        _log.error("%s", loss)
        self.note_loss(loss)

    async def _prepare(self) -> bool:
        """Make table, consumer and first leases ready, however long AWS takes; False when stopped before."""
        settings, group = self._settings, f"{self.application}/{self.stream}"
        if settings.write_interval_seconds < settings.checkpoint_interval_seconds:
            _log.info("progress is written every %g s, with each renewal", settings.write_interval_seconds)
        for call in (lambda: self._table.open(group), self._streams.prepare, self.sync):
            backoff = Backoff(settings.backoff_base_seconds, settings.backoff_cap_seconds, self._rng.random)
            if not await insist(call, self._stop, backoff, self.worker_id):
                return False
        return True

    async def _keep_synced(self) -> None:
        while True:
            # One worker's sync serves all: the more there are, the less often each.
            interval = self._settings.shard_sync_interval_seconds * self._taker.workers
            await self._clock.sleep(interval * self._rng.uniform(0.8, 1.2))
            await self._try_sync()

    async def _keep_audited(self) -> None:
        while True:
            await self._clock.sleep(AUDIT_SECONDS)
            if self._shard_sync.audit(self._taker.leases):
                await self._try_sync()

    async def _try_sync(self) -> None:
        try:
            await self.sync()
        except UNAVAILABLE as error:
            _log.warning("could not list shards: %s", error)

    async def _leave_at_stop(self) -> None:
        await self._stop.wait()
        self._leave_all()
        self.wake()

    def _leave_all(self) -> None:
        for worker in self._workers.values():
            worker.leave()

    async def _scan(self, tasks: asyncio.TaskGroup, around: Surroundings) -> float:
        """Look at the lease table and act on it; returns how many seconds to wait before the next look."""
        try:
            plan = await self._taker.look({shard_id: worker.held for shard_id, worker in self._workers.items()})
            self._heed_askers()
            for lease in plan.give:
                if lease.shard_id in self._workers:  # else it was lost during the look
                    self._workers[lease.shard_id].leave()
            for start in range(0, len(plan.take), TAKES_AT_ONCE):
                if self._stop.is_set():
                    break
                for held in await self._taker.take(plan.take[start : start + TAKES_AT_ONCE]):
                    self._start_worker(held, tasks, around)
            for lease in plan.ask_for:
                await self._taker.ask_for(lease)
            if plan.evict:
                await self._taker.evict(plan.evict)
        except LeaseTableUnavailable as error:
            _log.warning("could not look for leases: %s", error)
            return self._settings.scan_interval_seconds
        return self._taker.delay(plan, frozenset(self._workers))

    def _heed_askers(self) -> None:
        for lease in self._taker.leases:
            worker = self._workers.get(lease.shard_id)
            if worker and lease.checkpoint_owner == self.worker_id and lease.epoch == worker.held.lease.epoch:
                worker.leave()

    def _start_worker(self, held: HeldLease, tasks: asyncio.TaskGroup, around: Surroundings) -> None:
        worker = ShardWorker(held, around)
        self._workers[held.lease.shard_id] = worker
        tasks.create_task(self._run_worker(held.lease.shard_id, worker))

    async def _run_worker(self, shard_id: str, worker: ShardWorker) -> None:
        try:
            await worker.run()
        finally:
            del self._workers[shard_id]
            self._past_restarts += worker.tally.restarts
            self._taker.left(worker.held.lease)
            self.wake()
        if worker.held.is_over and not worker.held.is_asked_for:
            await self._taker.ring()

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond a call of `wake`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()
