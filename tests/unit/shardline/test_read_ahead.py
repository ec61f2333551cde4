"""What comes while the processor works makes one larger batch, within bounds, and nothing is lost or reordered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from shardline.model import ChildShard, Record
from shardline.reading.cursor import ShardEvent
from shardline.reading.read_ahead import merged, reading_ahead


def event(*numbers: int, ended: bool = False, behind: int = 0) -> ShardEvent:
    records = [Record(str(number), "k", b"x" * 10) for number in numbers]
    continuation = None if ended else str(numbers[-1] if numbers else 0)
    children = (ChildShard("c", ("p",)),) if ended else ()
    return ShardEvent(records, continuation, behind, children, size=10 * len(numbers))


def numbers(told: ShardEvent) -> list[int]:
    return [int(record.sequence_number) for record in told.records]


class Feed:
    """Events that count how many of them were asked for; a failure may stand at the end."""

    def __init__(self, events: Sequence[ShardEvent], failure: Exception | None = None) -> None:
        self.asked = 0
        self._events = events
        self._failure = failure

    async def __call__(self) -> AsyncIterator[ShardEvent]:
        for each in self._events:
            self.asked += 1
            yield each
        if self._failure is not None:
            raise self._failure
        await asyncio.Event().wait()


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_events_that_came_meanwhile_are_one_in_order() -> None:
    """Three pushes during the processor's work are its next batch, with the position and lag of the last."""
    feed = Feed([event(1, 2, behind=30), event(3, behind=20), event(4, 5, behind=10)])
    async with reading_ahead(feed(), 100, 1000) as ahead:
        await settle()
        told = await ahead.take()
    assert numbers(told) == [1, 2, 3, 4, 5]
    assert (told.continuation, told.millis_behind_latest) == ("5", 10)


async def test_reading_stops_at_the_bound_and_goes_on_after_a_take() -> None:
    """A processor that is stuck holds its reader: no more than the bound and one event wait in memory."""
    feed = Feed([event(n, n + 1) for n in range(0, 20, 2)])
    async with reading_ahead(feed(), 4, 10_000) as ahead:
        await settle()
        assert feed.asked == 2
        assert numbers(await ahead.take()) == [0, 1, 2, 3]
        await settle()
        assert feed.asked == 4
        assert numbers(await ahead.take()) == [4, 5, 6, 7]


async def test_bytes_bound_as_records_do() -> None:
    """Ten bytes a record: 25 bytes are reached by the third."""
    feed = Feed([event(n) for n in range(10)])
    async with reading_ahead(feed(), 1000, 25) as ahead:
        await settle()
        assert feed.asked == 3
        assert numbers(await ahead.take()) == [0, 1, 2]


async def test_a_failure_comes_after_what_was_read_before_it() -> None:
    """Records that arrived before a failure are delivered first, and the failure stays to be seen."""
    feed = Feed([event(1), event(2)], OSError("reset"))
    async with reading_ahead(feed(), 100, 1000) as ahead:
        await settle()
        assert numbers(await ahead.take()) == [1, 2]
        for _ in range(2):
            with pytest.raises(OSError, match="reset"):
                await ahead.take()


async def test_heartbeats_do_not_pile_up() -> None:
    """A processor that is stuck for days on a quiet shard holds the last heartbeat alone, and then what follows it."""
    feed = Feed([*(event(behind=lag) for lag in range(1000, 0, -1)), event(7)])
    async with reading_ahead(feed(), 100, 1000) as ahead:
        while feed.asked < 1000:
            await settle()
            assert len(ahead._waiting) <= 2
        await settle()
        told = await ahead.take()
    assert (numbers(told), told.continuation, told.millis_behind_latest) == ([7], "7", 0)


async def test_a_take_waits_for_the_first_event() -> None:
    """An empty shard gives nothing to take until it says something, be it a heartbeat."""
    feed = Feed([])
    async with reading_ahead(feed(), 100, 1000) as ahead:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await ahead.take()


def test_the_end_of_a_shard_survives_merging() -> None:
    """The last event says that the shard ended and names the children; earlier records come with it."""
    told = merged([event(1, behind=5), event(2, ended=True)])
    assert numbers(told) == [1, 2]
    assert told.shard_ended
    assert told.child_shards == (ChildShard("c", ("p",)),)
