from typing import Any

import orjson
import pytest
from source_records import DMS_CREATE_TABLE, DMS_LOAD, dms_change

from event_contract import Arrival, Event, Rejected, dms, payload_bytes
from event_contract.json_text import fields_of

NOW = 1_700_000_005_000
ROW = {"id": 46, "name": "Jane"}


def read(record: Any, partition_key: str = "public.orders.46", received: int = NOW) -> Event | Rejected | None:
    text = orjson.dumps(record)
    fields = fields_of(text)
    assert not isinstance(fields, Rejected)
    assert dms.looks_like_record(fields)
    arrival = Arrival(received_ms=received, nonce=b"place", source="kinesis", partition_key=partition_key)
    return dms.parse_event(text, arrival)


def one(record: Any, **given: Any) -> Event:
    event = read(record, **given)
    assert isinstance(event, Event), event
    return event


def payload(event: Event) -> Any:
    return orjson.loads(payload_bytes(event))


@pytest.mark.parametrize(
    ("operation", "before", "expected"),
    [
        ("insert", None, ("c", None, ROW)),
        ("load", None, ("r", None, ROW)),
        ("update", None, ("u", None, ROW)),
        ("update", {"name": "Jan"}, ("u", {"name": "Jan"}, ROW)),
        ("update", {}, ("u", {}, ROW)),
        ("delete", None, ("d", ROW, None)),
        ("delete", {}, ("d", ROW, None)),
        ("delete", {"id": 46, "name": "Old"}, ("d", {"id": 46, "name": "Old"}, None)),
    ],
)
def test_a_change_reads_like_debeziums(operation: str, before: Any, expected: Any) -> None:
    """One query over op, before, after and source.table serves both; a deleted row is what was before."""
    change = payload(one(dms_change(operation, ROW, before)))
    assert (change["op"], change["before"], change["after"]) == expected
    assert change["source"] == {"connector": "dms", "schema": "public", "table": "orders", "ts_ms": 1_700_000_000_974}
    assert change["metadata"]["transaction-id"] == 1139


def test_a_change_is_an_event_of_its_table() -> None:
    """Type by the table, source by the schema, key that of the record, time that of the commit."""
    event = one(dms_change("insert", ROW))
    assert (event.type, event.source, event.key) == ("cdc.orders", "dms:public", "public.orders.46")
    assert (event.time, event.received) == (1_700_000_000_974, NOW)


def test_the_key_that_a_record_states_comes_first() -> None:
    """A record that is put again, out of a dead letter, comes by another key; its row is the same."""
    assert one(DMS_LOAD, partition_key="other").key == "public.orders.393"
    assert one(dms_change("insert", ROW), partition_key="").key == "public.orders"


def test_a_loaded_row_has_the_time_of_its_record() -> None:
    """There is no commit to speak of."""
    assert one(DMS_LOAD).time == 1_700_000_000_326


def test_rows_keep_their_text() -> None:
    """Decimals of a database are not rounded on the way."""
    text = orjson.dumps(dms_change("insert", {"id": 1, "price": "PRICE"})).replace(
        b'"PRICE"', b"1.10000000000000000000001"
    )
    event = dms.parse_event(text, Arrival(received_ms=NOW, nonce=b""))
    assert isinstance(event, Event)
    assert b'"after":{"id":1,"price":1.10000000000000000000001}' in payload_bytes(event)


def test_the_format_over_many_lines_is_the_same_event() -> None:
    """Message format JSON breaks lines, JSON_UNFORMATTED ends with one; an event is one line."""
    record = dms_change("insert", {"id": 46})
    arrival = Arrival(received_ms=NOW, nonce=b"")
    pretty = dms.parse_event(orjson.dumps(record, option=orjson.OPT_INDENT_2), arrival)
    flat = dms.parse_event(orjson.dumps(record) + b"\n", arrival)
    assert isinstance(pretty, Event)
    assert isinstance(flat, Event)
    assert b"\n" not in payload_bytes(pretty)
    assert payload(pretty) == payload(flat)


