"""The Kinesis sink against the double: order, limits, throttles, outages, as the service words them."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from aws_wire import aggregation
from delivery import Item, KinesisLimits, KinesisSink, RetryPolicy

pytestmark = pytest.mark.integration

QUICK = RetryPolicy(base_seconds=0.01, cap_seconds=0.2, deadline_seconds=30.0)


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
            iterator = page["NextShardIterator"]
            if not page["Records"]:
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
    kinesis: Any, endpoint: str, aggregate: bool
):
    """Partial failures are resent without disorder: each key's items are there once, in order."""
    await create(kinesis, "raw")
    await inject(endpoint, kind="throttle_puts", stream="raw", count=None, percent=33.0)
    items = batch(300, 60)
    outcomes = await KinesisSink(kinesis, "raw", QUICK, aggregate=aggregate).deliver(items)
    assert {outcome.status for outcome in outcomes} == {"delivered"}
    assert all(outcome.shard and outcome.sequence_number.isdecimal() for outcome in outcomes)
    assert await stored(kinesis, "raw") == by_key(items)


async def test_a_shards_own_limits_are_waited_out(kinesis: Any):
    """1,500 records for one shard of 1,000 a second: the rest goes a moment later."""
    await create(kinesis, "raw", shards=1)
    items = [Item(b"%d" % number, str(number)) for number in range(1500)]
    outcomes = await KinesisSink(kinesis, "raw", QUICK).deliver(items)
    assert {outcome.status for outcome in outcomes} == {"delivered"}
    assert len(await stored(kinesis, "raw")) == 1500


async def test_failing_calls_are_repeated(kinesis: Any, endpoint: str):
    """A service that fails for a while loses nothing."""
    await create(kinesis, "raw")
    await inject(endpoint, kind="fail_calls", operation="PutRecords", count=3, code="InternalFailureException")
    items = batch(50, 5)
    outcomes = await KinesisSink(kinesis, "raw", QUICK).deliver(items)
    assert {outcome.status for outcome in outcomes} == {"delivered"}
    assert await stored(kinesis, "raw") == by_key(items)


async def test_a_record_that_the_stream_calls_too_large_is_rejected_alone(kinesis: Any):
    """The stream's own maximum may be below the sink's: the refused request is halved down to the culprit."""
    await create(kinesis, "raw")
    items = [Item(b"1", "a"), Item(b"x" * 300_000, "b"), Item(b"3", "c"), Item(b"4", "a")]
    outcomes = await KinesisSink(kinesis, "raw", QUICK, limits=KinesisLimits()).deliver(items)
    assert [outcome.status for outcome in outcomes] == ["delivered", "rejected", "delivered", "delivered"]
    assert outcomes[1].code in ("ValidationException", "InvalidArgumentException")
    assert await stored(kinesis, "raw") == {"a": [b"1", b"4"], "c": [b"3"]}


async def test_a_stream_that_is_missing_is_waited_for(kinesis: Any):
    """A stream created a moment later gets the records: no order of starting is needed."""
    delivery = asyncio.create_task(KinesisSink(kinesis, "raw", QUICK).deliver(batch(3, 1)))
    done, _ = await asyncio.wait({delivery}, timeout=0.3)
    assert not done
    await create(kinesis, "raw")
    assert {outcome.status for outcome in await delivery} == {"delivered"}
