"""The indexer's templates, pipeline and retention against a real OpenSearch."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from opensearchpy import AsyncOpenSearch
from prometheus_client import CollectorRegistry

from delivery import DeadLetter, OpenSearchSink, RetryPolicy, encode_letter
from delivery.testing import MemoryDeadLetterSink
from indexer.documents import ALIASES, KINDS, Kind
from indexer.metrics import IndexerMetrics
from indexer.pipeline import Pipeline
from indexer.search import apply_templates, delete_expired
from indexer.templates import IndexSettings
from shardline import Batch, Record, ShardLease

pytestmark = pytest.mark.integration

DAY = 86_400_000
NOON = 20_000 * DAY + DAY // 2  # 2024-10-04
RETRY = RetryPolicy(base_seconds=0.01, cap_seconds=0.1, deadline_seconds=20.0)


@pytest.fixture
async def ready(search: AsyncOpenSearch) -> AsyncIterator[AsyncOpenSearch]:
    """OpenSearch with the templates, its indices of this pipeline deleted afterwards."""
    await apply_templates(search, KINDS, IndexSettings())
    yield search
    found = await search.indices.get(index=",".join(f"{alias}-*" for alias in ALIASES.values()))
    for name in found:
        await search.indices.delete(index=name)


class Bench:
    """A pipeline of one kind over a real OpenSearch."""

    def __init__(self, kind: Kind, search: AsyncOpenSearch) -> None:
        self.kind, self.search = kind, search
        self.letters = MemoryDeadLetterSink()
        sink = OpenSearchSink(search, RETRY)
        self.pipeline = Pipeline(kind, sink, self.letters, IndexerMetrics(CollectorRegistry()), lambda: NOON)

    async def index(self, *rows: dict[str, Any] | bytes) -> None:
        data = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
        records = [Record(str(at), "k", each, NOON / 1000) for at, each in enumerate(data)]
        batch = Batch(ShardLease(self.kind, "shardId-0"), records)
        await self.pipeline.process(batch)
        assert batch.is_done

    async def find(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        await self.search.indices.refresh(index=ALIASES[self.kind])
        answer = await self.search.search(index=ALIASES[self.kind], body={"size": 100, "query": query})
        hits: list[dict[str, Any]] = answer["hits"]["hits"]
        return hits


def event(identity: str, payload: Any, **changes: Any) -> dict[str, Any]:
    fields = {"id": identity, "source": "s", "type": "order.placed", "key": "k", "time": NOON, "received": NOON}
    return {**fields, "tenant": "t", "payload": payload, **changes}


async def test_an_event_is_found_by_what_it_holds(ready: AsyncOpenSearch):
    """Exact texts, words of a message, numbers, times and places are searchable through the alias."""
    geo = {"location": {"lat": 52.5, "lon": 13.4}, "city": "Berlin"}
    bench = Bench("enriched", ready)
    payload = {"message": "Payment was declined", "user": "Ann Lee", "amount": 5}
    await bench.index(event("e1", payload, enrichment={"quality": [], "geo": geo}), event("e2", {"amount": 6.5}))
    assert bench.letters.letters == []
    near = {"geo_distance": {"distance": "50km", "enrichment.geo.location": {"lat": 52.4, "lon": 13.3}}}
    for query in (
        {"term": {"payload.user": "Ann Lee"}},
        {"match": {"payload.message": "declined"}},
        {"bool": {"must": [{"range": {"payload.amount": {"lt": 6}}}, {"term": {"type": "order.placed"}}]}},
        near,
    ):
        assert [hit["_id"] for hit in await bench.find(query)] == ["t|e1"], query
    [hit] = await bench.find({"range": {"payload.amount": {"gt": 6}}})
    assert hit["_index"] == "events-order-placed-2024.10.04"
    assert len(await bench.find({"range": {"time": {"gte": NOON, "lte": NOON}}})) == 2


async def test_a_redelivered_event_is_one_document(ready: AsyncOpenSearch):
    """Index and id follow from the event, so a replay lands on itself."""
    bench = Bench("enriched", ready)
    for _ in range(3):
        await bench.index(event("same", {"a": 1}))
    assert len(await bench.find({"match_all": {}})) == 1


async def test_payloads_of_every_shape_share_an_index(ready: AsyncOpenSearch):
    """Texts, numbers, lists and objects, first whole then broken numbers, dates and non-dates: all are documents."""
    bench = Bench("enriched", ready)
    payloads = [
        {"v": 1, "when": "2024-01-01"},
        {"v": 1.5, "when": "soon"},
        {"v": "not a number", "when": {"an": "object"}},
        "a line of text",
        7,
        None,
        [1, "two"],
        {"v": 2**70, "flag": True},
    ]
    await bench.index(*[event(str(at), payload) for at, payload in enumerate(payloads)])
    assert bench.letters.letters == []
    assert len(await bench.find({"match_all": {}})) == len(payloads)


async def test_a_conflict_with_the_mapping_is_a_dead_letter(ready: AsyncOpenSearch):
    """A text where the index holds an object cannot be indexed: the event is set aside, its neighbours are not."""
    bench = Bench("enriched", ready)
    await bench.index(event("1", {"a": {"b": 1}}))
    await bench.index(event("2", {"a": "text"}), event("3", {"a": {"b": 2}}))
    assert {hit["_id"] for hit in await bench.find({"match_all": {}})} == {"t|1", "t|3"}
    [letter] = bench.letters.letters
    assert (letter.event_id, letter.code) == ("2", "mapper_parsing_exception")


async def test_the_latest_revision_of_a_window_stays(ready: AsyncOpenSearch):
    """A zombie's window, of an older epoch, is superseded whatever its revision."""
    bench = Bench("aggregates", ready)
    row = {"id": 'q|0|1|{"k":"v"}', "query": "q", "window_start": NOON - 60_000, "window_end": NOON, "emitted": NOON}
    for epoch, revision, count in ((1, 1, 10), (2, 0, 20), (1, 9, 30), (2, 1, 40), (2, 0, 50)):
        values = {"key": {"k": "v"}, "values": {"n": count}, "epoch": epoch, "revision": revision}
        await bench.index({**row, **values})
    [hit] = await bench.find({"term": {"key.k": "v"}})
    assert (hit["_source"]["values"], hit["_index"]) == ({"n": 40}, "aggregates-q-2024.10.04")


