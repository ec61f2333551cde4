"""Records in the raw stream are known by their shape, and a record read again is the same event."""

from __future__ import annotations

import orjson
import pytest

from event_contract import (
    Arrival,
    Event,
    Limits,
    Rejected,
    cloudevents,
    debezium,
    decode,
    encode,
    native,
    recognise,
    with_enrichment,
    with_payload,
)

NOW = 1_700_000_000_000


def envelope(**overrides: object) -> dict[str, object]:
    return {
        "id": "a",
        "source": "s",
        "type": "t",
        "key": "k",
        "time": NOW,
        "received": NOW,
        "tenant": "x",
        "payload": {"a": 1},
        **overrides,
    }


def seen(record: object, position: str = "", partition_key: str = "") -> Event | Rejected:
    data = record if isinstance(record, bytes) else orjson.dumps(record)
    return recognise(data, arrived_ms=NOW, position=position, partition_key=partition_key)


@pytest.mark.parametrize(
    ("record", "event_type", "key"),
    [
        (envelope(), "t", "k"),
        ({"specversion": "1.0", "id": "1", "source": "/s", "type": "Made"}, "made", "/s"),
        ({"op": "c", "source": {"table": "orders"}, "after": {"id": 1}}, "cdc.orders", "orders:1"),
        ({"schema": {}, "payload": {"op": "c", "source": {"table": "o"}, "after": None}}, "cdc.o", "o"),
        ({"deviceId": "pump-1", "temperature": 20.5, "timestamp": 1_700_000_000}, "iot.telemetry", "pump-1"),
        ({"clientid": "pump-1", "type": "Vibration", "ts": NOW, "topic": "a/b"}, "iot.vibration", "pump-1"),
        ({"type": "web.click", "key": "u"}, "web.click", "u"),
    ],
)
def test_each_format_is_known_by_its_shape(record: object, event_type: str, key: str) -> None:
    event = seen(record)
    assert isinstance(event, Event), event
    assert (event.type, event.key) == (event_type, key)


def test_ingests_own_envelope_comes_back_unchanged() -> None:
    batch = native.parse_batch(
        b'{"type":"t","payload":{"a" : 1}}', "application/json", tenant="x", received_ms=NOW, nonce=b"n"
    )
    assert isinstance(batch, list)
    assert isinstance(batch[0], Event)
    assert seen(encode(batch[0])) == batch[0]


def test_a_device_may_state_seconds_milliseconds_or_rfc_3339() -> None:
    for stated in (NOW // 1000, NOW, NOW / 1000, "2023-11-14T22:13:20Z"):
        event = seen({"device_id": "d", "ts": stated})
        assert isinstance(event, Event)
        assert event.time == NOW


@pytest.mark.parametrize("stated", [True, "noon", [], {}, 10**30, -1])
def test_a_device_time_that_is_none_is_rejected(stated: object) -> None:
    rejected = recognise(
        b'{"device_id":"d","ts":' + (b"1" + b"0" * 30 if stated == 10**30 else orjson.dumps(stated)) + b"}",
        arrived_ms=NOW,
    )
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.field) == ("invalid_time", "ts")


def test_message_ids_belong_to_their_device() -> None:
    """Devices count their messages from 1: two devices' first messages are two events, one sent again is one."""
    one, other, again = (seen({"device_id": device, "message_id": "1"}) for device in ("a", "b", "a"))
    assert isinstance(one, Event)
    assert isinstance(other, Event)
    assert one.id != other.id
    assert one == again
    long = seen({"device_id": "d" * 200, "message_id": "m" * 600})
    assert isinstance(long, Event)
    assert len(long.id) <= 512


DEEPEST = b"[" * 64 + b"]" * 64
BARE_CHANGE = b'{"op":"c","source":{"table":"t"},"after":{"a":' + b"[" * 62 + b"]" * 62 + b"}}"
BINARY = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}


def test_what_ingest_accepted_is_never_too_deep_once_it_is_in_the_envelope() -> None:
    """The envelope adds a level to formats whose payload is the whole text."""
    arrival = Arrival(received_ms=NOW, nonce=b"n")
    accepted = [
        cloudevents.from_binary(BINARY, DEEPEST, "application/json", arrival),
        debezium.parse_event(BARE_CHANGE, arrival),
    ]
    for event in accepted:
        assert isinstance(event, Event), event
        assert seen(encode(event)) == event


def test_equal_records_at_different_positions_are_different_events_and_rereading_is_not() -> None:
    first, second, again = (seen({"type": "t"}, position=position) for position in ("s|1", "s|2", "s|1"))
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert first.id != second.id
    assert first == again


def test_the_records_partition_key_orders_what_states_no_key() -> None:
    event = seen({"type": "t"}, partition_key="pk")
    assert isinstance(event, Event)
    assert event.key == "pk"


@pytest.mark.parametrize(
    ("record", "code", "field"),
    [
        (b"", "malformed_json", None),
        (b"\x00\x01", "malformed_json", None),
        (b"null", "unrecognised", None),
        (b"[1]", "unrecognised", None),
        ({"hello": 1}, "unrecognised", None),
        (envelope(time="x"), "wrong_type", "time"),
        (envelope(time=NOW + 10**9), "time_in_future", "time"),
        (envelope(type="A B"), "invalid_value", "type"),
        (
            b'{"id":"a","source":"s","type":"t","key":"k","time":1,"received":1,"tenant":"","payload":"\xff"}',
            "invalid_utf8",
            None,
        ),
        (envelope(payload=[[]] * 3 + [orjson.Fragment(b"[" * 70 + b"]" * 70)]), "too_deep", None),
        ({"type": "t", "unknown": 1}, "unknown_field", "unknown"),
        ({"deviceId": {}}, "wrong_type", "deviceId"),
    ],
)
def test_what_is_no_event_is_rejected_with_a_code(record: object, code: str, field: str | None) -> None:
    rejected = seen(record)
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.field) == (code, field)


def test_a_record_in_the_stream_is_not_refused_for_its_size() -> None:
    record = orjson.dumps({"type": "t", "payload": "x" * 1000})
    assert isinstance(recognise(record, arrived_ms=NOW, limits=Limits(max_event_bytes=10)), Event)


def test_a_multi_line_envelope_becomes_one_line() -> None:
    event = seen(orjson.dumps(envelope(), option=orjson.OPT_INDENT_2))
    assert isinstance(event, Event)
    assert b"\n" not in encode(event)


def test_enrichment_and_masking_leave_the_rest_alone() -> None:
    event = seen(envelope())
    assert isinstance(event, Event)
    richer = with_payload(with_enrichment(event, b'{"geo":1}'), b'{"a":"*"}')
    assert encode(richer).endswith(b'"payload":{"a":"*"},"enrichment":{"geo":1}}')
    assert decode(encode(richer)) == richer
    assert richer.id == event.id
