"""A group's batches as an iterator: every way in and every way out, in virtual time."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from shardline import (
    SHARD_END,
    TRIM_HORIZON,
    Batch,
    Batches,
    Budget,
    Checkpoint,
    ConsumerGroup,
    GroupSettings,
    Lease,
    LeaseLost,
    LeaseTableMismatch,
    LeaseTableUnavailable,
    ShardLease,
)
from shardline.testing import MemoryLeaseTable, MemorySource, MemoryStream, run_in_virtual_time

FIRST = "shardId-000000000000"


class Bench:
    """A stream with records on every shard, and workers on it."""

    def __init__(self, shards: int = 1, records: int = 0) -> None:
        self.stream, self.table = MemoryStream(shards), MemoryLeaseTable()
        self.put(records)

    def put(self, records: int) -> list[int]:
        return [int(self.stream.put(f"key-{place}", b"12345678")) for place in range(records)]

    def group(self, name: str = "one", *, budget: Budget | None = None, **settings: Any) -> ConsumerGroup:
        return ConsumerGroup(
            stream="stream",
            application="app",
            kinesis=None,
            lease_table=self.table,
            worker_id=name,
            settings=GroupSettings(**settings),
            source=MemorySource(self.stream),
            budget=budget,
        )

    @property
    def lease(self) -> Lease:
        return self.table.leases[FIRST]

    @property
    def holders(self) -> set[str | None]:
        return {lease.holder for lease in self.table.leases.values()}

    def written(self, shard_id: str = FIRST) -> list[int]:
        return [int(record.sequence_number) for record in self.stream.shards[shard_id].records]


def numbers(batch: Batch) -> list[int]:
    return [int(record.sequence_number) for record in batch.records]


def virtually(main: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        before = asyncio.all_tasks()
        await main()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before, "every task is over"

    run_in_virtual_time(run())


async def first_within_a_block(batches: Batches) -> Batch:
    async with batches:
        return await anext(batches)


@asynccontextmanager
async def stopping_after(seconds: float) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    timer = asyncio.get_running_loop().call_later(seconds, stop.set)
    yield stop
    timer.cancel()


@pytest.mark.parametrize("within_a_block", [True, False])
def test_a_loop_over_batches_is_all_that_is_needed(within_a_block: bool) -> None:
    """Every record comes in order; after the stop it is checkpointed, the leases are free, every task is over."""

    async def main() -> None:
        bench, got = Bench(shards=2, records=100), []

        async def work(batches: Batches) -> None:
            async for batch in batches:
                got.extend(numbers(batch))
                await batch.done()

        async with stopping_after(5) as stop:
            if within_a_block:
                async with bench.group().batches(stop) as batches:
                    await work(batches)
            else:
                await work(bench.group().batches(stop))
        for shard_id, lease in bench.table.leases.items():
            of_shard = bench.written(shard_id)
            assert [number for number in got if number in set(of_shard)] == of_shard
            assert (lease.checkpoint, lease.holder) == (Checkpoint(str(of_shard[-1])), None)

    virtually(main)


def test_a_slow_consumer_keeps_its_leases_and_paces_the_reading() -> None:
    """Ten times the lease's duration over one batch: renewed all the while, and read no further than the bounds."""

    async def main() -> None:
        bench = Bench(records=500)
        async with bench.group(max_in_flight_records=60, max_batch_records=30).batches() as batches:
            first = await anext(batches)
            await asyncio.sleep(100)
            assert (bench.lease.owner, bench.lease.epoch) == ("one", 1)
            assert not first.lease_lost
            assert bench.lease.checkpoint == Checkpoint(TRIM_HORIZON)
            out = [first]
            with suppress(TimeoutError):
                async with asyncio.timeout(20):
                    while True:
                        out.append(await anext(batches))
            assert 60 <= sum(len(batch.records) for batch in out) < 60 + 50, "one batch beyond the bound at most"
            for batch in out:
                batch.done()
            following = await anext(batches)
            assert numbers(following)[0] == numbers(out[-1])[-1] + 1

    virtually(main)


def test_shards_come_by_turns() -> None:
    """With one consumer no shard waits while another is served twice."""

    async def main() -> None:
        bench, turns = Bench(shards=4, records=2000), []
        async with bench.group(max_batch_records=20).batches() as batches:
            async for batch in batches:
                await asyncio.sleep(1)
                turns.append(batch.lease.shard_id)
                batch.done()
                if len(turns) == 40:
                    break
        for place in range(4, 40, 4):
            assert len(set(turns[place : place + 4])) == 4

    virtually(main)


