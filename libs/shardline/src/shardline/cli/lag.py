"""`shardline lag`: how far the checkpoints are behind the stream.

Records between two sequence numbers cannot be counted without reading them, so the lag is a time: the age of the
oldest record that is not delivered. It costs one to a few GetRecords calls a shard, each within the five a second that
a shard allows (https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from botocore.exceptions import ClientError

from aws_wire import aggregation
from shardline.cli.connection import ANSWER_IS_NO, DONE, CommandFailed, Connection, code_of, explained
from shardline.cli.listing import ListedShard, ancestors, list_shards
from shardline.cli.rows import prefix_of, read, without_prefix
from shardline.cli.text import as_json, duration, place, plural, table
from shardline.model import AT_TIMESTAMP, LATEST, SHARD_END, TRIM_HORIZON, Checkpoint, Lease

Standing = Literal["caught up", "behind", "ended", "waits", "no lease", "gone", "unknown"]

_CALLS_AT_ONCE = 20
_LOOKS = 40
"""GetRecords calls a shard at most: an answer may be empty though records follow."""
LOOK_SECONDS = 0.21
_TRIES = 8


@dataclass(frozen=True, slots=True)
class Question:
    """A shard and the position that its group has reached in it."""

    shard_id: str
    checkpoint: Checkpoint
    owner: str | None
    standing: Standing | None
    """What is known without reading; None when a record must be read."""
    when_behind: Standing = "behind"
    """What it is called when a record is found that is not delivered."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far one shard's checkpoint is behind; None where nothing tells it."""

    question: Question
    standing: Standing
    milliseconds: int | None


def questions(shards: Sequence[ListedShard], leases: Sequence[Lease]) -> list[Question]:
    """What is to be found out for each shard that has records to deliver, or may have.

    A shard without a lease is left out when a descendant of it has one, for then it was passed long ago. Otherwise it
    waits for its parent, and all that it keeps is undelivered; `no lease` is one that waits for nobody.
    """
    listed = {shard.shard_id: shard for shard in shards}
    leased = {lease.shard_id: lease for lease in leases}
    passed = ancestors(leased, listed)
    asked = [_of_lease(lease, listed) for lease in leases]
    why: Standing
    for shard in shards:
        if shard.shard_id not in leased and shard.shard_id not in passed:
            waits = any(parent in leased and not leased[parent].is_ended for parent in shard.parents)
            why = "waits" if waits else "no lease"
            asked.append(Question(shard.shard_id, Checkpoint(TRIM_HORIZON), None, None, why))
    return sorted(asked, key=lambda question: question.shard_id)


def oldest_undelivered(records: Iterable[Mapping[str, Any]], checkpoint: Checkpoint) -> int | None:
    """The arrival (ms since the epoch) of the first record after the checkpoint; None when there is none here."""
    for record in records:
        number = record["SequenceNumber"]
        inner = aggregation.decode(record["Data"])
        last = Checkpoint(number, len(inner) - 1 if inner else 0)
        if checkpoint.is_sentinel or last > checkpoint:
            return milliseconds(record["ApproximateArrivalTimestamp"])
    return None


def milliseconds(moment: datetime | float) -> int:
    """A time as botocore gives it, in milliseconds since the epoch."""
    return round((moment.timestamp() if isinstance(moment, datetime) else moment) * 1000)


def rendered(lags: Sequence[Lag]) -> str:
    """The lags for people."""
    rows = [
        (
            lag.question.shard_id,
            lag.standing,
            duration(lag.milliseconds),
            lag.question.owner or "-",
            place(lag.question.checkpoint),
        )
        for lag in lags
    ]
    return table(("SHARD", "STATE", "BEHIND", "OWNER", "CHECKPOINT"), rows, right={"BEHIND"})


def totals(lags: Sequence[Lag]) -> dict[str, int]:
    """The worst lag, and how many shards are in which state."""
    known = [lag.milliseconds for lag in lags if lag.milliseconds is not None]
    return {
        "shards": len(lags),
        "behind": sum(lag.standing not in ("caught up", "ended", "gone") for lag in lags),
        "unowned": sum(lag.question.owner is None and lag.standing not in ("ended", "gone") for lag in lags),
        "max_ms": max(known, default=0),
    }


def as_value(lags: Sequence[Lag]) -> dict[str, Any]:
    """The lags for machines."""
    return {
        **totals(lags),
        "lags": [
            {
                "shard_id": lag.question.shard_id,
                "state": lag.standing,
                "behind_ms": lag.milliseconds,
                "owner": lag.question.owner,
                "checkpoint": lag.question.checkpoint.sequence_number,
                "sub_sequence_number": lag.question.checkpoint.sub_sequence_number,
            }
            for lag in lags
        ],
    }


