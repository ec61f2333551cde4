"""Consumer processes on the Kinesis double: nothing lost, order per key, through kills, reshards and faults."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from aws_wire import aggregation

pytestmark = pytest.mark.integration


class Producer:
    """Puts numbered records under keys, plain and aggregated, each key's in order."""

    def __init__(self, client: Any, stream: str) -> None:
        self.client, self.stream = client, stream
        self.put: dict[str, int] = defaultdict(int)
        self.rng = random.Random(7)

    async def send(self, count: int, per_second: int = 400) -> None:
        while count > 0:
            entries = [self._entry() for _ in range(min(count, 40))]
            count -= len(entries)
            answer = await self.client.put_records(StreamName=self.stream, Records=entries)
            assert answer["FailedRecordCount"] == 0
            await asyncio.sleep(len(entries) / per_second)

    def _entry(self) -> dict[str, Any]:
        key = f"key-{self.rng.randrange(50)}"
        if self.rng.random() < 0.5:
            return {"PartitionKey": key, "Data": self._next(key)}
        users = [aggregation.UserRecord(key, self._next(key), None) for _ in range(self.rng.randint(1, 5))]
        return {"PartitionKey": key, "Data": aggregation.encode(users)}

    def _next(self, key: str) -> bytes:
        self.put[key] += 1
        return str(self.put[key]).encode()

    @property
    def total(self) -> int:
        return sum(self.put.values())


async def stream_of(client: Any, shards: int) -> str:
    name = f"stream-{uuid.uuid4().hex[:8]}"
    await client.create_stream(StreamName=name, ShardCount=shards)
    await until_active(client, name)
    return name


async def until_active(client: Any, name: str) -> None:
    for _ in range(600):
        summary = await client.describe_stream_summary(StreamName=name)
        if summary["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE":
            return
        await asyncio.sleep(0.1)
    raise TimeoutError(name)


async def open_shards(client: Any, name: str) -> list[dict[str, Any]]:
    listed = (await client.list_shards(StreamName=name))["Shards"]
    shards = [shard for shard in listed if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]
    return sorted(shards, key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))


