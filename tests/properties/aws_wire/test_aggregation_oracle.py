"""Aggregates are read by AWS Labs' `aws_kinesis_agg`, and its aggregates by us."""

import base64
import warnings
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aws_wire import aggregation
from aws_wire.aggregation import UserRecord

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its imports' own
    from aws_kinesis_agg.aggregator import AggRecord
    from aws_kinesis_agg.deaggregator import iter_deaggregate_records

texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=10)
hash_keys = st.none() | st.integers(0, 2**128 - 1).map(str)
user_records = st.lists(st.builds(UserRecord, texts, st.binary(max_size=60), hash_keys), min_size=1, max_size=12)


def theirs(data: bytes) -> list[Any]:
    """What aws_kinesis_agg makes of a Kinesis record."""
    record = {
        "Data": data,
        "PartitionKey": "outer",
        "SequenceNumber": "7",
        "ApproximateArrivalTimestamp": "0",
        "EncryptionType": "NONE",
    }
    return [each["kinesis"] for each in iter_deaggregate_records([record], data_format="Boto3")]


def same_hash_key(ours: str | None, read: str | None, first: str | None) -> bool:
    """Whether it read ours; its known fault gives a record without a hash key the first of the table."""
    return read == (first if ours is None else ours)


@given(user_records)
def test_our_aggregates_are_read_by_aws_kinesis_agg(sent: list[UserRecord]) -> None:
    """Keys, data, sub-sequence numbers and hash keys, but for its fault with records that have none."""
    read = theirs(aggregation.encode(sent))
    first = next((record.explicit_hash_key for record in sent if record.explicit_hash_key is not None), None)
    assert [(each["partitionKey"], each["subSequenceNumber"]) for each in read] == [
        (record.partition_key, at) for at, record in enumerate(sent)
    ]
    for record, each in zip(sent, read, strict=True):
        assert base64.b64decode(each["data"]) == record.data
        assert same_hash_key(record.explicit_hash_key, each.get("explicitHashKey"), first)


@given(user_records)
def test_aggregates_of_aws_kinesis_agg_are_read_by_us(sent: list[UserRecord]) -> None:
    """What it writes comes back as it was given, records without a hash key included."""
    aggregate = AggRecord()
    for record in sent:
        assert aggregate.add_user_record(record.partition_key, record.data, record.explicit_hash_key)
    partition_key, hash_key, data = aggregate.get_contents()
    assert (partition_key, hash_key) == (sent[0].partition_key, sent[0].explicit_hash_key)
    assert aggregation.decode(data) == sent


@given(user_records, st.data())
def test_both_take_a_malformed_aggregate_as_a_plain_record(sent: list[UserRecord], data: st.DataObject) -> None:
    """One changed byte in body or digest, or a cut: no user records, and the data stays as it is."""
    whole = aggregation.encode(sent)
    cut = data.draw(st.integers(1, len(whole) - 1) | st.none())
    if cut is None:
        damaged = bytearray(whole)
        damaged[data.draw(st.integers(len(aggregation.MAGIC), len(whole) - 1))] ^= data.draw(st.integers(1, 255))
        malformed = bytes(damaged)
    else:
        malformed = whole[:cut]
    assert aggregation.decode(malformed) is None
    [plain] = theirs(malformed)
    assert plain["data"] == malformed
    assert plain["partitionKey"] == "outer"
