"""The aggregator killed between every two of its steps: the final tables are those of a plain recomputation.

A step is whatever another process could see or a crash could cut off: a write to S3 or DynamoDB, a batch marked done, a
row that reaches a sink, each before and after it takes effect.
"""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from aggregator.deliver import Delivery, Destination
from aggregator.metrics import AggregatorMetrics
from aggregator.pipeline import Pace, Pipeline, Time
from aggregator.pipelines import load_pipelines
from aggregator.rows import Kind
from aggregator.silence import Policy
from aggregator.state_store import StateStore
from aggregator.testing import MemoryItems, MemoryObjects
from delivery import DeadLetter, Item, Outcome
from shardline import Batch, Checkpoint, ChildShard, Lease, Record, ShardLease
from shardline.testing import HandReceipt

SEEDS = (1, 2, 3, 4)
DELAY, SIZE, SLIDE, SPAN = 2_000, 10_000, 5_000, 15_000
TABLE = """
CREATE TABLE events (`id` STRING, `time` BIGINT, payload ROW<card STRING, amount DECIMAL(12, 2)>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'enriched');
"""
SCRIPTS = {
    "spend.sql": TABLE
    + """CREATE TABLE spend (card STRING, n BIGINT, total DECIMAL(38, 2), ids BIGINT)
WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO spend SELECT payload.card, COUNT(*), SUM(payload.amount), COUNT(DISTINCT id)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, payload.card;""",
    "velocity.sql": TABLE
    + """CREATE TABLE velocity (card STRING, n BIGINT)
WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'severity' = 'high');
INSERT INTO velocity SELECT payload.card, COUNT(*)
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '15' SECOND))
GROUP BY window_start, window_end, payload.card HAVING COUNT(*) >= 3;""",
    "burst.sql": TABLE
    + """CREATE TABLE burst (card STRING, n BIGINT)
WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'severity' = 'low', 'alert.resolve-after' = '7 s',
  'alert.dedup-window' = '20 s', 'alert.cool-down' = '3 s');
INSERT INTO burst SELECT payload.card, COUNT(*)
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '15' SECOND))
GROUP BY window_start, window_end, payload.card HAVING COUNT(*) >= 2;""",
}
RESOLVE, DEDUP, COOL_DOWN = 7_000, 20_000, 3_000
PROGRAM = load_pipelines(SCRIPTS)
CHILDREN = {"a": ("a1", "a2")}
PARENT = {"a1": "a", "a2": "a"}
Event = dict[str, Any]
Tables = dict[str, dict[str, dict[str, Any]]]


class Killed(Exception):
    """The process ends here."""


def generate(seed: int) -> dict[str, list[Event]]:
    """Events by shard, out of order, some too late, some twice; shard a splits into a1 and a2."""
    rng = random.Random(seed)
    shards: dict[str, list[Event]] = {}
    for shard, begin in (("a", 0), ("b", 0), ("a1", 20_000), ("a2", 20_000)):
        events, now = [], begin
        for number in range(rng.randrange(6, 13)):
            now += rng.randrange(0, 5_000)
            time = max(0, now - rng.choice((0, 0, 500, 1_900, 6_000, 14_000)))
            payload = {"card": rng.choice("xyz"), "amount": rng.randrange(1, 99_999) / 100}
            events.append({"id": f"{shard}-{number}", "time": time, "payload": payload})
            if rng.random() < 0.3:
                events.append(rng.choice(events))
        shards[shard] = events
    return shards


def recompute(shards: dict[str, list[Event]]) -> Tables:
    """The same tables without an engine: every event into every window that its shard's watermark has not passed."""
    groups: dict[tuple[str, int, int, str], list[Event]] = defaultdict(list)
    late: dict[str, dict[str, Any]] = {}
    watermarks: dict[str, int] = {}
    seen: set[str] = set()
    for shard in ("a", "b", "a1", "a2"):
        watermark = watermarks.get(PARENT.get(shard, ""), -(10**15))
        for event in shards[shard]:
            if event["id"] in seen:
                continue
            seen.add(event["id"])
            for query, size, slide in (("spend", SIZE, SIZE), ("velocity", SPAN, SLIDE), ("burst", SPAN, SLIDE)):
                first = event["time"] // slide * slide + slide
                for end in range(first, first + size, slide):
                    if end - 1 <= watermark:
                        late[f"{event['id']}|{query}"] = {"window_end": end, "watermark": watermark, "shard": shard}
                    else:
                        groups[query, end - size, end, event["payload"]["card"]].append(event)
            watermark = max(watermark, event["time"] - DELAY)
        watermarks[shard] = watermark
    tables: Tables = {"aggregates": {}, "alerts": {}, "late": late}
    bursts: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for (query, start, end, card), events in groups.items():
        identity = f'{query}|{start}|{end}|{{"card":"{card}"}}'
        if query == "spend":
            total = sum(Decimal(str(event["payload"]["amount"])) for event in events)
            values = {"n": len(events), "total": total, "ids": len({event["id"] for event in events})}
            tables["aggregates"][identity] = values
        elif query == "velocity" and len(events) >= 3:
            tables["alerts"][identity] = {"n": len(events)}
        elif query == "burst" and len(events) >= 2:
            bursts[card].append((end, len(events)))
    for card, held in bursts.items():
        tables["alerts"] |= alerts_of(card, sorted(held))
    return tables


