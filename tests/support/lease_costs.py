"""What a fleet asks of DynamoDB in virtual time, in requests and in the units that DynamoDB charges."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from shardline import (
    TRIM_HORIZON,
    Batch,
    Checkpoint,
    ConsumerGroup,
    DynamoDBLeaseTable,
    GroupSettings,
    Lease,
    LeaseTable,
    each_batch,
)
from shardline.testing import MemoryLeaseTable, MemorySource, MemoryStream
from shardline.testing.dynamodb import MemoryDynamoDB

WRITES = ("PutItem", "UpdateItem", "DeleteItem")


def item_bytes(item: Mapping[str, Any]) -> int:
    """The size of an item: names and values in UTF-8, numbers about half their digits.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    size = 0
    for name, value in item.items():
        ((kind, content),) = value.items()
        size += len(name)
        size += len(content) // 2 + 2 if kind == "N" else sum(map(len, content)) if kind == "SS" else len(content)
    return size


@dataclass
class Meter:
    """Requests and units since the last reset. Units as of on-demand tables: 4 KB a read, 1 KB a write."""

    database: MemoryDynamoDB
    requests: Counter[str] = field(default_factory=Counter)
    reads: float = 0.0
    writes: float = 0.0

    async def carry(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Bring one request to the database, after a few milliseconds."""
        await asyncio.sleep(0.004)
        self.requests[operation] += 1
        answer = self.database.call(operation, request)
        if operation in WRITES:
            self.writes += ceil(item_bytes(answer.get("Attributes") or request.get("Item") or {}) / 1024) or 1
        elif operation in ("GetItem", "Scan"):
            items = answer["Items"] if operation == "Scan" else [answer.get("Item") or {}]
            units = max(ceil(sum(map(item_bytes, items)) / 4096), 1)
            self.reads += units if request.get("ConsistentRead") else units / 2
        return answer

    def reset(self) -> None:
        """Count from nothing."""
        self.requests.clear()
        self.reads = self.writes = 0.0


class Fleet:
    """Workers on one stream, with their leases in a metered DynamoDB, or in plain memory, which is faster."""

    def __init__(self, shards: int, *, in_dynamodb: bool = True, **settings: Any) -> None:
        self.stream = MemoryStream(shards)
        self.memory = None if in_dynamodb else MemoryLeaseTable()
        self.database = MemoryDynamoDB(clock=lambda: asyncio.get_running_loop().time())
        self.meter = Meter(self.database)
        self.settings = GroupSettings(**settings)
        self.records: list[tuple[float, str]] = []
        self.running: dict[str, tuple[ConsumerGroup, asyncio.Event, asyncio.Task[None]]] = {}
        self._started = 0

    async def deal_out(self, workers: int) -> None:
        """Create the leases, as many for each of the workers to come, as if they had stopped without a word."""
        table = self._lease_table()
        await table.open("app/stream")
        for number, shard in enumerate(self.stream.open_shards()):
            owner = f"worker-{number % workers + 1:03d}"
            place = {"starting_hash_key": shard.low, "ending_hash_key": shard.high}
            await table.create(Lease(shard.shard_id, Checkpoint(TRIM_HORIZON), owner, counter=1, **place))

    def _lease_table(self) -> LeaseTable:
        return self.memory or DynamoDBLeaseTable(
            dynamodb=self.database.client(self.meter.carry),
            table="leases",
            create_missing=True,
            wall_clock=lambda: 1.8e9 + asyncio.get_running_loop().time(),
        )

    def start(self) -> str:
        """Start one more worker; returns its name."""
        self._started += 1
        name = f"worker-{self._started:03d}"
        group = ConsumerGroup(
            stream="stream",
            application="app",
            kinesis=None,
            lease_table=self._lease_table(),
            worker_id=name,
            settings=self.settings,
            source=MemorySource(self.stream, life_seconds=280, rng=random.Random(self._started)),
            rng=random.Random(self._started),
        )
        stop = asyncio.Event()

        async def note(batch: Batch) -> None:
            now = asyncio.get_running_loop().time()
            self.records.extend((now, record.partition_key) for record in batch.records)

        self.running[name] = (group, stop, asyncio.ensure_future(group.run(each_batch(note), stop)))
        return name

    async def stop(self, name: str) -> None:
        """Stop a worker in good order."""
        _, stop, task = self.running.pop(name)
        stop.set()
        await task

    async def stop_all(self) -> None:
        """Stop every worker at once."""
        await asyncio.gather(*(self.stop(name) for name in list(self.running)))

    def read(self) -> Counter[str]:
        """How many shards each worker reads."""
        return Counter({name: len(group.snapshot().shards) for name, (group, _, _) in self.running.items()})

    async def until_read(self, shards: int, seconds: float) -> float:
        """Wait until so many shards are read; returns how long that took. Raises TimeoutError."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.timeout(seconds):
            while sum(self.read().values()) != shards:
                await asyncio.sleep(0.05)
        return loop.time() - began
