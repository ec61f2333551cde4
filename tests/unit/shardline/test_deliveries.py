"""One reading's batches: what a quiet shard's checkpoint does, and who is told what."""

from __future__ import annotations

import asyncio

import pytest

from shardline import Budget, Checkpoint, LeaseLost, ShardLease
from shardline.reading.cursor import ShardEvent
from shardline.testing import records
from shardline.work.deliveries import QUIET_SECONDS, Deliveries


def reading(now: float = 0.0) -> Deliveries:
    share = Budget(1000, 10**6).join()
    share.take(100, 1000)
    return Deliveries(ShardLease("stream", "shard"), share, now)


def event(first: int, *data: bytes) -> ShardEvent:
    told = records(*data, first_sequence_number=first)
    return ShardEvent(told, str(first + len(data)), 0, (), sum(map(len, data)), str(first))


def heartbeat(continuation: str) -> ShardEvent:
    return ShardEvent([], continuation, 0, (), 0, "")


def test_a_quiet_shards_checkpoint_follows_its_heartbeats_once_in_a_while() -> None:
    """Not before the time is up, and then one write for the whole of it."""
    deliveries = reading()
    deliveries.give(heartbeat("100"), QUIET_SECONDS - 1)
    assert deliveries.progress.safe is None
    deliveries.give(heartbeat("200"), QUIET_SECONDS)
    assert deliveries.progress.safe == Checkpoint("200")
    deliveries.give(heartbeat("300"), QUIET_SECONDS + 5)
    assert deliveries.progress.safe == Checkpoint("200")
    deliveries.give(heartbeat("400"), 2 * QUIET_SECONDS)
    assert deliveries.progress.safe == Checkpoint("400")


def test_a_heartbeat_moves_nothing_past_a_batch_that_is_not_done() -> None:
    """However long that takes; and never back."""
    deliveries = reading()
    batch = deliveries.give(event(10, b"a", b"b"), 0)
    deliveries.give(heartbeat("50"), 2 * QUIET_SECONDS)
    assert deliveries.progress.safe is None
    batch.done(b"state")
    deliveries.give(heartbeat("5"), 4 * QUIET_SECONDS)
    assert deliveries.progress.safe == Checkpoint("11")
    deliveries.give(heartbeat("50"), 6 * QUIET_SECONDS)
    assert (deliveries.progress.safe, deliveries.progress.state) == (Checkpoint("50"), b"state")


def test_polling_that_knows_no_position_moves_nothing() -> None:
    """An empty continuation is no place."""
    deliveries = reading()
    deliveries.give(heartbeat(""), 2 * QUIET_SECONDS)
    assert deliveries.progress.safe is None


async def test_committed_is_told_of_a_covered_batch_and_of_no_other() -> None:
    """Saved up to the first: the second waits on, and learns of the loss."""
    deliveries = reading()
    first, second = deliveries.give(event(1, b"a"), 0), deliveries.give(event(2, b"b"), 0)
    waiting = [asyncio.ensure_future(batch.committed()) for batch in (first, second)]
    await asyncio.sleep(0)
    first.done()
    deliveries.saved(deliveries.progress.prefix)
    await asyncio.sleep(0)
    assert [each.done() for each in waiting] == [True, False]
    deliveries.close()
    with pytest.raises(LeaseLost):
        await waiting[1]
    await first.committed()
    await second.settled()
    assert not second.is_done


async def test_a_waiter_that_was_cancelled_hinders_nobody() -> None:
    """Neither a save nor a loss."""
    deliveries = reading()
    batch = deliveries.give(event(1, b"a"), 0)
    for end in (lambda: deliveries.saved(0), lambda: deliveries.saved(1), deliveries.close):
        waiting = asyncio.ensure_future(batch.committed())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        end()
