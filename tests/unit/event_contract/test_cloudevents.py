"""CloudEvents in JSON, batch and HTTP binary form become the same event."""

from __future__ import annotations

import orjson
import pytest

from event_contract import Event, Rejected, cloudevents
from event_contract.building import Arrival

NOW = 1_700_000_000_000
ARRIVAL = Arrival(received_ms=NOW, nonce=b"")
SENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/shop",
    "type": "com.example/Order.Made",
    "time": "2023-11-14T22:13:19Z",
    "subject": "order-7",
    "data": {"total": 5},
}


def parse(**overrides: object) -> Event | Rejected:
    return cloudevents.parse_event(orjson.dumps({**SENT, **overrides}), ARRIVAL)


def test_the_attributes_become_the_envelope() -> None:
    event = parse(traceparent="00-a-b-01", dataschema="urn:x", extension=5)
    assert isinstance(event, Event)
    assert (event.id, event.source, event.key) == ("/shop#1", "/shop", "order-7")
    assert (event.type, event.time) == ("com.example-order.made", NOW - 1000)
    assert (event.trace, event.schema, bytes(event.payload)) == ("00-a-b-01", "urn:x", b'{"total":5}')


def test_one_id_at_two_sources_is_two_events() -> None:
    first, second = parse(), parse(source="/other")
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert first.id != second.id


def test_the_partition_key_extension_orders() -> None:
    event = parse(partitionkey="p")
    assert isinstance(event, Event)
    assert event.key == "p"


def test_binary_mode_is_the_same_event() -> None:
    headers = {"ce-" + name: value for name, value in SENT.items() if isinstance(value, str)}
    assert cloudevents.is_binary_mode(headers)
    event = cloudevents.from_binary(headers, b'{"total":5}', "application/json", ARRIVAL)
    assert event == parse()


def test_binary_mode_percent_decodes_and_matches_names_in_any_case() -> None:
    headers = {"CE-SpecVersion": "1.0", "Ce-Id": "%C3%A9", "ce-source": "s", "ce-type": "t"}
    event = cloudevents.from_binary(headers, b"", "", ARRIVAL)
    assert isinstance(event, Event)
    assert event.id == "s#é"


@pytest.mark.parametrize(
    ("body", "content_type", "payload"),
    [
        (b"hello", "text/plain", b'"hello"'),
        (b"\x00\xff", "application/octet-stream", b'{"data_base64":"AP8="}'),
        (b"[1]", "application/x+json", b"[1]"),
        (b"", "application/json", b"{}"),
    ],
)
def test_binary_mode_data_becomes_json(body: bytes, content_type: str, payload: bytes) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-type": "t"}
    event = cloudevents.from_binary(headers, body, content_type, ARRIVAL)
    assert isinstance(event, Event)
    assert bytes(event.payload) == payload


def test_base64_data_stays_base64() -> None:
    event = parse(data_base64="AP8=", data=None)
    assert isinstance(event, Rejected)
    sent = {name: value for name, value in SENT.items() if name != "data"}
    binary = cloudevents.parse_event(orjson.dumps({**sent, "data_base64": "AP8="}), ARRIVAL)
    assert isinstance(binary, Event)
    assert bytes(binary.payload) == b'{"data_base64":"AP8="}'


@pytest.mark.parametrize(
    ("overrides", "code", "field"),
    [
        ({"specversion": "0.3"}, "invalid_value", "specversion"),
        ({"id": ""}, "invalid_value", "id"),
        ({"id": 1}, "wrong_type", "id"),
        ({"time": "noon"}, "invalid_value", "time"),
        ({"time": "2033-11-14T22:13:19Z"}, "time_in_future", "time"),
        ({"data_base64": "AP8="}, "conflicting_fields", "data_base64"),
    ],
)
def test_a_fault_has_a_code_and_names_its_field(overrides: dict[str, object], code: str, field: str) -> None:
    rejected = parse(**overrides)
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.field) == (code, field)


def test_a_batch_answers_for_each_event() -> None:
    body = orjson.dumps([SENT, {**SENT, "id": ""}, 5])
    batch = cloudevents.parse_batch(body, cloudevents.BATCH, ARRIVAL)
    assert isinstance(batch, list)
    assert [isinstance(event, Event) for event in batch] == [True, False, False]


def test_an_empty_or_broken_batch_is_rejected_whole() -> None:
    for body, code in ((b"[]", "empty_batch"), (b"[{]", "malformed_json"), (b"{}", "wrong_type")):
        rejected = cloudevents.parse_batch(body, cloudevents.BATCH, ARRIVAL)
        assert isinstance(rejected, Rejected)
        assert rejected.code == code
