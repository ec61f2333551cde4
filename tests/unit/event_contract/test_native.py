"""Native JSON: one event, an array, lines; every fault names its code and field."""

from __future__ import annotations

import orjson
import pytest

from event_contract import Event, Limits, Rejected, decode, encode, native, payload_bytes

NOW = 1_700_000_000_000
JSON = "application/json"
LINES = "application/x-ndjson"


def parse(
    body: bytes, content_type: str = JSON, nonce: bytes = b"n", limits: Limits | None = None
) -> list[Event | Rejected] | Rejected:
    return native.parse_batch(
        body, content_type, tenant="acme", received_ms=NOW, limits=limits or Limits(), nonce=nonce, source="web"
    )


def one(**fields: object) -> Event | Rejected:
    batch = parse(orjson.dumps(fields))
    assert isinstance(batch, list)
    assert len(batch) == 1
    return batch[0]


def test_a_full_event_keeps_what_the_client_stated() -> None:
    event = one(
        id="a", type="Web.Click", source="shop", key="u1", time=NOW - 5, payload={"x": 1}, schema="s", trace="t"
    )
    assert isinstance(event, Event)
    assert (event.id, event.type, event.source, event.key, event.time) == ("a", "web.click", "shop", "u1", NOW - 5)
    assert (event.received, event.tenant, event.schema, event.trace) == (NOW, "acme", "s", "t")


def test_the_envelope_is_one_json_object_in_the_documented_order() -> None:
    event = one(id="a", type="t", source="s", key="k", time=NOW, data=[1])
    assert isinstance(event, Event)
    assert encode(event) == (
        b'{"id":"a","source":"s","type":"t","key":"k","time":1700000000000,"received":1700000000000,'
        b'"tenant":"acme","payload":[1]}'
    )
    assert decode(encode(event)) == event


def test_a_minimal_event_gets_defaults() -> None:
    event = one(type="t")
    assert isinstance(event, Event)
    assert (event.source, event.key, event.time, bytes(event.payload)) == ("web", event.id, NOW, b"{}")


def test_the_key_defaults_to_the_source_that_the_client_stated() -> None:
    event = one(type="t", source="shop")
    assert isinstance(event, Event)
    assert event.key == "shop"


@pytest.mark.parametrize(
    "payload", [b'{"a" : 1.0, "b":1e2}', b"123456789012345678901234567890", b'"\\u00e9 \xc3\xa9"', b" null "]
)
def test_the_payload_is_never_reencoded(payload: bytes) -> None:
    batch = parse(b'{"type":"t","payload":' + payload + b"}")
    assert isinstance(batch, list)
    assert isinstance(batch[0], Event)
    assert bytes(batch[0].payload) == payload.strip()
    assert payload.strip() in encode(batch[0])


def test_an_event_is_one_line_even_when_its_payload_was_not() -> None:
    batch = parse(b'{"type":"t",\n"payload":{\r\n "a":\n1}}')
    assert isinstance(batch, list)
    assert isinstance(batch[0], Event)
    assert b"\n" not in encode(batch[0])
    assert b"\r" not in encode(batch[0])
    assert orjson.loads(payload_bytes(batch[0])) == {"a": 1}


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2023-11-14T22:13:20Z", NOW),
        ("2023-11-14T23:13:20.250+01:00", NOW + 250),
        ("1970-01-01T00:00:00Z", 0),
        (NOW, NOW),
    ],
)
def test_time_is_rfc_3339_or_milliseconds(time: object, expected: int) -> None:
    event = one(type="t", time=time)
    assert isinstance(event, Event)
    assert event.time == expected


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({}, "missing_field", "type"),
        ({"type": 1}, "wrong_type", "type"),
        ({"type": ""}, "invalid_value", "type"),
        ({"type": "a b"}, "invalid_value", "type"),
        ({"type": "t" * 65}, "invalid_value", "type"),
        ({"type": "t", "colour": 1}, "unknown_field", "colour"),
        ({"type": "t", "received": NOW}, "unknown_field", "received"),
        ({"type": "t", "id": 5}, "wrong_type", "id"),
        ({"type": "t", "id": None}, "wrong_type", "id"),
        ({"type": "t", "id": ""}, "too_long", "id"),
        ({"type": "t", "id": "x" * 513}, "too_long", "id"),
        ({"type": "t", "key": "x" * 257}, "too_long", "key"),
        ({"type": "t", "key": ["x"]}, "wrong_type", "key"),
        ({"type": "t", "source": "x" * 513}, "too_long", "source"),
        ({"type": "t", "time": "yesterday"}, "invalid_time", "time"),
        ({"type": "t", "time": "2023-11-14T22:13:20"}, "invalid_time", "time"),
        ({"type": "t", "time": 1.5}, "invalid_time", "time"),
        ({"type": "t", "time": True}, "invalid_time", "time"),
        ({"type": "t", "time": -1}, "invalid_time", "time"),
        ({"type": "t", "time": 1_700_000_000}, "invalid_time", "time"),
        ({"type": "t", "time": NOW + 300_001}, "time_in_future", "time"),
        ({"type": "t", "time": 2**63}, "invalid_time", "time"),
        ({"type": "t", "payload": 1, "data": 2}, "conflicting_fields", "data"),
    ],
)
def test_a_fault_has_a_code_and_names_its_field(fields: dict[str, object], code: str, field: str) -> None:
    event = one(**fields)
    assert isinstance(event, Rejected)
    assert (event.code, event.field) == (code, field)
    assert event.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"{", "malformed_json"),
        (b'{"type":"t","payload":NaN}', "malformed_json"),
        (b'{"type":"t","payload":1e999}', "number_out_of_range"),
        (b'{"type":"t","payload":' + b"9" * 400 + b"}", "number_out_of_range"),
        (b'{"type":"t","payload":"\xff"}', "invalid_utf8"),
        (b'{"type":"\xff"}', "invalid_utf8"),
        (b'{"type":"t","payload":"\\ud800"}', "malformed_json"),
        (b'\xef\xbb\xbf{"type":"t"}', "malformed_json"),
        (b'{"type":"t","payload":' + b"[" * 65 + b"]" * 65 + b"}", "too_deep"),
        (b'{"type":"t","payload":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
        (b"5", "wrong_type"),
        (b'"type"', "wrong_type"),
        (b"null", "wrong_type"),
        (b'{"type":"t","payload":"' + b"x" * 300_000 + b'"}', "event_too_large"),
    ],
)
def test_text_that_is_no_event_has_a_code(text: bytes, code: str) -> None:
    batch = parse(text)
    assert isinstance(batch, list)
    assert isinstance(batch[0], Rejected)
    assert batch[0].code == code


