"""Debezium change events become events whose id, key and time follow from the change."""

from __future__ import annotations

import orjson
import pytest

from event_contract import Event, Limits, Rejected, debezium, payload_bytes
from event_contract.building import Arrival

NOW = 1_700_000_000_000
ARRIVAL = Arrival(received_ms=NOW, nonce=b"", tenant="acme")


def change(**overrides: object) -> dict[str, object]:
    return {
        "before": None,
        "after": {"id": 7, "name": "Ada"},
        "source": {
            "connector": "postgresql",
            "name": "shop",
            "db": "shop",
            "schema": "public",
            "table": "Orders",
            "lsn": 24023128,
            "txId": 555,
            "ts_ms": NOW - 50,
        },
        "op": "c",
        "ts_ms": NOW - 10,
        **overrides,
    }


def parse(message: object, arrival: Arrival = ARRIVAL) -> Event:
    event = debezium.parse_event(orjson.dumps(message), arrival)
    assert isinstance(event, Event), event
    return event


def source(**overrides: object) -> dict[str, object]:
    fields = change()["source"]
    assert isinstance(fields, dict)
    return {**fields, **overrides}


def test_a_change_becomes_an_event() -> None:
    event = parse(change())
    assert (event.type, event.key, event.source, event.time) == (
        "cdc.orders",
        "Orders:7",
        "postgresql:shop",
        NOW - 50,
    )
    assert orjson.loads(payload_bytes(event)) == change()


def test_the_schema_wrapper_makes_no_difference() -> None:
    wrapped = parse({"schema": {"type": "struct"}, "payload": change()})
    assert wrapped == parse(change())


def test_the_same_change_read_again_is_the_same_event() -> None:
    again = debezium.parse_event(
        orjson.dumps(change(ts_ms=NOW + 60_000)), Arrival(received_ms=NOW + 60_000, nonce=b"x", tenant="acme")
    )
    assert isinstance(again, Event)
    assert again.id == parse(change()).id


@pytest.mark.parametrize(
    "other",
    [
        change(source=source(lsn=24023129)),
        change(source=source(table="lines")),
        change(op="u"),
        change(after={"id": 8}),
    ],
)
def test_another_change_is_another_event(other: dict[str, object]) -> None:
    assert parse(other).id != parse(change()).id


def test_a_row_of_a_mysql_binlog_event_has_an_id_of_its_own() -> None:
    place = {"connector": "mysql", "name": "m", "db": "d", "table": "t", "file": "bin.1", "pos": 4}
    first, second = (parse(change(source={**place, "row": row})) for row in (0, 1))
    assert first.id != second.id


@pytest.mark.parametrize(
    ("message", "key"),
    [
        ({**change(), "key": {"order_id": 9}}, "Orders:9"),
        ({"schema": {}, "payload": change(), "key": {"schema": {}, "payload": {"order_id": "x"}}}, "Orders:x"),
        ({**change(), "key": {"b": 2, "a": 1}}, 'Orders:{"a":1,"b":2}'),
        (change(after=None, before={"id": 3}, op="d"), "Orders:3"),
        (change(after={"name": "x"}), "Orders"),
    ],
)
def test_the_key_is_the_primary_key_under_its_table(message: dict[str, object], key: str) -> None:
    assert parse(message).key == key


def test_without_a_primary_key_the_records_partition_key_orders() -> None:
    arrival = Arrival(received_ms=NOW, nonce=b"", partition_key="pk")
    assert parse(change(after={"name": "x"}), arrival).key == "pk"


def test_the_commit_time_falls_back_to_the_connectors() -> None:
    assert parse(change(source=source(ts_ms=0))).time == NOW - 10


@pytest.mark.parametrize(
    ("message", "code", "field"),
    [
        (change(op="x"), "invalid_value", "op"),
        (change(op=1), "wrong_type", "op"),
        (change(source="x"), "wrong_type", "source"),
        ({"op": "c"}, "missing_field", "source"),
        (change(source=source(ts_ms=NOW + 10**9)), "time_in_future", "source.ts_ms"),
        (None, "wrong_type", None),
        ([], "wrong_type", None),
    ],
)
def test_a_broken_change_is_rejected_by_field(message: object, code: str, field: str | None) -> None:
    rejected = debezium.parse_event(orjson.dumps(message), ARRIVAL)
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.field) == (code, field)


def test_a_change_beyond_the_size_limit_is_rejected() -> None:
    small = Arrival(received_ms=NOW, nonce=b"", limits=Limits(max_event_bytes=10))
    rejected = debezium.parse_event(orjson.dumps(change()), small)
    assert isinstance(rejected, Rejected)
    assert rejected.code == "event_too_large"


def test_a_batch_is_an_array_or_lines() -> None:
    text = orjson.dumps(change())
    for body, content_type in (
        (b"[" + text + b"," + text + b"]", debezium.CONTENT_TYPE),
        (text + b"\n" + text, "application/x-ndjson"),
    ):
        batch = debezium.parse_batch(body, content_type, ARRIVAL)
        assert isinstance(batch, list)
        assert len(batch) == 2
