"""The pipeline on fakes: what is done, what becomes a dead letter, what is tried again."""

from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry

from delivery import Document, NotDurable, Outcome
from delivery.testing import MemoryDeadLetterSink, MemorySink
from indexer.metrics import IndexerMetrics
from indexer.pipeline import Pipeline, Undelivered
from shardline import Batch, Record, ShardLease

LEASE = ShardLease("enriched", "shardId-0", epoch=1)
NOW = 1_740_787_200_000


def event(identity: str) -> bytes:
    fields = {"id": identity, "source": "s", "type": "click", "key": "k", "time": NOW, "received": NOW - 1500}
    return orjson.dumps({**fields, "tenant": "t", "payload": {}})


def batch(*data: bytes) -> Batch:
    records = [Record(str(100 + at), "k", each, (NOW - 1000) / 1000) for at, each in enumerate(data)]
    return Batch(LEASE, records, millis_behind_latest=2500)


class Bench:
    """A pipeline over memory sinks."""

    def __init__(self, judge: Any = None, kind: Any = "enriched") -> None:
        self.registry = CollectorRegistry()
        self.sink: MemorySink[Document] = MemorySink(judge)
        self.letters = MemoryDeadLetterSink()
        self.pipeline = Pipeline(kind, self.sink, self.letters, IndexerMetrics(self.registry), lambda: NOW)

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


async def test_documents_are_indexed_in_one_bulk_and_the_batch_is_done():
    """A batch of events becomes one delivery, in order."""
    bench, given = Bench(), batch(event("1"), event("2"))
    await bench.pipeline.process(given)
    assert [[document.id for document in bulk] for bulk in bench.sink.batches] == [["t|1", "t|2"]]
    assert given.is_done
    assert bench.letters.letters == []


async def test_a_record_that_is_no_event_becomes_a_dead_letter_and_the_rest_is_indexed():
    """Bad input never stops a shard; the letter holds its place, cause and exact bytes."""
    bench, given = Bench(), batch(event("1"), b"\x00 junk", event("2"))
    await bench.pipeline.process(given)
    assert [document.id for document in bench.sink.delivered] == ["t|1", "t|2"]
    [letter] = bench.letters.letters
    assert (letter.stage, letter.stream, letter.shard, letter.sequence_number) == (
        "indexer",
        "enriched",
        "shardId-0",
        "101",
    )
    assert (letter.code, letter.original, letter.event_id) == ("malformed_json", b"\x00 junk", None)
    assert letter.first_seen == NOW - 1000
    assert given.is_done
    assert bench.metric("etl_dead_letters_total", code="malformed_json") == 1


async def test_a_document_that_opensearch_refuses_becomes_a_dead_letter():
    """The letter belongs to the refused document, also behind a record that made none."""

    def judge(document: Document) -> Outcome:
        if document.id == "t|2":
            return Outcome("rejected", "mapper_parsing_exception", "failed to parse field [payload.a]")
        return Outcome("delivered")

    bench, given = Bench(judge), batch(b"junk", event("1"), event("2"), event("3"))
    await bench.pipeline.process(given)
    assert [(letter.code, letter.event_id, letter.original) for letter in bench.letters.letters] == [
        ("malformed_json", None, b"junk"),
        ("mapper_parsing_exception", "2", event("2")),
    ]
    assert given.is_done


async def test_what_is_undelivered_is_tried_again():
    """The batch is not done, so that the shard starts again from its checkpoint."""
    bench, given = Bench(lambda _: Outcome("undelivered", "status_429", "busy")), batch(event("1"))
    with pytest.raises(Undelivered, match="status_429: busy"):
        await bench.pipeline.process(given)
    assert not given.is_done


async def test_dead_letters_come_before_done():
    """A batch whose dead letters are not durable is not done."""
    bench, given = Bench(), batch(b"junk")
    bench.letters.failure = NotDurable("not now")
    with pytest.raises(NotDurable):
        await bench.pipeline.process(given)
    assert not given.is_done
    assert bench.metric("etl_dead_letters_total", code="malformed_json") is None


async def test_a_heartbeat_is_done_and_sets_the_lag():
    """A batch without records makes no call."""
    bench, given = Bench(), batch()
    await bench.pipeline.process(given)
    assert bench.sink.batches == []
    assert given.is_done
    assert bench.metric("etl_lag_seconds", stream="enriched", shard="shardId-0") == 2.5


async def test_freshness_is_measured_from_received_to_indexed():
    """1.5 seconds lie between the event's reception and now."""
    bench = Bench()
    await bench.pipeline.process(batch(event("1"), event("2")))
    assert bench.metric("etl_searchable_seconds_count", kind="enriched") == 2
    assert bench.metric("etl_searchable_seconds_sum", kind="enriched") == 3.0
    assert bench.metric("etl_events_out_total", sink="opensearch:enriched") == 2


async def test_events_out_count_by_outcome_only():
    """A refused document is not counted as out; a superseded one is, and is told apart."""
    outcomes = {"t|1": Outcome("rejected", "x"), "t|2": Outcome("delivered", "superseded"), "t|3": Outcome("delivered")}
    bench = Bench(lambda document: outcomes[document.id])
    await bench.pipeline.process(batch(event("1"), event("2"), event("3")))
    assert bench.metric("etl_events_out_total", sink="opensearch:enriched") == 2
    assert bench.metric("etl_superseded_total", kind="enriched") == 1


async def test_owned_shards_are_counted():
    """A shard counts from its start until it is drained or lost."""
    bench = Bench()
    other = ShardLease("enriched", "shardId-1", epoch=2)
    for lease in (LEASE, other):
        assert await bench.pipeline.start(lease) is None
    assert bench.metric("etl_shards_owned", stream="enriched") == 2
    await bench.pipeline.lost(other)
    await bench.pipeline.drain(LEASE)
    assert bench.metric("etl_shards_owned", stream="enriched") == 0
