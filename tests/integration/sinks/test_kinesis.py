"""The Kinesis sink against the double: order, limits, throttles, outages, as the service words them."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from aws_wire import aggregation
from delivery import WRONG_SHARD, Item, KinesisLimits, KinesisSink, RetryPolicy
from delivery.kinesis_calls import Transport
from delivery.shard_map import hash_of

pytestmark = pytest.mark.integration

QUICK = RetryPolicy(base_seconds=0.01, cap_seconds=0.2, deadline_seconds=30.0)


Sinks = Callable[..., KinesisSink]


class Counted:
    """Keeps how many items were retried for each reason."""

    def __init__(self) -> None:
        self.retries: Counter[str] = Counter()

    def on_call(self, seconds: float, items: int, size: int, /) -> None:
        """Not looked at."""

    def on_retry(self, count: int, reason: str, /) -> None:
        self.retries[reason] += count


@pytest.fixture(params=["http1", "aiobotocore"])
async def sink(request: pytest.FixtureRequest, kinesis: Any) -> AsyncIterator[Sinks]:
    """Makes sinks over one transport: all of them have the same outcomes."""
    async with AsyncExitStack() as stack:

        def make(stream: str, *arguments: Any, **options: Any) -> KinesisSink:
            made = KinesisSink(kinesis, stream, *arguments, transport=request.param, **options)
            stack.push_async_callback(made.aclose)
            return made

        yield make


async def create(kinesis: Any, name: str, shards: int = 2) -> None:
    await kinesis.create_stream(StreamName=name, ShardCount=shards)
    while True:
        summary = await kinesis.describe_stream_summary(StreamName=name)
        if summary["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE":
            return
        await asyncio.sleep(0.02)


async def stored(kinesis: Any, name: str) -> dict[str, list[bytes]]:
    """What the stream holds, by key, in the order of each shard."""
    by_key: dict[str, list[bytes]] = {}
    for shard in (await kinesis.list_shards(StreamName=name))["Shards"]:
        iterator = (
            await kinesis.get_shard_iterator(
                StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )
        )["ShardIterator"]
        while True:
            page = await kinesis.get_records(ShardIterator=iterator)
            for record in page["Records"]:
                users = aggregation.decode(record["Data"])
                for user in users or [aggregation.UserRecord(record["PartitionKey"], record["Data"])]:
                    by_key.setdefault(user.partition_key, []).append(user.data)
            iterator = page.get("NextShardIterator")
            if not page["Records"] or iterator is None:
                break
    return by_key


async def inject(endpoint: str, **fault: Any) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{endpoint}/_local/faults", data=json.dumps(fault)) as response,
    ):
        assert response.status == 201, await response.text()


def batch(count: int, keys: int) -> list[Item]:
    return [Item(b'{"n":%d}' % number, f"key-{number % keys}") for number in range(count)]


def by_key(items: list[Item]) -> dict[str, list[bytes]]:
    expected: dict[str, list[bytes]] = {}
    for item in items:
        expected.setdefault(item.key, []).append(item.data)
    return expected


@pytest.mark.parametrize("aggregate", [True, False])
async def test_order_per_key_is_kept_while_a_third_of_the_records_is_throttled(
    kinesis: Any, sink: Sinks, endpoint: str, aggregate: bool
):
    """Partial failures are resent without disorder: each key's items are there once, in order."""
    await create(kinesis, "raw")
    await inject(endpoint, kind="throttle_puts", stream="raw", count=None, percent=33.0)
    items = batch(300, 60)
    outcomes = await sink("raw", QUICK, aggregate=aggregate).deliver(items)
    assert {outcome.status for outcome in outcomes} == {"delivered"}
    assert all(outcome.shard and outcome.sequence_number.isdecimal() for outcome in outcomes)
    assert await stored(kinesis, "raw") == by_key(items)


async def test_a_shards_own_limits_are_waited_out(kinesis: Any, sink: Sinks):
    """1,500 records for one shard of 1,000 a second: the rest goes a moment later."""
    await create(kinesis, "raw", shards=1)
    items = [Item(b"%d" % number, str(number)) for number in range(1500)]
    outcomes = await sink("raw", QUICK).deliver(items)
    assert {outcome.status for outcome in outcomes} == {"delivered"}
    assert len(await stored(kinesis, "raw")) == 1500


async def test_failing_calls_are_repeated(kinesis: Any, sink: Sinks, endpoint: str):
    """A service that fails for a while loses nothing."""
    await create(kinesis, "raw")
    await inject(endpoint, kind="fail_calls", operation="PutRecords", count=3, code="InternalFailureException")
    items = batch(50, 5)
    outcomes = await sink("raw", QUICK).deliver(items)
    assert {outcome.status for outcome in outcomes} == {"delivered"}
    assert await stored(kinesis, "raw") == by_key(items)


