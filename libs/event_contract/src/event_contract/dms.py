"""Changes that AWS DMS puts into Kinesis: `{data, before-image, metadata}`, and its records about tables.

Source: docs.aws.amazon.com/dms/latest/userguide, "Using Amazon Kinesis Data Streams as a target", message format JSON
or JSON_UNFORMATTED. Records of the type control (create-table, drop-table, …) tell of tables and hold no row.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from event_contract import errors
from event_contract.building import Arrival, Draft, build, check_time, milliseconds, type_name
from event_contract.errors import Rejected
from event_contract.event import Event, digest_id, rejected_by_type
from event_contract.json_text import fields_of

_OPERATIONS: Final = {"load": "r", "insert": "c", "update": "u", "delete": "d"}
"""DMS's names of operations, and Debezium's."""


class _Metadata(msgspec.Struct, rename="kebab", kw_only=True):
    record_type: str
    operation: str
    timestamp: str | None = None
    commit_timestamp: str | None = None
    schema_name: str | None = None
    table_name: str | None = None
    partition_key_value: str | int | None = None
    transaction_id: Raw = Raw(b"null")
    transaction_record_id: Raw = Raw(b"null")
    stream_position: Raw = Raw(b"null")


class _Record(msgspec.Struct, rename="kebab", forbid_unknown_fields=True, kw_only=True):
    metadata: Raw
    data: Raw | UnsetType = UNSET
    before_image: Raw | UnsetType = UNSET
    control: Raw | UnsetType = UNSET


class _Source(msgspec.Struct):
    connector: str
    schema: str
    table: str
    ts_ms: int | None


class _Change(msgspec.Struct):
    """A change as Debezium has it, so that one query serves both, with DMS's own metadata beside it."""

    op: str
    before: Raw
    after: Raw
    source: _Source
    ts_ms: int | None
    metadata: Raw


_NULL: Final = Raw(b"null")
_record: Final = msgspec.json.Decoder(_Record)
_metadata: Final = msgspec.json.Decoder(_Metadata)


def looks_like_record(fields: dict[str, Raw]) -> bool:
    """Whether a JSON object's members are those of a record of DMS."""
    if "metadata" not in fields:
        return False
    metadata = fields_of(bytes(fields["metadata"]))
    return not isinstance(metadata, Rejected) and "record-type" in metadata and "operation" in metadata


def parse_event(text: bytes, arrival: Arrival) -> Event | Rejected | None:
    """The change in JSON text that was checked by `json_text.parse`; None for a record about a table, without a row.

    Type `cdc.<table>`, source `dms:<schema>`, key the partition key that the record states, else that it came by (the
    row's primary key, by the task that Terraform makes), time of the commit, of a loaded row that of the record's
    making. The payload has the members of a Debezium change: `op`, `before`, `after`, `source`, `ts_ms`, with the rows
    as DMS wrote them.

    The id follows from the place in the transaction log where the task states it (IncludeTransactionDetails), so that a
    restarted task makes the same events; else from the record's bytes.
    """
    try:
        record = _record.decode(text)
        metadata = _metadata.decode(record.metadata)
    except msgspec.ValidationError as error:
        return rejected_by_type(error)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Rejected(errors.MALFORMED_JSON, str(error))
    if metadata.record_type == "control":
        return None
    if metadata.record_type != "data":
        return Rejected(errors.INVALID_VALUE, "record-type must be data or control", "metadata.record-type")
    if metadata.operation not in _OPERATIONS:
        known = ", ".join(_OPERATIONS)
        return Rejected(errors.INVALID_VALUE, f"operation must be one of {known}", "metadata.operation")
    return _event(text, record, metadata, arrival)


def _event(text: bytes, record: _Record, metadata: _Metadata, arrival: Arrival) -> Event | Rejected:
    images = _images(record, metadata.operation)
    if isinstance(images, Rejected):
        return images
    before, after = images
    made_ms = _time(metadata.timestamp, "timestamp")
    committed_ms = _time(metadata.commit_timestamp, "commit-timestamp")
    if isinstance(made_ms, Rejected):
        return made_ms
    if isinstance(committed_ms, Rejected):
        return committed_ms
    time_ms = made_ms if committed_ms is None else committed_ms
    wrong = None if time_ms is None else check_time(time_ms, arrival, "metadata.commit-timestamp")
    if wrong is not None:
        return wrong
    schema, table = metadata.schema_name or "", metadata.table_name or "unknown"
    op = _OPERATIONS[metadata.operation]
    change = _Change(op, before, after, _Source("dms", schema, table, committed_ms), made_ms, record.metadata)
    draft = Draft(
        type=type_name(f"cdc.{table}"),
        payload=Raw(msgspec.json.encode(change)),
        id=_id(text, record, metadata, arrival),
        source=f"dms:{schema}"[: arrival.limits.max_text_chars] if schema else "dms",
        key=_key(metadata, f"{schema}.{table}", arrival),
        time_ms=time_ms,
    )
    return build(draft, arrival)


def _images(record: _Record, operation: str) -> tuple[Raw, Raw] | Rejected:
    """The row before and after; DMS gives a deleted row as data."""
    row, before = record.data, record.before_image
    if row is UNSET:
        return Rejected(errors.MISSING_FIELD, "field `data` is required", "data")
    for field, image in (("data", row), ("before-image", before)):
        if image is not UNSET and bytes(image)[:1] != b"{" and not (image is before and bytes(image) == b"null"):
            return Rejected(errors.WRONG_TYPE, f"{field} must be a JSON object", field)
    stated = _NULL if before is UNSET else before
    if operation != "delete":
        return stated, row
    return (row if stated == _NULL or bytes(stated) == b"{}" else stated), _NULL


def _id(text: bytes, record: _Record, metadata: _Metadata, arrival: Arrival) -> str:
    place = [bytes(part) for part in (metadata.transaction_id, metadata.transaction_record_id)]
    if b"null" in place:
        return digest_id(("dms-record", arrival.tenant, text))
    names = (metadata.schema_name or "", metadata.table_name or "", metadata.operation)
    images = [b"" if image is UNSET else bytes(image) for image in (record.data, record.before_image)]
    return digest_id(("dms", arrival.tenant, *names, *place, bytes(metadata.stream_position), *images))


def _key(metadata: _Metadata, table: str, arrival: Arrival) -> str:
    # Stated, it is the same when the record is put again by another key.
    key = str(metadata.partition_key_value or arrival.partition_key or table)
    return key if len(key) <= arrival.limits.max_key_chars else digest_id([key])


def _time(stated: str | None, field: str) -> int | Rejected | None:
    if not stated:
        return None
    try:
        moment = msgspec.convert(stated, datetime)
    except msgspec.ValidationError:
        return Rejected(errors.INVALID_TIME, f"{field} must be an ISO 8601 time", f"metadata.{field}")
    return milliseconds(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
