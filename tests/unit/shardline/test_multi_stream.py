"""One group on many streams, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from shardline import (
    LATEST,
    SHARD_END,
    TRIM_HORIZON,
    Batch,
    Checkpoint,
    GroupSettings,
    Lease,
    MultiStreamGroup,
    Shard,
    ShardGone,
    StreamUnavailable,
    each_batch,
)
from shardline.model import ChildShard
from shardline.streams.table import MultiStreamTable
from shardline.testing import MemoryLeaseTable, MemorySource, MemoryStream, run_in_virtual_time

ACCOUNT = "123456789012"


class Account:
    """Streams by name, each with the second it was created in; and what went wrong with them."""

    def __init__(self) -> None:
        self.streams: dict[str, tuple[MemoryStream, int]] = {}
        self.away: set[str] = set()
        self.identified: Counter[str] = Counter()
        self.is_closed = False

    def create(self, name: str, shards: int = 1, created: int = 1_700_000_000) -> MemoryStream:
        self.streams[name] = (MemoryStream(shards), created)
        return self.streams[name][0]

    async def identify(self, stream: str) -> str:
        self.identified[stream] += 1
        self.check(stream)
        return f"{ACCOUNT}:{stream}:{self.streams[stream][1]}"

    def source(self, stream: str) -> MemorySource:
        account = self

        class Watched(MemorySource):
            async def list_shards(self) -> list[Shard]:
                account.check(stream)
                if account.streams[stream][0] is not self._stream:
                    return await MemorySource(account.streams[stream][0]).list_shards()
                return await super().list_shards()

        return Watched(self.streams[stream][0])

    def check(self, stream: str) -> None:
        if stream in self.away:
            raise StreamUnavailable(f"{stream}: throttled")
        if stream not in self.streams:
            raise ShardGone(f"{stream}: ResourceNotFoundException")

    async def aclose(self) -> None:
        self.is_closed = True


class Bench:
    def __init__(self, **shards: int) -> None:
        self.account, self.table = Account(), MemoryLeaseTable()
        self.put: dict[str, list[int]] = defaultdict(list)
        self.got: dict[str, list[int]] = defaultdict(list)
        self.by: dict[str, set[str]] = defaultdict(set)
        self.wanted = list(shards)
        for name, count in shards.items():
            self.account.create(name, count)
            self.write(name, 20)

    def write(self, name: str, records: int) -> None:
        stream = self.account.streams[name][0]
        self.put[name] += [int(stream.put(f"key-{place}", b"x")) for place in range(records)]

    async def listed(self) -> list[str]:
        return self.wanted

    def group(self, worker: str = "one", *, fixed: bool = False, **more: Any) -> MultiStreamGroup:
        settings = more.pop("settings", GroupSettings(shard_sync_interval_seconds=10))
        return MultiStreamGroup(
            streams=list(self.wanted) if fixed else self.listed,
            application="app",
            kinesis=None,
            lease_table=self.table,
            worker_id=worker,
            settings=settings,
            sources=self.account,
            **more,
        )

    @asynccontextmanager
    async def running(self, worker: str = "one", **more: Any) -> AsyncIterator[MultiStreamGroup]:
        stop, group = asyncio.Event(), self.group(worker, **more)

        async def note(batch: Batch) -> None:
            self.got[batch.lease.stream].extend(int(record.sequence_number) for record in batch.records)
            self.by[batch.lease.stream].add(worker)

        task = asyncio.create_task(group.run(each_batch(note), stop))
        yield group
        stop.set()
        await task

    def lease(self, name: str, shard: int = 0) -> Lease:
        created = self.account.streams[name][1]
        return self.table.leases[f"{ACCOUNT}:{name}:{created}:shardId-{shard:012d}"]

    @property
    def complete(self) -> bool:
        return all(sorted(self.got[name]) == numbers for name, numbers in self.put.items())


def virtually(main: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await main()

    run_in_virtual_time(run())


@pytest.mark.parametrize("fixed", [True, False])
def test_every_stream_is_read_and_a_batch_tells_its_own(fixed: bool) -> None:
    """With one table, under the lease keys of KCL's multi-stream mode, and plain shard ids for the processor."""

    async def main() -> None:
        bench = Bench(one=2, two=1, three=3)
        async with bench.running(fixed=fixed) as group:
            await asyncio.sleep(5)
            assert bench.complete
            told = {(shard.stream, shard.shard_id) for shard in group.snapshot().shards}
            assert told == {
                (name, f"shardId-{place:012d}")
                for name, count in {"one": 2, "two": 1, "three": 3}.items()
                for place in range(count)
            }
        assert len(bench.table.leases) == 6
        assert bench.lease("two").checkpoint == Checkpoint(str(bench.put["two"][-1]))
        assert {lease.holder for lease in bench.table.leases.values()} == {None}
        assert bench.account.is_closed

    virtually(main)


