"""From bytes to documents: index and id by the content alone."""

from typing import Any

import orjson
import pytest

from delivery import Document
from event_contract import Rejected
from indexer.documents import ALIASES, KINDS, Indexable, document_id, index_name, read, version

DAY_2025_03_01 = 1_740_787_200_000


def event(**changes: Any) -> bytes:
    fields = {
        "id": "e1",
        "source": "app",
        "type": "click",
        "key": "k",
        "time": DAY_2025_03_01,
        "received": DAY_2025_03_01 + 5,
        "tenant": "t",
        "payload": {"a": 1},
    }
    return orjson.dumps({**fields, **changes})


def window(**changes: Any) -> bytes:
    fields = {
        "id": 'q|0|1|{"k":"v"}',
        "query": "per_minute",
        "window_start": DAY_2025_03_01 - 60_000,
        "window_end": DAY_2025_03_01,
        "key": {"k": "v"},
        "values": {"n": 2},
        "epoch": 3,
        "revision": 4,
        "emitted": DAY_2025_03_01 + 7,
    }
    return orjson.dumps({**fields, **changes})


def alert(**changes: Any) -> bytes:
    fields = {"id": "a1", "rule": "r", "severity": "high", "time": DAY_2025_03_01, "epoch": 1, "revision": 0}
    return orjson.dumps({**fields, "emitted": DAY_2025_03_01 + 9, **changes})


def indexable(kind: Any, data: bytes) -> Indexable:
    made = read(kind, data)
    assert isinstance(made, Indexable), made
    return made


def test_an_event_is_dated_by_its_own_time_and_sent_as_it_came():
    """Index and id follow from the event; the body is the record's bytes, without a version."""
    data = event()
    made = indexable("enriched", data)
    assert made == Indexable(Document("events-click-2025.03.01", "t|e1", data), "e1", DAY_2025_03_01 + 5)


def test_the_last_millisecond_of_a_day_belongs_to_it():
    """Days are UTC days of event time."""
    assert indexable("enriched", event(time=DAY_2025_03_01 - 1)).document.index == "events-click-2025.02.28"


@pytest.mark.parametrize("payload", ['"a log line"', "[1,2]", "7", "true", "-1.5"])
def test_a_payload_that_is_no_object_is_put_under_value(payload: str):
    """A field is an object or not in all of an index, so that a text payload cannot be refused for its shape."""
    data = event().replace(b'{"a":1}', payload.encode())
    body = indexable("enriched", data).document.body
    assert b'"payload":{"value":' + payload.encode() + b"}" in body
    assert orjson.loads(body)["id"] == "e1"


@pytest.mark.parametrize("payload", ['{"a":1}', "null", "{}"])
def test_an_object_payload_is_not_touched(payload: str):
    """Spelling and spaces of the source stay."""
    data = event().replace(b'{"a":1}', payload.encode())
    assert indexable("enriched", data).document.body == data


def test_a_window_is_dated_by_its_end_and_versioned():
    """The epoch outweighs every revision."""
    made = indexable("aggregates", window())
    assert made.document.index == "aggregates-per_minute-2025.03.01"
    assert made.document.id == 'q|0|1|{"k":"v"}'
    assert made.document.version == 3 * 2**32 + 4
    assert made.since == DAY_2025_03_01 + 7


def test_a_row_without_a_window_is_dated_by_its_time():
    """An OVER or joined row lies in the day of its event time, whenever it comes."""
    row = {**orjson.loads(window()), "time": DAY_2025_03_01 - 1}
    del row["window_end"], row["window_start"]
    assert indexable("aggregates", orjson.dumps(row)).document.index == "aggregates-per_minute-2025.02.28"
    del row["time"]
    refused = read("aggregates", orjson.dumps(row))
    assert isinstance(refused, Rejected)
    assert refused.field == "window_end"


def test_rows_that_replace_one_another_lie_in_one_index():
    """A day later they still find the document that they replace or take away."""
    indices = set()
    for time in (DAY_2025_03_01 - 1, DAY_2025_03_01):
        row = {**orjson.loads(window()), "time": time, "current": True, "deleted": True}
        del row["window_end"], row["window_start"]
        indices.add(indexable("aggregates", orjson.dumps(row)).document.index)
    assert indices == {"aggregates-per_minute-current"}


def test_an_alert_is_dated_and_versioned():
    """Alerts are updated as windows are."""
    made = indexable("alerts", alert())
    assert (made.document.index, made.document.version) == ("alerts-2025.03.01", 2**32)


def test_late_events_and_dead_letters_are_dated():
    """Late events by event time, dead letters by when they were first seen."""
    late = indexable("late", orjson.dumps({"id": "e1|q", "time": DAY_2025_03_01}))
    letter = indexable("dead-letters", orjson.dumps({"id": "s|1", "first_seen": DAY_2025_03_01}))
    assert late.document.index == "late-2025.03.01"
    assert letter.document.index == "dead-letters-2025.03.01"
    assert late.document.version is letter.document.version is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"id":""}', b'{"id":"\xff"}', b"[" * 5000])
def test_what_is_no_document_is_rejected(kind: Any, data: bytes):
    """Bad bytes are a value on every stream."""
    assert isinstance(read(kind, data), Rejected)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"epoch": 2**31}, "epoch"),
        ({"revision": 2**32}, "revision"),
        ({"revision": -1}, "revision"),
        ({"window_end": -1}, "window_end"),
        ({"window_end": 253_402_300_800_000}, "window_end"),
        ({"id": 7}, "id"),
    ],
)
def test_a_window_outside_its_bounds_names_the_field(changes: dict[str, Any], field: str):
    """A version that would overflow its bits is refused, not wrapped."""
    made = read("aggregates", window(**changes))
    assert isinstance(made, Rejected)
    assert made.field == field


def test_the_largest_version_fits_63_bits():
    """OpenSearch takes versions up to 2**63 - 1."""
    assert version(2**31 - 1, 2**32 - 1) == 2**63 - 1


@pytest.mark.parametrize(
    ("part", "index"),
    [
        ("order.placed", "events-order-placed-1970.01.01"),
        ("UPPER", "events-upper-1970.01.01"),
        ('a/b\\c*?"<>| ,#:é', "events-a-b-c--1970.01.01"),
        ("x" * 300, f"events-{'x' * 64}-1970.01.01"),
        ("", "events-1970.01.01"),
    ],
)
def test_index_names_are_safe_and_bounded(part: str, index: str):
    """Whatever a name holds, OpenSearch takes the index name."""
    assert index_name("events", 0, part) == index
    assert len(index_name("events", 0, part)) <= 96


def test_dates_reach_the_last_day_there_is():
    """The bounds of event time are bounds of index names."""
    assert index_name("events", 253_402_300_799_999, "x") == "events-x-9999.12.31"


def test_two_tenants_may_use_one_id():
    """A client's ids are its own: what one tenant sends never replaces another's document."""
    one, other = (indexable("enriched", event(tenant=tenant)).document for tenant in ("a", "b"))
    assert one.index == other.index
    assert one.id != other.id


def test_only_ids_beyond_the_limit_are_hashed():
    """512 bytes are kept as they are; one more is hashed, the same way every time."""
    assert document_id("x" * 512) == "x" * 512
    assert document_id("é" * 256) == "é" * 256
    assert document_id("é" * 257) == document_id("é" * 257)
    assert len(document_id("é" * 257)) == len(document_id("x" * 513)) == 64


def test_every_kind_has_an_alias():
    """The console and the templates find each kind."""
    assert set(ALIASES) == set(KINDS)
