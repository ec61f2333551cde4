"""An enricher in virtual time, whose sinks and leases fail on demand, and the points that CloudWatch has of it.

Consumer group, pipeline, Kinesis sink and metrics are the real ones; Kinesis behind the sink is the double's own model.
What AWS publishes of a stream (namespace AWS/Kinesis) is made of what the model answered.
"""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

from botocore.exceptions import ClientError
from cloudwatch_alarms import Metrics, Watch
from emf import Point, points
from prometheus_client import CollectorRegistry

from aws_wire.kinesis import SubscribeToShardEvent
from delivery import Item, KinesisSink, Outcome
from delivery.outcome import DELIVERED
from delivery.testing import MemoryDeadLetterSink
from enricher.enrich import Lookups
from enricher.metrics import EnricherMetrics
from enricher.pipeline import Pipeline
from event_contract import Limits
from local_aws.errors import ServiceError
from local_aws.kinesis import operations
from local_aws.kinesis.account import Account
from local_aws.kinesis.faults import Fault, Faults
from local_aws.kinesis.settings import KinesisSettings
from service_runtime.emf import Publisher
from service_runtime.runtime import _watch_loop
from shardline import Checkpoint, ConsumerGroup, GroupSettings, Lease, LeaseTableUnavailable
from shardline.testing import MemoryLeaseTable, MemorySource, MemoryStream

START_MS = 1_700_000_100_000
"""A multiple of five minutes, so that periods begin with the run."""
NAMESPACE = "StreamingETL/test"
ENRICHED = "test-enriched"
RAW = "test-raw"
NAMES = {"$namespace": NAMESPACE, "$each": "enricher", "$stream": RAW, "$consumer": "enricher"}


def now_ms() -> int:
    """The time of the run, in ms since the epoch."""
    return START_MS + round(asyncio.get_running_loop().time() * 1000)


class ModelClient:
    """PutRecords of the double's model, and the metrics that AWS makes of it."""

    def __init__(self, metrics: Metrics) -> None:
        self.faults = Faults(random.Random(1).random)
        self._metrics = metrics
        settings = KinesisSettings(create_seconds=0)
        self._account = Account(settings, clock=now_ms, faults=self.faults)
        operations.call(self._account, "CreateStream", {"StreamName": ENRICHED, "ShardCount": 1})

    async def put_records(self, **arguments: Any) -> dict[str, Any]:
        """As aiobotocore's. Raises ClientError."""
        records = [
            {**record, "Data": base64.b64encode(record["Data"]).decode("ascii")} for record in arguments["Records"]
        ]
        try:
            answer = operations.call(self._account, "PutRecords", {**arguments, "Records": records})
        except ServiceError as error:
            raise ClientError({"Error": {"Code": error.code, "Message": str(error)}}, "PutRecords") from error
        throttled = sum("ErrorCode" in entry for entry in answer["Records"])
        self._publish("WriteProvisionedThroughputExceeded", throttled)
        self._publish("IncomingRecords", len(records) - throttled)
        return dict(answer)

    def _publish(self, name: str, value: float) -> None:
        dimensions = frozenset({("StreamName", ENRICHED)})
        self._metrics.add([Point("AWS/Kinesis", name, dimensions, now_ms(), value, "Count")])


class PublishingSource(MemorySource):
    """A stream that tells, as Kinesis does, how far behind is what it delivers to a fan-out consumer."""

    def __init__(self, stream: MemoryStream, metrics: Metrics) -> None:
        super().__init__(stream)
        self._metrics = metrics

    async def subscribe(
        self, shard_id: str, position: Checkpoint, *, after: bool
    ) -> AsyncIterator[SubscribeToShardEvent]:
        """See Source."""
        dimensions = frozenset({("StreamName", RAW), ("ConsumerName", "enricher")})
        async with aclosing(super().subscribe(shard_id, position, after=after)) as events:  # type: ignore[type-var]
            async for event in events:
                behind = float(event.millis_behind_latest)
                name = "SubscribeToShardEvent.MillisBehindLatest"
                self._metrics.add([Point("AWS/Kinesis", name, dimensions, now_ms(), behind, "Milliseconds")])
                yield event


class StallingSink:
    """Delivers all at once, unless it stalls: then whoever delivers waits until it does not, or is refused."""

    def __init__(self) -> None:
        self.stalls = False
        self.seconds = 0.0
        self.gives_up = False

    async def deliver(self, items: Sequence[Item], /) -> list[Outcome]:
        """See delivery.Sink."""
        await asyncio.sleep(self.seconds)
        while self.stalls:
            await asyncio.sleep(1)
        outcome = Outcome("undelivered", "ServiceUnavailable", "asked for") if self.gives_up else DELIVERED
        return [outcome] * len(items)


