"""Which record of a shard is the first at or after a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from shardline.cli.connection import explained
from shardline.cli.lag import LOOK_SECONDS, called
from shardline.cli.listing import ListedShard
from shardline.model import AT_TIMESTAMP

_CALLS_AT_ONCE = 20


async def first_records(kinesis: Any, stream: str, shards: Sequence[ListedShard], at: float) -> dict[str, str | None]:
    """The sequence number of each shard's first record at or after `at` (seconds since the epoch); None: none yet.

    Raises CommandFailed. Source:
    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetShardIterator.html
    """
    gate = asyncio.Semaphore(_CALLS_AT_ONCE)

    async def first(shard: ListedShard) -> tuple[str, str | None]:
        async with gate:
            return shard.shard_id, await _first(kinesis, stream, shard.shard_id, at)

    return dict(await asyncio.gather(*map(first, shards)))


async def _first(kinesis: Any, stream: str, shard_id: str, at: float) -> str | None:
    request = {"StreamName": stream, "ShardId": shard_id, "ShardIteratorType": AT_TIMESTAMP, "Timestamp": at}
    with explained(f"stream {stream}, {shard_id}"):
        iterator: str | None = (await called(kinesis.get_shard_iterator, request))["ShardIterator"]
        while iterator is not None:
            answer = await called(kinesis.get_records, {"ShardIterator": iterator, "Limit": 1})
            if answer["Records"]:
                return str(answer["Records"][0]["SequenceNumber"])
            if not answer.get("MillisBehindLatest"):
                return None
            iterator = answer.get("NextShardIterator")
            await asyncio.sleep(LOOK_SECONDS)
    return None
