"""Streams and records as JSON values that a journal can keep, and back.

Hash keys and sequence numbers are text: JSON writers stop at 64 bits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from local_aws.kinesis import sequence
from local_aws.kinesis.consumers import Consumer
from local_aws.kinesis.log import Record
from local_aws.kinesis.settings import KinesisSettings
from local_aws.kinesis.shards import Shard, ShardRates, shard_name
from local_aws.kinesis.streams import Stream, Transition

Row = list[str | int]


def stream_state(stream: Stream) -> dict[str, object]:
    """Everything about the stream but its records."""
    return {
        "name": stream.name,
        "arn": stream.arn,
        "account_id": stream.account_id,
        "created": stream.created,
        "mode": stream.mode,
        "retention_hours": stream.retention_hours,
        "max_record_bytes": stream.max_record_bytes,
        "status": stream.status,
        "tags": stream.tags,
        "next_index": stream.next_index,
        "counter": stream.counter,
        "latest": stream.latest,
        "resizes": stream.resizes,
        "transition": None if stream.transition is None else asdict(stream.transition),
        "consumers": [asdict(consumer) for consumer in stream.consumers.values()],
        "shards": [_shard_state(shard) for shard in stream.shards.values()],
    }


def restore_stream(state: Mapping[str, Any], settings: KinesisSettings, *, records_of: Stream | None) -> Stream:
    """The stream with the state; its shards take the records that they have in `records_of`.

    Raises KeyError or TypeError if this is no state of a stream.
    """
    members = dict(state)
    shards = [_restore_shard(shard, settings) for shard in members.pop("shards")]
    consumers = [Consumer(**consumer) for consumer in members.pop("consumers")]
    transition = members.pop("transition")
    stream = Stream(
        **members,
        shards={shard.name: shard for shard in shards},
        consumers={consumer.name: consumer for consumer in consumers},
        transition=None if transition is None else Transition(**transition),
    )
    if records_of is not None and records_of.stream_id == stream.stream_id:
        for name in stream.shards.keys() & records_of.shards.keys():
            stream.shards[name].log = records_of.shards[name].log
    stream.reroute()
    return stream


def record_rows(records: Iterable[tuple[Shard, Record]]) -> list[Row]:
    """Records with their shards."""
    return [
        [
            shard.index,
            sequence.counter_of(record.sequence),
            record.arrived,
            record.partition_key,
            record.encoded,
            record.size,
        ]
        for shard, record in records
    ]


def restore_record(stream: Stream, row: Row) -> None:
    """Append the record to its shard, with the number that it had; a shard that expired is passed over."""
    index, counter, arrived, key, encoded, size = row
    assert isinstance(index, int)
    assert isinstance(counter, int)
    assert isinstance(arrived, int)
    stream.counter = max(stream.counter, counter)
    stream.tick(arrived)
    shard = stream.shards.get(shard_name(index))
    if shard is not None:
        number = sequence.compose(arrived, counter, index)
        shard.log.append(Record(number, arrived, str(key), str(encoded), int(size)))


def _shard_state(shard: Shard) -> dict[str, object]:
    return {
        "index": shard.index,
        "start": str(shard.start),
        "end": str(shard.end),
        "created": shard.created,
        "starting": str(shard.starting),
        "parents": shard.parents,
        "closed": shard.closed,
        "ending": None if shard.ending is None else str(shard.ending),
    }


def _restore_shard(state: Mapping[str, Any], settings: KinesisSettings) -> Shard:
    return Shard(
        index=state["index"],
        start=int(state["start"]),
        end=int(state["end"]),
        created=state["created"],
        starting=int(state["starting"]),
        rates=ShardRates.of(settings),
        parents=tuple(state["parents"]),
        closed=state["closed"],
        ending=None if state["ending"] is None else int(state["ending"]),
    )
