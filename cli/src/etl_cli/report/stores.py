"""Reads every store to its end: the streams by GetRecords, OpenSearch by search_after, the archive object by object."""

import asyncio
import gzip
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson

from aws_wire import aggregation

_PAGE = 5000


@dataclass(frozen=True, slots=True)
class ArchivedEvents:
    """The archive's copies: how often each id stands there, and one copy of each event by id."""

    counts: Counter[str]
    events: dict[str, dict[str, Any]]


async def stream_events(kinesis: Any, stream: str) -> AsyncIterator[bytes]:
    """Every event of a stream, from its oldest record to the tip of each shard."""
    shards = await kinesis.list_shards(StreamName=stream)
    for shard in shards["Shards"]:
        answer = await kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )
        iterator = answer["ShardIterator"]
        while iterator:
            answer = await kinesis.get_records(ShardIterator=iterator, Limit=10_000)
            for record in answer["Records"]:
                aggregate = aggregation.decode(record["Data"])
                for data in [record["Data"]] if aggregate is None else [user.data for user in aggregate]:
                    yield data
            iterator = answer.get("NextShardIterator")
            if not answer["Records"] and not answer["MillisBehindLatest"]:
                break
            # GetRecords answers at most five times a second a shard.
            await asyncio.sleep(0.2 if answer["Records"] else 0.05)


async def search_all(opensearch: Any, alias: str, fields: list[str] | bool) -> AsyncIterator[dict[str, Any]]:
    """Every document behind an alias, page by page, as `{"_index", "_id", "_source"}`."""
    if not await opensearch.indices.exists_alias(name=alias):
        return
    await opensearch.indices.refresh(index=alias)
    pit = await opensearch.create_pit(index=alias, params={"keep_alive": "2m"})
    after: list[Any] | None = None
    try:
        while True:
            body: dict[str, Any] = {
                "size": _PAGE,
                "_source": fields,
                "pit": {"id": pit["pit_id"], "keep_alive": "2m"},
                # A place within a shard alone is the same in several indices: those of one value would be skipped.
                "sort": [{"_index": "asc"}, {"_shard_doc": "asc"}],
            }
            if after is not None:
                body["search_after"] = after
            hits = (await opensearch.search(body=body))["hits"]["hits"]
            for hit in hits:
                yield hit
            if len(hits) < _PAGE:
                return
            after = hits[-1]["sort"]
    finally:
        await opensearch.delete_pit(body={"pit_id": [pit["pit_id"]]})


async def archived_events(s3: Any, bucket: str, prefix: str) -> ArchivedEvents:
    """Every event of the archive under a prefix; objects hold gzip-compressed JSON lines."""
    found = ArchivedEvents(Counter(), {})
    async for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", ()):
            answer = await s3.get_object(Bucket=bucket, Key=entry["Key"])
            async with answer["Body"] as body:
                content = await body.read()
            text = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
            for line in text.splitlines():
                event = orjson.loads(line)
                found.counts[event["id"]] += 1
                found.events[event["id"]] = event
    return found


def event_id(data: bytes) -> str:
    """The id of an event on the wire."""
    return str(orjson.loads(data)["id"])
