"""One worker of a group on a stream in memory, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from aws_wire.kinesis import SubscribeToShardEvent
from shardline import (
    LATEST,
    SHARD_END,
    TRIM_HORIZON,
    Batch,
    Checkpoint,
    ConsumerGroup,
    GroupSettings,
    Lease,
    LeaseTableMismatch,
    LeaseTableUnavailable,
    Processor,
    ShardLease,
    each_batch,
)
from shardline.testing import MemoryLeaseTable, MemorySource, MemoryStream, run_in_virtual_time

FIRST = "shardId-000000000000"


class Keeper:
    """Keeps every batch and finishes none unless told to; notes what it is told."""

    def __init__(self, override: Checkpoint | None = None, drain_seconds: float = 0.0) -> None:
        self.override, self.drain_seconds = override, drain_seconds
        self.batches: list[Batch] = []
        self.told: list[str] = []

    async def start(self, lease: ShardLease) -> Checkpoint | None:
        self.told.append(f"start {lease.epoch}")
        return self.override

    async def process(self, batch: Batch) -> None:
        if batch.records or batch.shard_ended:
            self.batches.append(batch)

    async def drain(self, lease: ShardLease) -> None:
        self.told.append("drain")
        await asyncio.sleep(self.drain_seconds)

    async def lost(self, lease: ShardLease) -> None:
        self.told.append("lost")

    @property
    def numbers(self) -> list[int]:
        return [int(record.sequence_number) for batch in self.batches for record in batch.records]


class Bench:
    """A stream of one shard with some records, and a worker on it."""

    def __init__(self, processor: Processor, records: int = 0, **settings: Any) -> None:
        self.stream, self.table = MemoryStream(1), MemoryLeaseTable()
        self.numbers = [int(self.stream.put("key", b"12345678")) for _ in range(records)]
        self.stop = asyncio.Event()
        self.group = self.worker("one", GroupSettings(**settings))
        self.task = asyncio.ensure_future(self.group.run(processor, self.stop))

    def worker(self, name: str, settings: GroupSettings) -> ConsumerGroup:
        source = MemorySource(self.stream)
        return ConsumerGroup(
            stream="stream",
            application="app",
            kinesis=None,
            lease_table=self.table,
            worker_id=name,
            settings=settings,
            source=source,
        )

    @property
    def lease(self) -> Lease:
        return self.table.leases[FIRST]

    async def end(self) -> None:
        self.stop.set()
        await self.task


def virtually(main: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await main()

    run_in_virtual_time(run())


def finish(batches: Iterable[Batch]) -> None:
    for batch in batches:
        batch.done()


def test_a_function_of_batches_is_all_that_is_needed() -> None:
    """Every record is given in order and checkpointed; the lease is free after the stop."""

    async def main() -> None:
        got: list[int] = []

        async def note(batch: Batch) -> None:
            got.extend(int(record.sequence_number) for record in batch.records)

        bench = Bench(each_batch(note), records=100)
        await asyncio.sleep(3)
        (state,) = bench.group.snapshot().shards
        assert (state.shard_id, state.epoch, state.records_in_flight) == (FIRST, 1, 0)
        assert state.millis_behind_latest == 0
        await bench.end()
        assert got == bench.numbers
        assert (bench.lease.checkpoint, bench.lease.owner) == (Checkpoint(str(got[-1])), None)
        assert bench.group.snapshot().shards == ()

    virtually(main)


@pytest.mark.parametrize("bound", [{"max_in_flight_records": 40}, {"max_in_flight_bytes": 40 * 8}])
def test_undone_work_stops_the_reading_and_done_work_lets_it_go_on(bound: dict[str, int]) -> None:
    """The bound may be passed by one event, no more."""

    async def main() -> None:
        keeper = Keeper()
        bench = Bench(keeper, records=200, **bound)
        await asyncio.sleep(30)
        assert 40 <= len(keeper.numbers) < 40 + 20
        assert bench.lease.checkpoint == Checkpoint(TRIM_HORIZON)
        while len(keeper.numbers) < 200:
            finish(keeper.batches)
            await asyncio.sleep(1)
        assert keeper.numbers == bench.numbers
        await bench.end()

    virtually(main)


def test_a_checkpoint_waits_for_the_first_undone_batch() -> None:
    """All but the first done: nothing is checkpointed, at the stop neither."""

    async def main() -> None:
        keeper = Keeper()
        bench = Bench(keeper, records=100)
        await asyncio.sleep(5)
        finish(keeper.batches[1:])
        await asyncio.sleep(5)
        assert bench.lease.checkpoint == Checkpoint(TRIM_HORIZON)
        await bench.end()
        assert bench.lease.checkpoint == Checkpoint(TRIM_HORIZON)

    virtually(main)


def test_work_of_a_lost_lease_is_never_checkpointed() -> None:
    """Another took it: the processor is told, and a late done changes nothing."""

    async def main() -> None:
        keeper = Keeper()
        bench = Bench(keeper, records=50)
        await asyncio.sleep(2)
        await bench.table.take(bench.lease, "thief", 99)
        before = bench.lease
        await asyncio.sleep(5)
        assert keeper.told == ["start 1", "lost"]
        finish(keeper.batches)
        await asyncio.sleep(3)
        assert bench.lease == before
        assert bench.group.snapshot().shards == ()
        await bench.end()

    virtually(main)


def test_a_processor_that_raises_starts_again_from_the_checkpoint_under_a_higher_epoch() -> None:
    """Nothing is skipped, and what it wrote before is outranked."""

    async def main() -> None:
        failures = [3, 2]
        got: list[tuple[int, int]] = []

        async def fragile(batch: Batch) -> None:
            for record in batch.records:
                if failures and len(got) > 30:
                    failures.pop()
                    raise RuntimeError("a fault")
                got.append((batch.lease.epoch, int(record.sequence_number)))

        bench = Bench(each_batch(fragile), records=100)
        await asyncio.sleep(20)
        await bench.end()
        assert not failures
        assert list(dict.fromkeys(number for _, number in got)) == bench.numbers
        epochs = [epoch for epoch, _ in got]
        assert (epochs[0], epochs[-1]) == (1, 3)
        assert epochs == sorted(epochs)

    virtually(main)


def test_a_processor_may_say_where_to_start() -> None:
    """Its own place overrides the lease's; the lease's checkpoint never goes back."""

    async def main() -> None:
        keeper = Keeper(override=Checkpoint("1050"))
        bench = Bench(keeper, records=100)
        await asyncio.sleep(3)
        assert keeper.numbers == list(range(1051, 1101))
        await bench.end()

    virtually(main)


def test_the_leases_checkpoint_never_goes_back() -> None:
    """A processor that starts earlier, by its own account, does the work again under the old checkpoint."""

    async def main() -> None:
        keeper = Keeper(override=Checkpoint("1010"))
        bench = Bench(keeper, records=100)
        await bench.table.create(Lease(FIRST, Checkpoint("1090")))
        await asyncio.sleep(3)
        places = []
        while bench.table.leases[FIRST].checkpoint != Checkpoint("1100"):
            next(batch for batch in keeper.batches if not batch.is_done).done()
            await asyncio.sleep(1.5)
            places.append(bench.lease.checkpoint)
        assert places == sorted(places)
        assert places[0] == Checkpoint("1090")
        await bench.end()

    virtually(main)


def test_a_worker_that_cannot_renew_stops_when_its_lease_expires() -> None:
    """By its own clock: from then on another may read the shard. It comes back with the table."""

    async def main() -> None:
        class Cut(MemoryLeaseTable):
            is_cut = False

            async def renew(self, lease: Lease, throughput: float | None = None) -> Lease:
                if self.is_cut:
                    raise LeaseTableUnavailable("cut off")
                return await super().renew(lease, throughput)

            async def take(self, lease: Lease, owner: str, epoch: int) -> Lease | None:
                if self.is_cut:
                    raise LeaseTableUnavailable("cut off")
                return await super().take(lease, owner, epoch)

        keeper, table = Keeper(), Cut()
        bench = Bench(keeper)
        await bench.end()
        bench.table, bench.stop = table, asyncio.Event()
        bench.task = asyncio.ensure_future(bench.worker("one", GroupSettings()).run(keeper, bench.stop))
        keeper.told.clear()
        await asyncio.sleep(20)
        table.is_cut = True
        await asyncio.sleep(5)
        assert keeper.told == ["start 1"]
        await asyncio.sleep(8)
        assert keeper.told == ["start 1", "lost"]
        table.is_cut = False
        await asyncio.sleep(5)
        assert [word.split()[0] for word in keeper.told] == ["start", "lost", "start"]
        await bench.end()

    virtually(main)


def test_a_shards_end_is_written_after_its_last_batch_and_its_childrens_leases() -> None:
    """And only then do the children start."""

    async def main() -> None:
        keeper = Keeper()
        bench = Bench(keeper, records=30)
        bench.stream.split(bench.stream.shards[FIRST])
        bench.stream.put("key", b"child")
        written: list[str] = []
        create, write = bench.table.create, bench.table.checkpoint

        async def noting_create(lease: Lease) -> bool:
            written.append(lease.shard_id)
            return await create(lease)

        async def noting_checkpoint(lease: Lease, checkpoint: Checkpoint, *more: Any) -> Lease:
            written.append(f"{lease.shard_id} {checkpoint.sequence_number}")
            return await write(lease, checkpoint, *more)

        bench.table.create, bench.table.checkpoint = noting_create, noting_checkpoint  # type: ignore[method-assign]
        await asyncio.sleep(10)
        assert keeper.batches[-1].shard_ended
        assert [child.shard_id for child in keeper.batches[-1].child_shards] == [
            "shardId-000000000001",
            "shardId-000000000002",
        ]
        finish(keeper.batches[:-1])
        await asyncio.sleep(10)
        assert not bench.lease.is_ended, "the last batch is not done"
        assert b"child" not in [record.data for batch in keeper.batches for record in batch.records]
        finish(keeper.batches)
        await asyncio.sleep(5)
        end = written.index(f"{FIRST} {SHARD_END}")
        assert {"shardId-000000000001", "shardId-000000000002"} <= set(written[:end])
        assert b"child" in [record.data for batch in keeper.batches for record in batch.records]
        assert bench.lease.children == ("shardId-000000000001", "shardId-000000000002")
        await bench.end()

    virtually(main)


@pytest.mark.parametrize("is_cleaned_up", [True, False])
def test_an_end_whose_answer_was_lost_makes_no_lease_of_a_child_again(is_cleaned_up: bool) -> None:
    """The children may have been delivered and their leases deleted meanwhile: made again, they would repeat it all."""

    async def main() -> None:
        keeper = Keeper()
        bench = Bench(keeper, records=3)
        bench.stream.split(bench.stream.shards[FIRST])
        write, lost = bench.table.checkpoint, list[str]()

        async def losing_checkpoint(lease: Lease, checkpoint: Checkpoint, *more: Any) -> Lease:
            written = await write(lease, checkpoint, *more)
            if checkpoint.sequence_number == SHARD_END and not lost:
                lost.append(lease.shard_id)
                for child in ("shardId-000000000001", "shardId-000000000002"):
                    del bench.table.leases[child]
                if is_cleaned_up:
                    del bench.table.leases[FIRST]
                raise LeaseTableUnavailable("no answer")
            return written

        bench.table.checkpoint = losing_checkpoint  # type: ignore[method-assign]
        await asyncio.sleep(10)
        finish(keeper.batches)
        made: list[str] = []
        create = bench.table.create

        async def noting_create(lease: Lease) -> bool:
            made.append(lease.shard_id)
            return await create(lease)

        await asyncio.sleep(0)
        while not lost:
            await asyncio.sleep(0.01)
        bench.table.create = noting_create  # type: ignore[method-assign]
        await asyncio.sleep(1.5)
        assert made == []
        await bench.end()

    virtually(main)


@pytest.mark.parametrize("hanging", ["open", "list_leases"])
def test_a_stop_while_the_group_starts_ends_it_at_once(hanging: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that is being made, or does not answer, holds up no stop; what waited for it has ended too."""

    async def main() -> None:
        told: list[str] = []

        async def hang(*_: object) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                told.append("ended")

        monkeypatch.setattr(MemoryLeaseTable, hanging, hang)
        bench = Bench(Keeper())
        await asyncio.sleep(3)
        await bench.end()
        assert asyncio.get_running_loop().time() < 4
        assert told == ["ended"]

    virtually(main)


