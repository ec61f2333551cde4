"""Whatever stands in a record of AWS's own sources, it becomes events, dead letters or a count, never an error."""

from __future__ import annotations

import gzip
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from source_records import DMS_CREATE_TABLE, DMS_LOAD, dms_change, log_batch, log_event, log_record

from aws_wire.kinesis import Record
from enricher.raw_formats import EVENTS_ALONE, RAW_FORMATS, Formats, Part, PassedOver, events_of
from event_contract import DEFAULT_LIMITS, Event, Rejected, encode, recognise

ALL = Formats(frozenset(RAW_FORMATS), 1024 * 1024)
NOW = 1_700_000_005.0

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | text
wrong = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3))
messages = text | st.dictionaries(text, scalars, max_size=4).map(lambda value: orjson.dumps(value).decode())


def read(data: bytes, formats: Formats = ALL) -> Event | Rejected | PassedOver | list[Part]:
    found = events_of(Record("7", "key", data, NOW), "shard/7/0", formats, DEFAULT_LIMITS)
    return found if isinstance(found, (Event, Rejected, PassedOver)) else list(found)


def changed(value: Any, path: tuple[Any, ...], put: Any) -> Any:
    """The value with what is at a path replaced."""
    if not path:
        return put
    copy = value.copy()
    copy[path[0]] = changed(value[path[0]], path[1:], put)
    return copy


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for name, each in inner for path in paths(each, (*at, name)))]


def assert_sound(data: bytes) -> None:
    """Events can be encoded and read back; letters of parts can be put again and are judged alike."""
    found = read(data)
    for part in found if isinstance(found, list) else []:
        again = read(part.original())
        assert isinstance(again, (list, Rejected))
        if isinstance(part.result, Event):
            assert isinstance(again, list)
            assert again[0].result == part.result
    results = [part.result for part in found] if isinstance(found, list) else [found]
    for event in results:
        if isinstance(event, Event):
            assert recognise(encode(event), arrived_ms=event.received) == event


@given(st.lists(messages, max_size=8))
def test_every_line_comes_out_once_in_order(lines: list[str]) -> None:
    """As text or as members, with ids that all differ."""
    found = read(log_record(*(log_event(number, line) for number, line in enumerate(lines))))
    assert isinstance(found, list)
    events = [part.result for part in found if isinstance(part.result, Event)]
    assert len(events) == len(lines) == len({event.id for event in events})
    for line, event in zip(lines, events, strict=True):
        payload = orjson.loads(bytes(event.payload))
        if "message" in payload and payload["message"] == line:
            continue
        about = payload.pop("cloudwatch_logs", None)
        assert about is None or about["log_stream"] == "web/6f3a"
        assert orjson.loads(line).items() >= payload.items()


BATCH = log_batch(log_event(1, "a"), {**log_event(2, '{"b":1}'), "extractedFields": {"x": "y"}})
RECORDS = [DMS_LOAD, DMS_CREATE_TABLE, dms_change("update", {"id": 1}, {"id": 0})]


@given(st.sampled_from(paths(BATCH)), wrong, st.booleans())
def test_any_value_anywhere_in_a_batch_of_log_events(path: tuple[Any, ...], put: Any, packed: bool) -> None:
    """A wrong one within a log event leaves the other log event as it was."""
    data = orjson.dumps(changed(BATCH, path, put))
    data = gzip.compress(data, 1) if packed else data
    assert_sound(data)
    if path[:1] == ("logEvents",) and len(path) > 1:
        found, untouched = read(data), read(orjson.dumps(BATCH))
        assert isinstance(found, list)
        assert isinstance(untouched, list)
        other = 1 - path[1]
        assert found[other].result == untouched[other].result


@given(st.sampled_from(RECORDS).flatmap(lambda r: st.tuples(st.just(r), st.sampled_from(paths(r)), wrong)))
def test_any_value_anywhere_in_a_record_of_dms(case: tuple[Any, tuple[Any, ...], Any]) -> None:
    """Wrong types, missing rows, times that are none."""
    assert_sound(orjson.dumps(changed(*case)))


@given(st.binary(max_size=80), st.booleans())
def test_any_bytes_after_gzips_first(data: bytes, packed: bool) -> None:
    """Packed or pretending to be."""
    assert_sound(gzip.compress(data, 1) if packed else b"\x1f\x8b\x08" + data)


@given(st.integers(2, 400), st.integers(0, 400), st.integers(1, 255))
def test_gzip_that_is_cut_or_changed_makes_no_event(length: int, place: int, flip: int) -> None:
    """The checksum tells; only the header's bytes without meaning may differ."""
    whole = log_record(log_event(1, "some text"), log_event(2, "some more"))
    if length < len(whole):
        assert isinstance(read(whole[:length]), Rejected)
    if 10 <= place < len(whole):
        assert isinstance(read(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :]), Rejected)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 9))
def test_a_bomb_makes_no_event(megabytes: int, level: int) -> None:
    """Whatever it unpacks to beyond the bound is not looked at."""
    rejected = read(gzip.compress(bytes(megabytes * 1024 * 1024 + 1), level))
    assert isinstance(rejected, Rejected)
    assert rejected.code == "unpacked_too_large"


@given(wrong, st.sampled_from(["type", "payload", "data", "metadata", "logEvents", "device_id", "specversion"]))
def test_formats_take_nothing_from_what_is_recognised_anyway(value: Any, name: str) -> None:
    """On or off, an event of any other format is the same event."""
    data = orjson.dumps({"type": "t", "payload": {}, name: value})
    off = read(data, EVENTS_ALONE)
    if isinstance(off, Event):
        assert read(data, ALL) == off
