import asyncio
from collections.abc import Callable, Sequence

import pytest
from msgspec.json import decode
from prometheus_client import CollectorRegistry

from delivery import Item, Outcome, Sink
from delivery.testing import MemoryDeadLetterSink, MemorySink
from enricher.enrich import Lookups
from enricher.metrics import EnricherMetrics
from enricher.pipeline import Pipeline, Undelivered
from event_contract import Limits
from shardline import Batch
from shardline.testing import make_batch, records

MakeLookups = Callable[..., Lookups]


def envelope(number: int, *, key: str = "k", type_: str = "page_view", payload: bytes = b"{}") -> bytes:
    return (
        b'{"id":"e%d","source":"s","type":"%s","key":"%s","time":1700000000000,"received":1700000000000,'
        b'"tenant":"t","payload":%s}' % (number, type_.encode(), key.encode(), payload)
    )


class Stage:
    """A pipeline over sinks in memory."""

    def __init__(self, lookups: Lookups) -> None:
        self.kinesis: MemorySink[Item] = MemorySink()
        self.firehose: MemorySink[Item] = MemorySink()
        self.letters = MemoryDeadLetterSink()
        self.registry = CollectorRegistry()
        sinks = {"kinesis": self.kinesis, "firehose": self.firehose}
        self.pipeline = Pipeline(lookups, sinks, self.letters, EnricherMetrics(self.registry))

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def stage(make_lookups: MakeLookups) -> Stage:
    return Stage(make_lookups("transaction:card=redact"))


def batch_of(*data: bytes, millis_behind_latest: int = 0) -> Batch:
    made = records(*data, first_sequence_number=100, arrived=1_700_000_000_900)
    return make_batch(made, stream="raw", millis_behind_latest=millis_behind_latest)


def ids(sink: MemorySink[Item]) -> list[str]:
    return [decode(item.data)["id"] for item in sink.delivered]


async def test_both_sinks_get_every_event_in_order(stage: Stage) -> None:
    """The order of the batch is that of each sink; the key is the event's."""
    batch = batch_of(*(envelope(n, key=f"k{n % 2}") for n in range(600)))
    await stage.pipeline.process(batch)
    expected = [f"e{n}" for n in range(600)]
    assert ids(stage.kinesis) == ids(stage.firehose) == expected
    assert [item.key for item in stage.kinesis.delivered[:3]] == ["k0", "k1", "k0"]
    assert batch.is_done


async def test_a_poison_record_is_a_dead_letter_and_the_shard_goes_on(stage: Stage) -> None:
    """The letter has the exact bytes, the cause and the place; its neighbours are delivered."""
    batch = batch_of(envelope(1), b"\x00not json", envelope(2))
    await stage.pipeline.process(batch)
    assert ids(stage.kinesis) == ["e1", "e2"]
    (letter,) = stage.letters.letters
    assert letter.original == b"\x00not json"
    assert letter.code == "malformed_json"
    assert (letter.stage, letter.stream, letter.shard) == ("enricher", "raw", "shardId-000000000000")
    assert (letter.sequence_number, letter.sub_sequence_number, letter.first_seen) == ("101", 0, 1_700_000_000_900)
    assert batch.is_done
    assert stage.value("etl_dead_letters_total", code="malformed_json") == 1


async def test_an_unmaskable_event_is_a_dead_letter_with_its_id(stage: Stage) -> None:
    """What must not pass in clear is set aside, and can be found by the event's id."""
    deep = b'{"card":' + b"[" * 30_000 + b"]" * 30_000 + b"}"
    await stage.pipeline.process(batch_of(envelope(7, type_="transaction", payload=deep)))
    (letter,) = stage.letters.letters
    assert letter.code in {"unmaskable", "too_deep"}
    assert stage.kinesis.delivered == []


