"""PutRecords and ListShards as bytes: requests joined from parts, answers decoded into typed values. Pure.

Sources: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html and
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
"""

from binascii import b2a_base64
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from aws_wire.kinesis import HashKeyRange, UnreadablePayload


class PutRecord(NamedTuple):
    """One record of a request. `explicit_hash_key` is a decimal number below 2**128, or None: the key's MD5."""

    partition_key: str
    data: bytes
    explicit_hash_key: str | None = None


class PutResult(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={
        "sequence_number": "SequenceNumber",
        "shard_id": "ShardId",
        "error_code": "ErrorCode",
        "error_message": "ErrorMessage",
    },
):
    """What became of one record: stored where it has a sequence number, and then in which shard."""

    sequence_number: str | None = None
    shard_id: str | None = None
    error_code: str | None = None
    error_message: str | None = None


class _SequenceNumberRange(msgspec.Struct, frozen=True, rename={"ending": "EndingSequenceNumber"}):
    ending: str | None = None


class ListedShard(
    msgspec.Struct,
    frozen=True,
    rename={
        "shard_id": "ShardId",
        "hash_key_range": "HashKeyRange",
        "sequence_number_range": "SequenceNumberRange",
    },
):
    """A shard as ListShards tells it, closed ones that are still kept included."""

    shard_id: str
    hash_key_range: HashKeyRange
    sequence_number_range: _SequenceNumberRange = _SequenceNumberRange()

    @property
    def is_open(self) -> bool:
        """Whether records can be put into it."""
        return self.sequence_number_range.ending is None


class _PutRecordsAnswer(msgspec.Struct, rename={"records": "Records"}):
    records: list[PutResult] | None = None


class _ListShardsAnswer(msgspec.Struct, rename={"shards": "Shards", "next_token": "NextToken"}):
    shards: list[ListedShard]
    next_token: str | None = None


_put_records = msgspec.json.Decoder(_PutRecordsAnswer)
_list_shards = msgspec.json.Decoder(_ListShardsAnswer)
_json = msgspec.json.encode


def encode_put_records(stream: str, records: Iterable[tuple[str, bytes, str | None]]) -> bytes:
    """The body of a request. Each record has the members of `PutRecord`, in their order.

    Raises UnicodeEncodeError for a key that cannot be UTF-8.
    """
    entries = b",".join([_entry(*record) for record in records])
    return b'{"StreamName":%b,"Records":[%b]}' % (_json(stream), entries)


def decode_put_records(body: bytes) -> list[PutResult]:
    """A result for each record of the request, in order; none at all from an answer without them.

    Raises UnreadablePayload.
    """
    try:
        return _put_records.decode(body).records or []
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadablePayload(f"PutRecords: {error}") from error


def encode_list_shards(stream: str, next_token: str | None) -> bytes:
    """The body of a request for the first page, or for the one after `next_token`."""
    return _json({"StreamName": stream} if next_token is None else {"NextToken": next_token})


def decode_list_shards(body: bytes) -> tuple[list[ListedShard], str | None]:
    """A page of shards and the token of the next. Raises UnreadablePayload."""
    try:
        answer = _list_shards.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadablePayload(f"ListShards: {error}") from error
    return answer.shards, answer.next_token


def _entry(partition_key: str, data: bytes, explicit_hash_key: str | None) -> bytes:
    encoded = b2a_base64(data, newline=False)
    if explicit_hash_key is None:
        return b'{"Data":"%b","PartitionKey":%b}' % (encoded, _json(partition_key))
    return b'{"Data":"%b","PartitionKey":%b,"ExplicitHashKey":%b}' % (
        encoded,
        _json(partition_key),
        _json(explicit_hash_key),
    )
