"""Debezium change events: `{before, after, source, op, ts_ms}`, bare or under `{"schema", "payload"}`.

Source: debezium.io/documentation, "Change event values" of the connectors. A tombstone (`null`) is not an event:
set `tombstones.on.delete=false` at the connector.
"""

from __future__ import annotations

from typing import Final

import msgspec
import orjson
from msgspec import UNSET, Raw, UnsetType

from event_contract import errors, native
from event_contract.building import Arrival, Draft, build, check_time, type_name
from event_contract.errors import Rejected
from event_contract.event import Event, digest_id, rejected_by_type
from event_contract.json_text import fields_of, parse

CONTENT_TYPE: Final = "application/vnd.debezium+json"
OPERATIONS: Final = frozenset("cudrtm")

_ROW_IDS: Final = ("id", "_id", "uuid")
_POSITIONS: Final = (
    *("lsn", "txId"),  # PostgreSQL
    *("file", "pos", "row", "gtid", "server_id"),  # MySQL
    *("change_lsn", "commit_lsn", "event_serial_no"),  # SQL Server
    *("scn", "commit_scn", "rs_id", "ssn", "redo_thread"),  # Oracle
    *("ord", "lsid", "txnNumber", "wallTime"),  # MongoDB
)


class _Change(msgspec.Struct, kw_only=True):
    op: str
    source: dict[str, Raw]
    before: Raw | UnsetType = UNSET
    after: Raw | UnsetType = UNSET
    ts_ms: int | None = None
    key: Raw | UnsetType = UNSET


class _Wrapped(msgspec.Struct, kw_only=True):
    payload: Raw
    key: Raw | UnsetType = UNSET


_change: Final = msgspec.json.Decoder(_Change)
_wrapped: Final = msgspec.json.Decoder(_Wrapped)


def looks_like_change(fields: dict[str, Raw]) -> bool:
    """Whether a JSON object's members are those of a change event, with or without the schema wrapper."""
    if "op" in fields:
        return "source" in fields and ("before" in fields or "after" in fields)
    if "payload" not in fields or "schema" not in fields:
        return False
    inner = fields_of(bytes(fields["payload"]))
    return not isinstance(inner, Rejected) and "op" in inner and "source" in inner


def parse_batch(body: bytes, content_type: str, arrival: Arrival) -> list[Event | Rejected] | Rejected:
    """Each change of a body (one, an array, or one a line) or why it is none; or a rejection of the whole body."""
    media_type = "application/json" if content_type == CONTENT_TYPE else content_type
    texts = native.split(body, media_type, arrival.limits)
    if isinstance(texts, Rejected):
        return texts
    return [parse_event(text, arrival) for text in texts]


def parse_event(text: bytes, arrival: Arrival) -> Event | Rejected:
    """The change as an event: type `cdc.<table>`, key `<table>:<primary key>`, time of the commit, id of the position.

    The payload is the whole change without the schema wrapper. Read again after a connector restart, the same change
    makes the same id, since position, operation and row images are the same.
    """
    if len(text) > arrival.limits.max_event_bytes:
        message = f"the change has {len(text)} bytes, {arrival.limits.max_event_bytes} are allowed"
        return Rejected(errors.EVENT_TOO_LARGE, message)
    value = parse(text, arrival.limits)
    if isinstance(value, Rejected):
        return value
    try:
        return _event(text, arrival)
    except msgspec.ValidationError as error:
        return rejected_by_type(error)
    except msgspec.DecodeError as error:
        return Rejected(errors.MALFORMED_JSON, str(error))


def _event(text: bytes, arrival: Arrival) -> Event | Rejected:
    inner, key = text, None
    fields = fields_of(text)
    if not isinstance(fields, Rejected) and "payload" in fields and "op" not in fields:
        wrapped = _wrapped.decode(text)
        inner, key = bytes(wrapped.payload), _bytes_or_none(wrapped.key)
    change = _change.decode(inner)
    if change.op not in OPERATIONS:
        return Rejected(errors.INVALID_VALUE, f"op must be one of {', '.join(sorted(OPERATIONS))}", "op")
    time_ms = _time(change)
    wrong = None if time_ms is None else check_time(time_ms, arrival, "source.ts_ms")
    if wrong is not None:
        return wrong
    table = _text(change.source, "table") or _text(change.source, "collection") or "unknown"
    draft = Draft(
        type=type_name(f"cdc.{table}"),
        payload=Raw(inner),
        id=_id(change, arrival),
        source=_source(change, arrival),
        key=_key(change, key or _bytes_or_none(change.key), table, arrival),
        time_ms=time_ms,
    )
    return build(draft, arrival)


def _time(change: _Change) -> int | None:
    raw = change.source.get("ts_ms")
    committed = orjson.loads(bytes(raw)) if raw is not None else None
    if isinstance(committed, int) and not isinstance(committed, bool) and committed > 0:
        return committed
    return change.ts_ms


def _id(change: _Change, arrival: Arrival) -> str:
    place = [change.source.get(name, b"") for name in ("connector", "name", "db", "schema", "table", "collection")]
    position = [change.source.get(name, b"") for name in _POSITIONS]
    parts = [bytes(part) for part in (*place, *position)]
    if not any(parts[len(place) :]):
        parts.append(str(change.ts_ms).encode())
        parts.append(bytes(change.source.get("ts_ms", b"")))
    images = (_bytes_or_none(change.before) or b"", _bytes_or_none(change.after) or b"")
    return digest_id(("debezium", arrival.tenant, change.op, *parts, *images))


def _key(change: _Change, stated: bytes | None, table: str, arrival: Arrival) -> str:
    identity = _identity(stated) if stated is not None else _row_id(change)
    key = f"{table}:{identity}" if identity is not None else arrival.partition_key or table
    return key if len(key) <= arrival.limits.max_key_chars else digest_id([key])


def _identity(stated: bytes) -> str | None:
    value = orjson.loads(stated)
    if isinstance(value, dict) and "payload" in value and "schema" in value:
        value = value["payload"]
    if value is None:
        return None
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _row_id(change: _Change) -> str | None:
    for image in (change.after, change.before):
        row = orjson.loads(bytes(image)) if image is not UNSET else None
        if not isinstance(row, dict):
            continue
        for name in _ROW_IDS:
            if row.get(name) is not None:
                return _identity(orjson.dumps(row[name]))
    return None


def _source(change: _Change, arrival: Arrival) -> str:
    name = _text(change.source, "name") or _text(change.source, "db")
    connector = _text(change.source, "connector") or "debezium"
    return f"{connector}:{name}"[: arrival.limits.max_text_chars] if name else connector


def _text(source: dict[str, Raw], name: str) -> str | None:
    raw = source.get(name)
    value = orjson.loads(bytes(raw)) if raw is not None else None
    return value if isinstance(value, str) and value else None


def _bytes_or_none(raw: Raw | UnsetType) -> bytes | None:
    return None if raw is UNSET else bytes(raw)