def alerts_of(card: str, held: list[tuple[int, int]]) -> dict[str, dict[str, Any]]:
    """The openings and resolutions of a card whose windows held at these ends, with these counts."""
    rows: dict[str, dict[str, Any]] = {}
    quiet_until = 0
    while held:
        opened, n = held.pop(0)
        if opened < quiet_until:
            continue
        identity = f'burst|{{"card":"{card}"}}|{opened}'
        rows[f"{identity}|open"] = {"n": n, "count": 1, "last": opened, "resolved": None}
        last, count = opened, 1
        while held and held[0][0] <= last + RESOLVE:
            (last, n), count = held.pop(0), count + 1
        rows[f"{identity}|resolved"] = {"n": n, "count": count, "last": last, "resolved": last + RESOLVE}
        quiet_until = max(opened + DEDUP, last + RESOLVE + COOL_DOWN)
    return rows


@dataclass
class World:
    """All that outlives a process, and the step at which the next one dies."""

    shards: dict[str, list[Event]]
    rng: random.Random
    kill_at: int = 0
    steps: int = 0
    now: float = 0.0
    epoch: int = 0
    leases: dict[str, Lease] = field(default_factory=dict)
    rows: dict[str, dict[str, set[bytes]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))

    def __post_init__(self) -> None:
        self.objects, self.items = MemoryObjects(page_size=2), MemoryItems()
        for shard in ("a", "b"):
            self.leases[shard] = Lease(shard, Checkpoint("TRIM_HORIZON"))

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.kill_at:
            raise Killed


class Stepped:
    """A client each of whose calls may be the last, before it takes effect or after."""

    def __init__(self, client: Any, world: World) -> None:
        self._client, self._world = client, world

    def __getattr__(self, name: str) -> Any:
        async def call(**arguments: Any) -> Any:
            self._world.step()
            answer = await getattr(self._client, name)(**arguments)
            self._world.step()
            return answer

        return call


class Recorder:
    """A sink whose process may die after any item."""

    def __init__(self, world: World, stream: str) -> None:
        self._world, self._stream = world, stream

    async def deliver(self, items: Sequence[Item], /) -> list[Outcome]:
        for item in items:
            self._world.step()
            row = json.loads(item.data)
            identity = f"{row['id']}|{row['status']}" if "status" in row else row["id"]
            self._world.rows[self._stream][identity].add(item.data)
        self._world.step()
        return [Outcome("delivered")] * len(items)


class NoLetters:
    async def deliver(self, letters: Sequence[DeadLetter], /) -> None:
        assert not letters


class Worker:
    """One process: a pipeline, driven as a group drives it."""

    def __init__(self, world: World) -> None:
        self.world = world
        kinds: tuple[tuple[str, Kind], ...] = (("aggregates", "window"), ("alerts", "alert"), ("late", "late"))
        metrics = AggregatorMetrics(CollectorRegistry())
        destinations = [Destination(name, frozenset({kind}), Recorder(world, name)) for name, kind in kinds]
        store = StateStore(
            Stepped(world.objects, world),
            Stepped(world.items, world),
            bucket="state",
            table="state",
            application="aggregator",
        )
        self.pipeline = Pipeline(
            PROGRAM,
            store,
            Delivery(destinations, NoLetters(), metrics),
            self.list_leases,
            metrics,
            Pace(remember_ms=600_000, silence=Policy(idle_seconds=50, flush_seconds=50)),
            Time(lambda: world.now, lambda: int(world.now * 1000), asyncio.sleep),
        )
        self.is_dead = False
        self.reading: dict[str, int] = {}
        self.held: dict[str, ShardLease] = {}

    async def list_leases(self) -> list[Lease]:
        return list(self.world.leases.values())

    def untaken(self) -> list[Lease]:
        leases = self.world.leases
        return [
            lease
            for shard, lease in leases.items()
            if not (shard in self.held or lease.is_ended)
            and all(parent not in leases or leases[parent].is_ended for parent in lease.parents)
        ]

    async def take_shards(self) -> None:
        """Take what is ready, or leave it for later: the first shards may be read far ahead of the others."""
        for lease in self.untaken():
            if self.world.rng.random() < 0.8:
                continue
            shard = lease.shard_id
            self.world.epoch += 1
            self.held[shard] = ShardLease("enriched", shard, lease.parents, self.world.epoch)
            position = await self.pipeline.start(self.held[shard])
            checkpointed = 0 if lease.checkpoint.is_sentinel else int(lease.checkpoint.sequence_number)
            begin = int(position.sequence_number) if position else 0
            assert begin >= checkpointed, "a batch was done that no committed state holds"
            # Reading from the checkpoint where it is behind the position: what is counted in must not count twice.
            self.reading[shard] = self.world.rng.choice((begin, checkpointed))

    def unread(self) -> list[str]:
        return [s for s, at in self.reading.items() if at < len(self.world.shards[s]) or s in CHILDREN]

    async def read(self, shard: str) -> None:
        events, at = self.world.shards[shard], self.reading[shard]
        count = self.world.rng.randrange(1, 5)
        records = [
            Record(str(at + place + 1), "key", json.dumps(event).encode())
            for place, event in enumerate(events[at : at + count])
        ]
        self.reading[shard] = at + len(records)
        ended = shard in CHILDREN and self.reading[shard] == len(events)
        children = tuple(ChildShard(child, (shard,)) for child in CHILDREN[shard]) if ended else ()
        await self.pipeline.process(self.batch(shard, records, ended=ended, children=children))
        if ended:
            await self.pipeline.drain(self.held[shard])
            self.world.step()
            for child in CHILDREN[shard]:
                self.world.leases.setdefault(child, Lease(child, Checkpoint("TRIM_HORIZON"), parents=(shard,)))
            self.world.step()
            self.world.leases[shard] = Lease(shard, Checkpoint("SHARD_END"))
            del self.reading[shard]

    def batch(
        self, shard: str, records: list[Record], *, ended: bool = False, children: tuple[ChildShard, ...] = ()
    ) -> Batch:
        def done() -> None:
            self.world.step()
            if records:
                parents = self.world.leases[shard].parents
                last = Checkpoint(records[-1].sequence_number)
                self.world.leases[shard] = Lease(shard, last, parents=parents)
            self.world.step()

        return Batch(self.held[shard], records, shard_ended=ended, child_shards=children, receipt=HandReceipt(done))

    async def work(self) -> None:
        """Read everything in some interleaving, committing now and then, then fall silent until all has fired."""
        world = self.world
        while (unread := self.unread()) or self.untaken():
            await self.take_shards()
            if unread:
                await self.read(world.rng.choice(unread))
            if world.rng.random() < 0.3:
                await self.pipeline.commit()
        for _ in range(2):
            world.now += 100
            for shard in self.reading:
                await self.pipeline.process(self.batch(shard, []))
            await self.pipeline.commit()
        for shard in self.reading:
            await self.pipeline.drain(self.held[shard])