async def test_alerts_late_events_and_dead_letters_are_behind_their_aliases(ready: AsyncOpenSearch):
    """Each kind is found by the fields that it is looked up by."""
    alerts, late, letters = (Bench(kind, ready) for kind in ("alerts", "late", "dead-letters"))
    await alerts.index(
        {"id": "a", "rule": "fraud", "severity": "high", "time": NOON, "epoch": 1, "revision": 0, "emitted": NOON}
    )
    await late.index({"id": "e|q", "event": "e", "query": "q", "time": NOON, "shard": "s"})
    letter = DeadLetter(
        "enricher", "raw", "s", "1", 0, "malformed_json", "not JSON", None, None, b"\xff" * 40_000, NOON
    )
    encoded = encode_letter(letter, 10**6)
    assert encoded is not None
    await letters.index(encoded)
    assert len(await alerts.find({"term": {"rule": "fraud"}})) == 1
    assert len(await late.find({"term": {"event": "e"}})) == 1
    assert len(await letters.find({"match": {"message": "json"}})) == 1


async def test_templates_are_put_again_without_harm_and_wait_for_opensearch(search: AsyncOpenSearch):
    """Every start puts them; a start before OpenSearch waits."""
    await apply_templates(search, KINDS, IndexSettings())
    await apply_templates(search, KINDS, IndexSettings())
    async with AsyncOpenSearch(hosts=["http://127.0.0.1:9"], max_retries=0) as away:
        waiting = asyncio.create_task(apply_templates(away, KINDS, IndexSettings()))
        done, _ = await asyncio.wait({waiting}, timeout=0.5)
        assert not done
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_retention_deletes_old_indices_and_no_others(ready: AsyncOpenSearch):
    """Indices of this pipeline beyond the days go; newer ones and those of others stay."""
    other = f"other-{uuid4().hex[:8]}-2020.01.01"
    await ready.indices.create(index=other)
    bench = Bench("enriched", ready)
    await bench.index(event("old", {}, time=NOON - 8 * DAY), event("new", {}, time=NOON - 7 * DAY))
    assert await delete_expired(ready, 7, NOON) == ["events-order-placed-2024.09.26"]
    assert [hit["_id"] for hit in await bench.find({"match_all": {}})] == ["t|new"]
    assert await ready.indices.exists(index=other)
    await ready.indices.delete(index=other)
    assert await delete_expired(ready, 7, NOON) == []
