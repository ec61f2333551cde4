"""A consumer group: workers that share a stream's shards and need nobody to lead them."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shardline import assignment, lineage
from shardline.backoff import Backoff
from shardline.clock import Clock, LoopClock
from shardline.errors import LeaseTableUnavailable, ShardGone, StreamUnavailable
from shardline.held import HeldLease
from shardline.lease_table import LeaseTable
from shardline.model import Checkpoint, Lease
from shardline.processor import Processor
from shardline.settings import GroupSettings
from shardline.stream import Source, Stream
from shardline.surroundings import Surroundings
from shardline.worker import ShardWorker

_UNAVAILABLE = (LeaseTableUnavailable, StreamUnavailable, ShardGone)
_HANDOFF_LOOK_SECONDS = 0.5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ShardState:
    """A shard that this worker reads. `millis_behind_latest` is None before Kinesis has told it."""

    shard_id: str
    epoch: int
    checkpoint: Checkpoint
    millis_behind_latest: int | None
    records_in_flight: int
    bytes_in_flight: int
    is_leaving: bool


@dataclass(frozen=True, slots=True)
class GroupSnapshot:
    """What a worker is doing at the moment, for metrics and probes."""

    worker_id: str
    stream: str
    shards: tuple[ShardState, ...]


class ConsumerGroup:
    """One worker of the group that `application` forms on `stream`.

    `kinesis` is an aiobotocore client; each shard read holds one of its connections, so make it with
    `max_pool_connections` of at least the stream's shards (open and closed) plus 10, or the 11th
    subscription waits for ever on the default pool of 10. `lease_table` belongs to this application and
    stream alone. `worker_id` must be unique; it defaults to a random one.
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
    ) -> None:
        self.stream = stream
        self.application = application
        self.worker_id = worker_id or f"{application}-{uuid.uuid4().hex[:12]}"
        self._settings = settings or GroupSettings()
        self._clock = clock or LoopClock()
        self._rng = rng or random.Random()  # noqa: S311 - jitter needs no secrecy
        self._table = lease_table
        self._source = source or Stream(
            kinesis,
            stream,
            self._settings.consumer_name or application,
            self._clock,
            self._settings.initial_timestamp,
        )
        self._sightings = assignment.Sightings()
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
            self.stream,
            self._source,
            self._table,
            processor,
            self._settings,
            self._clock,
            self._rng,
            self,
        )
        if not await self._prepare():
            return
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._leave_at_stop())
            syncing = tasks.create_task(self._keep_synced())
            while not stop.is_set():
                delay = await self._scan(tasks, around)
                await self._pause(delay)
            syncing.cancel()
            self._leave_all()
            watching.cancel()

    def snapshot(self) -> GroupSnapshot:
        """Return what this worker is doing now."""
        shards = tuple(
            ShardState(
                shard_id,
                worker.held.lease.epoch,
                worker.held.lease.checkpoint,
                worker.millis_behind_latest,
                worker.progress.records_in_flight,
                worker.progress.bytes_in_flight,
                worker.is_leaving,
            )
            for shard_id, worker in sorted(self._workers.items())
        )
        return GroupSnapshot(self.worker_id, self.stream, shards)

    def wake(self) -> None:
        """Have the lease table looked at at once."""
        self._wake.set()

    async def sync(self) -> None:
        """List the shards, create the leases that are missing and delete those that nothing needs.

        Raises LeaseTableUnavailable, StreamUnavailable, or ShardGone when there is no such stream.
        """
        leases = await self._table.list_leases()  # before the shards, so that every lease's shard is listed
        shards = await self._source.list_shards()
        created = False
        for lease in lineage.leases_to_create(shards, leases, self._settings.initial_checkpoint):
            created |= await self._table.create(lease)
        for lease in lineage.leases_to_delete(leases, [shard.shard_id for shard in shards]):
            if lease.shard_id not in self._workers:
                await self._table.delete(lease)
        if created:
            self.wake()

    async def _prepare(self) -> bool:
        """Make table, consumer and first leases ready, however long AWS takes; False when stopped before."""
        group = f"{self.application}/{self.stream}"
        calls = (lambda: self._table.open(group), self._source.register, self.sync)
        for call in calls:
            if not await self._insist(call):
                return False
        return True

    async def _insist(self, call: Callable[[], Awaitable[None]]) -> bool:
        settings = self._settings
        backoff = Backoff(settings.backoff_base_seconds, settings.backoff_cap_seconds, self._rng.random)
        while not self._stop.is_set():
            try:
                await call()
            except _UNAVAILABLE as error:
                _log.warning("%s cannot start yet: %s", self.worker_id, error)
                with suppress(TimeoutError):
                    async with asyncio.timeout(backoff.next()):
                        await self._stop.wait()
            else:
                return True
        return False

    async def _keep_synced(self) -> None:
        while True:
            await self._clock.sleep(self._settings.shard_sync_interval_seconds * self._rng.uniform(0.8, 1.2))
            try:
                await self.sync()
            except _UNAVAILABLE as error:
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
        settings = self._settings
        try:
            leases = await self._table.list_leases()
            plan = self._decide(leases)
            for lease in plan.give:
                self._workers[lease.shard_id].leave()
            for lease in plan.take:
                if self._stop.is_set():
                    break
                await self._take(lease, tasks, around)
            for lease in plan.ask_for:
                _log.info("%s asks %s for %s", self.worker_id, lease.owner, lease.shard_id)
                await self._table.ask_for(lease, self.worker_id)
        except LeaseTableUnavailable as error:
            _log.warning("could not look for leases: %s", error)
            return settings.scan_interval_seconds
        if plan.take and settings.assignment == "single_owner":
            return 0.0
        delay = settings.scan_interval_seconds * self._rng.uniform(0.8, 1.2)
        return min(delay, _HANDOFF_LOOK_SECONDS) if plan.awaits_handoff else delay

    def _decide(self, leases: list[Lease]) -> assignment.Plan:
        now = self._clock.monotonic()
        self._sightings.update(leases, now)
        for lease in leases:
            worker = self._workers.get(lease.shard_id)
            if worker and lease.checkpoint_owner == self.worker_id and lease.epoch == worker.held.lease.epoch:
                worker.leave()
        view = assignment.View(
            worker=self.worker_id,
            leases=leases,
            running=frozenset(self._workers),
            sightings=self._sightings,
            now=now,
            lease_duration=self._settings.lease_duration_seconds,
            handoff_deadline=self._settings.handoff_seconds,
        )
        return assignment.plan(view, self._settings.assignment, self._rng.randrange)

    async def _take(self, lease: Lease, tasks: asyncio.TaskGroup, around: Surroundings) -> None:
        taken_at = self._clock.monotonic()
        epoch = await self._table.next_epoch()
        taken = await self._table.take(lease, self.worker_id, epoch)
        if taken is None:
            return
        _log.info("%s took %s under epoch %d", self.worker_id, taken.shard_id, epoch)
        held = HeldLease(self._table, taken, self._clock, self._settings.lease_duration_seconds, taken_at)
        worker = ShardWorker(held, around)
        self._workers[taken.shard_id] = worker
        tasks.create_task(self._run_worker(taken.shard_id, worker))

    async def _run_worker(self, shard_id: str, worker: ShardWorker) -> None:
        try:
            await worker.run()
        finally:
            del self._workers[shard_id]
            self.wake()

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond a call of `wake`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()
