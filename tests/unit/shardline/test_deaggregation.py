"""From Kinesis records to user records."""

from __future__ import annotations

import pytest

from aws_wire import aggregation
from shardline import Checkpoint, Record
from shardline.reading.deaggregation import expand

ARRIVED = 1704164645.678


def kinesis_record(number: int, data: bytes) -> Record:
    return Record(str(number), "outer", data, ARRIVED)


def aggregate(*data: bytes) -> bytes:
    return aggregation.encode([aggregation.UserRecord("inner", each, None) for each in data])


def places(records: list[Record]) -> list[tuple[str, int, bytes]]:
    return [(record.sequence_number, record.sub_sequence_number, record.data) for record in records]


def test_plain_records_pass_through_without_a_copy() -> None:
    """The same list of the same records, with the bytes of their data: what most streams carry costs no object."""
    told = [kinesis_record(9, b"one"), kinesis_record(10, b"three")]
    for after in (None, Checkpoint("8", 3), Checkpoint("TRIM_HORIZON")):
        got, size = expand(told, after)
        assert got is told
        assert size == 8


def test_aggregates_unfold_in_place_among_plain_records() -> None:
    """Sub-sequence numbers count from 0, keys are the user's, arrival is the aggregate's, bytes are the users'."""
    plain = kinesis_record(1, b"plain")
    got, size = expand([plain, kinesis_record(2, aggregate(b"a", b"bc"))])
    assert places(got) == [("1", 0, b"plain"), ("2", 0, b"a"), ("2", 1, b"bc")]
    assert got[0] is plain
    assert [record.partition_key for record in got] == ["outer", "inner", "inner"]
    assert {record.arrived for record in got} == {1704164645678}
    assert size == 8


def test_what_the_checkpoint_covers_is_left_out_even_within_an_aggregate() -> None:
    """Numbers compare as integers: 9 comes before 10. -1 stands before an aggregate's first record."""
    told = [
        kinesis_record(9, b"old"),
        kinesis_record(10, aggregate(b"a", b"b", b"c")),
        kinesis_record(11, b"new"),
    ]
    assert places(expand(told, Checkpoint("10", 1))[0]) == [("10", 2, b"c"), ("11", 0, b"new")]
    assert expand(told, Checkpoint("10", 1))[1] == 4
    assert places(expand(told, Checkpoint("10", 2))[0]) == [("11", 0, b"new")]
    assert places(expand(told, Checkpoint("9"))[0]) == places(expand(told)[0])[1:]
    assert places(expand(told, Checkpoint("10", -1))[0]) == places(expand(told)[0])[1:]
    assert expand(told, Checkpoint("12")) == ([], 0)


def test_a_broken_aggregate_is_a_plain_record() -> None:
    """Nothing is lost to a bad digest: the bytes are delivered as they are."""
    broken = aggregate(b"a")[:-1] + b"?"
    assert places(expand([kinesis_record(1, broken)])[0]) == [("1", 0, broken)]


def test_a_sequence_number_that_is_none_is_an_error() -> None:
    """It could not be checkpointed."""
    with pytest.raises(ValueError, match="invalid literal"):
        expand([Record("x1", "k", b"")], Checkpoint("3"))
