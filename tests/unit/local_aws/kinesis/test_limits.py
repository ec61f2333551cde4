"""Rates a shard keeps, tokens that expire, and what a request may say."""

from typing import Any

import pytest

from local_aws.errors import ServiceError
from local_aws.kinesis.errors import (
    ExpiredIterator,
    ExpiredNextToken,
    InvalidArgument,
    SerializationFailed,
    ThroughputExceeded,
    ValidationFailed,
)
from local_aws.kinesis.log import Log, Record
from local_aws.kinesis.rates import Allowance

SHARD = "shardId-000000000000"


def iterator(simulation: Any) -> str:
    answer = simulation.call("GetShardIterator", StreamName="raw", ShardId=SHARD, ShardIteratorType="TRIM_HORIZON")
    return str(answer["ShardIterator"])


def test_allowance_fills_with_time() -> None:
    """A second's worth is there at first; what was taken comes back at the rate, never more than a second's."""
    allowance = Allowance(10)
    assert allowance.allows(10, 1000)
    allowance.take(10)
    assert not allowance.allows(1, 1000)
    assert allowance.allows(5, 1500)
    assert not allowance.allows(6, 1500)
    assert allowance.allows(10, 60_000)
    allowance.take(10)
    assert not allowance.allows(1, 60_000)


def test_what_is_over_a_seconds_worth_needs_a_full_allowance_and_is_paid_back() -> None:
    """A record larger than the rate passes alone, and blocks for as long as it was large."""
    allowance = Allowance(10)
    assert allowance.allows(30, 1000)
    allowance.take(30)
    assert not allowance.allows(1, 3000)
    assert allowance.allows(1, 3100)


def test_records_over_the_rate_fail_and_the_next_second_takes_them(simulate: Any) -> None:
    """Of 500 records a shard of 200 a second takes the first 200; a second later it takes 200 again."""
    simulation = simulate(records_per_second=200)
    simulation.active_stream()
    first = simulation.put("raw", *[b"x"] * 500)
    assert first["FailedRecordCount"] == 300
    assert all("SequenceNumber" in record for record in first["Records"][:200])
    simulation.advance(1)
    assert simulation.put("raw", *[b"x"] * 500)["FailedRecordCount"] == 300


def test_each_shard_has_its_own_rate(simulate: Any) -> None:
    """One shard over its rate does not touch the other."""
    simulation = simulate(records_per_second=1)
    simulation.active_stream(shards=2)
    simulation.put("raw", b"x", hash_key="0")
    full = simulation.put("raw", b"x", hash_key="0")
    other = simulation.put("raw", b"x", hash_key=str(2**127))
    assert (full["FailedRecordCount"], other["FailedRecordCount"]) == (1, 0)


def test_write_limits_can_be_switched_off(simulate: Any) -> None:
    """Without write limits a shard takes everything."""
    simulation = simulate(write_limits=False, records_per_second=1)
    simulation.active_stream()
    assert simulation.put("raw", *[b"x"] * 500)["FailedRecordCount"] == 0


def test_reads_over_two_mebibytes_are_paid_back(simulate: Any) -> None:
    """After a large answer the shard refuses GetRecords until its bytes are paid back at 2 MiB a second."""
    simulation = simulate(write_limits=False)
    simulation.active_stream()
    simulation.put("raw", *[b"x" * 1_000_000] * 8)
    token = iterator(simulation)
    simulation.call("GetRecords", ShardIterator=token)
    simulation.advance(2.5)
    with pytest.raises(ThroughputExceeded):
        simulation.call("GetRecords", ShardIterator=token)
    simulation.advance(1)
    simulation.call("GetRecords", ShardIterator=token)


def test_iterators_expire_after_five_minutes(simulate: Any) -> None:
    """An iterator is good for 300 seconds and not a millisecond more."""
    simulation = simulate()
    simulation.active_stream()
    token = iterator(simulation)
    simulation.advance(300)
    simulation.call("GetRecords", ShardIterator=token)
    simulation.advance(0.001)
    with pytest.raises(ExpiredIterator, match="tolerated delay of 300000 milliseconds"):
        simulation.call("GetRecords", ShardIterator=token)


def test_pagination_tokens_expire_after_five_minutes(simulate: Any) -> None:
    """A NextToken is good for 300 seconds."""
    simulation = simulate()
    simulation.active_stream(shards=2)
    token = simulation.call("ListShards", StreamName="raw", MaxResults=1)["NextToken"]
    simulation.advance(300.001)
    with pytest.raises(ExpiredNextToken):
        simulation.call("ListShards", NextToken=token)


def test_iterators_do_not_outlive_their_stream(simulate: Any) -> None:
    """An iterator of a deleted stream does not read the new stream of that name."""
    simulation = simulate()
    simulation.active_stream()
    token = iterator(simulation)
    simulation.call("DeleteStream", StreamName="raw")
    simulation.advance(1)
    simulation.active_stream()
    with pytest.raises(InvalidArgument):
        simulation.call("GetRecords", ShardIterator=token)


