"""The batches of one reading of a shard: what is out, what is done and durable, and who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from shardline.errors import LeaseLost
from shardline.model import Batch, Checkpoint, ShardLease
from shardline.reading.budget import Share
from shardline.reading.cursor import ShardEvent
from shardline.work.progress import Delivery, Progress

QUIET_SECONDS = 3600.0
"""After this long without records a shard's checkpoint follows what Kinesis tells, or it would expire as its record
does, and a restart could not tell that nothing was lost."""


class Deliveries:
    """One reading of a shard, from a checkpoint until the shard is given up, lost or started afresh."""

    def __init__(self, shard: ShardLease, share: Share, now: float) -> None:
        self.shard = shard
        self.share = share
        """What of the process' budget the reading holds."""
        self.progress = Progress()
        self.is_closed = False
        """Whether the reading is over: what is marked done from now on counts for nothing."""
        self._moved_at = now
        self._durable = 0
        self._changed = asyncio.Event()
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def give(self, event: ShardEvent, now: float) -> Batch:
        """Return the event as a batch. Without records it is a heartbeat, unless the shard ends with it.

        `now` is in monotonic seconds.
        """
        receipt = None
        if event.records:
            self._moved_at = now
        elif event.continuation and self.progress.is_idle and now - self._moved_at >= QUIET_SECONDS:
            self._moved_at = now
            self.skip_to(Checkpoint(event.continuation))
        if event.records or event.shard_ended:
            last = event.records[-1] if event.records else None
            ends_at = Checkpoint(last.sequence_number, last.sub_sequence_number) if last else None
            delivery = self.progress.add(ends_at, len(event.records), event.size)
            receipt = Receipt(self, delivery)
        return Batch(
            self.shard,
            event.records,
            millis_behind_latest=event.millis_behind_latest,
            shard_ended=event.shard_ended,
            child_shards=event.child_shards,
            receipt=receipt,
        )

    def skip_to(self, place: Checkpoint) -> None:
        """Count everything up to a place as delivered, while no batch is out; a place passed before is passed."""
        if self.progress.safe is None or place > self.progress.safe:
            self.progress.done(self.progress.add(place))

    def done(self, delivery: Delivery, state: bytes | None) -> None:
        """Note that a batch is delivered, unless the reading is over."""
        if not self.is_closed:
            if not delivery.is_done:
                self.share.give(delivery.records, delivery.size)
            self.progress.done(delivery, state)
            self._changed.set()

    def close(self) -> None:
        """End the reading: nothing is marked done any more, and nobody waits any longer."""
        self.is_closed = True
        self.share.leave()
        self._changed.set()
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(LeaseLost(self.shard.shard_id))
        self._waiting.clear()

    def saved(self, prefix: int) -> None:
        """Note that the first `prefix` batches are checkpointed."""
        self._durable = max(self._durable, prefix)
        still_waiting = []
        for number, future in self._waiting:
            if number > self._durable:
                still_waiting.append((number, future))
            elif not future.done():
                future.set_result(None)
        self._waiting = still_waiting

    async def durable(self, delivery: Delivery) -> None:
        """Return once the batch is checkpointed. Raises LeaseLost when that will not happen here."""
        if delivery.number <= self._durable:
            return
        if self.is_closed:
            raise LeaseLost(self.shard.shard_id)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery.number, future))
        await future

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once `holds` of the progress, or the reading is over."""
        while not (self.is_closed or holds()):
            self._changed.clear()
            await self._changed.wait()


class Receipt:
    """How one batch tells its reading that it is delivered; see shardline.model.Receipt."""

    __slots__ = ("_deliveries", "_delivery")

    def __init__(self, deliveries: Deliveries, delivery: Delivery) -> None:
        self._deliveries = deliveries
        self._delivery = delivery

    @property
    def is_void(self) -> bool:
        """See shardline.model.Receipt."""
        return self._deliveries.is_closed

    @property
    def is_settled(self) -> bool:
        """See shardline.model.Receipt."""
        return self._delivery.is_done or self._deliveries.is_closed

    def done(self, state: bytes | None) -> None:
        """See shardline.model.Receipt."""
        self._deliveries.done(self._delivery, state)

    async def settled(self) -> None:
        """See shardline.model.Receipt."""
        await self._deliveries.until(lambda: self._delivery.is_done)

    async def committed(self) -> None:
        """See shardline.model.Receipt."""
        await self._deliveries.durable(self._delivery)
