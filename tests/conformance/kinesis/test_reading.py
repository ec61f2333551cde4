"""GetShardIterator and GetRecords, as their API pages state them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

SHARD = "shardId-000000000000"


async def put(kinesis: Any, stream: str, *data: bytes) -> list[str]:
    records = [{"Data": item, "PartitionKey": "k"} for item in data]
    answer = await kinesis("put_records", StreamName=stream, Records=records)
    return [record["SequenceNumber"] for record in answer["Records"]]


def data_of(answer: Any) -> list[bytes]:
    return [record["Data"] for record in answer["Records"]]


async def test_trim_horizon_reads_all(kinesis: Any) -> None:
    """TRIM_HORIZON: from the oldest record in the shard (API_GetShardIterator)."""
    name = await kinesis.active_stream()
    numbers = await put(kinesis, name, b"1", b"2")
    answer = await kinesis.read(name, SHARD)
    assert data_of(answer) == [b"1", b"2"]
    assert [record["SequenceNumber"] for record in answer["Records"]] == numbers
    assert answer["MillisBehindLatest"] == 0


async def test_sequence_number_positions(kinesis: Any) -> None:
    """AT_SEQUENCE_NUMBER includes the record of that number, AFTER does not (API_GetShardIterator)."""
    name = await kinesis.active_stream()
    numbers = await put(kinesis, name, b"1", b"2", b"3")
    at = await kinesis.read(name, SHARD, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1])
    after = await kinesis.read(name, SHARD, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1])
    assert data_of(at) == [b"2", b"3"]
    assert data_of(after) == [b"3"]


async def test_latest_reads_what_comes_after(kinesis: Any) -> None:
    """LATEST: just after the most recent record (API_GetShardIterator)."""
    name = await kinesis.active_stream()
    await put(kinesis, name, b"1")
    iterator = await kinesis("get_shard_iterator", StreamName=name, ShardId=SHARD, ShardIteratorType="LATEST")
    await put(kinesis, name, b"2")
    assert data_of(await kinesis("get_records", ShardIterator=iterator["ShardIterator"])) == [b"2"]


async def test_timestamp_position(kinesis: Any) -> None:
    """AT_TIMESTAMP: from the first record that arrived then or later (API_GetShardIterator)."""
    name = await kinesis.active_stream()
    await put(kinesis, name, b"1")
    await asyncio.sleep(0.02)
    await put(kinesis, name, b"2")
    (_, second) = (await kinesis.read(name, SHARD))["Records"]
    arrived = second["ApproximateArrivalTimestamp"]
    assert abs(datetime.now(UTC) - arrived) < timedelta(minutes=1)
    assert data_of(await kinesis.read(name, SHARD, "AT_TIMESTAMP", Timestamp=arrived)) == [b"2"]
    old = arrived - timedelta(days=2)
    assert data_of(await kinesis.read(name, SHARD, "AT_TIMESTAMP", Timestamp=old)) == [b"1", b"2"]


async def test_limit_and_lag(kinesis: Any) -> None:
    """Limit bounds the records; MillisBehindLatest is above 0 while records are left (API_GetRecords)."""
    name = await kinesis.active_stream()
    await put(kinesis, name, b"1", b"2", b"3")
    await asyncio.sleep(0.01)
    iterator = await kinesis("get_shard_iterator", StreamName=name, ShardId=SHARD, ShardIteratorType="TRIM_HORIZON")
    first = await kinesis("get_records", ShardIterator=iterator["ShardIterator"], Limit=2)
    rest = await kinesis("get_records", ShardIterator=first["NextShardIterator"], Limit=2)
    assert data_of(first) == [b"1", b"2"]
    assert first["MillisBehindLatest"] > 0
    assert data_of(rest) == [b"3"]
    assert rest["MillisBehindLatest"] == 0


async def test_iterator_after_the_last_record_stays_good(kinesis: Any) -> None:
    """NextShardIterator of an empty answer reads what comes later (API_GetRecords)."""
    name = await kinesis.active_stream()
    empty = await kinesis.read(name, SHARD)
    assert data_of(empty) == []
    await put(kinesis, name, b"1")
    assert data_of(await kinesis("get_records", ShardIterator=empty["NextShardIterator"])) == [b"1"]


async def test_five_reads_a_second(kinesis: Any) -> None:
    """A shard takes five GetRecords a second, then ProvisionedThroughputExceededException (API_GetRecords)."""
    name = await kinesis.active_stream()
    iterator = await kinesis("get_shard_iterator", StreamName=name, ShardId=SHARD, ShardIteratorType="LATEST")

    async def read_often() -> None:
        for _ in range(60):
            await kinesis("get_records", ShardIterator=iterator["ShardIterator"])

    with pytest.raises(ClientError) as raised:
        await read_often()
    assert raised.value.response["Error"]["Code"] == "ProvisionedThroughputExceededException"


async def test_closed_shard_is_read_to_its_end(kinesis: Any) -> None:
    """At the end of a closed shard NextShardIterator is null and ChildShards are given (API_GetRecords)."""
    name = await kinesis.active_stream()
    await put(kinesis, name, b"1")
    await kinesis("split_shard", StreamName=name, ShardToSplit=SHARD, NewStartingHashKey=str(2**127))
    await kinesis.until_active(name)
    iterator = await kinesis("get_shard_iterator", StreamName=name, ShardId=SHARD, ShardIteratorType="TRIM_HORIZON")
    answer = await kinesis("get_records", ShardIterator=iterator["ShardIterator"])
    assert data_of(answer) == [b"1"]
    assert answer.get("NextShardIterator") is None
    assert [child["ShardId"] for child in answer["ChildShards"]] == ["shardId-000000000001", "shardId-000000000002"]
    assert all(child["ParentShards"] == [SHARD] for child in answer["ChildShards"])


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("AT_SEQUENCE_NUMBER", {}),
        ("AT_SEQUENCE_NUMBER", {"StartingSequenceNumber": "1"}),
        ("AT_TIMESTAMP", {}),
    ],
)
async def test_positions_that_cannot_be(kinesis: Any, kind: str, arguments: dict[str, str]) -> None:
    """A missing or foreign sequence number, or a missing time: InvalidArgumentException (API_GetShardIterator)."""
    name = await kinesis.active_stream()
    with pytest.raises(ClientError) as raised:
        await kinesis.read(name, SHARD, kind, **arguments)
    assert raised.value.response["Error"]["Code"] == "InvalidArgumentException"


async def test_unknown_shard(kinesis: Any) -> None:
    """ResourceNotFoundException: there is no such shard (API_GetShardIterator)."""
    name = await kinesis.active_stream()
    with pytest.raises(ClientError) as raised:
        await kinesis.read(name, "shardId-000000000009")
    assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"


async def test_iterators_cannot_be_made_up(kinesis: Any) -> None:
    """InvalidArgumentException: the iterator is none (API_GetRecords)."""
    with pytest.raises(ClientError) as raised:
        await kinesis("get_records", ShardIterator="AAAA")
    assert raised.value.response["Error"]["Code"] == "InvalidArgumentException"