async def split(client: Any, name: str, place: int) -> None:
    shard = (await open_shards(client, name))[place]
    low, high = (int(shard["HashKeyRange"][end]) for end in ("StartingHashKey", "EndingHashKey"))
    await client.split_shard(StreamName=name, ShardToSplit=shard["ShardId"], NewStartingHashKey=str((low + high) // 2))
    await until_active(client, name)


async def merge(client: Any, name: str, place: int) -> None:
    shards = await open_shards(client, name)
    await client.merge_shards(
        StreamName=name, ShardToMerge=shards[place]["ShardId"], AdjacentShardToMerge=shards[place + 1]["ShardId"]
    )
    await until_active(client, name)


async def until_all(consumers: Any, producer: Producer, seconds: float) -> list[list[Any]]:
    """Wait until each record put was given to some worker; returns all that was given."""
    expected = {(key, str(number)) for key, last in producer.put.items() for number in range(1, last + 1)}
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        records: list[list[Any]] = consumers.records()
        missing = expected - {(key, data) for *_, key, data in records}
        if not missing:
            return records
        assert asyncio.get_running_loop().time() < deadline, f"lost {len(missing)} of {len(expected)}"
        await asyncio.sleep(0.3)


async def send_until_both_work(producer: Producer, workers: Any) -> None:
    """Send records until each of two workers was given some."""
    for _ in range(300):
        await producer.send(200)
        if all(workers.by_shard_of(name) for name in ("one", "two")):
            return
    raise TimeoutError("one of the workers was given nothing")


def check_order(records: list[list[Any]]) -> None:
    """Under one epoch of one shard a key's records never go back."""
    last: dict[tuple[str, int, str], int] = {}
    for _, shard_id, epoch, key, data in records:
        place = (shard_id, epoch, key)
        assert int(data) > last.get(place, 0), f"{place}: {data} after {last[place]}"
        last[place] = int(data)


def duplicates(records: list[list[Any]], producer: Producer) -> int:
    return len(records) - producer.total


async def test_a_killed_workers_records_reach_the_other(
    double: Any, consumers: Any, kinesis_client: Callable[[str], Any]
) -> None:
    """Two workers share four shards; one is killed while records flow; every record arrives."""
    with double() as kinesis:
        client = await kinesis_client(kinesis.endpoint)
        stream = await stream_of(client, 4)
        producer, workers = Producer(client, stream), consumers(kinesis.endpoint, stream)
        workers.start("one")
        workers.start("two")
        await send_until_both_work(producer, workers)
        sending = asyncio.ensure_future(producer.send(1000))
        await asyncio.sleep(1)
        workers.processes["two"].kill()
        await sending
        records = await until_all(workers, producer, 120)
        check_order(records)
        print(f"put {producer.total}, duplicates {duplicates(records, producer)}")


async def test_a_stop_hands_over_without_a_duplicate(
    double: Any, consumers: Any, kinesis_client: Callable[[str], Any]
) -> None:
    """SIGTERM drains, checkpoints and releases: the other goes on exactly where the first stopped."""
    with double() as kinesis:
        client = await kinesis_client(kinesis.endpoint)
        stream = await stream_of(client, 4)
        producer, workers = Producer(client, stream), consumers(kinesis.endpoint, stream)
        workers.start("one")
        await producer.send(400)
        workers.start("two")
        await send_until_both_work(producer, workers)
        workers.processes["one"].terminate()
        assert workers.processes["one"].wait(15) == 0
        await producer.send(400)
        records = await until_all(workers, producer, 120)
        check_order(records)
        assert duplicates(records, producer) == 0


@pytest.mark.parametrize(
    "reading",
    [{"transport": "http2"}, {"transport": "http1"}, {"transport": "aiobotocore"}, {"reading": "polling"}],
    ids=lambda reading: "-".join(reading.values()),
)
async def test_splits_and_merges_lose_nothing_and_keep_order(
    reading: dict[str, str], double: Any, consumers: Any, kinesis_client: Callable[[str], Any]
) -> None:
    """With short-lived subscriptions besides; a key's records keep their order across its shards."""
    with double("--subscription-seconds", "2") as kinesis:
        client = await kinesis_client(kinesis.endpoint)
        stream = await stream_of(client, 2)
        producer, workers = Producer(client, stream), consumers(kinesis.endpoint, stream)
        workers.start("one", **reading)
        await producer.send(600)
        await split(client, stream, 0)
        await producer.send(400)
        await merge(client, stream, 1)
        await producer.send(400)
        await split(client, stream, 1)
        await producer.send(600)
        records = await until_all(workers, producer, 120)
        check_order(records)
        seen: dict[str, int] = {}
        for *_, key, data in records:
            assert int(data) == seen.get(key, 0) + 1, f"{key}: {data} after {seen.get(key, 0)}"
            seen[key] = int(data)


@pytest.mark.parametrize(
    "kind", ["drop_subscription", "corrupt_frame", "truncate_frame", "stall", "subscription_exception"]
)
async def test_broken_subscriptions_lose_and_repeat_nothing(
    kind: str, double: Any, consumers: Any, kinesis_client: Callable[[str], Any]
) -> None:
    """After the fault the next subscription goes on after the last continuation number."""
    with double("--resubscribe-seconds", "0.5") as kinesis:
        client = await kinesis_client(kinesis.endpoint)
        stream = await stream_of(client, 2)
        producer, workers = Producer(client, stream), consumers(kinesis.endpoint, stream)
        workers.start("one", resubscribe_seconds=0.5)
        await producer.send(200)
        kinesis.fault(kind=kind, stream=stream, count=4)
        await producer.send(1000)
        records = await until_all(workers, producer, 120)
        check_order(records)
        assert duplicates(records, producer) == 0
        assert kinesis.faults_left() <= 2


async def test_refused_calls_are_tried_again(double: Any, consumers: Any, kinesis_client: Callable[[str], Any]) -> None:
    """Throttled and failing calls of every kind delay the start, no more; by fan-out alone, as the settings say."""
    with double() as kinesis:
        client = await kinesis_client(kinesis.endpoint)
        stream = await stream_of(client, 2)
        codes = {
            "SubscribeToShard": "LimitExceededException",
            "ListShards": "LimitExceededException",
            "RegisterStreamConsumer": "LimitExceededException",
            "DescribeStreamConsumer": "InternalFailureException",
        }
        for operation, code in codes.items():
            kinesis.fault(kind="fail_calls", operation=operation, code=code, count=4)
        producer, workers = Producer(client, stream), consumers(kinesis.endpoint, stream)
        workers.start("one", reading="fan_out")
        await producer.send(200)
        records = await until_all(workers, producer, 120)
        assert duplicates(records, producer) == 0
        assert kinesis.faults_left() == 0