def test_the_shards_of_all_streams_are_shared_out_together() -> None:
    """Six streams of one shard each: a newcomer gets three, where sharing stream by stream would give it none."""

    async def main() -> None:
        bench = Bench(**dict.fromkeys("abcdef", 1))
        async with bench.running("one"):
            await asyncio.sleep(5)
            async with bench.running("two"):
                await asyncio.sleep(60)
                owners = Counter(lease.owner for lease in bench.table.leases.values())
                assert owners == {"one": 3, "two": 3}
                for name in bench.wanted:
                    bench.write(name, 10)
                await asyncio.sleep(5)
        assert bench.complete

    virtually(main)


def test_streams_come_and_go_while_the_group_runs() -> None:
    """A new one is read from its beginning; one no longer wanted is given up, and its checkpoint kept."""

    async def main() -> None:
        bench = Bench(one=1, two=1)
        async with bench.running():
            await asyncio.sleep(5)
            bench.account.create("late", 2)
            bench.write("late", 20)
            bench.wanted = ["one", "late"]
            await asyncio.sleep(25)
            assert bench.complete
            assert bench.lease("two").holder is None
            assert bench.lease("one").holder == "one"
            bench.write("two", 10)
            await asyncio.sleep(30)
            assert len(bench.got["two"]) == 20, "nobody reads it"
            bench.wanted = ["one", "two", "late"]
            await asyncio.sleep(25)
            assert bench.complete, "it goes on where it was, without a repeat"

    virtually(main)


def test_leases_of_a_former_stream_are_deleted_after_the_grace() -> None:
    """Not before, and not while another worker still reads it."""

    async def main() -> None:
        bench = Bench(one=1, two=1)
        async with bench.running(former_stream_grace_seconds=300):
            await asyncio.sleep(5)
            bench.wanted = ["one"]
            await asyncio.sleep(250)
            assert len(bench.table.leases) == 2
            await asyncio.sleep(120)
            assert [key.split(":")[1] for key in bench.table.leases] == ["one"]

            two = bench.account.create("two")
            two.put("key", b"x")
            bench.wanted = ["two"]
            async with bench.running("another", fixed=True):
                await asyncio.sleep(30)
                bench.wanted = ["one"]
                await asyncio.sleep(1000)
                assert bench.lease("two").owner == "another", "whose list still has it"

    virtually(main)


def test_a_stream_that_is_not_there_holds_up_no_other() -> None:
    """It is read when it comes; the same goes for one that cannot be asked about at first."""

    async def main() -> None:
        bench = Bench(one=1, throttled=1)
        bench.wanted.append("future")
        bench.account.away.add("throttled")
        async with bench.running():
            await asyncio.sleep(15)
            assert sorted(bench.got["one"]) == bench.put["one"]
            assert not bench.got["throttled"]
            bench.account.away.clear()
            bench.account.create("future")
            bench.write("future", 10)
            await asyncio.sleep(25)
            assert bench.complete

    virtually(main)


