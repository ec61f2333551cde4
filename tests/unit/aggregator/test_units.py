"""A unit a lease: claimed with it, committed by itself, let go with it; what one unit suffers the others do not."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from aggregator.ancestry import Ancestry, ReceiverOrigin, SourceOrigin, awaited_shards
from aggregator.deliver import Delivery, Destination, Undelivered
from aggregator.durable import Durable, Time
from aggregator.exchange import Address, read_message
from aggregator.metrics import AggregatorMetrics
from aggregator.pipeline import Pace, Pipeline
from aggregator.pipelines import load_pipelines
from aggregator.receiver import ReceiverState
from aggregator.rows import Stamp
from aggregator.silence import Policy, Verdict
from aggregator.state_store import StateStore
from aggregator.testing import MemoryItems, MemoryObjects
from aggregator.unit import Running
from aggregator.units import Units
from aggregator.windows import Windows
from delivery import DeadLetterSink, Item, Outcome
from delivery.testing import MemorySink
from shardline import Checkpoint, ChildShard, Lease, ShardLease
from shardline.testing import make_batch, records
from streaming_sql.distribution import KEY_GROUPS, Sent
from streaming_sql.distribution.messages import VERSION, Marks, Message, encode_message
from streaming_sql.partition import HASH_KEYS

TABLE = """
CREATE TABLE events (`id` STRING, `time` BIGINT, s STRING, ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'kinesis', 'stream' = 'enriched');
"""
COUNTS = (
    TABLE
    + """CREATE TABLE {name} (s STRING, n BIGINT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO {name} SELECT s, COUNT(*) FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, s;
"""
)
PROGRAM = load_pipelines({"counts.sql": COUNTS.format(name="counts")})
OTHER = load_pipelines({"others.sql": COUNTS.format(name="others")})
LAST = HASH_KEYS - 1


class World:
    """Durable stores, sinks, a clock, and the leases of both streams."""

    def __init__(self) -> None:
        self.objects, self.items = MemoryObjects(), MemoryItems()
        self.windows, self.exchange = MemorySink[Item](), MemorySink[Item]()
        self.letters, self.late = MemorySink[Item](), MemorySink[Item]()
        self.registry = CollectorRegistry()
        self.metrics = AggregatorMetrics(self.registry)
        self.now = 0.0
        self.leases = {"source": [lease_of("a"), lease_of("b")], "exchange": [lease_of("x")]}
        self.commit_seconds = 60.0

    async def leases_of(self, stream: str) -> list[Lease]:
        return self.leases[stream]

    def units(self, stream: str) -> Units:
        store = StateStore(self.objects, self.items, bucket="b", table="t", application="app")
        ancestry = Ancestry(store, stream, lambda: self.leases_of(stream))
        time = Time(lambda: self.now, lambda: int(self.now * 1000), asyncio.sleep)
        delivery = Delivery(
            [
                Destination("aggregates", frozenset({"window"}), self.windows),
                Destination("exchange", frozenset({"exchange"}), self.exchange),
                Destination("late", frozenset({"late"}), self.late),
            ],
            DeadLetterSink(self.letters, None),
            self.metrics,
        )

        def make(running: Running, lease: ShardLease) -> Pipeline:
            origin = (
                SourceOrigin(ancestry, "app")
                if stream == "source"
                else ReceiverOrigin(ancestry, "app", lambda: self.leases_of("source"))
            )
            durable = Durable(ancestry.of(lease.shard_id), self.metrics, time)
            pace = Pace(self.commit_seconds, silence=Policy(idle_seconds=5, flush_seconds=8))
            return Pipeline(running, origin, durable, delivery, self.metrics, pace, time)

        return Units(make, Running(PROGRAM), self.metrics)

    def rows(self) -> list[tuple[str, str, int]]:
        rows = [json.loads(item.data) for item in self.windows.delivered]
        return sorted((row["query"], row["key"]["s"], row["values"]["n"]) for row in rows)

    def sent(self) -> list[bytes]:
        """What went to the exchange stream since the last call."""
        sent = [item.data for item in self.exchange.delivered]
        self.exchange.delivered.clear()
        return sent


def lease_of(shard: str, parents: tuple[str, ...] = (), first: int = 0, last: int = LAST) -> Lease:
    return Lease(shard, Checkpoint("TRIM_HORIZON"), parents=parents, starting_hash_key=first, ending_hash_key=last)


def event(time: int, s: str) -> bytes:
    return json.dumps({"id": f"{time}{s}", "time": time, "s": s}).encode()


def source(shard: str, epoch: int = 1) -> ShardLease:
    return ShardLease("enriched", shard, (), epoch)


def batch(lease: ShardLease, *data: bytes, first: int = 1, behind: int = 0, **ended: Any) -> Any:
    return make_batch(
        records(*data, first_sequence_number=first),
        shard_id=lease.shard_id,
        stream=lease.stream,
        epoch=lease.epoch,
        millis_behind_latest=behind,
        **ended,
    )


@pytest.fixture
def world() -> World:
    return World()


async def deliver_all(world: World, exchange: Units, lease: ShardLease, first: int) -> int:
    """Have an exchange shard's unit take in all that was sent."""
    sent = world.sent()
    if sent:
        await exchange.process(batch(lease, *sent, first=first))
    return first + len(sent)


async def test_rows_of_one_key_meet_whichever_shard_they_came_from(world: World) -> None:
    """Windows fire once every source shard has passed them, in the one unit that has the key's group."""
    x = ShardLease("exchange", "x", (), 9)
    async with world.units("source") as sources, world.units("exchange") as exchange:
        await exchange.start(x)
        for shard, epoch in (("a", 1), ("b", 2)):
            await sources.start(source(shard, epoch))
        await sources.process(batch(source("a", 1), event(1_000, "k"), event(30_000, "k")))
        await sources.drain(source("a", 1))
        place = await deliver_all(world, exchange, x, 1)
        await exchange._pipelines["x"].commit()
        assert world.rows() == [], "shard b may still have events of the window"
        await sources.process(batch(source("b", 2), event(2_000, "k"), event(30_000, "l")))
        await sources.drain(source("b", 2))
        await deliver_all(world, exchange, x, place)
        await exchange.drain(x)
    assert world.rows() == [("counts", "k", 2)]


async def test_a_message_counts_once_however_often_it_comes(world: World) -> None:
    """A zombie and a restarted owner repeat messages: under other sequence numbers, with the tags they had."""
    x = ShardLease("exchange", "x", (), 9)
    async with world.units("source") as sources, world.units("exchange") as exchange:
        await exchange.start(x)
        world.leases["source"] = [lease_of("a")]
        await sources.start(source("a"))
        await sources.process(batch(source("a"), event(1_000, "k"), event(30_000, "k")))
        await sources.drain(source("a"))
        sent = world.sent()
        for first in (1, 1_000, 2_000):
            await exchange.process(batch(x, *sent, first=first))
        await exchange.drain(x)
        await exchange.start(ShardLease("exchange", "x", (), 10))
        await exchange.process(batch(x, *sent, first=3_000))
        await exchange.drain(x)
    assert world.rows() == [("counts", "k", 1)]


async def test_what_is_no_message_becomes_a_dead_letter(world: World) -> None:
    x = ShardLease("exchange", "x", (), 9)
    async with world.units("exchange") as exchange:
        await exchange.start(x)
        await exchange.process(batch(x, b"someone else's"))
        await exchange.drain(x)
    (letter,) = [json.loads(item.data) for item in world.letters.delivered]
    assert (letter["stream"], letter["shard"]) == ("exchange", "x")


async def test_each_unit_commits_at_its_own_pace(world: World) -> None:
    """The loop begins with the lease, marks batches done, and ends with the lease."""
    world.commit_seconds = 0.01
    async with world.units("source") as sources:
        await sources.start(source("a"))
        first = batch(source("a"), event(1, "k"))
        await sources.process(first)
        async with asyncio.timeout(5):
            while not first.is_done:
                await asyncio.sleep(0.005)
        await sources.lost(source("a"))
        assert sources.states == []
        await sources.lost(source("a"))


async def test_a_unit_that_was_taken_over_delivers_nothing_and_leaves_the_others_alone(world: World) -> None:
    async with world.units("source") as old, world.units("source") as new:
        await old.start(source("a", 1))
        await old.start(source("b", 2))
        stolen, kept = batch(source("a", 1), event(1_000, "k")), batch(source("b", 2), event(1_000, "k"))
        await old.process(stolen)
        await old.process(kept)
        await new.start(source("a", 3))
        for shard, epoch in (("a", 1), ("b", 2)):
            await old.drain(source(shard, epoch))
        assert (stolen.is_done, kept.is_done) == (False, True)
        senders = {message.shard for data in world.sent() if (message := read_message(data))}
        assert senders == {"b"}
        await new.drain(source("a", 3))


async def test_what_cannot_be_delivered_ends_the_process(world: World) -> None:
    """The outbox is durable: a new process delivers it. A message that is refused is no dead letter."""
    world.commit_seconds = 0.01
    world.exchange.judge = lambda item: Outcome("rejected", "InvalidArgument", "")

    async def work() -> None:
        async with world.units("source") as sources:
            await sources.start(source("a"))
            await sources.process(batch(source("a"), event(1, "k")))
            await asyncio.sleep(5)

    with pytest.raises(ExceptionGroup) as failure:
        await work()
    assert failure.group_contains(Undelivered)


async def test_changed_sql_runs_in_every_unit_and_in_those_to_come(world: World) -> None:
    x = ShardLease("exchange", "x", (), 9)
    world.leases["source"] = [lease_of("a")]
    async with world.units("source") as sources, world.units("exchange") as exchange:
        await exchange.start(x)
        await sources.start(source("a"))
        await sources.process(batch(source("a"), event(1_000, "k")))
        for units in (exchange, sources):
            await units.run_instead(Running(OTHER))
        await sources.process(batch(source("a"), event(2_000, "k"), event(30_000, "k"), first=2))
        await sources.drain(source("a"))
        place = await deliver_all(world, exchange, x, 1)
        await sources.start(source("a", 2))
        await sources.process(batch(source("a", 2), event(60_000, "k"), first=4))
        await sources.drain(source("a", 2))
        await deliver_all(world, exchange, x, place)
        await exchange.drain(x)
    assert world.rows() == [("others", "k", 1), ("others", "k", 1)]


async def test_a_silent_source_lets_windows_fire_and_comes_to_rest(world: World) -> None:
    """Its time goes on as the clock does until nothing of its rows can be open; then nothing is sent any more."""
    x = ShardLease("exchange", "x", (), 9)
    world.leases["source"] = [lease_of("a")]
    place, sizes = 1, []
    async with world.units("source") as sources, world.units("exchange") as exchange:
        await exchange.start(x)
        await sources.start(source("a"))
        await sources.process(batch(source("a"), event(1_000, "k")))
        for _ in range(12):
            await sources.process(batch(source("a")))
            await sources._pipelines["a"].commit()
            sizes.append(len(world.exchange.delivered))
            place = await deliver_all(world, exchange, x, place)
            world.now += 3
        await exchange.drain(x)
    assert world.rows() == [("counts", "k", 1)]
    assert sizes[0] == KEY_GROUPS
    assert sizes[-5:] == [0] * 5


async def test_the_children_of_an_exchange_shard_share_its_key_groups(world: World) -> None:
    """Each goes on with those of its range; the parent's state goes once its lease is gone and both are under way."""
    x, low, high = (ShardLease("exchange", name, ("x",) if name != "x" else (), 9) for name in ("x", "low", "high"))
    world.leases["source"] = [lease_of("a")]
    async with world.units("source") as sources, world.units("exchange") as exchange:
        await exchange.start(x)
        await sources.start(source("a"))
        await sources.process(batch(source("a"), *(event(1_000, s) for s in "abcdefgh")))
        await sources.process(batch(source("a"), event(30_000, "z"), first=9))
        await sources.drain(source("a"))
        children = tuple(ChildShard(name, ("x",)) for name in ("low", "high"))
        await exchange.process(batch(x, shard_ended=True, child_shards=children))
        await exchange.drain(x)
        half = HASH_KEYS // 2
        world.leases["exchange"] = [lease_of("low", ("x",), 0, half - 1), lease_of("high", ("x",), half, LAST)]
        sent = [(data, read_message(data)) for data in world.sent()]
        for lease, groups in ((low, range(KEY_GROUPS // 2)), (high, range(KEY_GROUPS // 2, KEY_GROUPS))):
            assert "app/exchange/x" in world.items.items
            await exchange.start(lease)
            mine = [data for data, message in sent if message and message.key_group in groups]
            await exchange.process(batch(lease, *mine))
            await exchange._pipelines[lease.shard_id].commit()
            await exchange.tidy()
        assert "app/exchange/x" not in world.items.items
        assert not [key for key in world.objects.objects if "/exchange/x/" in key]
        await exchange.drain(low)
        await exchange.drain(high)
    assert [row[1:] for row in world.rows()] == [(s, 1) for s in "abcdefgh"]


async def test_a_source_shard_that_expired_unread_holds_windows_back_no_longer(world: World) -> None:
    """Its lease is gone twice in turn, and the exchange shard is read to its tip: nothing of it can still come."""
    x = ShardLease("exchange", "x", (), 9)
    async with world.units("source") as sources, world.units("exchange") as exchange:
        await exchange.start(x)
        await sources.start(source("a"))
        await sources.process(batch(source("a"), event(1_000, "k"), event(30_000, "k")))
        await sources.drain(source("a"))
        await deliver_all(world, exchange, x, 1)
        world.leases["source"] = [lease_of("a")]
        await exchange.tidy()
        await exchange.process(batch(x))
        await exchange._pipelines["x"].commit()
        assert world.rows() == [], "a child may just have no lease yet"
        await exchange.tidy()
        await exchange.process(batch(x, behind=5_000))
        await exchange._pipelines["x"].commit()
        assert world.rows() == [], "its last messages may be unread"
        await exchange.process(batch(x))
        await exchange.drain(x)
    assert world.rows() == [("counts", "k", 1)]


async def test_the_gauges_are_sums_over_the_units_that_are_held(world: World) -> None:
    async with world.units("source") as sources:
        for shard, epoch in (("a", 1), ("b", 2)):
            await sources.start(source(shard, epoch))
            await sources.process(batch(source(shard, epoch), event(1_000, "k")))
            await sources._pipelines[shard].commit()
        owned = {"stream": "enriched"}
        assert world.registry.get_sample_value("etl_shards_owned", owned) == 2
        both = world.registry.get_sample_value("etl_state_bytes") or 0
        await sources.drain(source("a", 1))
        assert 0 < (world.registry.get_sample_value("etl_state_bytes") or 0) < both
        assert world.registry.get_sample_value("etl_shards_owned", owned) == 1
        await sources.drain(source("b", 2))


async def test_a_key_group_forgets_only_shards_that_are_long_over(world: World) -> None:
    """Repeats of what ended lately may lie in the stream, unread; those at work are remembered in any case."""
    state = ReceiverState("app", Running(PROGRAM), range(KEY_GROUPS))
    lease = ShardLease("exchange", "x")
    for number in range(4_003):
        address = Address("app", "enriched", f"s{number}", 1)
        body = _end_of(f"s{number}", [f"s{number + 1}"])
        state.apply(lease, records(address.rows([Sent(5, body)], 0)[0].data, first_sequence_number=number + 1))
    assert len(state.groups[5].applied) == 4_003
    state.capture(changes=False)
    state.forget()
    assert list(state.groups[5].applied) == [f"s{number}" for number in range(3, 4_003)]
    assert state.fire(Verdict(), Stamp(1, 2, 3)).moved  # so that a commit holds it


async def test_messages_of_another_application_are_none_of_ours(world: World) -> None:
    """One that began anew counts its epochs from 1: the former one's messages would hide its own."""
    state = ReceiverState("new", Running(PROGRAM), range(KEY_GROUPS))
    lease = ShardLease("exchange", "x")
    former = Address("old", "enriched", "a", 7).rows([Sent(5, _end_of("a", []))], 100)
    own = Address("new", "enriched", "a", 1).rows([Sent(5, _end_of("a", []))], 0)
    state.apply(lease, records(former[0].data, first_sequence_number=1))
    assert state.groups == {}
    state.apply(lease, records(own[0].data, first_sequence_number=2))
    assert state.groups[5].applied == {"a": (1, 0)}
    assert state.positions["x"].sequence_number == "2"
    assert not state.outbox


async def test_a_key_group_of_a_part_that_is_not_known_does_not_begin(world: World) -> None:
    """It would wait for the one shard that it heard of, and fire before the others were known."""
    local = COUNTS.format(name="locals").replace("'enriched')", "'enriched', 'partition-key' = 's')")
    state = ReceiverState("app", Running(load_pipelines({"locals.sql": local})), range(KEY_GROUPS))
    message = Address("app", "enriched", "a", 1).rows([Sent(5, _end_of("a", ["b"]))], 0)
    state.apply(ShardLease("exchange", "x"), records(message[0].data, first_sequence_number=1))
    assert state.groups == {}
    state.run(Running(PROGRAM))
    assert state.is_expecting


def _end_of(shard: str, children: list[str]) -> bytes:
    return encode_message(Message(VERSION, shard, "enriched", [], [], Marks({}, False, children)))


async def test_the_page_shows_what_this_task_holds_of_every_query(world: World) -> None:
    """Open windows of local queries from its source shards, of others from its key groups; looking changes nothing."""
    local = COUNTS.format(name="locals").replace("'enriched')", "'enriched', 'partition-key' = 's')")
    program = load_pipelines({"counts.sql": COUNTS.format(name="counts"), "locals.sql": local})
    x = ShardLease("exchange", "x", (), 9)
    world.leases["source"] = [lease_of("a")]
    async with world.units("source") as sources, world.units("exchange") as exchange:
        for units in (sources, exchange):
            await units.run_instead(Running(program))
        page = Windows(lambda: program.queries, lambda: [*sources.states, *exchange.states]).page
        assert await page({}) == {"queries": [], "standby": True}
        await exchange.start(x)
        await sources.start(source("a"))
        assert await page({}) == {"queries": ["counts", "locals"], "standby": False}
        empty = await page({"query": "counts"})
        assert empty is not None
        assert (empty["rows"], empty["columns"]) == ([], [["s", "STRING"], ["n", "BIGINT"]])
        await sources.process(batch(source("a"), event(1_000, "k"), event(1_500, "k"), event(2_000, "l")))
        await sources._pipelines["a"].commit()
        await deliver_all(world, exchange, x, 1)
        for query in ("counts", "locals"):
            answer = await page({"query": query})
            assert answer is not None
            assert sorted(answer["rows"]) == [["k", 2], ["l", 1]]
        assert await page({"query": "nothing"}) is None
        await sources.process(batch(source("a"), event(30_000, "k"), first=4))
        await sources.drain(source("a"))
        await deliver_all(world, exchange, x, 1_000)
        await exchange.drain(x)
    assert world.rows() == [("counts", "k", 2), ("counts", "l", 1), ("locals", "k", 2), ("locals", "l", 1)]


def test_a_key_group_waits_for_what_ended_shards_may_have_sent() -> None:
    """For the child of a parent that is over and of one that is not; for the parent while the child has no lease."""

    def over(shard: str, *children: str, parents: tuple[str, ...] = ()) -> Lease:
        return replace(lease_of(shard, parents), checkpoint=Checkpoint("SHARD_END"), children=children)

    leases = [over("a", "merged"), lease_of("b"), lease_of("merged", ("a", "b")), lease_of("c"), lease_of("d", ("c",))]
    assert awaited_shards(leases) == {"b", "merged", "c"}
    assert awaited_shards([over("a", "merged"), lease_of("b")]) == {"a", "b"}
    assert awaited_shards([over("a", "e"), over("e", "f", "g", parents=("a",)), lease_of("f", ("e",))]) == {"e", "f"}
