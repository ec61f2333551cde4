"""The aggregator as a process that can be killed between any two of its steps, driven over shards in memory.

A step is whatever another process could see or a crash could cut off: a write to S3 or DynamoDB, a batch marked done, a
row that reaches a sink, each before and after it takes effect.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from prometheus_client import CollectorRegistry

from aggregator.deliver import Delivery, Destination
from aggregator.durable import Durable, Time
from aggregator.metrics import AggregatorMetrics
from aggregator.one_owner import OneOwner
from aggregator.pipeline import Pace, Pipeline
from aggregator.rows import Kind
from aggregator.silence import Policy
from aggregator.state_store import StateStore
from aggregator.testing import MemoryItems, MemoryObjects
from aggregator.unit import Running
from delivery import DeadLetter, Item, Outcome
from shardline import Batch, Checkpoint, ChildShard, Lease, Record, ShardLease
from shardline.testing import HandReceipt
from streaming_sql import Program
from streaming_sql.operators.shelf import Bound

Event = dict[str, Any]


class Killed(Exception):
    """The process ends here."""


@dataclass
class World:
    """All that outlives a process, and the step at which the next one dies."""

    program: Program
    children: Mapping[str, tuple[str, ...]]
    shards: dict[str, list[Event]]
    rng: random.Random
    kill_at: int = 0
    steps: int = 0
    now: float = 0.0
    epoch: int = 0
    bound: Bound | None = None
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


class Steps(Protocol):
    """Counts steps, and kills at one of them."""

    def step(self) -> None: ...


class Stepped:
    """A client each of whose calls may be the last, before it takes effect or after."""

    def __init__(self, client: Any, world: Steps) -> None:
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
        time = Time(lambda: world.now, lambda: int(world.now * 1000), asyncio.sleep)
        self.pipeline = Pipeline(
            Running(world.program, remember_ms=600_000, bound=world.bound),
            OneOwner(self.list_leases),
            Durable(store, metrics, time),
            Delivery(destinations, NoLetters(), metrics),
            metrics,
            Pace(silence=Policy(idle_seconds=50, flush_seconds=50)),
            time,
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
        return [s for s, at in self.reading.items() if at < len(self.world.shards[s]) or s in self.world.children]

    async def read(self, shard: str) -> None:
        events, at = self.world.shards[shard], self.reading[shard]
        count = self.world.rng.randrange(1, 5)
        records = [
            Record(str(at + place + 1), "key", json.dumps(event).encode())
            for place, event in enumerate(events[at : at + count])
        ]
        self.reading[shard] = at + len(records)
        ended = shard in self.world.children and self.reading[shard] == len(events)
        children = tuple(ChildShard(child, (shard,)) for child in self.world.children[shard]) if ended else ()
        await self.pipeline.process(self.batch(shard, records, ended=ended, children=children))
        if ended:
            await self.pipeline.drain(self.held[shard])
            self.world.step()
            for child in self.world.children[shard]:
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
        for _ in range(5):
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


def named(world: World) -> set[str]:
    """The snapshots that the committed pointer names."""
    (item,) = world.items.items.values()
    return {key["S"] for name in ("chain", "former") for key in item[name]["L"]}
