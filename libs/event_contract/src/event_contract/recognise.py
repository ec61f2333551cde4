"""Any record found in the `raw` stream, known by its shape."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from event_contract import cloudevents, debezium, errors, iot, native
from event_contract.building import Arrival, check_time
from event_contract.errors import Rejected
from event_contract.event import Event, decode
from event_contract.json_text import fields_of, one_line, parse
from event_contract.limits import DEFAULT_LIMITS, Limits

_RECORD_BYTES: Final = 10 * 1024 * 1024
"""The largest record that Kinesis takes; a record already in the stream is not refused for its size."""

_ENVELOPE: Final = frozenset({"id", "type", "key", "received", "tenant", "payload"})


def recognise(
    data: bytes,
    *,
    arrived_ms: int,
    position: str = "",
    partition_key: str = "",
    tenant: str = "default",
    limits: Limits = DEFAULT_LIMITS,
) -> Event | Rejected:
    """The event in a record: ingest's envelope first, else a CloudEvent, a Debezium change, IoT telemetry, native JSON.

    The result follows from the arguments alone, so a record read again is the same event. `position` (shard, sequence
    and sub-sequence number) tells apart records that state neither id nor time; `partition_key` is the record's and
    orders those that state no key. Size is not limited here: the stream already holds the record.
    """
    event = decode(data)
    if isinstance(event, Event):
        return _checked(event, data, arrived_ms, limits)
    value = parse(data, limits)
    if isinstance(value, Rejected):
        return value
    fields = fields_of(data)
    if isinstance(fields, Rejected):
        return Rejected(errors.UNRECOGNISED, "the record is not a JSON object")
    arrival = Arrival(
        received_ms=arrived_ms,
        nonce=position.encode(),
        tenant=tenant,
        source="kinesis",
        partition_key=partition_key,
        limits=msgspec.structs.replace(limits, max_event_bytes=_RECORD_BYTES),
    )
    return event if fields.keys() >= _ENVELOPE else _by_shape(data, fields, arrival)


def _by_shape(data: bytes, fields: dict[str, Raw], arrival: Arrival) -> Event | Rejected:
    if "specversion" in fields:
        return cloudevents.parse_event(data, arrival)
    if debezium.looks_like_change(fields):
        return debezium.parse_event(data, arrival)
    if iot.looks_like_telemetry(fields):
        return iot.parse_event(data, arrival)
    if "type" in fields:
        return native.parse_event(data, arrival)
    return Rejected(errors.UNRECOGNISED, "the record has the shape of no known format")


def _checked(event: Event, data: bytes, arrived_ms: int, limits: Limits) -> Event | Rejected:
    # The envelope is a level of its own around payloads that were judged alone.
    value = parse(data, msgspec.structs.replace(limits, max_depth=limits.max_depth + 1))
    if isinstance(value, Rejected):
        return value
    arrival = Arrival(received_ms=arrived_ms, nonce=b"", limits=limits)
    wrong = check_time(event.time, arrival)
    if wrong is not None:
        return wrong
    if b"\n" in data or b"\r" in data:
        return msgspec.structs.replace(event, payload=one_line(event.payload))
    return event
