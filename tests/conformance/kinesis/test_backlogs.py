"""What is stored and how it comes out again: bounded events, large records, shards in their order."""

import asyncio
from typing import Any

import aiohttp
import pytest
from botocore.exceptions import ClientError, EventStreamError

# aiohttp warns of any body over 1 MiB that is given to it as bytes, as aiobotocore does.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")

FIRST, SECOND, THIRD = (f"shardId-{index:012d}" for index in range(3))
MEBIBYTE = 1024 * 1024


def code(raised: pytest.ExceptionInfo[Any]) -> str:
    return str(raised.value.response["Error"]["Code"])


def data_of(events: list[dict[str, Any]]) -> list[bytes]:
    return [record["Data"] for event in events for record in event["Records"]]


def has_records(count: int) -> Any:
    return lambda events: sum(len(event["Records"]) for event in events) >= count


async def put_all(kinesis: Any, stream: str, data: list[bytes]) -> None:
    """Put them in order, waiting where the shard is over its rate."""
    for item in data:
        async with asyncio.timeout(30):
            while True:
                try:
                    await kinesis("put_record", StreamName=stream, Data=item, PartitionKey="k")
                except ClientError as error:
                    if error.response["Error"]["Code"] != "ProvisionedThroughputExceededException":
                        raise
                    await asyncio.sleep(0.2)
                else:
                    break


async def test_backlog_comes_in_bounded_events(kinesis: Any, collect: Any) -> None:
    """A shard gives a consumer up to 2 MB a second: no event has more, and of a backlog nothing is lost.

    https://docs.aws.amazon.com/streams/latest/dev/enhanced-consumers.html
    """
    stream = await kinesis.active_stream()
    consumer = await kinesis.active_consumer(stream)
    data = [bytes((index,)) * 400_000 for index in range(11)]
    await put_all(kinesis, stream, data)
    taken = await collect(await kinesis.subscribe(consumer, FIRST, Type="TRIM_HORIZON"), has_records(11))
    assert data_of(taken) == data
    assert all(sum(len(record["Data"]) for record in event["Records"]) <= 2 * MEBIBYTE for event in taken)


async def test_large_record_comes_through_a_subscription(kinesis: Any, collect: Any) -> None:
    """A record may have up to 10 MiB where its stream allows it (API_UpdateMaxRecordSize)."""
    stream = await kinesis.active_stream()
    arn = await kinesis.stream_arn(stream)
    await kinesis("update_max_record_size", StreamARN=arn, MaxRecordSizeInKiB=10_240)
    await kinesis.until_active(stream)
    consumer = await kinesis.active_consumer(stream)
    data = b"\x00\xff" * 2_500_000
    await kinesis("put_record", StreamName=stream, Data=data, PartitionKey="k")
    taken = await collect(await kinesis.subscribe(consumer, FIRST, Type="TRIM_HORIZON"), has_records(1))
    assert [item == data for item in data_of(taken)] == [True]


async def test_lag_of_a_subscription(kinesis: Any, collect: Any) -> None:
    """MillisBehindLatest is how far an event is behind the tip, 0 once caught up (API_SubscribeToShardEvent)."""
    stream = await kinesis.active_stream()
    consumer = await kinesis.active_consumer(stream)
    await put_all(kinesis, stream, [bytes((index,)) * 900_000 for index in range(4)])
    taken = await collect(await kinesis.subscribe(consumer, FIRST, Type="TRIM_HORIZON"), has_records(4))
    assert taken[0]["MillisBehindLatest"] > 0
    assert taken[-1]["MillisBehindLatest"] == 0


@pytest.mark.parametrize(
    ("kind", "expected"), [("AT_SEQUENCE_NUMBER", [b"2", b"3"]), ("AFTER_SEQUENCE_NUMBER", [b"3"])]
)
async def test_subscription_starts_at_a_number(kinesis: Any, collect: Any, kind: str, expected: list[bytes]) -> None:
    """AT_ a sequence number its record is the first, AFTER_ it the one that follows (API_StartingPosition)."""
    stream = await kinesis.active_stream()
    consumer = await kinesis.active_consumer(stream)
    await put_all(kinesis, stream, [b"1", b"2", b"3"])
    number = (await kinesis.read(stream, FIRST))["Records"][1]["SequenceNumber"]
    events = await kinesis.subscribe(consumer, FIRST, Type=kind, SequenceNumber=number)
    assert data_of(await collect(events, has_records(len(expected)))) == expected


