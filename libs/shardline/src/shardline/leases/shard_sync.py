"""Keeping the leases in step with the stream's shards: creating, deleting, and looking for holes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Sequence
from typing import Protocol

from shardline.clock import Clock
from shardline.errors import LeaseTableUnavailable
from shardline.leases import lineage
from shardline.leases.holes import Audit, Hole, holes
from shardline.leases.table import LeaseTable
from shardline.model import Checkpoint, DataLoss, Lease, Shard

LISTING_LASTS_SECONDS = 5.0
"""A worker paused for longer lists again: a shard may have been delivered and its lease deleted since."""

_log = logging.getLogger(__name__)


class Listing(Protocol):
    """Where the shards are listed that leases are made for."""

    async def refresh(self) -> None:
        """Find out which streams there are, before the leases are read. Raises StreamUnavailable."""

    async def list_shards(self) -> list[Shard]:
        """Return every shard under its lease key. Raises StreamUnavailable or ShardGone."""


class ShardSync:
    """Lists the shards and makes the leases follow. `initial` is where a group without leases starts."""

    def __init__(
        self,
        table: LeaseTable,
        streams: Listing,
        initial: Checkpoint,
        clock: Clock,
        report: Callable[[DataLoss], None],
    ) -> None:
        self.holes: list[Hole] = []
        """Hash keys that nobody reads, as confirmed by the last audits."""
        self._table = table
        self._streams = streams
        self._initial = initial
        self._clock = clock
        self._report = report
        self._audit = Audit()

    async def sync(self, running: Container[str]) -> bool:
        """Create the leases that are missing and delete those that nothing needs; returns whether any was created.

        A lease that goes unfinished, because Kinesis keeps its shard no longer, is reported as a loss. Raises
        LeaseTableUnavailable, StreamUnavailable, or ShardGone when there is no such stream.
        """
        await self._streams.refresh()
        created = False
        is_complete = False
        while not is_complete:
            made = False
            began = self._clock.monotonic()
            leases = await self._table.list_leases()  # before the shards, so that every lease's shard is listed
            shards = await self._streams.list_shards()
            for lease in lineage.leases_to_create(shards, leases, self._initial):
                if self._clock.monotonic() - began > LISTING_LASTS_SECONDS:
                    break
                made |= await self._table.create(lease)
            else:
                is_complete = True
            created |= made
            if not (is_complete or made):
                # No progress: whoever asked logs it, and tries again unless it is to stop.
                raise LeaseTableUnavailable(
                    f"listing leases and shards took over {LISTING_LASTS_SECONDS:g} s: too old to make leases from"
                )
        await self._clean_up(lineage.leases_to_delete(leases, [shard.shard_id for shard in shards]), running)
        return created

    async def _clean_up(self, leases: Sequence[Lease], running: Container[str]) -> None:
        """Delete leases, parents first, and none whose parent's stays."""
        kept: set[str] = set()
        for lease in leases:
            is_held_back = lease.shard_id in running or any(parent in kept for parent in lease.parents)
            if is_held_back or not await self._table.delete(lease):
                kept.add(lease.shard_id)
            elif not lease.is_ended:
                self._report(DataLoss(lease.shard_id, "shard_gone", lease.checkpoint))

    def audit(self, leases: Sequence[Lease]) -> bool:
        """Look for hash keys that no lease covers; returns whether holes are confirmed and a sync is due."""
        confirmed = self._audit.confirmed(holes(leases))
        for hole in confirmed:
            if hole not in self.holes:
                where = f" of {hole.stream}" if hole.stream else ""
                _log.error("no lease covers the hash keys %d to %d%s: listing shards", hole.first, hole.last, where)
        self.holes = confirmed
        return bool(confirmed)
