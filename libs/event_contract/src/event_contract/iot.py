"""Telemetry that an AWS IoT Core rule puts straight into Kinesis: a JSON object with a device and, mostly, a time.

Source: docs.aws.amazon.com/iot/latest/developerguide, "Kinesis Data Streams" rule action and the SQL functions
`clientid()`, `topic()`, `timestamp()`, with which a rule adds such members.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Raw

from event_contract import errors
from event_contract.building import Arrival, Draft, build, check_time, milliseconds, type_name
from event_contract.errors import Rejected
from event_contract.event import Event, digest_id
from event_contract.json_text import parse

TYPE: Final = "iot.telemetry"

_DEVICE: Final = ("device_id", "deviceId", "clientid", "clientId", "client_id", "thing_name", "thingName")
_TIME: Final = ("timestamp", "ts", "time")
_MESSAGE_ID: Final = ("message_id", "messageId")
_SECONDS_BELOW: Final = 100_000_000_000
_RFC3339: Any = Annotated[datetime, Meta(tz=True)]


def looks_like_telemetry(fields: dict[str, Raw]) -> bool:
    """Whether a JSON object's members name a device."""
    return any(name in fields for name in _DEVICE)


def parse_event(text: bytes, arrival: Arrival) -> Event | Rejected:
    """The message as an event: key is the device, source the topic, type `iot.telemetry` or `iot.<type>`.

    Its id, where the message has one, is `<device>#<message id>`, since devices count for themselves.

    `timestamp`, `ts` or `time` may be an RFC 3339 string, seconds or milliseconds (numbers from 10^11 on).
    """
    message = parse(text, arrival.limits)
    if isinstance(message, Rejected):
        return message
    if not isinstance(message, dict):
        return Rejected(errors.WRONG_TYPE, "expected a JSON object")
    device_field, device = _first(message, _DEVICE)
    if not isinstance(device, (str, int)) or isinstance(device, bool) or device == "":
        return Rejected(errors.WRONG_TYPE, "the device's name must be a string or an integer", device_field)
    time_field, stated = _first(message, _TIME)
    time_ms = None if stated is None else _milliseconds(stated, time_field)
    if isinstance(time_ms, Rejected):
        return time_ms
    wrong = None if time_ms is None else check_time(time_ms, arrival, time_field)
    if wrong is not None:
        return wrong
    kind = message.get("type")
    draft = Draft(
        type=type_name(f"iot.{kind}") if isinstance(kind, str) and kind else TYPE,
        payload=Raw(text.strip(b" \t\r\n")),
        id=_id(device, _string(message, _MESSAGE_ID), arrival),
        source=_string(message, ("topic",)) or "iot",
        key=str(device),
        time_ms=time_ms,
    )
    return build(draft, arrival)


def _id(device: str | int, message_id: str | None, arrival: Arrival) -> str | None:
    if message_id is None:
        return None
    event_id = f"{device}#{message_id}"
    return event_id if len(event_id.encode()) <= arrival.limits.max_id_bytes else digest_id([event_id])


def _first(message: dict[str, Any], names: tuple[str, ...]) -> tuple[str, Any]:
    return next(((name, message[name]) for name in names if name in message), (names[0], None))


def _string(message: dict[str, Any], names: tuple[str, ...]) -> str | None:
    value = _first(message, names)[1]
    return value if isinstance(value, str) and value else None


def _milliseconds(stated: object, field: str) -> int | Rejected:
    wrong = Rejected(errors.INVALID_TIME, f"{field} must be a number or an RFC 3339 string", field)
    if isinstance(stated, str):
        try:
            return milliseconds(msgspec.convert(stated, _RFC3339))
        except msgspec.ValidationError:
            return wrong
    if isinstance(stated, bool) or not isinstance(stated, (int, float)):
        return wrong
    return int(stated * 1000) if abs(stated) < _SECONDS_BELOW else int(stated)