def test_a_stream_that_cannot_be_listed_for_a_while_loses_no_lease() -> None:
    """What was last known of its shards counts meanwhile."""

    async def main() -> None:
        bench = Bench(one=2, two=1)
        stream = bench.account.streams["one"][0]
        async with bench.running():
            await asyncio.sleep(5)
            stream.split(stream.shards["shardId-000000000000"])
            bench.write("one", 20)
            bench.account.away.add("one")
            await asyncio.sleep(60)
            assert bench.complete
            assert {key for key in bench.table.leases if ":one:" in key} >= {
                f"{ACCOUNT}:one:1700000000:shardId-{place:012d}" for place in (1, 2, 3)
            }

    virtually(main)


def test_a_stream_made_anew_under_its_name_starts_afresh() -> None:
    """Its old sequence numbers mean nothing: it has leases of its own."""

    async def main() -> None:
        bench = Bench(one=1, two=1)
        async with bench.running():
            await asyncio.sleep(5)
            del bench.account.streams["one"]
            await asyncio.sleep(25)
            assert f"{ACCOUNT}:one:1700000000:shardId-000000000000" in bench.table.leases, "within the grace"
            bench.account.create("one", created=1_800_000_000)
            bench.put["one"].clear()
            bench.got["one"].clear()
            bench.write("one", 5)
            await asyncio.sleep(25)
            assert bench.complete
            assert bench.lease("one").checkpoint == Checkpoint(str(bench.put["one"][-1]))

    virtually(main)


def test_leases_of_a_wanted_stream_outlast_any_time_in_which_it_cannot_be_read() -> None:
    """A role that may not describe it, or a throttle, is no reason to forget how far the group has read."""

    async def main() -> None:
        bench = Bench(one=1, two=1)
        async with bench.running():
            await asyncio.sleep(5)
        before = bench.lease("two").checkpoint
        bench.account.away.add("two")
        bench.write("two", 5)
        async with bench.running("another", former_stream_grace_seconds=300):
            await asyncio.sleep(1000)
            assert bench.lease("two").checkpoint == before
            bench.account.away.clear()
            await asyncio.sleep(25)
            assert bench.complete, "it goes on where it was"

    virtually(main)


def test_a_stream_made_anew_between_two_listings_is_noticed() -> None:
    """Its shards have the ids of the old one's, some of which had ended: nobody would read them."""

    async def main() -> None:
        bench = Bench(one=1, two=1)
        async with bench.running():
            await asyncio.sleep(5)
            old = bench.account.streams["one"][0]
            old.split(old.shards["shardId-000000000000"])
            await asyncio.sleep(15)
            assert bench.lease("one").is_ended
            bench.account.create("one", created=1_800_000_000)
            bench.put["one"].clear()
            bench.got["one"].clear()
            bench.write("one", 5)
            await asyncio.sleep(25)
            assert bench.complete
            assert bench.lease("one").checkpoint == Checkpoint(str(bench.put["one"][-1]))

    virtually(main)


def test_a_reshard_of_one_stream_follows_the_lineage_within_it() -> None:
    """Children wait for their parents; rows name both by plain shard ids, as those of the KCL do."""

    async def main() -> None:
        bench = Bench(one=1, two=1)
        first = bench.account.streams["one"][0]
        first.split(first.shards["shardId-000000000000"])
        bench.write("one", 40)
        async with bench.running(settings=GroupSettings()):
            await asyncio.sleep(20)
        assert bench.complete
        parent, child = bench.lease("one"), bench.lease("one", 1)
        assert parent.checkpoint == Checkpoint(SHARD_END)
        assert parent.children == ("shardId-000000000001", "shardId-000000000002")
        assert child.parents == ("shardId-000000000000",)
        assert bench.lease("two").checkpoint == Checkpoint(str(bench.put["two"][-1]))

    virtually(main)


