"""Aggregators that share the shards of two streams, in memory: killed, robbed of their leases and resharded at will.

A step is whatever another process could see or a crash could cut off: a write to S3 or DynamoDB, a batch marked done, a
row or a message that leaves, each before and after it takes effect. What happens next is drawn from a seed.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal

from killed_aggregator import Killed, NoLetters, Stepped
from prometheus_client import CollectorRegistry

from aggregator.ancestry import Ancestry, ReceiverOrigin, SourceOrigin
from aggregator.deliver import Delivery, Destination
from aggregator.durable import Durable, Time
from aggregator.metrics import AggregatorMetrics
from aggregator.pipeline import Pace, Pipeline
from aggregator.rows import Kind
from aggregator.silence import Policy
from aggregator.state_store import StateStore
from aggregator.testing import MemoryItems, MemoryObjects
from aggregator.unit import Running
from delivery import Item, Outcome
from shardline import Batch, Checkpoint, ChildShard, Lease, Record, ShardLease
from shardline.testing import HandReceipt
from streaming_sql import Program
from streaming_sql.partition import HASH_KEYS, hash_key

Stream = Literal["source", "exchange"]
_BEGIN = Checkpoint("TRIM_HORIZON")


@dataclass
class MemoryShard:
    """A shard of a stream, its records, and what follows it once it is closed."""

    first: int
    last: int
    parents: tuple[str, ...] = ()
    records: list[Record] = field(default_factory=list)
    children: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        return not self.children


class MemoryShards:
    """One stream: records go by their hash key to the open shard that holds it."""

    def __init__(self, name: str, count: int) -> None:
        self.name = name
        self._made = 0
        self._sequence = 0
        self.shards: dict[str, MemoryShard] = {}
        size = HASH_KEYS // count
        for place in range(count):
            last = HASH_KEYS - 1 if place == count - 1 else (place + 1) * size - 1
            self._make(place * size, last)

    def _make(self, first: int, last: int, parents: tuple[str, ...] = ()) -> str:
        shard = f"{self.name}-{self._made}"
        self._made += 1
        self.shards[shard] = MemoryShard(first, last, parents)
        return shard

    def put(self, data: bytes, key: str, at: int) -> None:
        self._sequence += 1
        (shard,) = (shard for shard in self.shards.values() if shard.is_open and shard.first <= at <= shard.last)
        shard.records.append(Record(str(self._sequence), key, data))

    def split(self, name: str) -> None:
        shard = self.shards[name]
        middle = (shard.first + shard.last) // 2
        shard.children = self._make(shard.first, middle, (name,)), self._make(middle + 1, shard.last, (name,))

    def merge(self, one: str, other: str) -> None:
        first, last = sorted((self.shards[one], self.shards[other]), key=lambda shard: shard.first)
        first.children = last.children = (self._make(first.first, last.last, (one, other)),)

    def neighbours(self) -> list[tuple[str, str]]:
        names = sorted(
            (name for name, shard in self.shards.items() if shard.is_open), key=lambda n: self.shards[n].first
        )
        return list(pairwise(names))


@dataclass
class Held:
    """A shard in the hands of a worker: its pipeline, and how far it is read. A zombie has lost it unawares."""

    worker: int
    stream: Stream
    lease: ShardLease
    pipeline: Pipeline
    at: int
    is_zombie: bool = False
    has_ended: bool = False


class World:
    """All that outlives a process, the processes, and the step at which the one at work dies."""

    def __init__(self, program: Program, rng: random.Random, source_shards: int = 2, exchange_shards: int = 2) -> None:
        self.program, self.rng = program, rng
        self.kill_at = self.steps = self.epoch = self.died = 0
        self.now = 0.0
        self.objects, self.items = MemoryObjects(page_size=3), MemoryItems()
        self.streams: dict[Stream, MemoryShards] = {
            "source": MemoryShards("s", source_shards),
            "exchange": MemoryShards("x", exchange_shards),
        }
        self.leases: dict[Stream, dict[str, Lease]] = {"source": {}, "exchange": {}}
        for stream in self.leases:
            for name in self.streams[stream].shards:
                self._lease(stream, name)
        self.held: dict[tuple[Stream, str], Held] = {}
        self.zombies: list[Held] = []
        self.rows: dict[str, dict[str, set[bytes]]] = defaultdict(lambda: defaultdict(set))
        self.resharded = 0
        self.robbed_epochs: set[int] = set()

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.kill_at:
            raise Killed

    def put_event(self, event: dict[str, Any], key: str) -> None:
        self.streams["source"].put(json.dumps(event).encode(), key, hash_key(key))

    def _lease(self, stream: Stream, name: str) -> None:
        shard = self.streams[stream].shards[name]
        lease = Lease(name, _BEGIN, parents=shard.parents, starting_hash_key=shard.first, ending_hash_key=shard.last)
        self.leases[stream].setdefault(name, lease)

    def store(self) -> StateStore:
        return StateStore(
            Stepped(self.objects, self), Stepped(self.items, self), bucket="state", table="state", application="app"
        )

    def pipeline(self, stream: Stream, shard: str) -> Pipeline:
        """A pipeline as a task makes it for a lease."""
        kinds: tuple[tuple[str, Kind], ...] = (("aggregates", "window"), ("alerts", "alert"), ("late", "late"))
        metrics = AggregatorMetrics(CollectorRegistry())
        destinations = [Destination(name, frozenset({kind}), Rows(self, name)) for name, kind in kinds]
        destinations.append(Destination("exchange", frozenset({"exchange"}), Messages(self)))

        async def leases(of: Stream) -> list[Lease]:
            return list(self.leases[of].values())

        ancestry = Ancestry(self.store(), stream, lambda: leases(stream))
        time = Time(lambda: self.now, lambda: int(self.now * 1000), asyncio.sleep)
        origin = (
            SourceOrigin(ancestry, "app")
            if stream == "source"
            else ReceiverOrigin(ancestry, "app", lambda: leases("source"))
        )
        return Pipeline(
            Running(self.program, remember_ms=600_000),
            origin,
            Durable(ancestry.of(shard), metrics, time),
            Delivery(destinations, NoLetters(), metrics),
            metrics,
            Pace(silence=Policy(idle_seconds=50, flush_seconds=50)),
            time,
        )

    def ready(self, stream: Stream) -> list[Lease]:
        """The leases that a worker may take: nobody's, and of no shard whose parent is still to be read."""
        leases = self.leases[stream]
        return [
            lease
            for name, lease in leases.items()
            if not lease.is_ended
            and (stream, name) not in self.held
            and all(parent not in leases or leases[parent].is_ended for parent in lease.parents)
        ]

    async def take(self, stream: Stream, lease: Lease, worker: int) -> None:
        self.epoch += 1
        shard = ShardLease(stream, lease.shard_id, lease.parents, self.epoch)
        pipeline = self.pipeline(stream, lease.shard_id)
        held = Held(worker, stream, shard, pipeline, 0)
        self.held[stream, lease.shard_id] = held
        position = await pipeline.start(shard)
        records = self.streams[stream].shards[lease.shard_id].records
        begin, checkpoint = _place(position, records), _place(lease.checkpoint, records)
        assert begin >= checkpoint, "a batch was done that no committed state holds"
        # Reading from the checkpoint where it is behind the position: what is counted in must not count twice.
        held.at = self.rng.choice((begin, checkpoint))

    async def read(self, held: Held) -> None:
        """The next few records of a shard; at its end, drain it and let its children be taken."""
        shard = self.streams[held.stream].shards[held.lease.shard_id]
        records = shard.records[held.at : held.at + self.rng.randrange(1, 40 if held.stream == "exchange" else 5)]
        held.at += len(records)
        ended = not shard.is_open and held.at == len(shard.records)
        children = tuple(ChildShard(child, self.streams[held.stream].shards[child].parents) for child in shard.children)
        await held.pipeline.process(self.batch(held, records, children if ended else None))
        if ended:
            held.has_ended = True
            await held.pipeline.drain(held.lease)
            if not held.is_zombie:
                self.step()
                leases, shards = self.leases[held.stream], self.streams[held.stream].shards
                for child in shard.children:
                    if all(parent in leases for parent in shards[child].parents):  # else it is left for their end
                        self._lease(held.stream, child)
                self.step()
                leases[held.lease.shard_id] = replace(
                    leases[held.lease.shard_id], checkpoint=Checkpoint("SHARD_END"), children=shard.children
                )
                del self.held[held.stream, held.lease.shard_id]

    def batch(self, held: Held, records: Sequence[Record], children: tuple[ChildShard, ...] | None = None) -> Batch:
        def done() -> None:
            if held.is_zombie:
                return
            self.step()
            if records:
                leases, name = self.leases[held.stream], held.lease.shard_id
                leases[name] = replace(leases[name], checkpoint=Checkpoint(records[-1].sequence_number))
            self.step()

        return Batch(
            held.lease,
            records,
            shard_ended=children is not None,
            child_shards=children or (),
            receipt=HandReceipt(done),
        )

    def unread(self, held: Held) -> bool:
        shard = self.streams[held.stream].shards[held.lease.shard_id]
        return held.at < len(shard.records) or (not shard.is_open and not held.has_ended)

    async def rob(self, held: Held, worker: int) -> None:
        """Another worker takes the lease; the first does not know yet."""
        self.robbed_epochs.add(held.lease.epoch)
        held.is_zombie = True
        self.zombies.append(held)
        del self.held[held.stream, held.lease.shard_id]
        await self.take(held.stream, self.leases[held.stream][held.lease.shard_id], worker)

    async def hand_over(self, held: Held) -> None:
        await held.pipeline.drain(held.lease)
        del self.held[held.stream, held.lease.shard_id]

    def clean_up(self, stream: Stream) -> None:
        """Delete the leases of shards that are over and whose children are all under way, parents first."""
        leases = self.leases[stream]
        for name, lease in list(leases.items()):
            children = self.streams[stream].shards[name].children
            begun = all(child in leases and leases[child].checkpoint != _BEGIN for child in children)
            if lease.is_ended and children and begun and not any(parent in leases for parent in lease.parents):
                del leases[name]

    def die(self, worker: int) -> None:
        """A process is gone, with all that it held."""
        self.died += 1
        self.held = {at: held for at, held in self.held.items() if held.worker != worker}
        self.zombies = [zombie for zombie in self.zombies if zombie.worker != worker]


def _place(position: Checkpoint | None, records: Sequence[Record]) -> int:
    """How many records of a shard lie before a position."""
    if position is None or position == _BEGIN:
        return 0
    return sum(int(record.sequence_number) <= int(position.sequence_number) for record in records)


class Rows:
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


class Messages:
    """The exchange stream as a sink; a step every few messages, as each goes to every key group."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def deliver(self, items: Sequence[Item], /) -> list[Outcome]:
        for place, item in enumerate(items):
            if place % 32 == 0:
                self._world.step()
            assert item.hash_key is not None
            self._world.streams["exchange"].put(item.data, item.key, int(item.hash_key))
        self._world.step()
        return [Outcome("delivered")] * len(items)


def committed(world: World) -> Mapping[str, set[str]]:
    """The snapshots that each unit's pointer names."""
    return {
        name: {key["S"] for part in ("chain", "former") for key in item.get(part, {"L": []})["L"]}
        for name, item in world.items.items.items()
    }


__all__ = ["Held", "Killed", "MemoryShards", "World", "committed"]
