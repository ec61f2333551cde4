"""Kinesis' records and events as typed values, decoded straight from the JSON that AWS sends.

Members that are not named here are ignored, so that a new one breaks nothing. Sources: "SubscribeToShardEvent" and
"GetRecords" in the Kinesis Data Streams API reference
(https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SubscribeToShardEvent.html,
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html); timestamps are seconds since the
epoch, as the JSON 1.1 protocol has them, and blobs are base64.
"""

from typing import TypeVar

import msgspec


class UnreadablePayload(ValueError):
    """The JSON is broken or lacks a member that every such payload has. Read again from the last good position."""


class Record(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={
        "sequence_number": "SequenceNumber",
        "partition_key": "PartitionKey",
        "data": "Data",
        "arrived_seconds": "ApproximateArrivalTimestamp",
        "sub_sequence_number": "SubSequenceNumber",
    },
):
    """One record of a shard.

    `arrived_seconds` is Kinesis' approximate arrival time, seconds since the epoch (UTC). `sub_sequence_number` is the
    place, from 0, of a user record within an aggregate; Kinesis itself never sends it.
    """

    sequence_number: str
    partition_key: str
    data: bytes
    arrived_seconds: float = 0.0
    sub_sequence_number: int = 0

    @property
    def arrived(self) -> int:
        """The arrival time in whole milliseconds since the epoch."""
        return round(self.arrived_seconds * 1000)


class HashKeyRange(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={"starting_hash_key": "StartingHashKey", "ending_hash_key": "EndingHashKey"},
):
    """The hash keys of a shard as decimal numbers, both ends included."""

    starting_hash_key: str
    ending_hash_key: str


class ChildShard(
    msgspec.Struct,
    frozen=True,
    rename={"shard_id": "ShardId", "parent_shards": "ParentShards", "hash_key_range": "HashKeyRange"},
):
    """A shard that continues an ended one; after a merge it has two parents."""

    shard_id: str
    parent_shards: tuple[str, ...] = ()
    hash_key_range: HashKeyRange | None = None


class SubscribeToShardEvent(
    msgspec.Struct,
    rename={
        "records": "Records",
        "continuation": "ContinuationSequenceNumber",
        "millis_behind_latest": "MillisBehindLatest",
        "child_shards": "ChildShards",
    },
):
    """What a subscription tells at once. At the shard's end there is no continuation, but there are children."""

    records: list[Record] = []
    continuation: str | None = None
    millis_behind_latest: int = 0
    child_shards: list[ChildShard] | None = None


class GetRecordsAnswer(
    msgspec.Struct,
    rename={
        "records": "Records",
        "next_shard_iterator": "NextShardIterator",
        "millis_behind_latest": "MillisBehindLatest",
        "child_shards": "ChildShards",
    },
):
    """What GetRecords answers. At the shard's end there is no next iterator, but there are children."""

    records: list[Record]
    next_shard_iterator: str | None = None
    millis_behind_latest: int = 0
    child_shards: list[ChildShard] | None = None


_event_decoder = msgspec.json.Decoder(SubscribeToShardEvent)
_get_records_decoder = msgspec.json.Decoder(GetRecordsAnswer)

T = TypeVar("T")


def decode_event(payload: bytes | memoryview) -> SubscribeToShardEvent:
    """The event in the payload of a ``SubscribeToShardEvent`` frame. Raises UnreadablePayload."""
    return _decoded(_event_decoder, payload)


def decode_get_records(body: bytes | memoryview) -> GetRecordsAnswer:
    """The answer to GetRecords. Raises UnreadablePayload."""
    return _decoded(_get_records_decoder, body)


def _decoded(decoder: msgspec.json.Decoder[T], payload: bytes | memoryview) -> T:
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadablePayload(f"{decoder.type.__name__}: {error}") from error
