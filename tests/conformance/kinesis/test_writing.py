"""PutRecord and PutRecords, as their API pages state them."""

import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

# aiohttp warns of any body over 1 MiB that is given to it as bytes, as aiobotocore does.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")


def error_of(raised: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    error = raised.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


async def test_record_goes_to_the_shard_of_its_hash(kinesis: Any) -> None:
    """The MD5 of the partition key decides the shard (API_PutRecord)."""
    name = await kinesis.active_stream(shards=2)
    shards = await kinesis.shards(name)
    for key in ("a", "b", "c", "d"):
        answer = await kinesis("put_record", StreamName=name, Data=b"x", PartitionKey=key)
        hashed = int.from_bytes(hashlib.md5(key.encode()).digest(), "big")
        assert answer["ShardId"] == shards[hashed >> 127]["ShardId"]


async def test_explicit_hash_key_overrides(kinesis: Any) -> None:
    """ExplicitHashKey overrides the partition key's hash (API_PutRecord)."""
    name = await kinesis.active_stream(shards=2)
    keys = ("0", str(2**128 - 1))
    answers = [
        await kinesis("put_record", StreamName=name, Data=b"x", PartitionKey="same", ExplicitHashKey=key)
        for key in keys
    ]
    assert [answer["ShardId"] for answer in answers] == ["shardId-000000000000", "shardId-000000000001"]


async def test_sequence_numbers_grow(kinesis: Any) -> None:
    """Sequence numbers of one key increase over time; they have 56 digits in practice (API_PutRecord)."""
    name = await kinesis.active_stream()
    answers = [await kinesis("put_record", StreamName=name, Data=b"x", PartitionKey="k") for _ in range(5)]
    numbers = [int(answer["SequenceNumber"]) for answer in answers]
    assert numbers == sorted(set(numbers))
    assert all(len(answer["SequenceNumber"]) == 56 for answer in answers)


async def test_answers_come_in_the_order_of_the_request(kinesis: Any) -> None:
    """The response's records are in the order of the request's (API_PutRecords)."""
    name = await kinesis.active_stream(shards=2)
    hash_keys = ["0", str(2**127), "1", str(2**127 + 1)]
    records = [{"Data": key.encode(), "PartitionKey": "k", "ExplicitHashKey": key} for key in hash_keys]
    answer = await kinesis("put_records", StreamName=name, Records=records)
    assert answer["FailedRecordCount"] == 0
    assert [record["ShardId"][-1] for record in answer["Records"]] == ["0", "1", "0", "1"]


async def test_shard_over_its_rate_fails_some_records(kinesis: Any) -> None:
    """A shard takes 1,000 records a second; those over it fail alone, the call succeeds (API_PutRecords)."""
    name = await kinesis.active_stream()
    records = [{"Data": b"x", "PartitionKey": "k"}] * 500
    answers: list[Any] = []
    while not any(answer["FailedRecordCount"] for answer in answers) and len(answers) < 20:
        answers.append(await kinesis("put_records", StreamName=name, Records=records))
    answer = answers[-1]
    failed = [record for record in answer["Records"] if "ErrorCode" in record]
    assert 0 < len(failed) == answer["FailedRecordCount"]
    assert failed[0]["ErrorCode"] == "ProvisionedThroughputExceededException"
    assert "SequenceNumber" not in failed[0]


async def test_single_record_over_the_rate_is_an_error(kinesis: Any) -> None:
    """PutRecord over the rate: ProvisionedThroughputExceededException (API_PutRecord)."""
    name = await kinesis.active_stream()

    async def put_often() -> None:
        for _ in range(20):
            await kinesis("put_record", StreamName=name, Data=b"x" * 1_000_000, PartitionKey="k")

    with pytest.raises(ClientError) as raised:
        await put_often()
    assert error_of(raised)[0] == "ProvisionedThroughputExceededException"


async def test_a_request_has_at_most_500_records(kinesis: Any) -> None:
    """Records: at most 500 items (API_PutRecords)."""
    name = await kinesis.active_stream()
    with pytest.raises(ClientError) as raised:
        await kinesis("put_records", StreamName=name, Records=[{"Data": b"x", "PartitionKey": "k"}] * 501)
    assert error_of(raised)[0] == "ValidationException"


async def test_a_record_has_at_most_its_streams_size(kinesis: Any) -> None:
    """Data and partition key of a record: 1 MiB unless the stream allows more (API_PutRecord)."""
    name = await kinesis.active_stream()
    with pytest.raises(ClientError) as raised:
        await kinesis("put_record", StreamName=name, Data=b"x" * 1_048_577, PartitionKey="k")
    assert error_of(raised)[0] == "ValidationException"


async def test_a_stream_may_allow_larger_records(kinesis: Any) -> None:
    """MaxRecordSizeInKiB: up to 10,240 (API_CreateStream)."""
    name = await kinesis.active_stream(MaxRecordSizeInKiB=10240)
    data = b"x" * 4_000_000
    await kinesis("put_record", StreamName=name, Data=data, PartitionKey="k")
    records = (await kinesis.read(name, "shardId-000000000000"))["Records"]
    assert [record["Data"] == data for record in records] == [True]


async def test_nothing_is_stored_of_a_request_that_is_refused(kinesis: Any) -> None:
    """One bad record refuses the whole request (API_PutRecords)."""
    name = await kinesis.active_stream()
    good, bad = {"Data": b"x", "PartitionKey": "k"}, {"Data": b"x", "PartitionKey": "k" * 257}
    with pytest.raises(ClientError) as raised:
        await kinesis("put_records", StreamName=name, Records=[good, bad])
    assert error_of(raised)[0] == "ValidationException"
    assert (await kinesis.read(name, "shardId-000000000000"))["Records"] == []


async def test_hash_keys_have_128_bits(kinesis: Any) -> None:
    """ExplicitHashKey over 2^128 - 1: InvalidArgumentException (API_PutRecord)."""
    name = await kinesis.active_stream()
    with pytest.raises(ClientError) as raised:
        await kinesis("put_record", StreamName=name, Data=b"x", PartitionKey="k", ExplicitHashKey=str(2**128))
    assert error_of(raised)[0] == "InvalidArgumentException"


@pytest.mark.parametrize("data", [b"", b"\x00\xff" * 100, "h\u00e9".encode()])
async def test_data_comes_back_byte_for_byte(kinesis: Any, data: bytes) -> None:
    """Data is an opaque blob, and a partition key any Unicode text (API_Record)."""
    name = await kinesis.active_stream()
    await kinesis("put_record", StreamName=name, Data=data, PartitionKey='k"\u00e9\n')
    (record,) = (await kinesis.read(name, "shardId-000000000000"))["Records"]
    assert record["Data"] == data
    assert record["PartitionKey"] == 'k"\u00e9\n'
