"""From a stream to OpenSearch: sink, consumer group and indexer together, the ids compared exactly."""

import asyncio
import time
from typing import Any
from uuid import uuid4

import orjson
import pytest
from opensearchpy import AsyncOpenSearch, TransportError
from prometheus_client import CollectorRegistry

from delivery import Item, KinesisSink, OpenSearchSink, RetryPolicy
from delivery.testing import MemoryDeadLetterSink
from indexer.metrics import IndexerMetrics
from indexer.pipeline import Pipeline
from indexer.search import apply_templates
from indexer.templates import IndexSettings
from shardline import ConsumerGroup, GroupSettings
from shardline.testing import MemoryLeaseTable

pytestmark = pytest.mark.integration

RETRY = RetryPolicy(base_seconds=0.01, cap_seconds=0.2)


def event(identity: str, kind: str, now: int) -> bytes:
    fields = {"id": identity, "source": "s", "type": kind, "key": identity, "time": now, "received": now}
    return orjson.dumps({**fields, "tenant": "t", "payload": {"n": 1}})


async def test_every_event_of_the_stream_is_found_and_every_bad_record_set_aside(kinesis: Any, search: AsyncOpenSearch):
    """1,000 events of 20 keys, aggregated over 2 shards, with 10 poison records between them: none is missing."""
    kind, now = f"t{uuid4().hex[:10]}", time.time_ns() // 1_000_000
    await kinesis.create_stream(StreamName="enriched", ShardCount=2)
    await apply_templates(search, ["enriched"], IndexSettings())
    ids = [f"{kind}-{number}" for number in range(1000)]
    items = [Item(event(identity, kind, now), f"key-{at % 20}") for at, identity in enumerate(ids)]
    items[100:100] = [Item(b"poison %d" % number, f"key-{number}") for number in range(10)]
    async with KinesisSink(kinesis, "enriched", RETRY) as sink:
        outcomes = await sink.deliver(items)
    assert {outcome.status for outcome in outcomes} == {"delivered"}

    registry, letters, stop = CollectorRegistry(), MemoryDeadLetterSink(), asyncio.Event()
    metrics = IndexerMetrics(registry)
    pipeline = Pipeline(
        "enriched", OpenSearchSink(search, RETRY), letters, metrics, lambda: time.time_ns() // 1_000_000
    )
    group = ConsumerGroup(
        stream="enriched",
        application="indexer",
        kinesis=kinesis,
        lease_table=MemoryLeaseTable(),
        worker_id="one",
        settings=GroupSettings(scan_interval_seconds=0.1),
    )
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(60):
        running = tasks.create_task(group.run(pipeline, stop))
        while True:
            if await _count(search, kind) == 1000 and len(letters.letters) == 10:
                break
            await asyncio.sleep(0.1)
        stop.set()
        await running
    found = await search.search(index="events", body={"size": 2000, "query": {"term": {"type": kind}}})
    assert {hit["_source"]["id"] for hit in found["hits"]["hits"]} == set(ids)
    assert len(found["hits"]["hits"]) == len(ids)
    assert sorted(letter.original for letter in letters.letters) == sorted(b"poison %d" % n for n in range(10))
    assert registry.get_sample_value("etl_searchable_seconds_count", {"kind": "enriched"}) == 1000
    await search.indices.delete(index=f"events-{kind}-*")


async def _count(search: AsyncOpenSearch, kind: str) -> int:
    await search.indices.refresh(index="events-*")
    try:
        answer = await search.count(index=f"events-{kind}-*", body={"query": {"match_all": {}}})
    except TransportError as error:
        if error.status_code == 503:  # the index was made this moment and its shard is not started
            return 0
        raise
    return int(answer["count"])