async def run_until_done(world: World) -> int:
    """Workers one after the other until one comes to its end; returns how many died."""
    for died in range(10):
        if await survives(Worker(world)):
            return died
    raise AssertionError("no worker came to its end")


async def survives(worker: Worker) -> bool:
    """Whether a worker came to the end of its work before it was killed."""
    try:
        await worker.work()
    except* Killed:
        worker.is_dead = True
    return not worker.is_dead


def tables(world: World) -> Tables:
    """The final tables, each id once; a row delivered twice must be the same to the byte."""
    found: Tables = {"aggregates": {}, "alerts": {}, "late": {}}
    for stream, rows in world.rows.items():
        for identity, versions in rows.items():
            assert len(versions) == 1, f"{identity} was delivered in {len(versions)} versions"
            row = json.loads(next(iter(versions)), parse_float=Decimal)
            names = ("window_end", "watermark", "shard")
            found[stream][identity] = row.get("values") or {name: row[name] for name in names}
            if "status" in row:
                found[stream][identity] |= {name: row.get(name) for name in ("count", "last", "resolved")}
    return found


def named(world: World) -> set[str]:
    """The snapshots that the committed pointer names."""
    (item,) = world.items.items.values()
    return {key["S"] for name in ("chain", "former") for key in item[name]["L"]}


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_kill_between_any_two_steps_changes_no_table(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    """For every step of an uncrashed run: die there, start again, and the tables equal the recomputation."""
    shards = generate(seed)
    expected = recompute(shards)
    undisturbed = World(shards, random.Random(seed))
    assert await run_until_done(undisturbed) == 0
    assert tables(undisturbed) == expected
    for shard in ("b", "a1", "a2"):
        assert undisturbed.leases[shard].checkpoint == Checkpoint(str(len(shards[shard]))), "everything is done"
    assert all(expected.values()), "the input must exercise windows, alerts and late events"
    assert any("resolved" in identity for identity in expected["alerts"]), "and alerts that end"
    for kill_at in range(1, undisturbed.steps + 1):
        world = World(shards, random.Random(seed), kill_at=kill_at)
        assert await run_until_done(world) == 1, f"seed {seed}, step {kill_at}"
        assert tables(world) == expected, f"seed {seed}, step {kill_at}"
        assert set(world.objects.objects) == named(world), "what no pointer names is deleted"
    with capsys.disabled():
        print(f" [seed {seed}: {undisturbed.steps} crash schedules]", end="")


@pytest.mark.parametrize("seed", range(100, 140))
async def test_repeated_kills_change_no_table(seed: int) -> None:
    """Three workers die at random steps of one run, and the tables still equal the recomputation."""
    shards, rng = generate(seed), random.Random(seed)
    world = World(shards, rng)
    for _ in range(3):
        world.kill_at = world.steps + rng.randrange(1, 80)
        await survives(Worker(world))
    world.kill_at = 0
    await run_until_done(world)
    assert tables(world) == recompute(shards)