@pytest.mark.parametrize("way", ["break", "error", "cancellation"])
def test_a_block_left_early_saves_what_is_done_and_gives_everything_up(way: str) -> None:
    """Without waiting for what is not done: it is left to the next owner."""

    async def main() -> None:
        bench, out = Bench(shards=2, records=100), []
        loop = asyncio.get_running_loop()

        async def consume() -> None:
            async with bench.group().batches() as batches:
                async for batch in batches:
                    if out:
                        out.append(batch)
                        if way == "break":
                            break
                        if way == "error":
                            raise KeyError("a fault")
                        await asyncio.sleep(1000)
                    out.append(batch)
                    batch.done()

        task = asyncio.create_task(consume())
        await asyncio.sleep(5)
        began = loop.time()
        task.cancel()
        await asyncio.wait([task])
        assert loop.time() - began < 0.1
        assert task.cancelled() == (way == "cancellation")
        assert isinstance(None if task.cancelled() else task.exception(), KeyError) == (way == "error")
        done, undone = out
        assert bench.table.leases[done.lease.shard_id].checkpoint == Checkpoint(str(numbers(done)[-1]))
        if undone.lease.shard_id != done.lease.shard_id:
            assert bench.table.leases[undone.lease.shard_id].checkpoint == Checkpoint(TRIM_HORIZON)
        assert bench.holders == {None}
        assert undone.lease_lost
        before = dict(bench.table.leases)
        undone.done()
        assert not undone.is_done
        assert bench.table.leases == before

    virtually(main)


def test_a_plain_loop_cancelled_while_it_waits_gives_up_before_it_is_over() -> None:
    """No block is needed for that; the object is used up then."""

    async def main() -> None:
        bench = Bench(records=20)
        batches = bench.group().batches()

        async def consume() -> None:
            async for batch in batches:
                batch.done()

        task = asyncio.create_task(consume())
        await asyncio.sleep(5)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert (bench.lease.checkpoint, bench.lease.holder) == (Checkpoint(str(bench.written()[-1])), None)
        assert [batch async for batch in batches] == []

    virtually(main)


def test_a_plain_loop_left_by_break_gives_up_in_the_background_and_says_so() -> None:
    """A ResourceWarning tells of the block that is missing."""

    async def main() -> None:
        bench = Bench(records=20)

        async def consume() -> None:
            async for batch in bench.group().batches():
                batch.done()
                break

        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            await consume()
            gc.collect()
        assert [each.category for each in told] == [ResourceWarning]
        await asyncio.sleep(1)
        assert (bench.lease.checkpoint > Checkpoint(TRIM_HORIZON), bench.lease.holder) == (True, None)

    virtually(main)


def test_the_end_of_the_block_waits_for_what_was_taken_before_the_stop() -> None:
    """A consumer that gathers finishes after the loop, or in another task; what nobody took is withdrawn."""

    async def main() -> None:
        bench = Bench(shards=3, records=300)
        loop = asyncio.get_running_loop()
        taken: list[Batch] = []
        async with stopping_after(5) as stop:
            async with bench.group(max_batch_records=20).batches(stop) as batches:
                async for batch in batches:
                    taken.append(batch)
                    await asyncio.sleep(1)
                assert 5 <= loop.time() < 6.1, "the iteration ends at the stop"
                for batch in taken[:-1]:
                    batch.done()
                loop.call_later(7, taken[-1].done)
            assert 12 <= loop.time() < 13.1
        assert bench.holders == {None}
        last = {batch.lease.shard_id: batch.records[-1].sequence_number for batch in taken}
        assert {key: lease.checkpoint for key, lease in bench.table.leases.items()} == {
            key: Checkpoint(number) for key, number in last.items()
        }

    virtually(main)


def test_a_batch_that_is_never_done_delays_the_end_by_the_drain_time_at_most() -> None:
    """It is not checkpointed; the lease is free all the same."""

    async def main() -> None:
        bench = Bench(records=30)
        loop = asyncio.get_running_loop()
        async with stopping_after(5) as stop:
            async with bench.group(drain_seconds=9).batches(stop) as batches:
                forgotten = await anext(batches)
                await stop.wait()
            assert 14 <= loop.time() < 14.1
        assert forgotten.lease_lost
        assert (bench.lease.checkpoint, bench.lease.holder) == (Checkpoint(TRIM_HORIZON), None)

    virtually(main)


