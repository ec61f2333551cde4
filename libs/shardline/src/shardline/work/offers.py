"""Batches offered to whoever takes them next: the processor beneath a group's iterator of batches."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque

from shardline.model import Batch, Checkpoint, Receipt, ShardLease

_Shard = tuple[str, str]


class _Offer:
    """A batch that waits to be taken; withdrawn, it is None."""

    __slots__ = ("answered", "batch", "is_taken")

    def __init__(self, batch: Batch) -> None:
        self.batch: Batch | None = batch
        self.is_taken = False
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self) -> Batch | None:
        batch = self.batch
        self.is_taken = batch is not None
        self.withdraw()
        return batch

    def withdraw(self) -> None:
        self.batch = None
        if not self.answered.done():
            self.answered.set_result(None)


class Offers:
    """A processor that hands out each shard's batches, one at a time.

    One batch a shard waits at most, and shards are served in the order in which they offered, so that a
    busy shard does not keep others waiting. What nobody has taken when a shard is given up is withdrawn:
    the next owner delivers it.
    """

    def __init__(self, *, empty: bool = False, in_turn: bool = False) -> None:
        self._empty = empty
        self._in_turn = in_turn
        self._queue: asyncio.Queue[_Offer | None] = asyncio.Queue()
        self._offered: dict[_Shard, _Offer] = {}
        self._out: defaultdict[_Shard, deque[Receipt]] = defaultdict(deque)
        self._leaving: set[_Shard] = set()

    async def take(self) -> Batch | None:
        """Wait for the next batch and give it; None when nothing more comes."""
        while True:
            offer = await self._queue.get()
            if offer is None:
                self.end()
                return None
            batch = offer.take()
            if batch is not None:
                self._note_out(batch)
                return batch

    def _note_out(self, batch: Batch) -> None:
        """Remember whom to wait for, by receipt: whoever took the batch may drop it with its records."""
        if batch.receipt is not None:
            out = self._out[_shard(batch.lease)]
            while out and out[0].is_settled:
                out.popleft()
            out.append(batch.receipt)

    def end(self) -> None:
        """Tell everyone who takes, now or later, that nothing more comes."""
        self._queue.put_nowait(None)

    async def start(self, lease: ShardLease) -> Checkpoint | None:
        """See Processor."""
        self._forget(_shard(lease))
        return None

    async def process(self, batch: Batch) -> None:
        """Return when the batch is taken (in turn: done), or when the shard is to be given up."""
        if not batch.records and not self._empty:
            batch.done()
            return
        shard = _shard(batch.lease)
        if shard in self._leaving:
            return
        offer = self._offered[shard] = _Offer(batch)
        self._queue.put_nowait(offer)
        try:
            await offer.answered
        finally:
            offer.withdraw()
            self._offered.pop(shard, None)
        if offer.is_taken and self._in_turn:
            await batch.settled()

    def leaving(self, lease: ShardLease) -> None:
        """See Interruptible."""
        shard = _shard(lease)
        self._leaving.add(shard)
        if shard in self._offered:
            self._offered[shard].withdraw()

    async def drain(self, lease: ShardLease) -> None:
        """Wait until every batch that was taken is done."""
        for receipt in self._out.pop(_shard(lease), ()):
            await receipt.settled()

    async def lost(self, lease: ShardLease) -> None:
        """See Processor."""
        self._forget(_shard(lease))

    def _forget(self, shard: _Shard) -> None:
        self._leaving.discard(shard)
        self._out.pop(shard, None)
        if shard in self._offered:
            self._offered[shard].withdraw()


def _shard(lease: ShardLease) -> _Shard:
    return (lease.stream, lease.shard_id)
