"""Processors of the fleet: they write to a sink that takes the higher epoch's word, and acknowledge late."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from fleet.ledger import Ledger, StaleEpoch
from fleet.network import Link
from fleet.world import ProcessLoop

from shardline.model import Batch, Checkpoint, ShardLease

_MOST_UNDONE = 75
"""Half of the group's bound."""


class Sink:
    """The far end of one worker's deliveries."""

    def __init__(self, worker: str, ledger: Ledger, link: Link, *, keeps_places: bool) -> None:
        self.keeps_places = keeps_places
        self.interrupted: Callable[[], bool] = lambda: False
        self._worker = worker
        self._ledger = ledger
        self._link = link

    async def write(self, batch: Batch, number: int) -> None:
        """Make a batch durable, however often it takes; `number` is the same for its repeats. Raises StaleEpoch.

        A sink that keeps places takes a batch in two parts, and `interrupted` may come between them.
        """
        lease, records = batch.lease, batch.records
        middle = len(records) // 2 if self.keeps_places else 0
        for part, some in enumerate((records[:middle], records[middle:])):
            if not some:
                continue
            mark = 2 * number + part
            await self._persistently(
                partial(self._ledger.deliver, self._worker, mark, lease.shard_id, lease.epoch, some)
            )
            if part == 0 and self.interrupted():
                raise RuntimeError("a fault in the middle of a batch")

    async def place(self, lease: ShardLease) -> Checkpoint | None:
        """How far the shard is durable here, if this sink knows; None else."""
        if not self.keeps_places:
            return None
        place: Checkpoint | None = await self._persistently(partial(self._ledger.place, lease.shard_id))
        return place

    async def _persistently(self, serve: Callable[[], Any]) -> Any:
        while True:
            try:
                return await self._link.call("write", serve)
            except OSError:
                await asyncio.sleep(0.3)

    def acknowledge(self, batch: Batch) -> None:
        """Note that a durable batch is marked done."""
        self._ledger.acknowledge(batch.lease.shard_id, batch.lease.epoch, batch.records)

    def forget(self, lease: ShardLease) -> None:
        """Note that a shard is lost."""
        self._ledger.forget(lease.shard_id, lease.epoch)


class LateProcessor:
    """Writes each batch before it returns, and marks it done later, out of order.

    With `interval` above 0 it gathers batches and writes them together, from a task of its own.
    `on_batch` and `on_start` let the simulation look.
    """

    def __init__(
        self,
        loop: ProcessLoop,
        sink: Sink,
        faults: Counter[str],
        *,
        interval: float,
        state_of: Callable[[Batch], bytes | None],
        on_start: Callable[[ShardLease], None],
        on_batch: Callable[[Batch, int], None],
    ) -> None:
        self.failure_rate = 0.0
        self._loop = loop
        self._rng = loop.world.rng
        self._sink = sink
        self._faults = faults
        self._interval = interval
        self._state_of = state_of
        self._on_start = on_start
        self._on_batch = on_batch
        self._unwritten: dict[str, list[tuple[int, Batch]]] = defaultdict(list)
        self._undone: dict[str, list[Batch]] = defaultdict(list)
        self._batches = 0
        self._writing: dict[str, asyncio.Task[None]] = {}
        sink.interrupted = lambda: self._rng.random() < self.failure_rate
        self._failed: dict[str, Exception] = {}

    async def start(self, lease: ShardLease) -> Checkpoint | None:
        """See Processor."""
        self._on_start(lease)
        return await self._sink.place(lease)

    async def process(self, batch: Batch) -> None:
        """See Processor."""
        shard_id = batch.lease.shard_id
        undone = [*self._undone[shard_id], *(waiting for _, waiting in self._unwritten[shard_id])]
        self._batches += 1
        self._on_batch(batch, sum(len(each.records) for each in undone))
        if self._rng.random() < self.failure_rate:
            self._faults["processor raised"] += 1
            raise RuntimeError("a fault of the processor")
        if shard_id in self._failed:
            raise self._failed.pop(shard_id)
        if self._interval:
            self._unwritten[shard_id].append((self._batches, batch))
            if shard_id not in self._writing:
                self._writing[shard_id] = self._loop.create_task(self._write_later(shard_id))
            return
        await self._sink.write(batch, self._batches)
        self._undone[shard_id].append(batch)
        self._acknowledge(shard_id)

    async def drain(self, lease: ShardLease) -> None:
        """See Processor."""
        task = self._writing.pop(lease.shard_id, None)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        await self._write(lease.shard_id)
        if self._rng.random() < 0.3:
            await asyncio.sleep(self._rng.random())
        while self._undone[lease.shard_id]:
            self._done(self._undone[lease.shard_id].pop())

    async def lost(self, lease: ShardLease) -> None:
        """See Processor."""
        self._sink.forget(lease)
        task = self._writing.pop(lease.shard_id, None)
        if task is not None:
            task.cancel()
        for waiting in (self._unwritten, self._undone, self._failed):
            waiting.pop(lease.shard_id, None)  # type: ignore[attr-defined]

    async def _write_later(self, shard_id: str) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self._write(shard_id)
            except (StaleEpoch, RuntimeError) as error:
                self._failed[shard_id] = error
                return

    async def _write(self, shard_id: str) -> None:
        while self._unwritten[shard_id]:
            number, batch = self._unwritten[shard_id][0]
            await self._sink.write(batch, number)
            if self._unwritten[shard_id] and self._unwritten[shard_id][0][1] is batch:
                self._undone[shard_id].append(self._unwritten[shard_id].pop(0)[1])
        self._acknowledge(shard_id)

    def _acknowledge(self, shard_id: str) -> None:
        """Mark some of the batches done, in no order; at most two stay for later, and no more than bounds allow."""
        waiting = self._undone[shard_id]
        while self._is_much(waiting) or (waiting and self._rng.random() < 0.6):
            self._done(waiting.pop(self._rng.randrange(len(waiting))))

    def _is_much(self, waiting: list[Batch]) -> bool:
        """Whether a batch must be done before another comes: at the group's bound none does."""
        return len(waiting) > 2 or sum(len(batch.records) for batch in waiting) > _MOST_UNDONE

    def _done(self, batch: Batch) -> None:
        if batch.records and not batch.lease_lost:
            self._sink.acknowledge(batch)
        state = self._state_of(batch)
        if state is None:
            batch.done()
        else:
            batch.done(state)  # type: ignore[call-arg]