def test_a_hand_off_waits_for_the_batches_that_are_out() -> None:
    """The newcomer starts where the former owner's last batch ends: nothing comes twice, nothing is left out."""

    async def main() -> None:
        bench, stop = Bench(shards=2, records=200), asyncio.Event()
        got: list[tuple[str, int]] = []

        async def consume(name: str, seconds: float) -> None:
            async with bench.group(name, max_batch_records=10, rebalance_seconds=1).batches(stop) as batches:
                async for batch in batches:
                    await asyncio.sleep(seconds)
                    got.extend((name, number) for number in numbers(batch))
                    batch.done()

        first = asyncio.create_task(consume("one", 3))
        await asyncio.sleep(10)
        second = asyncio.create_task(consume("two", 0.1))
        await asyncio.sleep(400)
        assert {lease.owner for lease in bench.table.leases.values()} == {"one", "two"}
        stop.set()
        await asyncio.gather(first, second)
        every = [number for _, number in got]
        assert sorted(every) == sorted(bench.written(FIRST) + bench.written("shardId-000000000001"))
        assert {name for name, _ in got} == {"one", "two"}

    virtually(main)


def test_batches_of_a_lost_lease_are_skipped_and_marked() -> None:
    """What waits is withdrawn; what is out says so, and its done does nothing."""

    async def main() -> None:
        bench = Bench(records=100)
        async with bench.group(max_batch_records=10).batches() as batches:
            out = await anext(batches)
            await asyncio.sleep(1)
            bench.table.leases[FIRST] = stolen = (await bench.table.take(bench.lease, "thief", 99)) or bench.lease
            await asyncio.sleep(5)
            assert out.lease_lost
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2):
                    await anext(batches)
            out.done()
            await asyncio.sleep(1)
            assert not out.is_done
            assert bench.lease == stolen
            with pytest.raises(LeaseLost):
                await out.committed()

    virtually(main)


def test_several_tasks_take_turns_and_keep_each_shards_order() -> None:
    """In turn: a shard's next batch comes when its former one is done, whoever has it."""

    async def main() -> None:
        bench, got = Bench(shards=3, records=300), []
        busy: set[str] = set()
        at_once = 0

        async def work(batches: Batches, seconds: float) -> None:
            nonlocal at_once
            async for batch in batches:
                shard_id = batch.lease.shard_id
                assert shard_id not in busy
                busy.add(shard_id)
                at_once = max(at_once, len(busy))
                await asyncio.sleep(seconds)
                got.extend(numbers(batch))
                busy.remove(shard_id)
                batch.done()

        async with stopping_after(200) as stop:
            group = bench.group(max_batch_records=10)
            async with group.batches(stop, in_turn=True) as batches, asyncio.TaskGroup() as tasks:
                for place in range(4):
                    tasks.create_task(work(batches, 0.3 + place))
        for shard_id in bench.stream.shards:
            of_shard = bench.written(shard_id)
            assert [number for number in got if number in set(of_shard)] == of_shard
        assert at_once == 3

    virtually(main)


@pytest.mark.parametrize("empty", [False, True])
def test_the_end_of_a_shard_needs_nobodys_help_unless_asked_for(empty: bool) -> None:
    """Its children follow. With `empty` the consumer sees heartbeats and the end, and says when it is done."""

    async def main() -> None:
        bench, got = Bench(), []
        bench.stream.split(bench.stream.shards[FIRST])
        bench.put(20)
        heartbeats = ends = 0
        async with stopping_after(20) as stop, bench.group().batches(stop, empty=empty) as batches:
            async for batch in batches:
                got.extend(numbers(batch))
                ends += batch.shard_ended
                heartbeats += not batch.records and not batch.shard_ended
                batch.done()
        assert len(got) == 20
        assert bench.lease.checkpoint == Checkpoint(SHARD_END)
        assert (ends, heartbeats > 0) == ((1, True) if empty else (0, False))

    virtually(main)


def test_a_stop_before_the_end_of_a_shard_is_taken_does_not_wait_for_it() -> None:
    """The end is withdrawn like any batch, and the next owner sees it again."""

    async def main() -> None:
        bench = Bench(records=5)
        bench.stream.split(bench.stream.shards[FIRST])
        loop = asyncio.get_running_loop()
        async with stopping_after(5) as stop:
            async with bench.group().batches(stop):
                await stop.wait()
            assert loop.time() < 5.1
        assert (bench.lease.checkpoint, bench.lease.holder) == (Checkpoint(TRIM_HORIZON), None)

    virtually(main)


@pytest.mark.parametrize("within_a_block", [True, False])
def test_what_the_group_raises_comes_out_of_the_loop(within_a_block: bool) -> None:
    """Another group's table ends the iteration with the group's own error."""

    async def main() -> None:
        bench = Bench()
        await bench.table.open("another")
        batches = bench.group().batches()
        with pytest.raises(LeaseTableMismatch):
            await (first_within_a_block(batches) if within_a_block else anext(batches))
        with pytest.raises(StopAsyncIteration if within_a_block else LeaseTableMismatch):
            await anext(batches)
        await batches.aclose()

    virtually(main)


