"""Rows that Flink wrote, through the indexer into a real OpenSearch: once, whoever else writes them."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from opensearchpy import AsyncOpenSearch
from prometheus_client import CollectorRegistry

from delivery import OpenSearchSink, RetryPolicy
from delivery.testing import MemoryDeadLetterSink
from indexer.documents import Kind
from indexer.metrics import IndexerMetrics
from indexer.pipeline import Pipeline
from indexer.plain_rows import PlainRows, reader
from indexer.search import apply_templates
from indexer.templates import IndexSettings
from shardline import Batch, Record, ShardLease
from streaming_sql.flink import KinesisStreams, describe_rows, render

pytestmark = pytest.mark.integration

REVENUE = Path(__file__).parents[3] / "services" / "aggregator" / "pipelines" / "revenue.sql"
RETRY = RetryPolicy(base_seconds=0.01, cap_seconds=0.1, deadline_seconds=20.0)
START = 1_767_603_600_000  # 2026-01-05 09:00 UTC
ROW = {
    "window_start": "2026-01-05 09:00:00",
    "window_end": "2026-01-05 09:00:10",
    "currency": "EUR",
    "transactions": 2,
    "cards": 2,
    "revenue": 62.5,
    "largest": 42.25,
}
AGGREGATOR = {
    "id": f'revenue|{START}|{START + 10_000}|{{"currency":"EUR"}}',
    "query": "revenue",
    "window_start": START,
    "window_end": START + 10_000,
    "key": {"currency": "EUR"},
    "values": {"transactions": 3, "cards": 2, "revenue": 70, "largest": 42.25},
    "epoch": 1,
    "revision": 0,
    "emitted": START + 20_000,
}


@pytest.fixture
async def ready(search: AsyncOpenSearch) -> AsyncIterator[AsyncOpenSearch]:
    """OpenSearch with the templates, the aggregates deleted afterwards."""
    await apply_templates(search, ["aggregates"], IndexSettings())
    yield search
    for name in await search.indices.get(index="aggregates-*"):
        await search.indices.delete(index=name)


class Bench:
    """The indexer of `aggregates` with the sinks of revenue.sql."""

    def __init__(self, search: AsyncOpenSearch, epoch: int = 0) -> None:
        rows = render({"revenue.sql": REVENUE.read_text()}, KinesisStreams(), "1.20").rows
        kind: Kind = "aggregates"
        self.search, self.letters = search, MemoryDeadLetterSink()
        plain = PlainRows(describe_rows(rows, epoch).encode())
        metrics = IndexerMetrics(CollectorRegistry())
        sink = OpenSearchSink(search, RETRY)
        self.pipeline = Pipeline(kind, sink, self.letters, metrics, lambda: START, reader(plain))

    async def index(self, *rows: dict[str, Any]) -> None:
        records = [Record(str(at), "k", json.dumps(row).encode(), START / 1000) for at, row in enumerate(rows)]
        batch = Batch(ShardLease("aggregates", "shardId-0"), records)
        await self.pipeline.process(batch)
        assert batch.is_done

    async def find(self, query: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        await self.search.indices.refresh(index="aggregates")
        answer = await self.search.search(index="aggregates", body={"query": query or {"match_all": {}}})
        hits: list[dict[str, Any]] = answer["hits"]["hits"]
        return hits


async def test_a_row_that_flink_delivers_again_is_one_document(ready: AsyncOpenSearch):
    """And it is found as the aggregator's are: by its window, key and values."""
    bench = Bench(ready)
    for _ in range(3):
        await bench.index(ROW, {**ROW, "currency": "USD", "transactions": 5})
    assert bench.letters.letters == []
    assert len(await bench.find()) == 2
    for query in (
        {"term": {"key.currency": "EUR"}},
        {"range": {"values.revenue": {"gte": 62, "lte": 63}}},
        {"bool": {"must": [{"range": {"window_end": {"lte": START + 10_000}}}, {"term": {"values.transactions": 2}}]}},
    ):
        hits = await bench.find({"bool": {"must": [query], "filter": [{"term": {"key.currency": "EUR"}}]}})
        assert [hit["_id"] for hit in hits] == [AGGREGATOR["id"]], query
        assert hits[0]["_index"] == "aggregates-revenue-2026.01.05"


async def test_while_both_write_the_aggregators_row_stands(ready: AsyncOpenSearch):
    """Whichever comes first, and however often Flink repeats its own."""
    bench = Bench(ready)
    await bench.index(ROW, AGGREGATOR, ROW)
    await bench.index(ROW)
    [hit] = await bench.find()
    assert hit["_source"]["values"]["transactions"] == 3
    assert bench.letters.letters == []


async def test_a_run_with_a_greater_epoch_corrects_what_stands(ready: AsyncOpenSearch):
    """`etl sql flink --epoch` is for that."""
    await Bench(ready).index(AGGREGATOR)
    await Bench(ready, epoch=2).index(ROW)
    [hit] = await Bench(ready).find()
    assert hit["_source"]["values"]["transactions"] == 2


async def test_a_row_of_no_known_sink_is_a_dead_letter(ready: AsyncOpenSearch):
    """The rows beside it are indexed."""
    bench = Bench(ready)
    await bench.index({**ROW, "more": 1}, ROW)
    assert [letter.code for letter in bench.letters.letters] == ["unknown_columns"]
    assert len(await bench.find()) == 1