def test_nesting_up_to_the_limit_passes() -> None:
    batch = parse(b'{"type":"t","payload":' + b"[" * 63 + b"]" * 63 + b"}")
    assert isinstance(batch, list)
    assert isinstance(batch[0], Event)


def test_the_good_events_of_a_bad_array_still_parse() -> None:
    batch = parse(b'[{"type":"a"}, 7, {"type":"b","nope":1}, {"type":"c","payload":"\xff"}, {"type":"d"}]')
    assert isinstance(batch, list)
    assert [event.type if isinstance(event, Event) else event.code for event in batch] == [
        "a",
        "wrong_type",
        "unknown_field",
        "invalid_utf8",
        "d",
    ]


def test_the_good_lines_of_bad_ndjson_still_parse() -> None:
    batch = parse(b'{"type":"a"}\r\n\n{"type":\n{"type":"d"}', LINES)
    assert isinstance(batch, list)
    assert [event.type if isinstance(event, Event) else event.code for event in batch] == ["a", "malformed_json", "d"]


def test_an_array_that_is_not_json_is_rejected_whole_and_the_event_is_named() -> None:
    rejected = parse(b'[{"type":"a","payload":[1,2,"],"]},{"type":"b"},{"type":nope}]')
    assert isinstance(rejected, Rejected)
    assert rejected.code == "malformed_json"
    assert rejected.message.startswith("event 2:")


@pytest.mark.parametrize(("body", "content_type"), [(b"[]", JSON), (b"", JSON), (b" \n", JSON), (b"\n\n", LINES)])
def test_an_empty_batch_is_rejected(body: bytes, content_type: str) -> None:
    rejected = parse(body, content_type)
    assert isinstance(rejected, Rejected)
    assert rejected.code == "empty_batch"


@pytest.mark.parametrize("content_type", [JSON, LINES])
def test_more_events_than_allowed_are_rejected_whole(content_type: str) -> None:
    texts = [b'{"type":"t"}'] * 4
    body = b"\n".join(texts) if content_type == LINES else b"[" + b",".join(texts) + b"]"
    rejected = parse(body, content_type, limits=Limits(max_batch_events=3))
    assert isinstance(rejected, Rejected)
    assert rejected.code == "batch_too_large"


def test_a_flood_of_elements_is_rejected_before_they_are_made() -> None:
    rejected = parse(b"[" + b"0," * 300_000 + b"0")
    assert isinstance(rejected, Rejected)
    assert rejected.code == "batch_too_large"


def test_an_unknown_content_type_is_rejected_whole() -> None:
    rejected = parse(b"<event/>", "text/xml")
    assert isinstance(rejected, Rejected)
    assert rejected.code == "unsupported_format"


def test_a_repeated_id_in_a_batch_is_allowed() -> None:
    batch = parse(b'[{"type":"t","id":"a"},{"type":"t","id":"a"}]')
    assert isinstance(batch, list)
    assert all(isinstance(event, Event) for event in batch)


def ids(body: bytes, nonce: bytes) -> list[str]:
    batch = parse(body, nonce=nonce)
    assert isinstance(batch, list)
    return [event.id for event in batch if isinstance(event, Event)]


def test_an_event_with_a_time_is_the_same_event_when_sent_again() -> None:
    body = b'{"type":"t","time":1700000000000,"payload":{"a":1}}'
    assert ids(body, b"first") == ids(body, b"second")


def test_events_without_id_and_time_are_distinct_even_when_equal() -> None:
    body = b'[{"type":"t"},{"type":"t"}]'
    made = ids(body, b"first") + ids(body, b"second")
    assert len(set(made)) == 4


def test_made_ids_differ_between_tenants() -> None:
    body = b'{"type":"t","time":1700000000000}'
    made = [
        batch[0].id
        for tenant in ("a", "b")
        if isinstance(batch := native.parse_batch(body, JSON, tenant=tenant, received_ms=NOW, nonce=b""), list)
        and isinstance(batch[0], Event)
    ]
    assert len(set(made)) == 2
