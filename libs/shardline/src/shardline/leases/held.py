"""A lease as its holder sees it: one write at a time, and an end when it cannot be renewed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from shardline.clock import Clock
from shardline.errors import LeaseLost, LeaseTableUnavailable
from shardline.leases.table import LeaseTable
from shardline.leases.throughput import Throughput
from shardline.model import Checkpoint, Lease


class HeldLease:
    """The row of a lease held by this worker, and when it was last renewed, on this worker's own clock."""

    def __init__(self, table: LeaseTable, lease: Lease, clock: Clock, duration: float, taken_at: float) -> None:
        self.lease = lease
        self.throughput = Throughput(taken_at, lease.throughput)
        """What this worker reads of the shard."""
        self.renewed_at = taken_at
        self.is_over = False
        """Whether the lease was released or its shard ended: nothing may be written any more."""
        self._table = table
        self._clock = clock
        self._duration = duration
        self._writing = asyncio.Lock()

    @property
    def is_asked_for(self) -> bool:
        """Whether another worker waits for the lease to be handed over."""
        return self.lease.checkpoint_owner is not None

    @property
    def has_expired(self) -> bool:
        """Whether others may take the lease by now."""
        return self._clock.monotonic() - self.renewed_at >= self._duration

    def measured(self, size: int) -> None:
        """Count `size` bytes of records read; written as the lease's throughput with its next renewals."""
        self.throughput.add(size)

    async def renew(self) -> None:
        """Renew. Raises LeaseLost, also when the time is up; LeaseTableUnavailable while there is hope."""
        throughput = self._measure()
        await self._write(lambda: self._table.renew(self.lease, throughput))

    async def checkpoint(self, checkpoint: Checkpoint, state: bytes | None = None) -> None:
        """Write progress, unless the table has it already; also renews. Raises as `renew` does.

        `state` is written with it; None leaves what was written before. Raises ValueError for a state
        above MAX_STATE_BYTES.
        """

        async def write() -> Lease | None:
            # Looked at when it is this write's turn: the one before it may have gone further, to SHARD_END.
            if checkpoint <= self.lease.checkpoint:
                return None
            return await self._table.checkpoint(self.lease, checkpoint, state, self._measure())

        if checkpoint > self.lease.checkpoint:
            await self._write(write)

    async def end(self, checkpoint: Checkpoint, state: bytes | None = None) -> None:
        """Write the last checkpoint of an ended shard; the lease is over then. Raises as `checkpoint` does."""
        await self.checkpoint(checkpoint, state)
        self.is_over = True

    async def retake(self) -> None:
        """Acquire the lease anew, under a fresh epoch; a hand-off asked for is off. Raises as `renew` does."""
        holder = self.lease.holder or ""

        async def take() -> Lease:
            epoch = await self._table.next_epoch()
            taken = await self._table.take(self.lease, holder, epoch)
            if taken is None:
                raise LeaseLost(self.lease.shard_id)
            return taken

        await self._write(take)

    async def release(self) -> None:
        """Give the lease up, so that others need not wait for it to expire. Raises as `renew` does."""
        async with self._writing:
            if not self.is_over:
                await self._table.release(self.lease)
                self.is_over = True

    def _measure(self) -> float | None:
        return self.throughput.measure(self._clock.monotonic())

    async def _write(self, write: Callable[[], Awaitable[Lease | None]]) -> None:
        """Take one's turn and write; None means that nothing needed to be written."""
        async with self._writing:
            if self.is_over:
                return
            began = self._clock.monotonic()
            remaining = max(self.renewed_at + self._duration - began, self._duration / 3)
            try:
                async with asyncio.timeout(remaining):
                    written = await write()
            except (LeaseTableUnavailable, TimeoutError) as error:
                if self.has_expired:
                    raise LeaseLost(f"{self.lease.shard_id}: not renewed in time") from error
                raise LeaseTableUnavailable(f"{self.lease.shard_id}: {error}") from error
            if written is not None:
                self.lease, self.renewed_at = written, began
