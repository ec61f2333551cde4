"""One task a lease: it reads the shard, renews and checkpoints, and gives the lease up in good order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

from shardline.backoff import Backoff
from shardline.cancellation import despite_cancellation
from shardline.errors import LeaseLost, LeaseTableUnavailable, ShardGone, StreamUnavailable
from shardline.leases import lineage
from shardline.leases.held import HeldLease
from shardline.leases.table import table_rows
from shardline.model import LATEST, SHARD_END, Checkpoint, ChildShard, ShardLease
from shardline.processor import Interruptible
from shardline.reading import fan_out
from shardline.reading.loss import DataLoss
from shardline.reading.read_ahead import ReadAhead, reading_ahead
from shardline.reading.tally import Tally
from shardline.work.deliveries import Deliveries
from shardline.work.progress import Progress
from shardline.work.surroundings import Surroundings

_log = logging.getLogger(__name__)


class ShardWorker:
    """Works on one shard from acquisition until its end, its hand-over or its loss."""

    def __init__(self, held: HeldLease, around: Surroundings) -> None:
        self.held = held
        self.millis_behind_latest: int | None = None
        self.is_leaving = False
        self.tally = Tally()
        self._around = around
        self._settings = around.settings
        self._stream = around.streams.of(held.lease.shard_id)
        self._reading: asyncio.Timeout | None = None
        self._deadline: asyncio.Timeout | None = None
        self._deliveries = self._begun()

    @property
    def shard(self) -> ShardLease:
        """The shard as the processor knows it: its epoch, and the state it was acquired with."""
        return self._deliveries.shard

    @property
    def progress(self) -> Progress:
        """How far the present reading is delivered."""
        return self._deliveries.progress

    def _begun(self) -> Deliveries:
        """Return a new reading of the shard, as the lease is now."""
        lease, stream = self.held.lease, self._stream
        parents = tuple(stream.shard_id(parent) for parent in lease.parents)
        shard = ShardLease(stream.name, stream.shard_id(lease.shard_id), parents, lease.epoch, lease.state)
        return Deliveries(shard, self._around.budget.join(), self._around.clock.monotonic())

    def leave(self) -> None:
        """Have the shard drained, checkpointed and given up. Returns at once; `run` ends soon after."""
        if self.is_leaving:
            return
        self.is_leaving = True
        now = asyncio.get_running_loop().time()
        if self._reading is not None:
            self._reading.reschedule(now)
        if self._deadline is not None:
            self._deadline.reschedule(now + self._settings.drain_seconds)
        processor = self._around.processor
        if isinstance(processor, Interruptible):
            processor.leaving(self.shard)

    async def run(self) -> None:
        """Work until the shard is done with. A loss ends it quietly; a cancellation still saves progress."""
        try:
            await self._run()
        except* LeaseLost as lost:
            _log.warning("lost the lease of %s: %s", self.held.lease.shard_id, lost.exceptions[0])
            await self._forget()
        finally:
            self._deliveries.close()

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                keeping = tasks.create_task(self._keep())
                await self._work()
                await self._give_up()
                keeping.cancel()
        except asyncio.CancelledError:
            await self._forget()
            await despite_cancellation(self._give_up())
            raise

    async def _keep(self) -> None:
        """Renew and checkpoint for as long as the lease is held. Raises LeaseLost."""
        settings, held = self._settings, self.held
        while not held.is_over:
            await self._around.clock.sleep(settings.write_interval_seconds)
            try:
                await self._save()
                unrenewed = self._around.clock.monotonic() - held.renewed_at
                if unrenewed >= settings.renew_interval_seconds * 0.9:
                    await held.renew()
            except LeaseTableUnavailable as error:
                _log.warning("could not renew: %s", error)
            if held.is_asked_for:
                self.leave()

    async def _work(self) -> None:
        """Read the shard until it ends or is given up; after a failure start again from the checkpoint."""
        settings = self._settings
        backoff = Backoff(settings.backoff_base_seconds, settings.backoff_cap_seconds, self._around.rng.random)
        while True:
            try:
                async with self._drain_deadline():
                    await self._read_once()
                return
            except LeaseLost:
                raise
            except Exception as failure:
                if self.is_leaving and isinstance(failure, TimeoutError):
                    _log.warning("%s did not drain in time", self.held.lease.shard_id)
                else:
                    _log.exception("%s failed, again from its last checkpoint", self.held.lease.shard_id)
            if self.held.is_over:
                return
            await self._forget()
            if self.progress.safe is not None:
                backoff.reset()
            async with self._until_leaving():
                await self._around.clock.sleep(backoff.next())
            if self.is_leaving:
                return
            await self._start_afresh()

    async def _start_afresh(self) -> None:
        """Save what is done and acquire the lease anew, so that what follows outranks what failed."""
        self.tally.restarts += 1
        await self._persistently(self._save)
        await self._persistently(self.held.retake)
        self._deliveries = self._begun()

    async def _read_once(self) -> None:
        """Deliver the shard from the lease's checkpoint, or where the processor says, to its end or until leaving."""
        around = self._around
        start = await around.processor.start(self.shard) or self.held.lease.checkpoint
        events = self._stream.reader.events(self.shard.shard_id, start, self.tally)
        try:
            async with aclosing(events):  # type: ignore[type-var]
                bounds = (self._settings.max_batch_records, self._settings.max_batch_bytes)
                async with reading_ahead(events, *bounds, self._deliveries.share) as ahead:
                    children = await self._deliver(ahead, start)
        except ShardGone as gone:
            await self._confirm(gone)
            children = ()
            await self._hand_out(fan_out.ShardEvent([], None, 0, children))
        await around.processor.drain(self.shard)
        if children is not None and not (self.is_leaving and not self.progress.is_idle):
            await self._deliveries.until(lambda: self.progress.is_idle)
            keyed = tuple(self._stream.keyed(child) for child in children)
            await self._persistently(lambda: self._end(keyed))

    async def _deliver(self, ahead: ReadAhead, start: Checkpoint) -> tuple[ChildShard, ...] | None:
        """Give events to the processor; returns the children at the shard's end, None when leaving."""
        pinned = start.sequence_number != LATEST
        while not self.is_leaving:
            event: fan_out.ShardEvent | None = None
            async with self._until_leaving():
                await self._deliveries.until(self._has_room)
                event = await ahead.take()
            if event is None:
                break
            pinned = pinned or await self._pin(event)
            self.millis_behind_latest = event.millis_behind_latest
            await self._hand_out(event)
            if event.shard_ended:
                return event.child_shards
        return None

    async def _hand_out(self, event: fan_out.ShardEvent) -> None:
        self.held.measured(event.size)
        self.tally.records += len(event.records)
        await self._around.processor.process(self._deliveries.give(event, self._around.clock.monotonic()))

    async def _pin(self, event: fan_out.ShardEvent) -> bool:
        """Write where LATEST was, before anything is worked on: it means "since now" only once.

        A restart must not skip what came in between. With records at once, that is just before the first.
        """
        if event.records:
            first = event.records[0]
            before = Checkpoint(first.sequence_number, first.sub_sequence_number - 1)
        elif event.continuation:
            before = Checkpoint(event.continuation)
        else:
            return event.shard_ended
        self._deliveries.skip_to(before)
        await self._persistently(self._save)
        return True

    def _has_room(self) -> bool:
        progress, settings = self.progress, self._settings
        return (
            not progress.is_full
            and progress.records_in_flight < settings.max_in_flight_records
            and progress.bytes_in_flight < settings.max_in_flight_bytes
        )

    async def _confirm(self, gone: ShardGone) -> None:
        """Find out what is gone: raises `gone` again when it was the consumer and the shard is still there."""
        await self._stream.prepare()
        listed = await self._stream.list_shards()
        if not listed or any(shard.shard_id == self.held.lease.shard_id for shard in listed):
            raise gone
        after = self.progress.safe or self.held.lease.checkpoint
        self._stream.reader.report(DataLoss(self.shard.shard_id, "shard_gone", after))

    async def _end(self, children: tuple[ChildShard, ...]) -> None:
        """Create the children's leases, then say that the shard has ended, in that order.

        Tried again after a lost answer, the shard may have ended at the first try: its children were made then, and
        may have been delivered and deleted since.
        """
        table, siblings, shard_id = self._around.table, self._around.siblings, self.held.lease.shard_id
        family = lineage.family(children)
        leases = await table_rows(table, family)
        listed: set[str] = set()
        own = leases.get(shard_id)
        has_ended = own is None or own.is_ended
        if not has_ended and lineage.unleased_parents(children, leases):
            await siblings.sync()
            leases = await table_rows(table, family)
            listed = {shard.shard_id for shard in await self._stream.list_shards()}
        for lease in [] if has_ended else lineage.children_to_create(children, leases, listed):
            if self.held.has_expired:  # another may have delivered the children by now, and deleted their leases
                raise LeaseLost(f"{shard_id}: not renewed in time")
            await table.create(lease)
        await table.set_children(shard_id, children)
        await self.held.end(Checkpoint(SHARD_END), self.progress.state)
        self._deliveries.saved(self.progress.prefix)
        siblings.wake()
        if listed:
            await siblings.sync()

    async def _save(self) -> None:
        progress, deliveries = self.progress, self._deliveries
        if progress.safe is not None:
            prefix = progress.prefix
            await self.held.checkpoint(progress.safe, progress.state)
            deliveries.saved(prefix)

    async def _give_up(self) -> None:
        """Write the last checkpoint and release the lease, so that others take it at once."""
        try:
            async with asyncio.timeout(self._settings.lease_duration_seconds):
                await self._persistently(self._save)
                await self._persistently(self.held.release)
        except TimeoutError:
            _log.warning("%s is left to expire: the lease table does not answer", self.held.lease.shard_id)

    async def _forget(self) -> None:
        self._deliveries.close()
        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                await self._around.processor.lost(self.shard)
        except Exception:
            _log.exception("the processor failed to forget %s", self.held.lease.shard_id)

    async def _persistently(self, call: Callable[[], Awaitable[None]]) -> None:
        """Retry while the lease table or the stream is unavailable. Raises LeaseLost."""
        backoff = Backoff(0.05, self._settings.renew_interval_seconds, self._around.rng.random)
        while True:
            try:
                return await call()
            except (LeaseTableUnavailable, StreamUnavailable) as error:
                _log.warning("trying again: %s", error)
            await self._around.clock.sleep(backoff.next())

    @asynccontextmanager
    async def _until_leaving(self) -> AsyncIterator[None]:
        """Cut the body short when `leave` is called."""
        try:
            async with asyncio.timeout(0 if self.is_leaving else None) as self._reading:
                yield
        except TimeoutError:
            if not self.is_leaving:
                raise
        finally:
            self._reading = None

    @asynccontextmanager
    async def _drain_deadline(self) -> AsyncIterator[None]:
        """Cut the body short when it has not drained in time after `leave`."""
        try:
            seconds = self._settings.drain_seconds if self.is_leaving else None
            async with asyncio.timeout(seconds) as self._deadline:
                yield
        finally:
            self._deadline = None
