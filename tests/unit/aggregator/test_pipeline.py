"""The pipeline's promises one by one, on clients and sinks in memory and a clock by hand."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from aggregator.deliver import Delivery, Destination, Undelivered
from aggregator.disk import DiskStates
from aggregator.durable import Durable, Time
from aggregator.metrics import AggregatorMetrics
from aggregator.one_owner import OneOwner
from aggregator.pipeline import Pace, Pipeline
from aggregator.pipelines import load_pipelines
from aggregator.silence import Policy
from aggregator.state_store import StateStore
from aggregator.testing import MemoryItems, MemoryObjects
from aggregator.unit import Running
from delivery import DeadLetterSink, Item, Outcome
from delivery.testing import MemorySink
from shardline import Checkpoint, Lease, ShardLease
from shardline.testing import make_batch, records
from streaming_sql.errors import ShelfFailed
from streaming_sql.operators.shelf import Bound

SCRIPT = """
CREATE TABLE events (`id` STRING, `time` BIGINT, s STRING, ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'kinesis', 'stream' = 'enriched');
CREATE TABLE counts (s STRING, n BIGINT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO counts SELECT s, COUNT(*) FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, s;
"""
SHARD = "shardId-000000000000"


class World:
    """Durable stores, sinks, a clock, and the leases of one shard."""

    def __init__(self) -> None:
        self.objects, self.items = MemoryObjects(), MemoryItems()
        self.windows, self.late, self.letters = MemorySink[Item](), MemorySink[Item](), MemorySink[Item]()
        self.now = 0.0
        self.slept: list[float] = []
        self.leases = [Lease(SHARD, Checkpoint("TRIM_HORIZON"))]
        self.registry = CollectorRegistry()
        self.bound: Bound | None = None

    async def list_leases(self) -> list[Lease]:
        return self.leases

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def pipeline(self, policy: Policy | None = None, pending: int = 5_000) -> Pipeline:
        self.registry = CollectorRegistry()
        metrics = AggregatorMetrics(self.registry)
        destinations = [
            Destination("kinesis:aggregates", frozenset({"window"}), self.windows),
            Destination("kinesis:late", frozenset({"late"}), self.late),
        ]
        time = Time(lambda: self.now, lambda: int(self.now * 1000), self.sleep)
        store = StateStore(self.objects, self.items, bucket="b", table="t", application="a")
        return Pipeline(
            Running(load_pipelines({"counts.sql": SCRIPT}), bound=self.bound),
            OneOwner(self.list_leases),
            Durable(store, metrics, time),
            Delivery(destinations, DeadLetterSink(self.letters, None), metrics),
            metrics,
            Pace(commit_seconds=60, pending_records=pending, silence=policy or Policy()),
            time,
        )

    async def started(self, epoch: int = 1, **options: Any) -> Pipeline:
        pipeline = self.pipeline(**options)
        await pipeline.start(lease(epoch))
        return pipeline

    def rows(self, sink: MemorySink[Item] | None = None) -> list[dict[str, Any]]:
        return [json.loads(item.data) for item in (sink or self.windows).delivered]


@pytest.fixture
def world() -> World:
    return World()


def lease(epoch: int = 1) -> ShardLease:
    return ShardLease("enriched", SHARD, (), epoch)


def batch(*times: int, first: int = 1, raw: tuple[bytes, ...] = (), behind: int = 0) -> Any:
    data = raw or tuple(json.dumps({"id": f"e{time}", "time": time, "s": "a"}).encode() for time in times)
    return make_batch(records(*data, first_sequence_number=first), millis_behind_latest=behind)


async def test_a_batch_is_done_once_a_commit_holds_it(world: World) -> None:
    pipeline = await world.started()
    first = batch(1)
    await pipeline.process(first)
    assert not first.is_done
    await pipeline.commit()
    assert first.is_done
    assert world.rows() == []


async def test_a_fired_window_is_stamped_with_epoch_and_generation(world: World) -> None:
    pipeline = await world.started(epoch=4)
    world.now = 7.0
    await pipeline.process(batch(1, 20_000))
    await pipeline.commit()
    (row,) = world.rows()
    assert (row["values"], row["epoch"], row["revision"], row["emitted"]) == ({"n": 1}, 4, 1, 7_000)


async def test_nothing_is_committed_once_states_on_disk_are_lost(world: World, tmp_path: Path) -> None:
    """A shard that is begun again is read into what is left: that is never committed, nor drained."""
    with DiskStates(str(tmp_path)) as states:
        world.bound = states.bound(1)
        pipeline = await world.started()
        await pipeline.process(batch(1))
        await pipeline.commit()
        lost = batch(raw=tuple(b'{"id":"e%d","time":2,"s":"s%d"}' % (each, each) for each in range(9)), first=2)
        states.execute("PRAGMA max_page_count = 1")
        with pytest.raises(ShelfFailed):
            await pipeline.process(lost)
        await pipeline.lost(lease())
        await pipeline.start(lease(2))
        await pipeline.process(batch(raw=(b'{"id":"e0","time":20000,"s":"s0"}',), first=2))  # of the key in memory
        for _ in range(2):
            with pytest.raises(ShelfFailed):
                await pipeline.commit()
        with pytest.raises(ShelfFailed):
            await pipeline.drain(lease(2))
    assert not lost.is_done
    assert world.items.items["a"]["generation"] == {"N": "1"}
    assert world.rows() == []
    assert world.letters.delivered == []


async def test_quiet_means_no_commits(world: World) -> None:
    """Delivered rows are forgotten by one more commit; then nothing is written until something changes."""
    pipeline = await world.started()
    await pipeline.process(batch(1, 20_000))
    for _ in range(5):
        await pipeline.process(batch())
        await pipeline.commit()
    assert world.items.items["a"]["generation"] == {"N": "2"}
    store = StateStore(world.objects, world.items, bucket="b", table="t", application="a")
    assert b"counts|0" not in await store.load(await store.claim(1))


async def test_the_next_owner_reads_on_from_the_snapshot(world: World) -> None:
    """From its position, not the lease's checkpoint, with the open windows, which fire once complete."""
    old = await world.started()
    await old.process(batch(1, 2))
    await old.drain(lease())
    assert world.rows() == [], "open windows are not fired by a drain"
    new = world.pipeline()
    assert await new.start(lease(2)) == Checkpoint("2")
    await new.process(batch(1, 2, 3, 20_000))
    await new.commit()
    assert [row["values"] for row in world.rows()] == [{"n": 3}]


async def test_rows_that_may_not_have_arrived_are_delivered_again_unchanged(world: World) -> None:
    """A sink that fails ends the owner; the next one delivers the same bytes before anything else."""
    old = await world.started()
    await old.process(batch(1, 20_000))
    world.windows.judge = lambda item: Outcome("undelivered", "Gone", "")
    with pytest.raises(Undelivered):
        await old.commit()
    (attempt,) = world.windows.batches[0]
    world.windows.judge = None
    new = await world.started(epoch=2)
    await new.commit()
    assert world.windows.delivered == [attempt]


async def test_an_owner_that_was_replaced_delivers_nothing_and_says_so(world: World) -> None:
    old = await world.started()
    await old.process(batch(1, 20_000))
    await world.started(epoch=2)
    late = batch(30_000, first=3)
    await old.process(late)
    await old.commit()
    assert old.is_stale
    await asyncio.wait_for(old.until_stale(), 1)
    await old.drain(lease())
    assert world.rows() == []
    assert not late.is_done


async def test_late_and_malformed_records_leave_by_the_outbox(world: World) -> None:
    pipeline = await world.started()
    await pipeline.process(batch(20_000, 1))
    await pipeline.process(batch(raw=(b"{oops",), first=9))
    await pipeline.commit()
    assert [row["id"] for row in world.rows(world.late)] == ["e1|counts"]
    (letter,) = world.rows(world.letters)
    assert (letter["code"], letter["sequence_number"]) == ("malformed_json", "9")
    assert world.registry.get_sample_value("etl_late_events_total", {"query": "counts"}) == 1
    assert world.registry.get_sample_value("etl_dead_letters_total", {"code": "malformed_json"}) == 1


async def test_late_events_of_two_tenants_with_one_id_are_two_rows(world: World) -> None:
    """A client's ids are unique within its tenant: one row must not replace the other in the index."""
    pipeline = await world.started()
    late = [json.dumps({"id": "e1", "tenant": tenant, "time": 1}).encode() for tenant in ("x", "y")]
    await pipeline.process(batch(20_000))
    await pipeline.process(batch(raw=tuple(late), first=9))
    await pipeline.commit()
    assert [row["id"] for row in world.rows(world.late)] == ["x|e1|counts", "y|e1|counts"]


async def test_a_refused_row_becomes_a_dead_letter(world: World) -> None:
    pipeline = await world.started()
    world.windows.judge = lambda item: Outcome("rejected", "TooLarge", "the record is too large")
    await pipeline.process(batch(1, 20_000))
    await pipeline.drain(lease())
    (letter,) = world.rows(world.letters)
    assert (letter["code"], letter["stream"]) == ("TooLarge", "kinesis:aggregates")


async def test_a_record_is_counted_once_however_often_it_is_read(world: World) -> None:
    pipeline = await world.started()
    for _ in range(3):
        await pipeline.process(batch(1, 2))
        assert await pipeline.start(lease()) == Checkpoint("2")
    await pipeline.process(batch(20_000, first=3))
    await pipeline.commit()
    assert [row["values"] for row in world.rows()] == [{"n": 2}]


async def test_trouble_with_the_store_is_outlasted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is done or delivered until the state is durable, and the waits between tries grow to a cap."""
    pipeline = await world.started()
    first = batch(1, 20_000)
    await pipeline.process(first)
    put, failures = MemoryObjects.put_object, iter(range(8))

    async def flaky(self: MemoryObjects, **arguments: Any) -> Any:
        assert not first.is_done
        assert world.rows() == []
        if next(failures, None) is not None:
            raise TimeoutError
        return await put(self, **arguments)

    monkeypatch.setattr(MemoryObjects, "put_object", flaky)
    await pipeline.commit()
    assert first.is_done
    assert len(world.rows()) == 1
    assert world.slept == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


async def test_a_commit_cut_short_leaves_nothing_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One shard's drain may be cut short while it commits every shard's batches: the next commit finishes them.

    Else the other shards' checkpoints would stand still, and their reading stop at its bound.
    """
    pipeline = await world.started()
    waiting = batch(1)
    await pipeline.process(waiting)

    async def hang(self: MemoryObjects, **_: Any) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr(MemoryObjects, "put_object", hang)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await pipeline.drain(lease())
    assert not waiting.is_done
    await pipeline.commit()
    assert waiting.is_done


async def test_a_commit_whose_answer_never_came_is_recognised_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write took effect, and whoever waited was cut off: no other owner is suspected, and nothing counts twice."""
    pipeline = await world.started()
    await pipeline.process(batch(1, 2))
    update = MemoryItems.update_item

    async def write_and_hang(items: MemoryItems, **arguments: Any) -> dict[str, Any]:
        await update(items, **arguments)
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(MemoryItems, "update_item", write_and_hang)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await pipeline.commit()
    monkeypatch.undo()
    assert world.items.items["a"]["generation"] == {"N": "1"}
    await pipeline.process(batch(3, 20_000, first=3))
    await pipeline.commit()
    assert not pipeline.is_stale
    assert [row["values"] for row in world.rows()] == [{"n": 3}]
    assert world.items.items["a"]["generation"] == {"N": "2"}


async def test_a_delivery_cut_short_is_repeated_without_anything_new(world: World) -> None:
    """Rows that are committed but not delivered do not wait for the next event."""
    pipeline = await world.started()
    await pipeline.process(batch(1, 20_000))
    deliver = world.windows.deliver

    async def hang(_: Any) -> Any:
        await asyncio.Event().wait()

    world.windows.deliver = hang  # type: ignore[method-assign]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await pipeline.drain(lease())
    world.windows.deliver = deliver  # type: ignore[method-assign]
    await pipeline.commit()
    assert [row["values"] for row in world.rows()] == [{"n": 1}]


async def test_the_last_windows_of_a_quiet_stream_fire(world: World) -> None:
    """By the clock once it is silent for idle_seconds; at flush_seconds whatever the windows' ends."""
    pipeline = await world.started(policy=Policy(idle_seconds=5, flush_seconds=12))
    await pipeline.process(batch(9_000, 9_500))
    await heartbeats(world, pipeline, (5, 5.49))
    assert world.rows() == []
    await heartbeats(world, pipeline, (5.6,))
    assert [row["window_end"] for row in world.rows()] == [10_000]
    await pipeline.process(batch(31_000, first=3))
    await heartbeats(world, pipeline, (11, 17.5))
    assert len(world.rows()) == 1
    await heartbeats(world, pipeline, (17.7,))
    assert [row["window_end"] for row in world.rows()] == [10_000, 40_000]


async def heartbeats(world: World, pipeline: Pipeline, times: tuple[float, ...]) -> None:
    for time in times:
        world.now = time
        await pipeline.process(batch())
        await pipeline.commit()


async def test_much_pending_makes_a_commit_due_at_once(world: World) -> None:
    pipeline = await world.started(pending=3)
    running = asyncio.create_task(pipeline.run())
    full = batch(1, 2, 3)
    await pipeline.process(full)
    async with asyncio.timeout(5):
        while not full.is_done:
            await asyncio.sleep(0.001)
    running.cancel()


async def test_a_shard_not_yet_held_holds_windows_back(world: World) -> None:
    """Every shard that can be read is awaited from the first moment on; a child only when its parent has ended."""
    world.leases += [
        Lease("other", Checkpoint("TRIM_HORIZON")),
        Lease("child", Checkpoint("TRIM_HORIZON"), parents=("other",)),
        Lease("past", Checkpoint("SHARD_END")),
    ]
    pipeline = await world.started()
    await pipeline.process(batch(1, 20_000))
    await pipeline.commit()
    assert world.rows() == []
    await pipeline.start(ShardLease("enriched", "other", (), 2))
    await pipeline.process(make_batch(records(b'{"time": 20000}'), shard_id="other"))
    await pipeline.commit()
    assert len(world.rows()) == 1
