"""Records of AWS's own sources in the enricher's pipeline."""

import gzip
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry
from source_records import (
    DMS_CREATE_TABLE,
    DMS_LOAD,
    LOG_CONTROL,
    dms_change,
    iot_message,
    log_batch,
    log_event,
    log_record,
)

from delivery import Item, Outcome
from delivery.testing import MemoryDeadLetterSink, MemorySink
from enricher import pipeline as pipeline_module
from enricher.enrich import Lookups
from enricher.metrics import EnricherMetrics
from enricher.pipeline import Pipeline, Undelivered
from enricher.raw_formats import EVENTS_ALONE, RAW_FORMATS, Formats, parse_formats
from enricher.settings import Settings
from event_contract import Limits
from service_runtime.settings import SettingsInvalid, load
from shardline import Batch
from shardline.testing import make_batch, records

MakeLookups = Callable[..., Lookups]
ALL = Formats(frozenset(RAW_FORMATS))
NATIVE = orjson.dumps({"type": "page_view", "payload": {"page": "/"}})


class Stage:
    """A pipeline over sinks in memory."""

    def __init__(self, lookups: Lookups, formats: Formats = ALL) -> None:
        self.kinesis: MemorySink[Item] = MemorySink()
        self.firehose: MemorySink[Item] = MemorySink()
        self.letters = MemoryDeadLetterSink()
        self.registry = CollectorRegistry()
        sinks = {"kinesis": self.kinesis, "firehose": self.firehose}
        self.pipeline = Pipeline(lookups, sinks, self.letters, EnricherMetrics(self.registry), Limits(), formats)

    async def process(self, *data: bytes) -> Batch:
        """A batch of such records, worked through."""
        batch = batch_of(*data)
        await self.pipeline.process(batch)
        return batch

    @property
    def events(self) -> list[Any]:
        """What was delivered to Kinesis."""
        return [orjson.loads(item.data) for item in self.kinesis.delivered]

    def passed_over(self, name: str) -> float:
        """Records of a format that were counted and held nothing."""
        return self.registry.get_sample_value("etl_records_passed_over_total", {"format": name}) or 0


def batch_of(*data: bytes) -> Batch:
    return make_batch(records(*data, first_sequence_number=100, arrived=1_700_000_005_000), stream="raw")


@pytest.fixture
def stage(make_lookups: MakeLookups) -> Stage:
    return Stage(make_lookups("log:message=redact"))


async def test_a_record_of_log_events_is_as_many_events(stage: Stage) -> None:
    """In their order, between the records before and after, enriched and masked as every event is."""
    batch = await stage.process(NATIVE, log_record(log_event(1, "a"), log_event(2, '{"ip":"9.9.9.9"}')), NATIVE)
    assert [event["type"] for event in stage.events] == ["page_view", "log", "log", "page_view"]
    assert stage.events[1]["payload"]["message"] == "[redacted]"
    assert stage.events[2]["enrichment"]["geo"]["country"] == "NZ"
    assert stage.firehose.delivered == stage.kinesis.delivered
    assert stage.letters.letters == []
    assert batch.is_done


async def test_one_bad_log_event_is_a_dead_letter_of_its_own(stage: Stage) -> None:
    """The rest goes on. Each letter has its id and, as original, a batch of that log event to put again."""
    good, bad = log_event(1, "a"), {"id": "2", "timestamp": "later", "message": "b"}
    batch = await stage.process(log_record(good, bad, log_event(3, "c"), {"id": "4"}))
    assert len(stage.events) == 2
    first, second = stage.letters.letters
    assert (first.code, first.part, first.sequence_number) == ("wrong_type", 1, "100")
    assert first.id != second.id
    assert orjson.loads(first.original) == log_batch(bad)
    assert batch.is_done


