"""The fleet's processes: real consumer groups on real lease tables, each in a process of its own."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, fields
from typing import Any

from fleet.kinesis import EPOCH_MS, STREAM, Kinesis, SimulatedSource
from fleet.ledger import LEASE_SECONDS, Ledger
from fleet.network import Link
from fleet.sinks import LateProcessor, Sink
from fleet.world import ProcessLoop, World

from local_aws.errors import ServiceError
from shardline import Batch, Checkpoint, ConsumerGroup, DynamoDBLeaseTable, GroupSettings, ShardLease
from shardline.testing.dynamodb import MemoryDynamoDB
from shardline.testing.dynamodb_client import client_error

TABLE = "leases"
APPLICATION = "fleet"

_WISHES: dict[str, Any] = {
    "consumer_name": "fleet",
    "lease_duration_seconds": LEASE_SECONDS,
    "scan_interval_seconds": 2.0,
    "shard_sync_interval_seconds": 15.0,
    "checkpoint_interval_seconds": 1.0,
    "max_in_flight_records": 150,
    "max_batch_records": 20,
    "drain_seconds": 8.0,
    "handoff_seconds": 15.0,
    "stall_seconds": 12.0,
    "backoff_cap_seconds": 2.0,
    "reading": "fan_out",
}


def settings(**others: Any) -> GroupSettings:
    """The fleet's settings: small bounds and short times, so that much happens in a minute."""
    known = {each.name for each in fields(GroupSettings)}
    return GroupSettings(**{name: value for name, value in {**_WISHES, **others}.items() if name in known})


@dataclass(slots=True)
class Services:
    """What all processes share."""

    world: World
    ledger: Ledger
    kinesis: Kinesis
    dynamodb: MemoryDynamoDB
    settings: GroupSettings
    faults: Counter[str]
    flush_interval: float
    keeps_places: bool
    hiccups: float


class Worker:
    """One process of the fleet."""

    def __init__(self, services: Services, name: str, incarnation: int) -> None:
        world = services.world
        rng = world.rng
        self.name = name
        self.label = f"{name}#{incarnation}"
        self.services = services
        self.loop = ProcessLoop(world, self.label, offset=rng.uniform(0, 1e6), rate=rng.uniform(0.99, 1.01))
        self.dynamodb_link = self._link("dynamodb", _dynamodb_refusal)
        self.kinesis_link = self._link("kinesis", _kinesis_refusal)
        self.sink_link = self._link("sink", _sink_refusal)
        self.source = SimulatedSource(services.kinesis, self.kinesis_link, services.faults)
        sink = Sink(self.label, services.ledger, self.sink_link, keeps_places=services.keeps_places)
        self.processor = LateProcessor(
            self.loop,
            sink,
            services.faults,
            interval=services.flush_interval,
            state_of=self._state_of,
            on_start=self._started,
            on_batch=self._given,
        )
        self._handed: dict[str, int] = {}
        self._stop = asyncio.Event()
        self.is_stopping = False
        self.group: ConsumerGroup | None = None
        self._seed = rng.random()
        self.task = self.loop.create_task(self._main())
        world.note(f"start {self.label}")

    @property
    def is_running(self) -> bool:
        """Whether the process is there and has not been asked to stop."""
        return not (self.loop.is_killed or self.is_stopping or self.task.done())

    @property
    def links(self) -> tuple[Link, Link, Link]:
        """Its ways to the services."""
        return self.dynamodb_link, self.kinesis_link, self.sink_link

    def stop(self) -> None:
        """Ask it to stop in good order, as SIGTERM does."""
        self.services.world.note(f"stop {self.label}")
        self.is_stopping = True
        self._stop.set()

    def kill(self) -> None:
        """End it at once, as SIGKILL does."""
        self.services.world.note(f"kill {self.label}")
        self.loop.kill()

    def check(self) -> None:
        """See that it did not die by itself."""
        if self.loop.is_killed or not self.task.done():
            return
        error = self.task.exception() if not self.task.cancelled() else asyncio.CancelledError()
        if error is not None:
            self.services.ledger.break_on("a worker never dies by itself", f"{self.label}: {error!r}")

    async def _main(self) -> None:
        dynamodb, ledger = self.services.dynamodb, self.services.ledger

        async def carry(operation: str, request: Any) -> Any:
            def serve() -> Any:
                ledger.writer = self.name
                return dynamodb.call(operation, request)

            return await self.dynamodb_link.call(operation, serve)

        table = DynamoDBLeaseTable(
            dynamodb=dynamodb.client(carry),
            table=TABLE,
            create_missing=True,
            wall_clock=lambda: EPOCH_MS / 1000 + self.loop.time(),
        )
        self.group = ConsumerGroup(
            stream=STREAM,
            application=APPLICATION,
            kinesis=None,
            lease_table=table,
            worker_id=self.name,
            settings=self.services.settings,
            rng=random.Random(self._seed),
            source=self.source,
        )
        await self.group.run(self.processor, self._stop)

    def _link(self, service: str, refusal: Any) -> Link:
        link = Link(self.loop, service, self.services.faults, refusal)
        link.hiccups = self.services.hiccups
        return link

    def _state_of(self, batch: Batch) -> bytes | None:
        if not batch.records:
            return None
        last = batch.records[-1]
        ledger = self.services.ledger
        place = Checkpoint(last.sequence_number, last.sub_sequence_number)
        return str(ledger.passed(ledger.shards[batch.lease.shard_id], place)).encode()

    def _started(self, lease: ShardLease) -> None:
        self._handed[lease.shard_id] = 0
        self.source.counts.begin(lease.shard_id)
        self.services.ledger.begin(lease.shard_id, lease.epoch)
        self.services.world.note(f"reads {self.label} {lease.shard_id} e{lease.epoch}")

    def _given(self, batch: Batch, undone: int) -> None:
        """Check the bounds on memory, at each batch."""
        bounds, counts, ledger = self.services.settings, self.source.counts, self.services.ledger
        shard_id = batch.lease.shard_id
        self._handed[shard_id] = self._handed.get(shard_id, 0) + len(batch.records)
        ahead = counts.received[shard_id] - self._handed[shard_id]
        slack = 2 * counts.largest_event
        if undone >= bounds.max_in_flight_records + slack:
            ledger.break_on("bounded memory", f"{self.label} has {undone} records of {shard_id} in flight")
        ahead = max(ahead, len(batch.records))
        if ahead > bounds.max_batch_records + slack:
            ledger.break_on("bounded memory", f"{self.label} has read {ahead} records of {shard_id} ahead")


def _dynamodb_refusal(operation: str) -> Exception:
    return client_error("ProvisionedThroughputExceededException", "throttled", operation)


def _kinesis_refusal(operation: str) -> Exception:
    return ServiceError("LimitExceededException", f"Rate exceeded for {operation}")


def _sink_refusal(operation: str) -> Exception:
    return ConnectionError(f"{operation}: the sink is busy")
