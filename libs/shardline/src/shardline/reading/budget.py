"""A bound on what is in flight in a whole process, of which no shard can take everything.

Half of the budget, or as much as is set, is guaranteed: each share may use an equal part of it, whatever the others
do. The rest is whoever's comes first. Records that have come are never refused, since they are in memory already: a
share that has no room is not read any further, so that the bound is passed by one read a shard at most.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Budget:
    """Undone records and bytes (of data) of all shards of a group, or of several groups. One event loop's only."""

    def __init__(self, records: int, size: int, guaranteed: float = 0.5) -> None:
        """Raise ValueError for bounds below 1, or a guaranteed part that is not within 0 to 1."""
        if min(records, size) < 1 or not 0.0 <= guaranteed <= 1.0:
            raise ValueError("a budget has at least one record and one byte, and guarantees 0 to all of them")
        self.records = 0
        """In flight now."""
        self.size = 0
        """Bytes in flight now."""
        self._most_records = records
        self._most_size = size
        self._guaranteed = guaranteed
        self._shares: set[Share] = set()
        self._waiting: deque[Share] = deque()
        # What shares hold beyond their guarantee.
        self._common_records = 0.0
        self._common_size = 0.0
        self._share_records = 0.0
        self._share_size = 0.0

    def join(self) -> Share:
        """Return the share of one more shard; everybody's guarantee gets smaller."""
        share = Share(self)
        self._shares.add(share)
        self._divide()
        return share

    def _divide(self) -> None:
        count = max(1, len(self._shares))
        self._share_records = self._most_records * self._guaranteed / count
        self._share_size = self._most_size * self._guaranteed / count
        self._common_records = sum(max(0.0, share.records - self._share_records) for share in self._shares)
        self._common_size = sum(max(0.0, share.size - self._share_size) for share in self._shares)
        self._wake()

    def _has_room(self, share: Share) -> bool:
        spare = 1.0 - self._guaranteed
        has_records = share.records < self._share_records or self._common_records < self._most_records * spare
        has_bytes = share.size < self._share_size or self._common_size < self._most_size * spare
        return has_records and has_bytes

    def _changed(self, share: Share, records: int, size: int) -> None:
        beyond = max(0.0, share.records - self._share_records), max(0.0, share.size - self._share_size)
        share.records += records
        share.size += size
        self.records += records
        self.size += size
        self._common_records += max(0.0, share.records - self._share_records) - beyond[0]
        self._common_size += max(0.0, share.size - self._share_size) - beyond[1]
        if (records < 0 or size < 0) and self._waiting:
            self._wake()

    def _wake(self) -> None:
        """Wake who has room again, who waits longest first; one read may use the common room up, so they look again."""
        for _ in range(len(self._waiting)):
            share = self._waiting.popleft()
            if self._has_room(share):
                share.wake()
            else:
                self._waiting.append(share)

    def _left(self, share: Share) -> None:
        self._changed(share, -share.records, -share.size)
        self._shares.discard(share)
        if share in self._waiting:
            self._waiting.remove(share)
        self._divide()


class Share:
    """One shard's part of a budget."""

    def __init__(self, budget: Budget) -> None:
        self.records = 0
        """In flight now."""
        self.size = 0
        """Bytes in flight now."""
        self._budget = budget
        self._woken = asyncio.Event()
        self._is_over = False

    @property
    def has_room(self) -> bool:
        """Whether the shard may be read on."""
        return self._is_over or self._budget._has_room(self)

    def take(self, records: int, size: int) -> None:
        """Note what came; never refuses."""
        if not self._is_over:
            self._budget._changed(self, records, size)

    def give(self, records: int, size: int) -> None:
        """Note what is done. Raises ValueError for more than is in flight."""
        if self._is_over:
            return
        if records > self.records or size > self.size:
            raise ValueError("more is given back than was taken")
        self._budget._changed(self, -records, -size)

    async def room(self) -> None:
        """Return when the shard may be read on, those who wait longest first."""
        while not self.has_room:
            self._woken.clear()
            self._budget._waiting.append(self)
            try:
                await self._woken.wait()
            finally:
                if self in self._budget._waiting:
                    self._budget._waiting.remove(self)

    def wake(self) -> None:
        """Have `room` look again."""
        self._woken.set()

    def leave(self) -> None:
        """Give everything back, for good; what is called later has no effect."""
        if not self._is_over:
            self._budget._left(self)
            self._is_over = True
            self.wake()
