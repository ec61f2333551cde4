"""Any payload survives byte for byte; any bytes end as an event or a rejection, never as an exception."""

from __future__ import annotations

import json
import re

import orjson
from hypothesis import given
from hypothesis import strategies as st

from event_contract import Event, Rejected, cloudevents, debezium, decode, digest_id, encode, native, recognise
from event_contract.building import Arrival, type_name
from event_contract.event import EVENT_TYPE

NOW = 1_700_000_000_000
ARRIVAL = Arrival(received_ms=NOW, nonce=b"n")

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4))
layouts = st.sampled_from([(",", ":"), (" , ", " : "), (",", ":\t")])
KINDS = ["application/json", "application/x-ndjson", cloudevents.STRUCTURED, cloudevents.BATCH, debezium.CONTENT_TYPE]

NAMES = """id type source key time payload data schema trace received tenant specversion op before after ts_ms table
deviceId ts lsn subject data_base64 partitionkey name collection message_id topic"""
names = st.sampled_from(re.split(r"\s", NAMES))
near_misses = st.dictionaries(
    names,
    st.recursive(
        scalars | st.sampled_from(["t", "c", "1.0", "2023-11-14T22:13:20Z", NOW]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    ),
)


def is_parsable(value: object) -> bool:
    try:
        orjson.loads(json.dumps(value))
    except orjson.JSONDecodeError:
        return False
    return True


@given(values.filter(is_parsable), layouts, st.booleans())
def test_any_json_payload_survives_byte_for_byte(value: object, separators: tuple[str, str], ascii_only: bool) -> None:
    payload = json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode()
    batch = native.parse_batch(
        b'[{"type":"t","payload":' + payload + b"}]", "application/json", tenant="x", received_ms=NOW, nonce=b"n"
    )
    assert isinstance(batch, list)
    assert isinstance(batch[0], Event)
    again = recognise(encode(batch[0]), arrived_ms=NOW)
    assert again == decode(encode(batch[0])) == batch[0]
    assert bytes(batch[0].payload) == payload


def assert_total(data: bytes) -> None:
    for outcome in (decode(data), recognise(data, arrived_ms=NOW, position="p", partition_key="k")):
        assert isinstance(outcome, (Event, Rejected))
        if isinstance(outcome, Event):
            assert b"received" in encode(outcome)
    for kind in KINDS:
        for batch in (
            native.parse_batch(data, kind, tenant="x", received_ms=NOW, nonce=b""),
            cloudevents.parse_batch(data, kind, ARRIVAL),
            debezium.parse_batch(data, kind, ARRIVAL),
        ):
            results = batch if isinstance(batch, list) else [batch]
            assert results
            assert all(isinstance(result, (Event, Rejected)) for result in results)


@given(st.binary(max_size=60))
def test_any_bytes_are_an_event_or_a_rejection(data: bytes) -> None:
    assert_total(data)


@given(near_misses | st.lists(near_misses, max_size=3))
def test_anything_shaped_like_an_event_is_an_event_or_a_rejection(value: object) -> None:
    assert_total(json.dumps(value).encode())


@given(near_misses, st.data())
def test_damaged_json_is_an_event_or_a_rejection(value: object, data: st.DataObject) -> None:
    whole = bytearray(json.dumps(value).encode())
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))
    assert_total(bytes(whole))


@given(
    st.dictionaries(st.sampled_from(["ce-id", "ce-source", "ce-type", "ce-specversion", "ce-time", "CE-x"]), text),
    st.binary(max_size=20),
)
def test_any_headers_are_an_event_or_a_rejection(headers: dict[str, str], body: bytes) -> None:
    for kind in ("application/json", "text/plain", "image/png", ""):
        assert isinstance(cloudevents.from_binary(headers, body, kind, ARRIVAL), (Event, Rejected))


@given(near_misses)
def test_what_is_recognised_is_one_line_of_json_and_recognised_again(value: object) -> None:
    event = recognise(json.dumps(value, indent=1).encode(), arrived_ms=NOW)
    if isinstance(event, Event):
        line = encode(event)
        assert b"\n" not in line
        assert recognise(line, arrived_ms=NOW) == event


@given(text)
def test_any_name_has_a_valid_event_type(name: str) -> None:
    assert EVENT_TYPE.fullmatch(type_name(name))
    assert type_name(type_name(name)) == type_name(name)


parts = st.lists(st.binary(max_size=3), max_size=4)


@given(parts, parts)
def test_ids_are_equal_only_for_equal_parts(first: list[bytes], second: list[bytes]) -> None:
    assert (digest_id(first) == digest_id(second)) == (first == second)