class FailingLeaseTable(MemoryLeaseTable):
    """A lease table that cannot be reached while `is_down`."""

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False

    def _check(self) -> None:
        if self.is_down:
            raise LeaseTableUnavailable("asked for")

    async def scan(self, part: int = 0, parts: int = 1) -> list[Lease]:
        """See LeaseTable."""
        self._check()
        return await super().scan(part, parts)

    async def list_leases(self) -> list[Lease]:
        """See LeaseTable."""
        self._check()
        return await super().list_leases()

    async def renew(self, lease: Lease, throughput: float | None = None) -> Lease:
        """See LeaseTable."""
        self._check()
        return await super().renew(lease, throughput)

    async def checkpoint(self, *arguments: Any, **options: Any) -> Lease:
        """See LeaseTable."""
        self._check()
        return await super().checkpoint(*arguments, **options)

    async def next_epoch(self) -> int:
        """See LeaseTable."""
        self._check()
        return await super().next_epoch()


class Enricher:
    """The service with all around it. `watches` are looked at every minute."""

    def __init__(self, lookups: Lookups, *watched: str, retention_seconds: float = 86_400.0) -> None:
        self.metrics = Metrics()
        self.stream = MemoryStream(2, retention_seconds)
        self.source = PublishingSource(self.stream, self.metrics)
        self.table = FailingLeaseTable()
        self.kinesis = ModelClient(self.metrics)
        self.firehose = StallingSink()
        self.registry = CollectorRegistry()
        self.publishes = True
        self.publisher = Publisher(self.registry, "enricher", NAMESPACE)
        self.watches = {name: Watch(name, self.metrics, _names(name)) for name in watched}
        self._lookups = lookups
        self._letters = MemoryDeadLetterSink()
        self._stage = EnricherMetrics(self.registry, lambda: asyncio.get_running_loop().time())
        self._number = 0
        self._tasks: list[asyncio.Task[None]] = [asyncio.ensure_future(_watch_loop(self.registry))]
        self._stop = asyncio.Event()

    def start(self) -> None:
        """Take part in the group, as the service does."""
        observer = self._stage.stage.observer("kinesis:enriched")
        sinks = {
            "kinesis:enriched": KinesisSink(self.kinesis, ENRICHED, observer=observer),
            "firehose:enriched": self.firehose,
        }
        pipeline = Pipeline(self._lookups, sinks, self._letters, self._stage, Limits(max_future_seconds=2**40))
        group = ConsumerGroup(
            stream="raw",
            application="enricher",
            kinesis=None,
            lease_table=self.table,
            settings=GroupSettings(max_in_flight_records=20, max_batch_records=20),
            source=self.source,
        )
        self._stage.stage.watch_group("raw", group.snapshot)
        self._stop = asyncio.Event()
        self._tasks.append(asyncio.ensure_future(group.run(pipeline, self._stop)))

    async def stop(self) -> None:
        """Drain and hand the shards over."""
        self._stop.set()
        await self._tasks.pop()

    async def end(self) -> None:
        """End all that runs, whatever its state."""
        self.firehose.stalls = self.table.is_down = False
        self.firehose.seconds = 0
        self._stop.set()
        for task in self._tasks[:0:-1]:
            await task
        self._tasks[0].cancel()

    async def minutes(self, count: int, *, events: int = 20, malformed: int = 0) -> None:
        """Let so many minutes go by, with so many records in each; then look at the alarms."""
        for _ in range(count):
            self._put(events, malformed)
            await asyncio.sleep(60 - asyncio.get_running_loop().time() % 60)
            line = self.publisher.line(now_ms()) if self.publishes else None
            if line is not None:
                self.metrics.add(points(line))
            for watch in self.watches.values():
                watch.look(now_ms())

    @property
    def states(self) -> dict[str, str]:
        """What each alarm says now."""
        return {name: watch.state for name, watch in self.watches.items()}

    @contextmanager
    def throttled(self, percent: float) -> Iterator[None]:
        """Have the model refuse so many of the records that are put."""
        self.kinesis.faults.add(Fault(kind="throttle_puts", count=None, percent=percent))
        yield
        self.kinesis.faults.clear()

    @property
    def letter_codes(self) -> set[str]:
        """Why records became dead letters."""
        return {letter.code for letter in self._letters.letters}

    def _put(self, events: int, malformed: int) -> None:
        for place in range(events + malformed):
            self._number += 1
            self.stream.put(f"key-{self._number % 50}", _event(self._number) if place < events else b"\x00 no event")


def _names(alarm: str) -> Mapping[str, str]:
    return {**NAMES, "$each": ENRICHED} if alarm.startswith("stream-") else NAMES


def _event(number: int) -> bytes:
    return (
        b'{"id":"e%d","source":"s","type":"page_view","key":"k%d","time":1700000000000,"received":1700000000000,'
        b'"tenant":"t","payload":{"page":"/"}}' % (number, number % 50)
    )