def test_a_restarted_task_makes_the_same_events() -> None:
    """It writes the record anew, with another time of making, and it arrives elsewhere; the transaction is the same."""
    record = dms_change("update", ROW)
    again = {**record, "metadata": {**record["metadata"], "timestamp": "2023-11-14T22:13:24.000000Z"}}
    assert one(record).id == one(again, received=NOW + 1).id


@pytest.mark.parametrize(
    "other",
    [
        dms_change("update", ROW, record=2),
        dms_change("update", {**ROW, "name": "J"}),
        dms_change("delete", ROW),
        dms_change("update", ROW, {"name": "J"}),
    ],
)
def test_another_change_is_another_event(other: Any) -> None:
    """Of the same transaction, too."""
    assert one(dms_change("update", ROW)).id != one(other).id


def test_a_loaded_row_put_twice_is_one_event() -> None:
    """Its bytes are all that there is to know it by; another row, or the next load, is another event."""
    next_load = {**DMS_LOAD, "metadata": {**DMS_LOAD["metadata"], "timestamp": "2023-11-14T22:13:21.326434Z"}}  # type: ignore[dict-item]
    assert one(DMS_LOAD).id == one(DMS_LOAD, received=NOW + 1).id
    assert one(DMS_LOAD).id != one({**DMS_LOAD, "data": {"id": 394}}).id != one(next_load).id


@pytest.mark.parametrize("operation", ["create-table", "drop-table", "rename-table", "add-column", "anything"])
@pytest.mark.parametrize("control", [True, False])
def test_control_records_hold_no_event(operation: str, control: bool) -> None:
    """Tables that are made, changed or dropped; with IncludeControlDetails or without."""
    record: dict[str, Any] = {"metadata": {**DMS_CREATE_TABLE["metadata"], "operation": operation}}
    if control:
        record["control"] = DMS_CREATE_TABLE["control"]
    assert read(record) is None


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"data": None}, "wrong_type", "data"),
        ({"data": [1]}, "wrong_type", "data"),
        ({"before-image": 1}, "wrong_type", "before-image"),
        ({"before": {}}, "unknown_field", "before"),
        ({"metadata": {"record-type": "data", "operation": "upsert"}}, "invalid_value", "metadata.operation"),
        ({"metadata": {"record-type": "other", "operation": "load"}}, "invalid_value", "metadata.record-type"),
        ({"metadata": {"record-type": 1, "operation": "load"}}, "wrong_type", "record-type"),
        (
            {"metadata": {"record-type": "data", "operation": "load", "timestamp": "soon"}},
            "invalid_time",
            "metadata.timestamp",
        ),
        (
            {"metadata": {"record-type": "data", "operation": "load", "timestamp": "2999-01-01T00:00:00Z"}},
            "time_in_future",
            "metadata.commit-timestamp",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(change: dict[str, Any], code: str, field: str) -> None:
    """The before image under another name too: it would be lost in silence."""
    rejected = read({**dms_change("update", ROW), **change})
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.field) == (code, field)


def test_a_change_without_a_row_is_refused() -> None:
    """Every operation on rows has one."""
    record = dms_change("insert", ROW)
    del record["data"]
    rejected = read(record)
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.field) == ("missing_field", "data")


@pytest.mark.parametrize(
    "record",
    [
        {"metadata": {"operation": "insert"}, "data": {}},
        {"metadata": {"record-type": "data"}, "data": {}},
        {"metadata": [], "data": {}},
        {"metadata": "record-type operation", "data": {}},
        {"data": {"record-type": "data", "operation": "insert"}},
    ],
)
def test_other_records_with_metadata_are_not_dms(record: Any) -> None:
    """Both names must stand in the metadata."""
    fields = fields_of(orjson.dumps(record))
    assert not isinstance(fields, Rejected)
    assert not dms.looks_like_record(fields)