def test_a_restart_reads_nothing_again_though_old_parents_are_still_listed() -> None:
    """Their leases are gone, those of their children say that they were passed."""

    async def main() -> None:
        bench = Bench(one=1, two=1)
        first = bench.account.streams["one"][0]
        first.split(first.shards["shardId-000000000000"])
        bench.write("one", 40)
        async with bench.running():
            await asyncio.sleep(60)
        assert not any(key.endswith("one:1700000000:shardId-000000000000") for key in bench.table.leases)
        before = {name: list(numbers) for name, numbers in bench.got.items()}
        async with bench.running("two"):
            await asyncio.sleep(30)
        assert bench.got == before

    virtually(main)


def test_a_list_of_streams_that_fails_changes_nothing() -> None:
    """The last answer holds until there is another; before the first the group waits."""

    async def main() -> None:
        bench, fails = Bench(one=1), True

        async def wanted() -> list[str]:
            if fails:
                raise OSError("the catalogue is away")
            return ["one"]

        bench.listed = wanted  # type: ignore[method-assign]
        async with bench.running():
            await asyncio.sleep(10)
            assert not bench.got
            fails = False
            await asyncio.sleep(10)
            assert bench.complete
            fails = True
            bench.write("one", 10)
            await asyncio.sleep(60)
            assert bench.complete

    virtually(main)


def test_batches_of_many_streams_come_from_one_iterator() -> None:
    """By turns, whatever stream they are of; the same bounds hold."""

    async def main() -> None:
        bench = Bench(one=1, two=1, three=1)
        seen = Counter[str]()
        async with bench.group(fixed=True).batches() as batches:
            async for batch in batches:
                seen[batch.lease.stream] += len(batch.records)
                batch.done()
                if seen.total() == 60:
                    break
        assert seen == {"one": 20, "two": 20, "three": 20}
        assert {lease.holder for lease in bench.table.leases.values()} == {None}

    virtually(main)


def test_a_late_stream_starts_where_the_settings_say() -> None:
    """LATEST holds for each stream from when it is first read."""

    async def main() -> None:
        bench = Bench(one=1)
        settings = GroupSettings(initial_position=LATEST, shard_sync_interval_seconds=10)
        async with bench.running(settings=settings):
            await asyncio.sleep(10)
            assert not bench.got["one"]
            bench.got["one"] += bench.put["one"]
            bench.write("one", 5)
            await asyncio.sleep(5)
            assert bench.complete

    virtually(main)


async def test_rows_have_plain_lineage_and_leases_keyed_lineage() -> None:
    """Whatever is read or written; rows of other groups of the table are neither shown nor noted."""
    rows, now = MemoryLeaseTable(), 0.0
    table = MultiStreamTable(rows, lambda key: key.startswith("1:a:2:"), lambda: now)
    lease = Lease("1:a:2:child", Checkpoint(TRIM_HORIZON), parents=("1:a:2:left", "1:a:2:right"))
    assert await table.create(lease)
    assert rows.leases[lease.shard_id].parents == ("left", "right")
    taken = await table.take(lease, "me", 7)
    assert taken is not None
    assert taken.parents == lease.parents
    moved = await table.checkpoint(await table.renew(taken), Checkpoint("5"), b"state")
    assert (moved.parents, moved.state) == (lease.parents, b"state")
    await table.set_children(lease.shard_id, [ChildShard("1:a:2:next", ("1:a:2:child",))])
    assert rows.leases[lease.shard_id].children == ("next",)
    stored = await table.get(lease.shard_id)
    assert stored is not None
    assert (stored.parents, stored.children) == (lease.parents, ("1:a:2:next",))
    await rows.create(Lease("shardId-of-a-group-without-prefix", Checkpoint(TRIM_HORIZON)))
    await rows.create(Lease("1:b:2:shard", Checkpoint(TRIM_HORIZON)))
    assert await table.list_leases() == [stored]
    now = 100.0
    assert [each.shard_id for each in table.former(100)] == ["1:b:2:shard"]
    rows.leases["1:b:2:shard"] = replace(rows.leases["1:b:2:shard"], counter=1)
    assert await table.scan() == [stored]
    assert table.former(100) == [], "somebody writes it"
