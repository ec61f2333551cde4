"""From Kinesis records to user records. Pure.

Every user record of a KPL aggregate is delivered, whichever shard its own key would hash to: dropping those
outside the shard's range, as the Kinesis Client Library does, loses data after a split.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from aws_wire import aggregation
from shardline.model import Checkpoint, Record


def expand(kinesis_records: Iterable[Mapping[str, Any]], after: Checkpoint | None = None) -> list[Record]:
    """Return the user records, in their order, that come after the checkpoint `after` (None: all).

    `kinesis_records` are as botocore returns them: SequenceNumber, PartitionKey, Data and
    ApproximateArrivalTimestamp. A plain record has sub-sequence number 0, those of an aggregate count
    from 0; what is no well-formed aggregate is a plain record.
    """
    floor = after.order if after is not None else None
    expanded: list[Record] = []
    for each in kinesis_records:
        records = _user_records(each)
        if floor is not None:
            number = Checkpoint(each["SequenceNumber"]).order[:2]
            records = [record for record in records if (*number, record.sub_sequence_number) > floor]
            if number > floor[:2]:
                floor = None  # numbers only rise within a shard, so no later record needs the comparison
        expanded.extend(records)
    return expanded


def _user_records(record: Mapping[str, Any]) -> list[Record]:
    number: str = record["SequenceNumber"]
    data: bytes = record["Data"]
    arrived = _milliseconds(record.get("ApproximateArrivalTimestamp"))
    inner = aggregation.decode(data)
    if inner is None:
        return [Record(number, 0, record["PartitionKey"], data, arrived)]
    return [Record(number, sub, user.partition_key, user.data, arrived) for sub, user in enumerate(inner)]


def _milliseconds(moment: datetime | float | None) -> int:
    """Return milliseconds since the epoch; 0 when Kinesis told no arrival time."""
    if moment is None:
        return 0
    seconds = moment.timestamp() if isinstance(moment, datetime) else float(moment)
    return round(seconds * 1000)