def test_a_stop_while_the_lease_table_is_away_ends_the_iteration() -> None:
    """Before the first batch too."""

    class Away(MemoryLeaseTable):
        async def open(self, group: str) -> None:
            raise LeaseTableUnavailable("away")

    async def main() -> None:
        bench = Bench()
        bench.table = Away()
        async with stopping_after(30) as stop:
            assert [batch async for batch in bench.group().batches(stop)] == []

    virtually(main)


def test_a_batch_tells_when_it_is_checkpointed() -> None:
    """Done is at once, committed with the next checkpoint, and not before every earlier batch is done."""

    async def main() -> None:
        bench = Bench(records=60)
        async with bench.group(checkpoint_interval_seconds=3, max_batch_records=10).batches() as batches:
            first, second = await anext(batches), await anext(batches)
            second.done()
            waiting = asyncio.create_task(second.committed())
            await asyncio.sleep(7)
            assert not waiting.done()
            first.done()
            await waiting
            assert bench.lease.checkpoint == Checkpoint(str(numbers(second)[-1]))
            await first.committed()

    virtually(main)


def test_a_process_holds_a_bounded_number_of_records_and_slow_shards_starve_no_other() -> None:
    """Read ahead or given out: all count. Three shards whose batches are never done leave the fourth its part."""

    async def main() -> None:
        bench, most = Bench(shards=4, records=4000), 400
        free = "shardId-000000000003"
        budget = Budget(most, 10**9)
        largest, got = 0, []
        stop = asyncio.Event()

        async def work(batch: Batch) -> None:
            got.extend(numbers(batch))
            batch.done()

        class Stuck:
            async def start(self, lease: ShardLease) -> Checkpoint | None:
                return None

            async def process(self, batch: Batch) -> None:
                nonlocal largest
                largest = max(largest, budget.records)
                if batch.lease.shard_id == free:
                    await work(batch)

            async def drain(self, lease: ShardLease) -> None:
                return None

            async def lost(self, lease: ShardLease) -> None:
                return None

        group = bench.group(budget=budget)
        task = asyncio.create_task(group.run(Stuck(), stop))
        await asyncio.sleep(60)
        in_flight = sum(shard.records_in_flight for shard in group.snapshot().shards)
        assert most / 2 <= in_flight <= budget.records <= most + 4 * 20
        assert largest <= most + 4 * 20, "one push a shard beyond the bound at most"
        assert got == bench.written(free)
        stop.set()
        await task
        assert (budget.records, budget.size) == (0, 0), "what is given up is given back"

    virtually(main)


def test_work_done_after_a_loss_is_given_back_to_the_budget_once() -> None:
    """Else the process would read on beyond its bound, or stop reading."""

    async def main() -> None:
        bench, budget = Bench(records=200), Budget(1000, 10**9)
        async with bench.group(budget=budget, max_batch_records=10).batches() as batches:
            out = [await anext(batches), await anext(batches)]
            out[0].done()
            await asyncio.sleep(1)
            held = budget.records
            await bench.table.take(bench.lease, "thief", 99)
            await asyncio.sleep(5)
            assert held > budget.records == 0
            out[1].done()
            assert budget.records == 0

    virtually(main)


def test_a_block_left_while_leases_are_coming_leaves_none_to_a_worker_that_is_gone() -> None:
    """What it asked for stays with its owner, who else would hand it over to nobody."""

    async def main() -> None:
        bench, stop = Bench(shards=2, records=400), asyncio.Event()

        async def consume() -> None:
            async with bench.group("one", max_batch_records=5).batches(stop) as batches:
                async for batch in batches:
                    await asyncio.sleep(8)
                    batch.done()

        first = asyncio.create_task(consume())
        await asyncio.sleep(20)
        async with bench.group("two").batches():
            async with asyncio.timeout(30):
                while "two" not in {lease.owner for lease in bench.table.leases.values()}:
                    await asyncio.sleep(0.1)
            assert "two" not in bench.holders, "asked for, not come"
        assert {lease.owner for lease in bench.table.leases.values()} <= {"one", None}
        await asyncio.sleep(20)
        assert {lease.owner for lease in bench.table.leases.values()} == {"one"}
        stop.set()
        await first

    virtually(main)


def test_a_batch_that_is_done_and_dropped_is_not_kept() -> None:
    """Not even behind one that is never done: memory is bounded by what is undone."""

    async def main() -> None:
        bench = Bench(records=2000)
        async with bench.group(max_batch_records=5).batches() as batches:
            stuck = await anext(batches)
            for _ in range(50):
                (await anext(batches)).done()
            gc.collect()
            kept = [each for each in gc.get_objects() if type(each) is Batch and each.lease is stuck.lease]
            assert len(kept) <= 3, "the stuck one, and what is on its way"

    virtually(main)
