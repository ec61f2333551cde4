"""The state that a user keeps with a position, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from shardline import SHARD_END, TRIM_HORIZON, Batch, Checkpoint, ConsumerGroup, GroupSettings, Lease, ShardLease
from shardline.model import MAX_STATE_BYTES
from shardline.testing import MemoryLeaseTable, MemorySource, MemoryStream, make_batch, records, run_in_virtual_time

FIRST = "shardId-000000000000"


class Notes:
    """A processor that keeps its batches, and the states that its shards started with."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.started: list[bytes | None] = []
        self.fails = False

    async def start(self, lease: ShardLease) -> Checkpoint | None:
        self.started.append(lease.state)
        return None

    async def process(self, batch: Batch) -> None:
        if self.fails:
            raise RuntimeError("a fault")
        if batch.records or batch.shard_ended:
            self.batches.append(batch)

    async def drain(self, lease: ShardLease) -> None:
        return None

    async def lost(self, lease: ShardLease) -> None:
        return None


class Bench:
    def __init__(self, records: int = 100) -> None:
        self.stream, self.table = MemoryStream(1), MemoryLeaseTable()
        for _ in range(records):
            self.stream.put("key", b"12345678")

    def start(self, name: str = "one", **settings: Any) -> tuple[Notes, asyncio.Event, asyncio.Task[None]]:
        notes, stop = Notes(), asyncio.Event()
        group = ConsumerGroup(
            stream="stream",
            application="app",
            kinesis=None,
            lease_table=self.table,
            worker_id=name,
            settings=GroupSettings(max_batch_records=1, **settings),
            source=MemorySource(self.stream),
        )
        return notes, stop, asyncio.create_task(group.run(notes, stop))

    @property
    def committed(self) -> tuple[Checkpoint, bytes | None]:
        lease: Lease = self.table.leases[FIRST]
        return lease.checkpoint, lease.state


def end_of(batch: Batch) -> Checkpoint:
    return Checkpoint(batch.records[-1].sequence_number)


def virtually(main: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await main()

    run_in_virtual_time(run())


def test_a_state_is_committed_with_its_position_and_found_by_the_next_owner() -> None:
    """In one write, so that nobody ever sees the one without the other."""

    async def main() -> None:
        bench = Bench()
        written: list[tuple[Checkpoint, bytes | None]] = []
        write = bench.table.checkpoint

        async def noting(lease: Lease, checkpoint: Checkpoint, *more: Any, **named: Any) -> Lease:
            answer = await write(lease, checkpoint, *more, **named)
            written.append(bench.committed)
            return answer

        bench.table.checkpoint = noting  # type: ignore[method-assign]
        notes, stop, task = bench.start()
        await asyncio.sleep(3)
        expected = []
        for place, batch in enumerate(notes.batches[:3]):
            batch.done(b"state %d" % place)
            expected.append((end_of(batch), b"state %d" % place))
            await asyncio.sleep(1.5)
        stop.set()
        await task
        assert written == expected
        assert notes.started == [None]
        later, stop, task = bench.start("two")
        await asyncio.sleep(3)
        assert later.started == [b"state 2"]
        assert {batch.lease.state for batch in later.batches} == {b"state 2"}
        stop.set()
        await task

    virtually(main)


def test_only_the_state_of_the_done_prefix_is_committed() -> None:
    """A later batch's state waits with its position; one without a state leaves what was written before."""

    async def main() -> None:
        bench = Bench()
        notes, stop, task = bench.start()
        await asyncio.sleep(3)
        first, second, third, fourth, fifth = notes.batches[:5]
        third.done(b"third")
        fifth.done(b"fifth")
        await asyncio.sleep(2)
        assert bench.committed == (Checkpoint(TRIM_HORIZON), None)
        first.done(b"first")
        await asyncio.sleep(2)
        assert bench.committed == (end_of(first), b"first")
        second.done()
        await asyncio.sleep(2)
        assert bench.committed == (end_of(third), b"third")
        fourth.done()
        await asyncio.sleep(2)
        assert bench.committed == (end_of(fifth), b"fifth")
        notes.batches[5].done()
        stop.set()
        await task
        assert bench.committed == (end_of(notes.batches[5]), b"fifth")

    virtually(main)


def test_a_shard_that_starts_again_after_a_failure_has_the_state_of_its_checkpoint() -> None:
    """Not that of a later batch, which comes again."""

    async def main() -> None:
        bench = Bench()
        notes, stop, task = bench.start()
        await asyncio.sleep(3)
        notes.batches[0].done(b"one")
        notes.batches[2].done(b"three")
        notes.fails = True
        bench.stream.put("key", b"more")
        await asyncio.sleep(0.1)
        notes.fails = False
        await asyncio.sleep(10)
        assert set(notes.started[1:]) == {b"one"}
        assert bench.committed == (end_of(notes.batches[0]), b"one")
        stop.set()
        await task

    virtually(main)


def test_a_state_of_a_lost_lease_is_not_written() -> None:
    """Nor does it count as done."""

    async def main() -> None:
        bench = Bench()
        notes, stop, task = bench.start()
        await asyncio.sleep(3)
        await bench.table.take(bench.table.leases[FIRST], "thief", 99)
        notes.batches[0].done(b"in time, as far as this worker knows")
        await asyncio.sleep(2)
        assert notes.batches[1].lease_lost
        notes.batches[1].done(b"late")
        stop.set()
        await task
        assert bench.committed == (Checkpoint(TRIM_HORIZON), None)

    virtually(main)


def test_the_end_of_a_shard_keeps_the_last_state() -> None:
    """SHARD_END is a position like any other."""

    async def main() -> None:
        bench = Bench(records=1)
        bench.stream.split(bench.stream.shards[FIRST])
        notes, stop, task = bench.start(checkpoint_interval_seconds=1000)
        await asyncio.sleep(3)
        for batch in notes.batches:
            batch.done(b"all of it")
        await asyncio.sleep(1)
        assert bench.committed == (Checkpoint(SHARD_END), b"all of it")
        stop.set()
        await task

    virtually(main)


def test_a_state_has_a_bound() -> None:
    """DynamoDB's item has one, and each write is charged by its size: a large state needs a pointer."""
    batch = make_batch(records(b"one"))
    with pytest.raises(ValueError, match="pointer"):
        batch.done(bytes(MAX_STATE_BYTES + 1))
    assert not batch.is_done
    batch.done(bytes(MAX_STATE_BYTES))
    assert batch.is_done
    assert batch.state == bytes(MAX_STATE_BYTES)
    batch.done(b"too late")
    assert batch.state == bytes(MAX_STATE_BYTES)
