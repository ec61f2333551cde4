"""What the commands do: read letters from the stream or a file, and put originals back where they were read."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from aws_wire import aggregation
from delivery import DeadLetter, Item, KinesisSink, RetryPolicy
from etl_cli.dead_letters.choice import Choice, Elsewhere, Found, Once, Summary, partition_key, read
from shardline.cli.connection import CommandFailed, explained
from shardline.cli.lag import called
from shardline.cli.listing import list_shards
from shardline.cli.positions import Target

_BATCH = 500
_TELL_EVERY_SECONDS = 5.0
_LOOK_SECONDS = 0.25  # a shard takes five GetRecords a second, of all its readers together
_RETRY = RetryPolicy(deadline_seconds=120.0)
Tell = Callable[[str], None]
Batches = AsyncIterator[list[bytes]]


@dataclass(frozen=True, slots=True)
class Done:
    """How a replay went: letters put back by their stream, left out as repeats, and not delivered."""

    sent: Counter[str]
    repeats: int
    failed: int


async def letters_of_stream(kinesis: Any, stream: str, since: Target, until: float) -> Batches:
    """Records of the dead-letter stream in batches, up to those that came at `until` (seconds since the epoch).

    The end is fixed beforehand, since what is put back may come again. Raises CommandFailed.
    """
    for shard in await list_shards(kinesis, stream):
        request: dict[str, Any] = {"StreamName": stream, "ShardId": shard.shard_id, "ShardIteratorType": since.kind}
        with explained(f"stream {stream}, {shard.shard_id}"):
            answer = await called(
                kinesis.get_shard_iterator, request if since.at is None else {**request, "Timestamp": since.at}
            )
            iterator = answer["ShardIterator"]
            while iterator:
                answer = await called(kinesis.get_records, {"ShardIterator": iterator, "Limit": 1000})
                records = [
                    record for record in answer["Records"] if record["ApproximateArrivalTimestamp"].timestamp() <= until
                ]
                if records:
                    yield [data for record in records for data in _unfolded(record["Data"])]
                if len(records) < len(answer["Records"]) or not (answer["Records"] or answer["MillisBehindLatest"]):
                    break
                iterator = answer.get("NextShardIterator")
                await asyncio.sleep(_LOOK_SECONDS)


async def letters_of_lines(lines: Iterable[bytes]) -> Batches:
    """Lines of a file, such as those of `list --json`, in batches."""
    batch: list[bytes] = []
    for line in lines:
        if line.strip():
            batch.append(line)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def chosen(batches: Batches, choice: Choice, tell: Tell) -> AsyncIterator[list[tuple[bytes, Found]]]:
    """The letters that are meant, each with its own line; what is no letter is told and passed over."""
    async with aclosing(batches):  # type: ignore[type-var]  # both sources are generators
        async for batch in batches:
            found: list[tuple[bytes, Found]] = []
            for line in batch:
                try:
                    each = read(line)
                except ValueError as error:
                    tell(f"passed over: {error}")
                    continue
                if choice.holds(each.letter if isinstance(each, Elsewhere) else each):
                    found.append((line.rstrip(b"\r\n"), each))
            yield found


async def summarised(batches: AsyncIterator[list[tuple[bytes, Found]]]) -> Summary:
    """The counts of what was chosen."""
    summary = Summary()
    async for batch in batches:
        for _, each in batch:
            summary.add(each.letter if isinstance(each, Elsewhere) else each)
    return summary


async def replay(
    kinesis: Any, s3: Any, batches: AsyncIterator[list[tuple[bytes, Found]]], to: str | None, tell: Tell
) -> Done:
    """Put originals into the stream that each was read from, or into `to`; progress is told every few seconds.

    Raises CommandFailed where a letter names no stream or an original is not to be had.
    """
    once, sinks, done = Once(), dict[str, KinesisSink](), Counter[str]()
    repeats = failed = 0
    told = asyncio.get_running_loop().time()
    try:
        async for batch in batches:
            letters = [await _whole(s3, each) for _, each in batch]
            fresh = once.fresh(letters)
            repeats += len(letters) - len(fresh)
            for stream in sorted({_target(letter, to) for letter in fresh}):
                if stream not in sinks:
                    sinks[stream] = KinesisSink(kinesis, stream, _RETRY)
                mine = [letter for letter in fresh if _target(letter, to) == stream]
                delivered = await _send(sinks[stream], mine, tell)
                done[stream] += delivered
                failed += len(mine) - delivered
            if asyncio.get_running_loop().time() - told > _TELL_EVERY_SECONDS:
                told = asyncio.get_running_loop().time()
                tell(f"{done.total()} put back so far")
    finally:
        for sink in sinks.values():
            await sink.aclose()
    return Done(done, repeats, failed)


async def _send(sink: KinesisSink, letters: Sequence[DeadLetter], tell: Tell) -> int:
    """How many were delivered; the cause of each other is told."""
    outcomes = await sink.deliver([Item(letter.original, partition_key(letter)) for letter in letters])
    for letter, outcome in zip(letters, outcomes, strict=True):
        if outcome.status != "delivered":
            tell(f"not put back: {letter.id}: {outcome.code}: {outcome.message}")
    return sum(outcome.status == "delivered" for outcome in outcomes)


def _target(letter: DeadLetter, to: str | None) -> str:
    stream = to or letter.stream
    if not stream:
        raise CommandFailed(f"{letter.id} names no stream that it was read from: name one by --to", 2)
    return stream


async def _whole(s3: Any, each: Found) -> DeadLetter:
    """The letter with its original, from S3 where it lies there."""
    if not isinstance(each, Elsewhere):
        return each
    with explained(f"s3://{each.bucket}/{each.key}"):
        answer = await s3.get_object(Bucket=each.bucket, Key=each.key)
        async with answer["Body"] as body:
            original = await body.read()
    if hashlib.sha256(original).hexdigest() != each.sha256:
        raise CommandFailed(f"s3://{each.bucket}/{each.key} is not the original of {each.letter.id}: its hash differs")
    return replace(each.letter, original=original)


def _unfolded(data: bytes) -> list[bytes]:
    aggregate = aggregation.decode(data)
    return [data] if aggregate is None else [user.data for user in aggregate]
