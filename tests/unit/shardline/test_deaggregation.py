"""From Kinesis records to user records."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aws_wire import aggregation
from shardline import Checkpoint
from shardline.deaggregation import expand

ARRIVED = datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


def kinesis_record(number: int, data: bytes) -> dict[str, Any]:
    return {
        "SequenceNumber": str(number),
        "PartitionKey": "outer",
        "Data": data,
        "ApproximateArrivalTimestamp": ARRIVED,
    }


def aggregate(*data: bytes) -> bytes:
    return aggregation.encode([aggregation.UserRecord("inner", each, None) for each in data])


def places(records: list[Any]) -> list[tuple[str, int, bytes]]:
    return [(record.sequence_number, record.sub_sequence_number, record.data) for record in records]


def test_aggregates_unfold_in_place_among_plain_records() -> None:
    """Sub-sequence numbers count from 0, keys are the user's, arrival is in milliseconds."""
    got = expand([kinesis_record(1, b"plain"), kinesis_record(2, aggregate(b"a", b"b"))])
    assert places(got) == [("1", 0, b"plain"), ("2", 0, b"a"), ("2", 1, b"b")]
    assert [record.partition_key for record in got] == ["outer", "inner", "inner"]
    assert {record.arrived for record in got} == {1704164645678}


def test_what_the_checkpoint_covers_is_left_out_even_within_an_aggregate() -> None:
    """Numbers compare as integers: 9 comes before 10."""
    told = [
        kinesis_record(9, b"old"),
        kinesis_record(10, aggregate(b"a", b"b", b"c")),
        kinesis_record(11, b"new"),
    ]
    assert places(expand(told, Checkpoint("10", 1))) == [("10", 2, b"c"), ("11", 0, b"new")]
    assert places(expand(told, Checkpoint("10", 2))) == [("11", 0, b"new")]
    assert places(expand(told, Checkpoint("9"))) == places(expand(told))[1:]


def test_a_broken_aggregate_is_a_plain_record() -> None:
    """Nothing is lost to a bad digest: the bytes are delivered as they are."""
    broken = aggregate(b"a")[:-1] + b"?"
    assert places(expand([kinesis_record(1, broken)])) == [("1", 0, broken)]