async def run(
    connection: Connection, stream: str, name: str, *, max_ms: int | None, prefix: str | None, machine: bool
) -> int:
    """Print the lag of each shard; the exit status tells whether one is above `max_ms`. Raises CommandFailed."""
    async with connection.clients("kinesis", "dynamodb") as (kinesis, dynamodb):
        found = await read(dynamodb, name)
        if found.stream and found.stream != stream:
            raise CommandFailed(f"{name} holds the leases of group {found.group}, not of stream {stream}", 2)
        shards = await list_shards(kinesis, stream)
        gate = asyncio.Semaphore(_CALLS_AT_ONCE)

        async def answer(question: Question) -> Lag:
            async with gate:
                return await measure(kinesis, stream, question)

        rows = without_prefix(found.rows, prefix_of(found.rows, stream, prefix))
        asked = questions(shards, [row.lease for row in rows])
        lags = list(await asyncio.gather(*map(answer, asked)))
    if machine:
        print(as_json(as_value(lags)))
    else:
        summary = totals(lags)
        print(rendered(lags), "", sep="\n")
        print(
            f"{plural(summary['shards'], 'shard')}, {summary['behind']} behind, {summary['unowned']} without an owner, "
            f"the worst is {duration(summary['max_ms'])} behind"
        )
    return ANSWER_IS_NO if max_ms is not None and totals(lags)["max_ms"] > max_ms else DONE


async def measure(kinesis: Any, stream: str, question: Question) -> Lag:
    """Read the first record that is not delivered. Raises CommandFailed."""
    if question.standing is not None:
        return Lag(question, question.standing, 0 if question.standing in ("ended", "caught up") else None)
    with explained(f"stream {stream}, {question.shard_id}"):
        iterator = await _iterator(kinesis, stream, question)
        if iterator is None:
            return Lag(question, "unknown", None)
        for _ in range(_LOOKS):
            if iterator is None:
                break
            answer = await called(kinesis.get_records, {"ShardIterator": iterator, "Limit": 2})
            arrived = oldest_undelivered(answer["Records"], question.checkpoint)
            if arrived is not None:
                return Lag(question, question.when_behind, max(0, round(time.time() * 1000) - arrived))
            iterator = answer.get("NextShardIterator")
            if iterator is not None and not answer.get("MillisBehindLatest"):
                return Lag(question, "caught up", 0)
            await asyncio.sleep(LOOK_SECONDS)
    return Lag(question, "caught up" if iterator is None else "unknown", 0 if iterator is None else None)


async def called(operation: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """Call; a throttle, caused by whoever else reads the shard, is waited out."""
    for attempt in range(_TRIES):
        try:
            answer: dict[str, Any] = await operation(**request)
        except ClientError as error:
            if code_of(error) != "ProvisionedThroughputExceededException" or attempt == _TRIES - 1:
                raise
            await asyncio.sleep(LOOK_SECONDS * (attempt + 1))
        else:
            return answer
    raise AssertionError("unreachable")


async def _iterator(kinesis: Any, stream: str, question: Question) -> str | None:
    """An iterator at the checkpoint; None where Kinesis does not take it for a position of the shard."""
    try:
        answer = await called(kinesis.get_shard_iterator, _position(stream, question))
    except ClientError as error:
        if code_of(error) != "InvalidArgumentException":
            raise
        return None
    iterator: str = answer["ShardIterator"]
    return iterator


def _position(stream: str, question: Question) -> dict[str, Any]:
    """Where to start: at the checkpoint itself, for an aggregate may be delivered in part."""
    request: dict[str, Any] = {"StreamName": stream, "ShardId": question.shard_id}
    if question.checkpoint.is_sentinel:
        return {**request, "ShardIteratorType": question.checkpoint.sequence_number}
    number = question.checkpoint.sequence_number
    return {**request, "ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": number}


def _of_lease(lease: Lease, listed: Mapping[str, ListedShard]) -> Question:
    standing: Standing | None = None
    if lease.checkpoint.sequence_number == SHARD_END:
        standing = "ended"
    elif lease.shard_id not in listed:
        standing = "gone"
    elif lease.checkpoint.sequence_number == AT_TIMESTAMP:
        standing = "unknown"
    elif lease.checkpoint.sequence_number == LATEST:
        standing = "caught up"
    return Question(lease.shard_id, lease.checkpoint, lease.holder, standing)
