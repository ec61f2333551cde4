"""Every way from Kinesis to a shard's records, on the double: the same records, each once, whatever breaks."""

from __future__ import annotations

import asyncio
import json
import random
import time
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from kinesis_double import CREDENTIALS, KinesisStream, serving_kinesis

from aws_wire import aggregation
from shardline import AT_TIMESTAMP, LATEST, TRIM_HORIZON, Checkpoint, GroupSettings, Record
from shardline.clock import LoopClock
from shardline.reading.loss import DataLoss
from shardline.reading.pacing import PollBudgets
from shardline.reading.reader import Reader
from shardline.reading.stream import Stream

pytestmark = [pytest.mark.integration, pytest.mark.long]

WAYS = {
    "http2": {"transport": "http2", "reading": "fan_out"},
    "http1": {"transport": "http1", "reading": "fan_out"},
    "aiobotocore": {"transport": "aiobotocore", "reading": "fan_out"},
    "polling": {"reading": "polling"},
    "polling-aiobotocore": {"transport": "aiobotocore", "reading": "polling"},
}
SUBSCRIPTION_FAULTS = [
    {"kind": "drop_subscription"},
    {"kind": "corrupt_frame"},
    {"kind": "truncate_frame"},
    {"kind": "stall", "seconds": 4},
    {"kind": "subscription_exception", "code": "InternalFailureException"},
    {"kind": "subscription_exception", "code": "KMSThrottlingException"},
    {"kind": "fail_calls", "operation": "SubscribeToShard", "code": "LimitExceededException"},
    {"kind": "fail_calls", "operation": "SubscribeToShard", "code": "ResourceInUseException"},
]
POLL_FAULTS = [
    {"kind": "fail_calls", "operation": "GetRecords", "code": code}
    for code in (
        "ProvisionedThroughputExceededException",
        "ExpiredIteratorException",
        "KMSThrottlingException",
        "InternalFailureException",
    )
] + [{"kind": "fail_calls", "operation": "GetShardIterator", "code": "InternalFailureException"}]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A double whose subscriptions are short, so that they are renewed under way."""
    options = ("--subscription-seconds", "3", "--resubscribe-seconds", "0.3", "--idle-event-seconds", "0.5")
    with serving_kinesis(*options, "--state-seconds", "0.1") as address:
        yield address


class Shard:
    """A stream of one shard, or of more of which one is read."""

    def __init__(self, endpoint: str, shards: int = 1) -> None:
        self.endpoint, self.name = endpoint, f"stream-{uuid.uuid4().hex[:8]}"
        self.stream = KinesisStream(endpoint, self.name, shards)
        self.shard_id = "shardId-000000000000"
        self.rng = random.Random(1)
        self.put_data: list[bytes] = []

    def put(self, count: int) -> None:
        """Put entries, plain ones and aggregates of two, with numbered data."""
        entries = []
        for _ in range(count):
            data = self._next()
            if self.rng.random() < 0.3:
                users = [aggregation.UserRecord("key", each, None) for each in (data, self._next())]
                data = aggregation.encode(users)
            entries.append({"PartitionKey": "key", "Data": data})
        self.stream.put(entries)

    def _next(self) -> bytes:
        self.put_data.append(f"{len(self.put_data)}".encode())
        return self.put_data[-1]

    def fault(self, **fault: object) -> None:
        """Put a fault in force on this stream."""
        body = json.dumps({**fault, "stream": self.name}).encode()
        urllib.request.urlopen(f"{self.endpoint}/_local/faults", data=body, timeout=60).close()


@asynccontextmanager
async def reader_of(shard: Shard, losses: list[DataLoss] | None = None, **settings: Any) -> AsyncIterator[Reader]:
    policy = GroupSettings(
        **{
            "stall_seconds": 2.0,
            "backoff_cap_seconds": 1.0,
            "resubscribe_seconds": 0.4,
            "lease_duration_seconds": 1.0,
            "initial_position": AT_TIMESTAMP if "initial_timestamp" in settings else TRIM_HORIZON,
            **settings,
        }
    )
    timestamp = policy.initial_timestamp
    async with (
        get_session().create_client(
            "kinesis", endpoint_url=shard.endpoint, config=AioConfig(retries={"total_max_attempts": 1}), **CREDENTIALS
        ) as client,
        Stream(client, shard.name, "consumer", initial_timestamp=timestamp, transport=policy.transport) as stream,
    ):
        noted = losses if losses is not None else []
        yield Reader(stream, policy, LoopClock(), random.Random(1).random, noted.append, poll_budgets=PollBudgets())


async def read(reader: Reader, shard: Shard, start: Checkpoint) -> list[Record]:
    """Read the shard from the checkpoint to its end."""
    got: list[Record] = []
    async with asyncio.timeout(90):
        async for event in reader.events(shard.shard_id, start):
            got += event.records
    assert [child.parents for child in event.child_shards] == [(shard.shard_id,)] * 2
    return got


async def test_nothing_is_lost_or_repeated_whatever_breaks(endpoint: str) -> None:
    """Faults of every kind strike while records flow; subscriptions end every three seconds besides."""
    await asyncio.gather(*(break_everything(way, Shard(endpoint)) for way in WAYS))


async def break_everything(way: str, shard: Shard) -> None:
    async with reader_of(shard, **WAYS[way]) as reader:
        reading = asyncio.ensure_future(read(reader, shard, Checkpoint(TRIM_HORIZON)))
        for fault in POLL_FAULTS if "polling" in way else SUBSCRIPTION_FAULTS:
            await asyncio.to_thread(shard.put, 50)
            await asyncio.to_thread(shard.fault, count=1, **fault)
            await asyncio.sleep(0.7)
        await asyncio.to_thread(shard.put, 50)
        await asyncio.to_thread(shard.stream.split, 0)
        assert [record.data for record in await reading] == shard.put_data, way


async def test_every_way_gives_equal_records(endpoint: str) -> None:
    """Numbers, keys, data, arrival and places in aggregates: aiobotocore is what the others are measured by."""
    shard = Shard(endpoint)
    shard.put(300)
    shard.stream.split(0)
    told: dict[str, list[Record]] = {}
    for way, settings in WAYS.items():
        async with reader_of(shard, **settings) as reader:
            await asyncio.sleep(0.4)
            told[way] = await read(reader, shard, Checkpoint(TRIM_HORIZON))
    assert [record.data for record in told["aiobotocore"]] == shard.put_data
    for records in told.values():
        assert records == told["aiobotocore"]


async def test_all_starting_positions(endpoint: str) -> None:
    """TRIM_HORIZON, AT and AFTER a number and within an aggregate, AT_TIMESTAMP, LATEST; by every way."""
    await asyncio.gather(*(start_everywhere(way, Shard(endpoint)) for way in WAYS))


async def start_everywhere(way: str, shard: Shard) -> None:
    await asyncio.to_thread(shard.put, 40)
    begun = time.time()
    await asyncio.sleep(1.0)
    await asyncio.to_thread(shard.put, 1)
    later = shard.put_data[-1]
    async with reader_of(shard, **WAYS["polling"]) as reader:
        everything = await first_records(reader, shard, Checkpoint(TRIM_HORIZON), len(shard.put_data))
    assert begun < next(record for record in everything if record.data == later).arrived_seconds
    inner = next(at for at, record in enumerate(everything) if record.sub_sequence_number == 1)
    place = everything[inner - 1]
    async with reader_of(shard, **WAYS[way]) as reader:
        for start, expected in (
            (Checkpoint(TRIM_HORIZON), everything[0]),
            (Checkpoint(everything[20].sequence_number, everything[20].sub_sequence_number), everything[21]),
            (Checkpoint(place.sequence_number, -1), place),
            (Checkpoint(place.sequence_number, 0), everything[inner]),
        ):
            assert await first_records(reader, shard, start, 1) == [expected], way
        latest = asyncio.ensure_future(first_records(reader, shard, Checkpoint(LATEST), 1))
        await asyncio.sleep(1.5)
        await asyncio.to_thread(shard.put, 1)
        assert (await latest)[0].data in shard.put_data[-2:], way
    async with reader_of(shard, initial_timestamp=begun + 0.5, **WAYS[way]) as reader:
        timed = await first_records(reader, shard, Checkpoint(AT_TIMESTAMP), 1)
        assert timed[0].arrived_seconds >= begun + 0.5, way
        assert int(timed[0].data) >= int(later) - 1, way


async def first_records(reader: Reader, shard: Shard, start: Checkpoint, count: int) -> list[Record]:
    """Read from the checkpoint until so many records came."""
    got: list[Record] = []
    events = reader.events(shard.shard_id, start)
    async with asyncio.timeout(30), aclosing(events):  # type: ignore[type-var]
        async for event in events:
            got += event.records
            if len(got) >= count:
                break
    return got[:count]


async def test_refused_fan_out_is_polled_until_it_can_be_had(endpoint: str) -> None:
    """No room for the consumer, then none for a subscription; each time polled meanwhile, and switched back."""
    shard = Shard(endpoint)
    shard.fault(kind="fail_calls", operation="RegisterStreamConsumer", code="LimitExceededException", count=5)
    async with reader_of(shard, reading="auto", fan_out_retry_seconds=2.0) as reader:
        await reader.prepare()
        assert reader.health.is_refused
        reading = asyncio.ensure_future(read(reader, shard, Checkpoint(TRIM_HORIZON)))
        for number in range(16):
            await asyncio.to_thread(shard.put, 20)
            await asyncio.sleep(0.5)
            if number == 8:
                assert not reader.health.is_refused
                shard.fault(kind="fail_calls", operation="SubscribeToShard", code="AccessDeniedException", count=1)
        await asyncio.to_thread(shard.stream.split, 0)
        assert [record.data for record in await reading] == shard.put_data


async def test_a_checkpoint_of_another_shard_is_reported_and_reading_goes_on(endpoint: str) -> None:
    """Kinesis refuses the number; what is kept is read from its beginning, and the loss is counted."""
    shard, other = Shard(endpoint), Shard(endpoint)
    other.put(1)
    other.stream.split(0)
    other.put(1)
    number = other.stream.open_shards()[0]["SequenceNumberRange"]["StartingSequenceNumber"]
    shard.put(30)
    for way in ("http2", "polling"):
        losses: list[DataLoss] = []
        async with reader_of(shard, losses, **WAYS[way]) as reader:
            got = await first_records(reader, shard, Checkpoint(number), 1)
        assert [loss.kind for loss in losses] == ["position_refused"]
        assert got[0].data == shard.put_data[0]


@pytest.mark.parametrize("way", ["http2", "http1"])
async def test_a_shard_that_is_not_read_on_holds_up_no_other(way: str) -> None:
    """One stands still after its first event, with 24 MB to come; the other, on HTTP/2's one connection, gets all."""
    with serving_kinesis("--no-write-limits", "--no-pacing", "--state-seconds", "0.1") as address:
        shard = Shard(address, shards=2)
        entries = [{"PartitionKey": f"{number}", "Data": bytes(60_000)} for number in range(800)]
        for start in range(0, len(entries), 100):
            await asyncio.to_thread(shard.stream.put, entries[start : start + 100])
        async with reader_of(shard, stall_seconds=30.0, **WAYS[way]) as reader:
            await reader.prepare()
            stuck = reader.events("shardId-000000000000", Checkpoint(TRIM_HORIZON))
            async with aclosing(stuck), asyncio.timeout(60):  # type: ignore[type-var]
                first = await anext(stuck)
                shard.shard_id = "shardId-000000000001"
                got = await first_records(reader, shard, Checkpoint(TRIM_HORIZON), 350)
                assert len(got) == 350
                rest = len(first.records)
                async for event in stuck:
                    rest += len(event.records)
                    if rest >= 350:
                        break
