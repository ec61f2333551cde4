"""Reads a shard on while its processor works, so that a slow processor gets fewer and larger batches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shardline.cancellation import until_ended
from shardline.model import Record
from shardline.reading.budget import Share
from shardline.reading.cursor import ShardEvent


class ReadAhead:
    """The events that have come and were not taken yet.

    They hold at most `records` records and `size` bytes, and one event more. What comes is taken from `share`,
    and whoever takes the events is to give it back.
    """

    def __init__(self, events: AsyncIterator[ShardEvent], records: int, size: int, share: Share | None = None) -> None:
        self._events = events
        self._share = share
        self._limits = (records, size)
        self._waiting: list[ShardEvent] = []
        self._records = 0
        self._size = 0
        self._failure: Exception | None = None
        self._is_over = False
        self._changed = asyncio.Event()

    async def take(self) -> ShardEvent:
        """Give all that has come as one event; waits for the first.

        Raises what reading raised, once everything before it is taken, and StopAsyncIteration after the end.
        """
        while not self._waiting:
            if self._failure is not None:
                raise self._failure
            if self._is_over:
                raise StopAsyncIteration
            await self._next_change()
        event = merged(self._waiting)
        self._waiting, self._records, self._size = [], 0, 0
        self._changed.set()
        return event

    async def read(self) -> None:
        """Read until the end or a failure, and no further than the limits before something is taken."""
        try:
            async for event in self._events:
                if self._waiting and not self._waiting[-1].records:
                    self._waiting.pop()  # a heartbeat says nothing that the next event does not say better
                self._waiting.append(event)
                self._records += len(event.records)
                self._size += event.size
                self._changed.set()
                if self._share is not None:
                    self._share.take(len(event.records), event.size)
                    await self._share.room()
                while self._records >= self._limits[0] or self._size >= self._limits[1]:
                    await self._next_change()
        except Exception as failure:
            self._failure = failure
        self._is_over = True
        self._changed.set()

    async def _next_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


def merged(events: list[ShardEvent]) -> ShardEvent:
    """What several events in a row tell together; there is at least one."""
    last = events[-1]
    if len(events) == 1:
        return last
    records: list[Record] = []
    for event in events:
        records += event.records
    size = sum(event.size for event in events)
    return ShardEvent(records, last.continuation, last.millis_behind_latest, last.child_shards, size, events[0].first)


@asynccontextmanager
async def reading_ahead(
    events: AsyncIterator[ShardEvent], records: int, size: int, share: Share | None = None
) -> AsyncIterator[ReadAhead]:
    """Read in a task of its own for as long as the body lasts."""
    ahead = ReadAhead(events, records, size, share)
    reading = asyncio.create_task(ahead.read())
    try:
        yield ahead
    finally:
        reading.cancel()
        await until_ended(reading)  # though cancelled again: the events cannot be closed while they are being read
