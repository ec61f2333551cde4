"""Kinesis' JSON as typed values."""

import pytest

from aws_wire.kinesis import (
    ChildShard,
    HashKeyRange,
    Record,
    UnreadablePayload,
    decode_event,
    decode_get_records,
)

RECORD = b"""{"SequenceNumber":"49590338271490256608559692540925702759324208523137515618","PartitionKey":"k\\u00e9y",
"Data":"aGVsbG8=","ApproximateArrivalTimestamp":1.7e9,"EncryptionType":"NONE"}"""


def test_an_event_is_decoded_with_its_blobs_and_float_seconds():
    """Data is base64-decoded, times are seconds in JSON, and members that nobody knows are ignored."""
    event = decode_event(
        b'{"Records":[' + RECORD + b'],"ContinuationSequenceNumber":"7","MillisBehindLatest":12,"New":{"a":[1]}}'
    )
    [record] = event.records
    assert record == Record(
        "49590338271490256608559692540925702759324208523137515618", "kéy", b"hello", arrived_seconds=1.7e9
    )
    assert (event.continuation, event.millis_behind_latest, event.child_shards) == ("7", 12, None)


def test_arrival_is_told_in_whole_milliseconds():
    """A float of seconds is rounded, not cut: 1700000000.283 s is ...283 ms."""
    assert Record("1", "k", b"", arrived_seconds=1700000000.283).arrived == 1700000000283


def test_the_end_of_a_shard_has_children_and_no_continuation():
    """ChildShards come with their parents and hash keys, as AWS writes them."""
    event = decode_event(
        b'{"Records":[],"MillisBehindLatest":0,"ChildShards":[{"ShardId":"s-1","ParentShards":["s-0"],'
        b'"HashKeyRange":{"StartingHashKey":"0","EndingHashKey":"340282366920938463463374607431768211455"}}]}'
    )
    assert event.continuation is None
    assert event.child_shards == [
        ChildShard("s-1", ("s-0",), HashKeyRange("0", "340282366920938463463374607431768211455"))
    ]


def test_get_records_at_the_end_of_a_shard_has_no_next_iterator():
    """A closed shard that is read to its end answers without NextShardIterator, or with null."""
    answer = decode_get_records(b'{"Records":[' + RECORD + b'],"MillisBehindLatest":5,"NextShardIterator":null}')
    assert answer.next_shard_iterator is None
    assert answer.millis_behind_latest == 5
    assert answer.records[0].data == b"hello"


def test_no_sub_sequence_number_comes_from_a_plain_record():
    """A plain record is its own first user record."""
    assert decode_event(b'{"Records":[' + RECORD + b"]}").records[0].sub_sequence_number == 0


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b'{"Records":[{"SequenceNumber":"1","Data":""}]}', b'{"Records":[{"Data":"!"}]}', b"\xff"],
)
def test_what_is_no_event_is_a_value_error(payload):
    """Broken JSON, a missing member and a broken blob raise one error."""
    with pytest.raises(UnreadablePayload):
        decode_event(payload)
    with pytest.raises(ValueError, match="GetRecordsAnswer"):
        decode_get_records(payload)
