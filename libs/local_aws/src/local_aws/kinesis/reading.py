"""GetShardIterator and GetRecords, and records as they look on the wire."""

import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from local_aws.kinesis.account import Account
from local_aws.kinesis.errors import InvalidArgument, ResourceNotFound, ThroughputExceeded
from local_aws.kinesis.log import Record
from local_aws.kinesis.positions import lowest_sequence
from local_aws.kinesis.settings import MEBIBYTE
from local_aws.kinesis.shards import Shard
from local_aws.kinesis.streams import Stream
from local_aws.kinesis.subscriptions import millis_behind
from local_aws.kinesis.tokens import ShardIterator
from local_aws.kinesis.validation import (
    PAGE,
    POSITION_TYPE,
    REQUIRED_NAME,
    SEQUENCE_NUMBER,
    TIME,
    Body,
    Field,
    check,
    number,
    required_text,
    stream_name,
    text,
    time,
)

Answer = dict[str, object]

MAX_RECORDS = 10_000
MAX_BYTES = 10 * MEBIBYTE
_ITERATOR = Field(kind=str, required=True, least=1, most=512)


def get_shard_iterator(account: Account, body: Body, now: int) -> Answer:
    """GetShardIterator: good for five minutes; five calls a second a shard.

    Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetShardIterator.html
    """
    check(
        body,
        {
            "ShardId": REQUIRED_NAME,
            "ShardIteratorType": POSITION_TYPE,
            "StartingSequenceNumber": SEQUENCE_NUMBER,
            "Timestamp": TIME,
        },
    )
    stream = account.ready_stream(stream_name(body), now)
    shard = stream.shard(required_text(body, "ShardId"))
    if account.settings.read_limits:
        if not shard.rates.iterator_calls.allows(1, now):
            raise ThroughputExceeded(f"Rate exceeded for shard {shard.name} in {stream.place}.")
        shard.rates.iterator_calls.take(1)
    lowest = lowest_sequence(
        stream,
        shard,
        now,
        kind=required_text(body, "ShardIteratorType"),
        number=text(body, "StartingSequenceNumber"),
        timestamp=time(body, "Timestamp"),
        operation="GetShardIterator",
    )
    return {"ShardIterator": ShardIterator(stream.stream_id, stream.name, shard.name, lowest, now).encode()}


def get_records(account: Account, body: Body, now: int) -> Answer:
    """GetRecords: up to 10,000 records or 10 MiB; no NextShardIterator once a closed shard is read to its end.

    Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
    """
    check(body, {"ShardIterator": _ITERATOR, "Limit": PAGE})
    iterator = ShardIterator.decode(required_text(body, "ShardIterator"), now, account.settings)
    stream = account.ready_stream(iterator.stream_name, now)
    if stream.stream_id != iterator.stream_id:
        raise InvalidArgument("The shard iterator is of a stream that was deleted.")
    if iterator.shard_name not in stream.shards:
        raise ResourceNotFound(f"Shard {iterator.shard_name} in {stream.place} does not exist")
    shard = stream.shards[iterator.shard_name]
    _meter_call(account, stream, shard, now)
    position = shard.log.position_of(iterator.sequence)
    limit = number(body, "Limit") or MAX_RECORDS
    records, following = shard.log.read(position, max_records=limit, max_bytes=MAX_BYTES)
    shard.rates.read_bytes.take(sum(record.size for record in records))
    answer: Answer = {
        "Records": StoredRecords(records),
        "MillisBehindLatest": millis_behind(shard, following, now),
    }
    if not shard.is_open and following >= shard.log.end:
        answer["ChildShards"] = render_children(stream.children_of(shard))
        return answer
    lowest = records[-1].sequence + 1 if records else iterator.sequence
    answer["NextShardIterator"] = ShardIterator(stream.stream_id, stream.name, shard.name, lowest, now).encode()
    return answer


@dataclass(frozen=True, slots=True)
class StoredRecords:
    """Records in an answer, rendered when it is clear how."""

    records: Sequence[Record]

    def as_json(self) -> bytes:
        """A JSON array. The data is spliced in as it came."""
        return f"[{','.join(map(_render, self.records))}]".encode()

    def as_plain(self) -> list[Answer]:
        """A list of members, the data as bytes."""
        return [
            {
                "SequenceNumber": str(record.sequence),
                "ApproximateArrivalTimestamp": record.arrived / 1000,
                "Data": binascii.a2b_base64(record.encoded),
                "PartitionKey": record.partition_key,
                "EncryptionType": "NONE",
            }
            for record in self.records
        ]


def render_children(children: Iterable[Shard]) -> list[Answer]:
    """Child shards as SubscribeToShard and GetRecords give them at the end of a shard."""
    return [
        {
            "ShardId": child.name,
            "ParentShards": list(child.parents),
            "HashKeyRange": child.describe_range(),
        }
        for child in children
    ]


def _render(record: Record) -> str:
    return (
        f'{{"SequenceNumber":"{record.sequence}","ApproximateArrivalTimestamp":{record.arrived / 1000:.3f},'
        f'"Data":"{record.encoded}","PartitionKey":{orjson.dumps(record.partition_key).decode()},'
        '"EncryptionType":"NONE"}'
    )


def _meter_call(account: Account, stream: Stream, shard: Shard, now: int) -> None:
    if not account.settings.read_limits:
        return
    if not shard.rates.read_calls.allows(1, now) or not shard.rates.read_bytes.allows(1, now):
        raise ThroughputExceeded(f"Rate exceeded for shard {shard.name} in {stream.place}.")
    shard.rates.read_calls.take(1)