async def test_the_original_of_a_log_event_can_be_put_again(stage: Stage) -> None:
    """Not compressed, it is taken as the record it came from was: the same event, id included."""
    stage.kinesis.judge = lambda item: Outcome("rejected", "TooLarge")
    await stage.process(log_record(log_event(1, "a"), log_event(2, "b")))
    stage.kinesis.judge = None
    letters = stage.letters.letters
    assert [letter.part for letter in letters] == [0, 1]
    await stage.process(*(letter.original for letter in letters))
    assert [event["id"] for event in stage.events] == [letter.event_id for letter in letters]


@pytest.mark.parametrize("failing", ["kinesis", "firehose"])
async def test_a_record_is_done_only_with_all_of_its_events(stage: Stage, failing: str) -> None:
    """One event of many that is not delivered leaves the record undone, so the shard starts again before it."""
    last = log_event(3, '{"last":1}')["id"]
    sink: MemorySink[Item] = getattr(stage, failing)
    sink.judge = lambda item: Outcome("undelivered" if last.encode() in item.data else "delivered")
    batch = batch_of(log_record(log_event(1, "a"), log_event(2, "b"), log_event(3, '{"last":1}')))
    with pytest.raises(Undelivered):
        await stage.pipeline.process(batch)
    assert not batch.is_done


async def test_much_is_delivered_a_slice_at_a_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What records unpack to never lies in memory as a whole; nothing is lost or doubled at the cuts."""
    monkeypatch.setattr(pipeline_module, "_UNPACKED_BYTES_AT_ONCE", 5_000)
    names = [f"line {number:04}" for number in range(300)]
    lines = [log_event(number, orjson.dumps({"n": name}).decode()) for number, name in enumerate(names)]
    batch = await stage.process(log_record(*lines[:100]), NATIVE, log_record(*lines[100:]))
    assert len(stage.kinesis.batches) > 10
    assert max(sum(len(item.data) for item in items) for items in stage.kinesis.batches) < 6_500
    assert [event["payload"]["n"] for event in stage.events if event["type"] == "log"] == names
    assert batch.is_done


async def test_a_failure_between_slices_leaves_the_batch_undone(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first slice is delivered and will come again: repeats, no loss."""
    monkeypatch.setattr(pipeline_module, "_UNPACKED_BYTES_AT_ONCE", 1)
    stage.kinesis.judge = lambda item: Outcome("undelivered" if b"second" in item.data else "delivered")
    batch = batch_of(log_record(log_event(1, '{"n":"first"}'), log_event(2, '{"n":"second"}')))
    with pytest.raises(Undelivered):
        await stage.pipeline.process(batch)
    assert not batch.is_done
    stage.kinesis.judge = None
    await stage.pipeline.process(batch)
    assert [event["payload"]["n"] for event in stage.events] == ["first", "first", "second"]
    assert stage.events[0] == stage.events[1]
    assert batch.is_done


async def test_records_about_sources_are_counted_and_done(stage: Stage) -> None:
    """Neither an event nor a dead letter."""
    batch = await stage.process(LOG_CONTROL, orjson.dumps(DMS_CREATE_TABLE), LOG_CONTROL)
    assert (stage.passed_over("cloudwatch-logs"), stage.passed_over("dms")) == (2, 1)
    assert stage.events == []
    assert stage.letters.letters == []
    assert batch.is_done


async def test_changes_of_dms_are_events(stage: Stage) -> None:
    """Loaded rows and changes."""
    await stage.process(orjson.dumps(DMS_LOAD), orjson.dumps(dms_change("delete", {"id": 1})))
    assert [(event["type"], event["payload"]["op"]) for event in stage.events] == [
        ("cdc.orders", "r"),
        ("cdc.orders", "d"),
    ]