def test_a_cancellation_while_the_group_starts_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call under way is cancelled with its worker, and has ended when that has."""

    async def main() -> None:
        told: list[str] = []

        async def hang(*_: object) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.1)
                told.append("ended")

        monkeypatch.setattr(MemoryLeaseTable, "open", hang)
        bench = Bench(Keeper())
        await asyncio.sleep(3)
        bench.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await bench.task
        assert told == ["ended"]

    virtually(main)


def test_a_checkpoint_interval_above_that_of_renewals_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """The log says how often progress is written in truth."""

    async def main() -> None:
        with caplog.at_level("INFO", "shardline"):
            bench = Bench(Keeper(), checkpoint_interval_seconds=60)
            await asyncio.sleep(1)
            await bench.end()
        assert "progress is written every 4 s, with each renewal" in caplog.messages

    virtually(main)


def test_a_drain_that_takes_too_long_is_cut_and_its_work_comes_again() -> None:
    """What is not done by the deadline is not checkpointed; the lease is released all the same."""

    async def main() -> None:
        keeper = Keeper(drain_seconds=1000)
        bench = Bench(keeper, records=50, drain_seconds=7)
        await asyncio.sleep(3)
        keeper.batches[0].done()
        last_done = keeper.batches[0].records[-1].sequence_number
        began = asyncio.get_running_loop().time()
        await bench.end()
        assert 7 <= asyncio.get_running_loop().time() - began < 8
        assert keeper.told == ["start 1", "drain", "lost"]
        assert (bench.lease.checkpoint, bench.lease.owner) == (Checkpoint(last_done), None)

    virtually(main)


def test_a_cancelled_group_still_saves_its_progress_and_releases() -> None:
    """Whatever ends the task, others need not wait for the lease to expire."""

    async def main() -> None:
        keeper = Keeper()
        bench = Bench(keeper, records=50)
        await asyncio.sleep(2)
        finish(keeper.batches)
        bench.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await bench.task
        assert bench.lease.checkpoint == Checkpoint(str(bench.numbers[-1]))
        assert bench.lease.owner is None

    virtually(main)


def test_latest_means_since_the_first_start_not_since_the_last() -> None:
    """Records that come while nobody runs are read by the next start."""

    async def main() -> None:
        first = Keeper()
        bench = Bench(first, records=20, initial_position=LATEST)
        await asyncio.sleep(8)
        await bench.end()
        assert first.numbers == []
        missed = int(bench.stream.put("key", b"while nobody runs"))
        second, stop = Keeper(), asyncio.Event()
        group = bench.worker("two", GroupSettings(initial_position=LATEST))
        task = asyncio.ensure_future(group.run(second, stop))
        await asyncio.sleep(8)
        assert missed in second.numbers
        stop.set()
        await task

    virtually(main)


@pytest.mark.parametrize("ending", ["failure", "death"])
def test_records_in_the_first_event_after_latest_are_never_skipped(ending: str) -> None:
    """Kinesis may begin with records, and what is read ahead may join them to its empty first event."""

    class StartsWithRecords(MemorySource):
        async def subscribe(
            self, shard_id: str, position: Checkpoint, *, after: bool
        ) -> AsyncIterator[SubscribeToShardEvent]:
            async for told in super().subscribe(shard_id, position, after=after):
                if told.records:
                    yield told

    async def main() -> None:
        got: list[int] = []
        failures = iter([True])

        async def note(batch: Batch) -> None:
            if next(failures, False):
                if ending == "death":
                    await asyncio.Event().wait()
                raise RuntimeError("the sink is away")
            got.extend(int(record.sequence_number) for record in batch.records)

        stream, table, stop = MemoryStream(1), MemoryLeaseTable(), asyncio.Event()

        def worker(name: str) -> asyncio.Task[None]:
            settings = GroupSettings(initial_position=LATEST, checkpoint_interval_seconds=3)
            group = ConsumerGroup(
                stream="stream",
                application="app",
                kinesis=None,
                lease_table=table,
                worker_id=name,
                settings=settings,
                source=StartsWithRecords(stream),
            )
            return asyncio.ensure_future(group.run(each_batch(note), stop))

        first = worker("one")
        await asyncio.sleep(3)
        wanted = [int(stream.put("key", b"1")), int(stream.put("key", b"2"))]
        await asyncio.sleep(0.5)
        tasks = [first]
        if ending == "death":  # nothing of the first worker is written any more
            table.leases = {shard: replace(lease, counter=lease.counter + 9) for shard, lease in table.leases.items()}
            tasks.append(worker("two"))
        await asyncio.sleep(30)
        assert got == wanted
        stop.set()
        await asyncio.gather(*tasks)

    virtually(main)


def test_a_table_that_answers_late_delays_the_start_and_no_more() -> None:
    """And a stop meanwhile is heeded."""

    async def main() -> None:
        class Slow(MemoryLeaseTable):
            refusals = 5

            async def open(self, group: str) -> None:
                if self.refusals:
                    self.refusals -= 1
                    raise LeaseTableUnavailable("not yet")

        keeper, stop = Keeper(), asyncio.Event()
        bench = Bench(keeper, records=5)
        await bench.end()
        bench.table = Slow()
        task = asyncio.ensure_future(bench.worker("two", GroupSettings()).run(keeper, stop))
        await asyncio.sleep(20)
        assert keeper.numbers[-5:] == bench.numbers
        stop.set()
        await task
        bench.table.refusals = 10**9
        again = asyncio.Event()
        task = asyncio.ensure_future(bench.worker("three", GroupSettings()).run(keeper, again))
        await asyncio.sleep(20)
        again.set()
        await asyncio.wait_for(task, 1)

    virtually(main)


def test_the_table_of_another_group_is_not_touched() -> None:
    """Two groups on one table would each lose what the other reads."""

    async def main() -> None:
        bench = Bench(Keeper())
        await asyncio.sleep(1)
        other = ConsumerGroup(
            stream="stream",
            application="other",
            kinesis=None,
            lease_table=bench.table,
            source=MemorySource(bench.stream),
        )
        with pytest.raises(LeaseTableMismatch, match="app/stream"):
            await other.run(Keeper(), asyncio.Event())
        await bench.end()

    virtually(main)


def test_a_shard_that_kinesis_no_longer_keeps_is_ended() -> None:
    """Its processor is told that it ended, and the group goes on."""

    async def main() -> None:
        keeper = Keeper()
        bench = Bench(keeper)
        await bench.table.create(Lease("shardId-gone", Checkpoint("5")))
        await asyncio.sleep(10)
        (last,) = keeper.batches
        assert (last.lease.shard_id, last.shard_ended, last.child_shards) == ("shardId-gone", True, ())
        last.done()
        await asyncio.sleep(100)
        assert "shardId-gone" not in bench.table.leases
        await bench.end()

    virtually(main)


def test_the_snapshot_tells_how_each_shard_is_read() -> None:
    """What a user needs for metrics: the way of reading, its rate and its troubles, what is in flight."""

    async def main() -> None:
        failures = [True]

        async def fragile(batch: Batch) -> None:
            if batch.records and failures:
                failures.pop()
                raise RuntimeError("a fault")

        bench = Bench(each_batch(fragile), records=100)
        await asyncio.sleep(20)
        snapshot = bench.group.snapshot()
        (state,) = snapshot.shards
        assert (state.stream, state.shard_id, state.reading) == ("stream", FIRST, "fan_out")
        assert (state.restarts, state.records_in_flight) == (1, 0)
        assert state.records >= 100
        assert state.subscriptions >= 2
        assert state.throughput is not None
        assert state.throughput > 0
        assert (snapshot.transport, snapshot.records_in_flight, snapshot.data_losses) == ("auto", 0, 0)
        await bench.end()
        after = bench.group.snapshot()
        assert (after.shards, after.restarts) == ((), 1), "what a shard counted stays counted when it is given up"

    virtually(main)
