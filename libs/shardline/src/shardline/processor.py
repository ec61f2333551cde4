"""What a user of the group writes: a processor of batches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

from shardline.model import Batch, Checkpoint, ShardLease


class Processor(Protocol):
    """The user's side of a consumer group. Every call for one shard comes from one task, in sequence."""

    async def start(self, lease: ShardLease) -> Checkpoint | None:
        """Get ready for a shard just acquired, or acquired anew after a failure.

        The answer is where to read from: None for the lease's own checkpoint, else a place that
        overrides it (for a processor that keeps positions with its state). `Checkpoint(number)` starts
        after a record, `Checkpoint(number, -1)` at it, `Checkpoint(number, sub)` after that place within
        an aggregate. Raising retries with backoff.
        """

    async def process(self, batch: Batch) -> None:
        """Work on the next batch of a shard; call `batch.done()` here or at any later time.

        Reading goes on after the return until undone records or bytes reach the group's bounds. If it
        raises, `lost` is called, and after a backoff the shard starts again from its last checkpoint.
        """

    async def drain(self, lease: ShardLease) -> None:
        """Finish the shard's work in flight and mark its batches done: the last checkpoint follows.

        Called at stop, at a hand-off to another worker and at the shard's end. What is not done on
        return, or by the group's deadline, is delivered again by the next owner.
        """

    async def lost(self, lease: ShardLease) -> None:
        """Forget the shard's work in flight and deliver nothing more of it: it will come again.

        Cancelled after the group's `drain_seconds`, so that no stop hangs on it.
        """


@runtime_checkable
class Interruptible(Protocol):
    """A processor may have this method too: one whose `process` waits for something that may never come."""

    def leaving(self, lease: ShardLease) -> None:
        """Have a waiting `process` of this shard return: the shard is to be given up; `drain` comes next.

        It must not raise.
        """


class _EachBatch:
    """A processor without state: a batch is done when the function returns."""

    def __init__(self, function: Callable[[Batch], Awaitable[None]]) -> None:
        self._function = function

    async def start(self, lease: ShardLease) -> Checkpoint | None:
        return None

    async def process(self, batch: Batch) -> None:
        await self._function(batch)
        batch.done()

    async def drain(self, lease: ShardLease) -> None:
        return None

    async def lost(self, lease: ShardLease) -> None:
        return None


def each_batch(function: Callable[[Batch], Awaitable[None]]) -> Processor:
    """Return a processor that awaits `function` for each batch and then marks the batch done.

    The function also sees heartbeats (no records) and the shard's last batch (`shard_ended`).
    """
    return _EachBatch(function)