@pytest.mark.parametrize("formats", [EVENTS_ALONE, ALL])
async def test_messages_of_the_iot_rule_are_events_in_any_case(make_lookups: MakeLookups, formats: Formats) -> None:
    """The rule's device_id and topic tell what they are."""
    stage = Stage(make_lookups(), formats)
    await stage.process(orjson.dumps(iot_message("d7", temperature=21.5)))
    (event,) = stage.events
    assert (event["type"], event["key"], event["source"]) == ("iot.telemetry", "d7", "devices/d7/telemetry")
    assert event["payload"]["temperature"] == 21.5


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (log_record(log_event(1, "a")), "cloudwatch-logs"),
        (LOG_CONTROL, "cloudwatch-logs"),
        (orjson.dumps(log_batch(log_event(1, "a"))), "cloudwatch-logs"),
        (orjson.dumps(DMS_LOAD), "dms"),
        (orjson.dumps(DMS_CREATE_TABLE), "dms"),
    ],
)
async def test_a_format_that_is_off_is_a_dead_letter_that_says_so(
    make_lookups: MakeLookups, data: bytes, name: str
) -> None:
    """Nothing is unpacked; the letter names the setting, and keeps the record to be put again."""
    stage = Stage(make_lookups(), EVENTS_ALONE)
    await stage.process(data)
    (letter,) = stage.letters.letters
    assert letter.code == "unsupported_format"
    assert f"{name} to ENRICHER_RAW_FORMATS" in letter.message
    assert (letter.original, letter.part) == (data, None)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (gzip.compress(b"x" * 2_000_000), "unpacked_too_large"),
        (log_record(log_event(1, "a"))[:-1], "corrupt_gzip"),
        (gzip.compress(b"no json"), "malformed_json"),
        (gzip.compress(b"{}"), "missing_field"),
        (gzip.compress(NATIVE), "missing_field"),
        (gzip.compress(orjson.dumps(log_batch(log_event(1, "a")) | {"logEvents": 1})), "wrong_type"),
    ],
)
async def test_a_bad_compressed_record_is_one_dead_letter(make_lookups: MakeLookups, data: bytes, code: str) -> None:
    """Bombs, cut records and gzip of something else; its neighbours are delivered."""
    stage = Stage(make_lookups(), Formats(frozenset(RAW_FORMATS), 1_000_000))
    batch = await stage.process(NATIVE, data, NATIVE)
    (letter,) = stage.letters.letters
    assert (letter.code, letter.original) == (code, data)
    assert len(stage.events) == 2
    assert batch.is_done


async def test_a_bug_in_a_format_is_that_records_dead_letter(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raised at once or in the midst of a record's events, it stops no shard."""

    def explode(*_: object) -> object:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("event_contract.cloudwatch_logs.build", explode)
    monkeypatch.setattr("event_contract.dms.build", explode)
    batch = await stage.process(log_record(log_event(1, "a")), orjson.dumps(DMS_LOAD), NATIVE)
    assert [letter.code for letter in stage.letters.letters] == ["enrichment_failed"] * 2
    assert len(stage.events) == 1
    assert batch.is_done


@pytest.mark.parametrize(
    "event",
    [
        {"type": "log", "payload": {"messageType": "DATA_MESSAGE", "logEvents": [], "data": {}, "metadata": {}}},
        {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": DMS_LOAD},
        {"device_id": "d", "metadata": DMS_LOAD["metadata"], "data": {}},
        {"device_id": "d", **log_batch(log_event(1, "a"))},
        {"op": "c", "source": {"table": "t"}, "after": {}, "metadata": DMS_LOAD["metadata"]},
    ],
)
async def test_an_event_is_read_alike_with_formats_on_and_off(make_lookups: MakeLookups, event: Any) -> None:
    """Whatever else was recognised comes first, whatever members it has."""
    off, on = Stage(make_lookups(), EVENTS_ALONE), Stage(make_lookups(), ALL)
    await off.process(orjson.dumps(event))
    await on.process(orjson.dumps(event))
    assert len(off.events) == 1
    assert off.events == on.events


def test_formats_are_named_in_a_setting() -> None:
    """None by default; a wrong name is refused with those there are."""
    assert parse_formats("") == frozenset()
    assert parse_formats(" dms, cloudwatch-logs,") == frozenset(RAW_FORMATS)
    assert load(Settings, {"ENRICHER_RAW_FORMATS": "dms"}).raw_formats == "dms"
    with pytest.raises(SettingsInvalid, match=r"'dsm' is not a format: choose from cloudwatch-logs, dms"):
        load(Settings, {"ENRICHER_RAW_FORMATS": "dsm"})