async def test_subscription_starts_at_a_time(kinesis: Any, collect: Any) -> None:
    """AT_TIMESTAMP: the first record that arrived then or later is the first (API_StartingPosition)."""
    stream = await kinesis.active_stream()
    consumer = await kinesis.active_consumer(stream)
    await put_all(kinesis, stream, [b"1"])
    await asyncio.sleep(0.02)
    await put_all(kinesis, stream, [b"2"])
    arrived = (await kinesis.read(stream, FIRST))["Records"][1]["ApproximateArrivalTimestamp"]
    events = await kinesis.subscribe(consumer, FIRST, Type="AT_TIMESTAMP", Timestamp=arrived)
    assert data_of(await collect(events, has_records(1))) == [b"2"]


async def test_merged_shards_both_name_their_child(kinesis: Any, collect: Any) -> None:
    """At the end of a merged shard ChildShards has the child with both parents (API_ChildShard)."""
    stream = await kinesis.active_stream(shards=2)
    consumer = await kinesis.active_consumer(stream)
    await kinesis("merge_shards", StreamName=stream, ShardToMerge=FIRST, AdjacentShardToMerge=SECOND)
    await kinesis.until_active(stream)
    for parent in (FIRST, SECOND):
        taken = await collect(await kinesis.subscribe(consumer, parent, Type="TRIM_HORIZON"), lambda _: False)
        (child,) = taken[-1]["ChildShards"]
        assert (child["ShardId"], sorted(child["ParentShards"])) == (THIRD, [FIRST, SECOND])


async def test_children_come_after_the_last_record(kinesis: Any, collect: Any) -> None:
    """ChildShards come "only when the end of the current shard is reached" (API_SubscribeToShardEvent)."""
    stream = await kinesis.active_stream()
    consumer = await kinesis.active_consumer(stream)
    data = [bytes((index,)) * 400_000 for index in range(6)]
    await put_all(kinesis, stream, data)
    await kinesis("split_shard", StreamName=stream, ShardToSplit=FIRST, NewStartingHashKey=str(2**127))
    await kinesis.until_active(stream)
    taken = await collect(await kinesis.subscribe(consumer, FIRST, Type="TRIM_HORIZON"), lambda _: False)
    assert data_of(taken) == data
    assert [bool(event.get("ChildShards")) for event in taken] == [False] * (len(taken) - 1) + [True]


async def test_failure_in_the_middle_of_a_subscription(kinesis: Any, double: str, collect: Any) -> None:
    """A subscription may fail with KMSThrottlingException, among others (API_SubscribeToShardEventStream)."""
    stream = await kinesis.active_stream()
    consumer = await kinesis.active_consumer(stream)
    events = await kinesis.subscribe(consumer, FIRST, Type="LATEST")
    fault = {"kind": "subscription_exception", "stream": stream, "code": "KMSThrottlingException"}
    async with aiohttp.ClientSession() as session, session.post(f"{double}/_local/faults", json=fault) as answer:
        assert answer.status == 201
    with pytest.raises((ClientError, EventStreamError)) as raised:
        await collect(events, lambda _: False)
    assert code(raised) == "KMSThrottlingException"


async def test_key_failures_of_calls(kinesis: Any, double: str) -> None:
    """PutRecords fails with the exceptions of KMS where the stream's key cannot be used (API_PutRecords)."""
    stream = await kinesis.active_stream()
    fault = {"kind": "fail_calls", "stream": stream, "operation": "PutRecords", "code": "KMSAccessDeniedException"}
    async with aiohttp.ClientSession() as session, session.post(f"{double}/_local/faults", json=fault) as answer:
        assert answer.status == 201
    with pytest.raises(ClientError) as raised:
        await kinesis("put_records", StreamName=stream, Records=[{"Data": b"x", "PartitionKey": "k"}])
    assert code(raised) == "KMSAccessDeniedException"
