"""One stream through a split, read three ways from the double: by HTTP/2, by HTTP/1.1 and by aiobotocore."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
import uvloop
from aiobotocore.session import get_session

from aws_wire.data_plane import DataPlane, ServiceFault, Transport
from aws_wire.kinesis import SubscribeToShardEvent, decode_get_records
from aws_wire.put_records import decode_put_records, encode_put_records

pytestmark = pytest.mark.integration

Plain = tuple[list[tuple[str, str, bytes, int]], str | None, bool, list[tuple[str, tuple[str, ...]]]]


@pytest.fixture
async def endpoint() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local_aws", "--port", "0", "--state-seconds", "0.05", "--log-level", "warning"),
        *("--idle-event-seconds", "0.2"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.communicate()


@pytest.fixture
async def client(endpoint: str) -> AsyncIterator[Any]:
    async with get_session().create_client(
        *("kinesis", "us-east-1"), endpoint_url=endpoint, aws_access_key_id="a", aws_secret_access_key="b"
    ) as made:
        yield made


async def active(client: Any, stream: str) -> str:
    """The stream's ARN, once it is ACTIVE."""
    while True:
        summary = (await client.describe_stream_summary(StreamName=stream))["StreamDescriptionSummary"]
        if summary["StreamStatus"] == "ACTIVE":
            return str(summary["StreamARN"])
        await asyncio.sleep(0.02)


async def consumer(client: Any, stream_arn: str, name: str) -> str:
    """The ARN of a new consumer, once it is ACTIVE."""
    arn = (await client.register_stream_consumer(StreamARN=stream_arn, ConsumerName=name))["Consumer"]["ConsumerARN"]
    while True:
        described = await client.describe_stream_consumer(ConsumerARN=arn)
        if described["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE":
            return str(arn)
        await asyncio.sleep(0.02)


def plain(event: SubscribeToShardEvent) -> Plain:
    return (
        [(each.sequence_number, each.partition_key, each.data, each.arrived) for each in event.records],
        event.continuation,
        event.millis_behind_latest == 0,
        [(child.shard_id, child.parent_shards) for child in event.child_shards or ()],
    )


def plain_dict(event: dict[str, Any]) -> Plain:
    records = [
        (
            each["SequenceNumber"],
            each["PartitionKey"],
            each["Data"],
            round(each["ApproximateArrivalTimestamp"].timestamp() * 1000),
        )
        for each in event["Records"]
    ]
    children = [(child["ShardId"], tuple(child["ParentShards"])) for child in event.get("ChildShards", ())]
    return records, event.get("ContinuationSequenceNumber"), event["MillisBehindLatest"] == 0, children


async def by_plane(client: Any, transport: Transport, arn: str) -> list[Plain]:
    """All that a subscription to the parent tells, through the data plane."""
    async with DataPlane.of(client, transport) as plane:
        events = plane.subscribe_to_shard(arn, "shardId-000000000000", {"Type": "TRIM_HORIZON"})
        async with aclosing(events):  # type: ignore[type-var]
            return [plain(event) async for event in events]


async def by_client(client: Any, arn: str) -> list[Plain]:
    """The same through aiobotocore."""
    answer = await client.subscribe_to_shard(
        ConsumerARN=arn, ShardId="shardId-000000000000", StartingPosition={"Type": "TRIM_HORIZON"}
    )
    return [
        plain_dict(event["SubscribeToShardEvent"])
        async for event in answer["EventStream"]
        if "SubscribeToShardEvent" in event
    ]


async def test_three_ways_read_the_same_shard_to_its_end(client: Any):
    """Records with their keys, data and times, continuations, lag and children are equal event by event."""
    await client.create_stream(StreamName="s", ShardCount=1)
    stream_arn = await active(client, "s")
    sent = [(f"k\N{SNOWMAN}-{number}", b"%d " % number * number, None) for number in range(400)]
    async with DataPlane.of(client) as plane:
        results = decode_put_records(await plane.call("PutRecords", encode_put_records("s", sent)))
        assert len([each for each in results if each.sequence_number]) == 400
    await client.split_shard(StreamName="s", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    await active(client, "s")
    arns = [await consumer(client, stream_arn, name) for name in ("http2", "http1", "aiobotocore")]
    http2 = await by_plane(client, "http2", arns[0])
    http1 = await by_plane(client, "http1", arns[1])
    assert http2 == http1 == await by_client(client, arns[2])
    assert [data for records, *_ in http2 for _, _, data, _ in records] == [data for _, data, _ in sent]
    *_, (_, continuation, _, children) = http2
    assert continuation is None
    assert [parents for _, parents in children] == [("shardId-000000000000",)] * 2


async def test_get_records_by_the_plane_is_that_of_the_client(client: Any):
    """Polling over the data plane answers the same records, over both transports."""
    await client.create_stream(StreamName="s", ShardCount=1)
    await active(client, "s")
    await client.put_records(StreamName="s", Records=[{"Data": b"%d" % n, "PartitionKey": "k"} for n in range(50)])
    iterator = (
        await client.get_shard_iterator(
            StreamName="s", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
        )
    )["ShardIterator"]
    body = b'{"ShardIterator":"%b"}' % iterator.encode()
    theirs = await client.get_records(ShardIterator=iterator)
    transports: tuple[Transport, ...] = ("http1", "http2")
    for transport in transports:
        async with DataPlane.of(client, transport) as plane:
            ours = decode_get_records(await plane.call("GetRecords", body))
            assert [(each.sequence_number, each.data) for each in ours.records] == [
                (each["SequenceNumber"], each["Data"]) for each in theirs["Records"]
            ]
            with pytest.raises(ServiceFault) as raised:
                await plane.call("GetRecords", b'{"ShardIterator":"nonsense"}')
            assert raised.value.code == "InvalidArgumentException"


def test_it_runs_on_uvloop():
    """A uvloop transport is no subclass of asyncio's; a subscription over HTTP/2 in that loop reads all the same."""

    async def read() -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "local_aws", "--port", "0", "--state-seconds", "0.05", "--log-level", "warning"),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            url = (await process.stdout.readline()).decode().strip()
            async with (
                get_session().create_client(
                    *("kinesis", "us-east-1"), endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b"
                ) as client,
                DataPlane.of(client, "http2") as plane,
            ):
                await client.create_stream(StreamName="s", ShardCount=1)
                arn = await consumer(client, await active(client, "s"), "c")
                await plane.call("PutRecords", encode_put_records("s", [("k", b"x", None)] * 10))
                events = plane.subscribe_to_shard(arn, "shardId-000000000000", {"Type": "TRIM_HORIZON"})
                async with aclosing(events):  # type: ignore[type-var]
                    return len((await anext(events)).records)
        finally:
            process.terminate()
            await process.communicate()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(read()) == 10