@pytest.mark.parametrize(
    ("operation", "body", "error", "words"),
    [
        (
            "CreateStream",
            {},
            ValidationFailed,
            "Value null at 'streamName' failed to satisfy constraint: Member must not be null",
        ),
        ("CreateStream", {"StreamName": 7}, SerializationFailed, "NUMBER_VALUE can not be converted to String"),
        (
            "CreateStream",
            {"StreamName": "s", "ShardCount": 0},
            ValidationFailed,
            "Member must have value greater than or equal to 1",
        ),
        ("CreateStream", {"StreamName": "s", "ShardCount": True}, SerializationFailed, "TRUE_VALUE"),
        ("CreateStream", {"StreamName": "s"}, InvalidArgument, "ShardCount is required"),
        ("CreateStream", {"StreamName": "n" * 129, "ShardCount": 0}, ValidationFailed, "2 validation errors detected"),
        ("DescribeStream", {}, InvalidArgument, "Either StreamName or StreamARN"),
        (
            "GetShardIterator",
            {"StreamName": "raw", "ShardId": SHARD, "ShardIteratorType": "EARLIEST"},
            ValidationFailed,
            "Member must satisfy enum value set",
        ),
        (
            "GetShardIterator",
            {"StreamName": "raw", "ShardId": SHARD, "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 9e9},
            InvalidArgument,
            "cannot be greater than the currentTimestampInMillis",
        ),
        ("PutRecords", {"StreamName": "raw"}, ValidationFailed, "Value null at 'records'"),
        (
            "PutRecords",
            {"StreamName": "raw", "Records": []},
            ValidationFailed,
            "Member must have length greater than or equal to 1",
        ),
        ("PutRecords", {"StreamName": "raw", "Records": {}}, SerializationFailed, "list"),
        ("PutRecords", {"StreamName": "raw", "Records": [1]}, SerializationFailed, "Unrecognized collection type"),
        ("PutRecord", {"StreamName": "raw", "PartitionKey": "k"}, ValidationFailed, "Value null at 'data'"),
        ("PutRecord", {"StreamName": "raw", "Data": "eA=="}, ValidationFailed, "Value null at 'partitionKey'"),
        (
            "PutRecord",
            {"StreamName": "raw", "Data": "eA==", "PartitionKey": ""},
            ValidationFailed,
            "greater than or equal to 1",
        ),
        (
            "PutRecord",
            {"StreamName": "raw", "Data": "%%%", "PartitionKey": "k"},
            SerializationFailed,
            "converted to a Blob",
        ),
        (
            "PutRecord",
            {"StreamName": "raw", "Data": 1, "PartitionKey": "k"},
            SerializationFailed,
            "converted to a Blob",
        ),
        (
            "PutRecord",
            {"StreamName": "raw", "Data": "eA==", "PartitionKey": "k", "ExplicitHashKey": "01"},
            ValidationFailed,
            "explicitHashKey",
        ),
        (
            "ListShards",
            {"StreamName": "raw", "ShardFilter": {"Type": "AFTER_SHARD_ID"}},
            InvalidArgument,
            "ShardId must be provided",
        ),
        (
            "ListShards",
            {"StreamName": "raw", "ShardFilter": {"Type": "AT_TIMESTAMP"}},
            InvalidArgument,
            "Timestamp must be provided",
        ),
        ("ListShards", {"NextToken": "bm9uc2Vuc2U="}, InvalidArgument, "NextToken is invalid"),
        ("DescribeStreamConsumer", {"ConsumerName": "c"}, InvalidArgument, "Either ConsumerARN or both"),
        ("Frobnicate", {}, ServiceError, "not an operation"),
    ],
)
def test_bad_requests_are_refused_in_words(
    simulate: Any, operation: str, body: dict[str, object], error: type[ServiceError], words: str
) -> None:
    """Every bad request is an error that names what is wrong; nothing is stored."""
    simulation = simulate()
    simulation.active_stream()
    with pytest.raises(error) as raised:
        simulation.call(operation, **body)
    assert words in raised.value.message
    stream = simulation.account.find("raw", simulation.now)
    assert len(stream.shards[SHARD].log) == 0


def test_bytes_over_the_rate_fail_too(simulate: Any) -> None:
    """A shard of 100 bytes a second takes two records of 50 (data and key) and refuses the third."""
    simulation = simulate(write_bytes_per_second=100)
    simulation.active_stream()
    assert simulation.put("raw", *[b"x" * 49] * 3)["FailedRecordCount"] == 1


def test_positions_outlive_the_trimming_of_thousands() -> None:
    """After most records were trimmed away a position still means the same record."""
    log = Log()
    for number in range(3000):
        log.append(Record(number, number, "k", "", 1))
    log.trim(2500)
    records, following = log.read(2600, max_records=2, max_bytes=10)
    assert [record.sequence for record in records] == [2600, 2601]
    assert (following, log.start, log.end, log.position_of(2700)) == (2602, 2500, 3000, 2700)


def test_five_iterators_a_second(simulate: Any) -> None:
    """A shard gives five iterators a second, apart from its five reads (API_GetShardIterator)."""
    simulation = simulate()
    simulation.active_stream()
    tokens = [iterator(simulation) for _ in range(5)]
    with pytest.raises(ThroughputExceeded):
        iterator(simulation)
    for token in tokens:
        simulation.call("GetRecords", ShardIterator=token)
    simulation.advance(0.2)
    iterator(simulation)
