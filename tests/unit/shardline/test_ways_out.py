"""How a worker comes to its end when several things go wrong at once, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from typing import Any

from aws_wire.kinesis import SubscribeToShardEvent
from shardline import Batch, Checkpoint, ConsumerGroup, GroupSettings, Lease, ShardLease, each_batch
from shardline.testing import MemoryLeaseTable, MemorySource, MemoryStream, run_in_virtual_time

FIRST = "shardId-000000000000"


def virtually(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run_in_virtual_time(main())


async def ignore(batch: Batch) -> None:
    """Be done with it."""


def group(stream: MemoryStream, table: MemoryLeaseTable, **more: Any) -> ConsumerGroup:
    settings = more.pop("settings", GroupSettings())
    source = more.pop("source", None) or MemorySource(stream)
    return ConsumerGroup(
        stream="stream",
        application="app",
        kinesis=None,
        lease_table=table,
        worker_id="one",
        settings=settings,
        source=source,
        **more,
    )


class Slow(MemoryLeaseTable):
    """Lists its leases as slowly as it is told to."""

    seconds = 0.0

    async def list_leases(self) -> list[Lease]:
        leases = await super().list_leases()
        await asyncio.sleep(self.seconds)
        return leases

    async def scan(self, part: int = 0, parts: int = 1) -> list[Lease]:
        leases = await super().scan(part, parts)
        await asyncio.sleep(self.seconds)
        return leases


def test_a_lease_lost_during_a_look_at_the_table_does_not_end_the_worker() -> None:
    """The look may tell that the only owner is another, and so that this worker gives a lease that is gone by then."""

    async def main() -> None:
        stream, table, stop = MemoryStream(2), Slow(), asyncio.Event()
        one = group(stream, table, settings=GroupSettings(assignment="single_owner"))
        task = asyncio.ensure_future(one.run(each_batch(ignore), stop))
        await asyncio.sleep(5)
        assert len(one.snapshot().shards) == 2
        table.seconds = 3.0
        for shard_id, lease in list(table.leases.items()):
            table.leases[shard_id] = replace(lease, owner="other", epoch=9, counter=lease.counter + 1)
        one.wake()
        await asyncio.sleep(20)
        assert not task.done()
        stop.set()
        await task

    virtually(main)


def test_a_stop_does_not_wait_for_a_look_that_is_never_answered() -> None:
    """A connection may hang for minutes; leases that are held are given up meanwhile, and then the worker ends."""

    async def main() -> None:
        stream, table, stop = MemoryStream(1), Slow(), asyncio.Event()
        task = asyncio.ensure_future(group(stream, table).run(each_batch(ignore), stop))
        await asyncio.sleep(5)
        table.seconds = 600.0
        await asyncio.sleep(20)
        assert table.leases[FIRST].owner == "one"
        stop.set()
        async with asyncio.timeout(2 * GroupSettings().lease_duration_seconds + 1):
            await task
        assert table.leases[FIRST].owner is None

    virtually(main)


class LeavesSlowly(MemorySource):
    """Takes a while to close a subscription."""

    async def subscribe(
        self, shard_id: str, position: Checkpoint, *, after: bool
    ) -> AsyncIterator[SubscribeToShardEvent]:
        try:
            async for event in super().subscribe(shard_id, position, after=after):
                yield event
        finally:
            await asyncio.sleep(1)


def test_a_second_cancellation_while_the_reading_closes_does_not_revive_it() -> None:
    """The worker is cancelled again before its subscription has closed; it ends, and gives its lease up."""

    async def main() -> None:
        stream, table = MemoryStream(1), MemoryLeaseTable()
        reading = group(stream, table, source=LeavesSlowly(stream))
        task = asyncio.ensure_future(reading.run(each_batch(ignore), asyncio.Event()))
        await asyncio.sleep(5)
        (working,) = (each for each in asyncio.all_tasks() if "_run_worker" in repr(each.get_coro()))
        working.cancel()
        await asyncio.sleep(0.5)
        working.cancel()
        await asyncio.sleep(20)
        assert working.cancelled()
        task.cancel()
        await asyncio.wait({task})
        assert table.leases[FIRST].owner is None

    virtually(main)


def test_a_processor_that_never_forgets_holds_up_no_stop() -> None:
    """Else its lease would be renewed for ever, and nobody would read the shard."""

    class Stuck:
        async def start(self, lease: ShardLease) -> Checkpoint | None:
            return None

        async def process(self, batch: Batch) -> None:
            await asyncio.sleep(10_000)

        async def drain(self, lease: ShardLease) -> None:
            return None

        async def lost(self, lease: ShardLease) -> None:
            await asyncio.sleep(10_000)

    async def main() -> None:
        stream, table, stop = MemoryStream(1), MemoryLeaseTable(), asyncio.Event()
        task = asyncio.ensure_future(group(stream, table).run(Stuck(), stop))
        await asyncio.sleep(10)
        stop.set()
        await asyncio.wait({task}, timeout=60)
        assert task.done()
        assert table.leases[FIRST].owner is None

    virtually(main)