async def test_a_record_that_the_stream_calls_too_large_is_rejected_alone(kinesis: Any, sink: Sinks):
    """The stream's own maximum may be below the sink's: the refused request is halved down to the culprit."""
    await create(kinesis, "raw")
    items = [Item(b"1", "a"), Item(b"x" * 300_000, "b"), Item(b"3", "c"), Item(b"4", "a")]
    outcomes = await sink("raw", QUICK, limits=KinesisLimits()).deliver(items)
    assert [outcome.status for outcome in outcomes] == ["delivered", "rejected", "delivered", "delivered"]
    assert outcomes[1].code in ("ValidationException", "InvalidArgumentException")
    assert await stored(kinesis, "raw") == {"a": [b"1", b"4"], "c": [b"3"]}


async def test_a_stream_that_is_missing_is_waited_for(kinesis: Any, sink: Sinks):
    """A stream created a moment later gets the records: no order of starting is needed."""
    delivery = asyncio.create_task(sink("raw", QUICK).deliver(batch(3, 1)))
    done, _ = await asyncio.wait({delivery}, timeout=0.3)
    assert not done
    await create(kinesis, "raw")
    assert {outcome.status for outcome in await delivery} == {"delivered"}


@pytest.mark.parametrize("transport", ["http1", "aiobotocore"])
async def test_a_connection_that_is_cut_before_the_answer_costs_a_repeat(
    kinesis: Any, endpoint: str, transport: Transport
):
    """The records that had arrived arrive again; none is missing, and the caller sees no error."""
    await create(kinesis, "raw")
    cuts = 2

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal cuts
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        request = head.replace(b"keep-alive", b"close") + await reader.readexactly(length)
        address = urlsplit(endpoint)
        answers, requests = await asyncio.open_connection(address.hostname, address.port)
        requests.write(request)
        answer = await answers.readuntil(b"\r\n\r\n")
        size = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        answer += await answers.readexactly(size)
        requests.close()
        if cuts:
            cuts -= 1
            writer.transport.abort()
            return
        writer.write(answer)
        writer.close()

    proxy = await asyncio.start_server(forward, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
    options = {"endpoint_url": address, "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    no_retries = AioConfig(retries={"total_max_attempts": 1})
    async with proxy, get_session().create_client("kinesis", "us-east-1", config=no_retries, **options) as through:
        items = batch(20, 4)
        async with KinesisSink(through, "raw", QUICK, transport=transport) as sink:
            outcomes = await sink.deliver(items)
    assert {outcome.status for outcome in outcomes} == {"delivered"}
    assert cuts == 0
    assert await stored(kinesis, "raw") == {key: data * 3 for key, data in by_key(items).items()}


async def test_explicit_hash_keys_choose_the_shard(kinesis: Any, sink: Sinks):
    """One key with two hash keys goes to two shards, aggregated or not."""
    await create(kinesis, "raw", shards=2)
    high = str(2**128 - 1)
    items = [Item(b"%d" % number, "k", high if number % 4 > 1 else "0") for number in range(8)]
    outcomes = await sink("raw", QUICK).deliver(items)
    shards = [outcome.shard for outcome in outcomes]
    assert shards[:2] == shards[4:6] != shards[2:4] == shards[6:]
    assert len(set(shards)) == 2


async def test_aggregation_by_shard_goes_on_through_a_split(kinesis: Any, sink: Sinks):
    """Before: one record a shard. After a split the aggregates that went astray are sent again, to the children."""
    await create(kinesis, "raw", shards=1)
    observer = Counted()
    by_shard = sink("raw", QUICK, aggregate="shard", observer=observer)
    items = [Item(b"%d" % number, f"key-{number}") for number in range(100)]
    outcomes = await by_shard.deliver(items)
    assert len({outcome.sequence_number for outcome in outcomes}) == 1
    parent = outcomes[0].shard
    await kinesis.split_shard(StreamName="raw", ShardToSplit=parent, NewStartingHashKey=str(2**127))
    while (await kinesis.describe_stream_summary(StreamName="raw"))["StreamDescriptionSummary"][
        "StreamStatus"
    ] != "ACTIVE":
        await asyncio.sleep(0.02)
    again = await by_shard.deliver(items)
    low, high = sorted({outcome.shard for outcome in again})
    assert parent not in (low, high)
    for item, outcome in zip(items, again, strict=True):
        assert outcome.shard == (high if hash_of(item.key) >= 2**127 else low)
    moved = observer.retries[WRONG_SHARD]
    assert 0 < moved < 100
    held = await stored(kinesis, "raw")
    assert {len(copies) for copies in held.values()} == {2, 3}