async def test_a_bug_met_by_one_record_does_not_stop_the_shard(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the pure code raises becomes that record's dead letter."""

    def explode(event: object, lookups: object) -> object:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("enricher.pipeline.enrich", explode)
    await stage.pipeline.process(batch_of(envelope(1)))
    (letter,) = stage.letters.letters
    assert (letter.code, letter.event_id) == ("enrichment_failed", "e1")
    assert "ZeroDivisionError" in letter.message


@pytest.mark.parametrize("refusing", ["kinesis", "firehose"])
async def test_what_a_sink_rejects_is_a_dead_letter(stage: Stage, refusing: str) -> None:
    """One letter an event, with the sink's cause, wherever it was refused."""
    sink: MemorySink[Item] = getattr(stage, refusing)
    sink.judge = lambda item: Outcome("rejected", "TooLarge", "2 MB") if b'"e2"' in item.data else Outcome("delivered")
    batch = batch_of(envelope(1), envelope(2))
    await stage.pipeline.process(batch)
    (letter,) = stage.letters.letters
    assert (letter.code, letter.message, letter.event_id) == ("TooLarge", "2 MB", "e2")
    assert letter.original == envelope(2)
    assert batch.is_done


async def test_both_sinks_rejecting_makes_one_letter(stage: Stage) -> None:
    """The same record is not set aside twice."""
    stage.kinesis.judge = stage.firehose.judge = lambda item: Outcome("rejected", "TooLarge")
    await stage.pipeline.process(batch_of(envelope(1)))
    assert len(stage.letters.letters) == 1


@pytest.mark.parametrize("failing", ["kinesis", "firehose"])
async def test_a_sink_that_gives_up_leaves_the_batch_undone(stage: Stage, failing: str) -> None:
    """Undelivered is no answer to build on: the shard starts again from its checkpoint."""
    getattr(stage, failing).judge = lambda item: Outcome("undelivered", "Throttled")
    batch = batch_of(envelope(1))
    with pytest.raises(Undelivered, match=failing):
        await stage.pipeline.process(batch)
    assert not batch.is_done


async def test_a_dead_letter_that_is_not_durable_leaves_the_batch_undone(stage: Stage) -> None:
    """A record counts as done only once its letter is stored."""
    stage.letters.failure = ConnectionError("no store")
    batch = batch_of(b"poison")
    with pytest.raises(ConnectionError):
        await stage.pipeline.process(batch)
    assert not batch.is_done
    assert stage.value("etl_dead_letters_total", code="malformed_json") is None


class SlowSink:
    """Delivers nothing until it is let."""

    def __init__(self) -> None:
        self.called = asyncio.Event()
        self.open = asyncio.Event()

    async def deliver(self, items: Sequence[Item], /) -> list[Outcome]:
        self.called.set()
        await self.open.wait()
        return [Outcome("delivered") for _ in items]


async def test_a_batch_is_done_only_when_the_slower_sink_has_it(make_lookups: MakeLookups) -> None:
    """While Firehose retries, nothing is checkpointed, though Kinesis has the events."""
    slow, quick = SlowSink(), MemorySink[Item]()
    sinks: dict[str, Sink[Item]] = {"kinesis": quick, "firehose": slow}
    pipeline = Pipeline(make_lookups(), sinks, MemoryDeadLetterSink(), EnricherMetrics(CollectorRegistry()))
    batch = batch_of(envelope(1))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(pipeline.process(batch))
        await slow.called.wait()
        assert quick.delivered
        assert not batch.is_done
        slow.open.set()
        await task
    assert batch.is_done


async def test_the_bound_on_future_times_is_the_tasks_own(make_lookups: MakeLookups) -> None:
    """An event that ingest took at its own limit passes here too: the bound is a setting, not a constant."""
    ahead = envelope(1).replace(b'"time":1700000000000', b'"time":1700000340000')
    for bound, letters in ((360, 0), (300, 1)):
        kinesis, store = MemorySink(), MemoryDeadLetterSink()
        metrics = EnricherMetrics(CollectorRegistry())
        limits = Limits(max_future_seconds=bound)
        await Pipeline(make_lookups(), {"kinesis": kinesis}, store, metrics, limits).process(batch_of(ahead))
        assert (len(kinesis.delivered), len(store.letters)) == (1 - letters, letters)


async def test_a_heartbeat_sets_the_lag_and_is_done(stage: Stage) -> None:
    """An idle shard still reports how far behind it is, and its checkpoint may move on."""
    batch = batch_of(millis_behind_latest=1500)
    await stage.pipeline.process(batch)
    assert batch.is_done
    assert stage.kinesis.batches == []
    assert stage.value("etl_lag_seconds", stream="raw", shard="shardId-000000000000") == 1.5


async def test_counts(stage: Stage) -> None:
    """Events in and out and the parts that were added are counted once each."""
    payload = b'{"ip":"203.0.114.9","card":"1"}'
    await stage.pipeline.process(batch_of(envelope(1, type_="transaction", payload=payload), envelope(2), b"poison"))
    assert stage.value("etl_events_in_total", stream="raw") == 3
    assert stage.value("etl_events_out_total", sink="kinesis") == 2
    assert stage.value("etl_events_out_total", sink="firehose") == 2
    assert stage.value("etl_enriched_parts_total", part="geo") == 1
    assert stage.value("etl_enriched_parts_total", part="masked") == 1


async def test_shards_owned_follow_the_leases(stage: Stage) -> None:
    """A shard counts from start to drain or loss, however often it is said."""
    lease = batch_of().lease
    for _ in range(2):
        assert await stage.pipeline.start(lease) is None
    assert stage.value("etl_shards_owned", stream="raw") == 1
    await stage.pipeline.drain(lease)
    await stage.pipeline.lost(lease)
    assert stage.value("etl_shards_owned", stream="raw") == 0
    assert stage.value("etl_lag_seconds", stream="raw", shard=lease.shard_id) is None


async def test_records_that_are_no_envelopes_are_recognised(stage: Stage) -> None:
    """A change put straight into the stream by Debezium Server is an event of its table."""
    change = b'{"before":null,"after":{"id":7},"source":{"table":"orders","ts_ms":1700000000000},"op":"c","ts_ms":1}'
    await stage.pipeline.process(batch_of(change))
    (item,) = stage.kinesis.delivered
    assert decode(item.data)["type"] == "cdc.orders"
