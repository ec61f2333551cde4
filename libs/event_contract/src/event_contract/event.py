"""The event: one JSON object a record, the same on every stream."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from event_contract import errors
from event_contract.errors import Rejected

MAX_TIME_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999: what every date type downstream can hold."""

EVENT_TYPE: Final = re.compile(r"[a-z][a-z0-9._-]{0,63}")

_Text = Annotated[str, Meta(min_length=1)]
_Key = Annotated[str, Meta(min_length=1, max_length=256)]
_Milliseconds = Annotated[int, Meta(ge=0, le=MAX_TIME_MS)]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event. Times are milliseconds since the epoch, UTC; `payload` and `enrichment` are JSON text.

    `key` is the ordering key and the Kinesis partition key; events of one key keep their order.
    """

    id: _Text
    source: str
    type: _Text
    key: _Key
    time: _Milliseconds
    received: _Milliseconds
    tenant: str
    schema: str | UnsetType = UNSET
    trace: str | UnsetType = UNSET
    payload: Raw
    enrichment: Raw | UnsetType = UNSET


_decoder: Final = msgspec.json.Decoder(Event)
_encoder: Final = msgspec.json.Encoder()


def decode(data: bytes) -> Event | Rejected:
    """The event in a record's bytes. The payload is a slice of `data`, not parsed; fields unknown here are skipped.

    Its text is checked for JSON's grammar but not for UTF-8: `recognise` does that where records enter.
    """
    try:
        event = _decoder.decode(data)
    except msgspec.ValidationError as error:
        return rejected_by_type(error)
    except UnicodeDecodeError as error:
        return Rejected(errors.INVALID_UTF8, f"not UTF-8 at byte {error.start} of a string")
    except msgspec.DecodeError as error:
        return Rejected(errors.MALFORMED_JSON, str(error))
    except RecursionError:
        return Rejected(errors.TOO_DEEP, "the JSON is nested too deeply")
    if EVENT_TYPE.fullmatch(event.type) is None:
        return Rejected(errors.INVALID_VALUE, f"type must match {EVENT_TYPE.pattern}", "type")
    return event


def encode(event: Event) -> bytes:
    """The event as one line of JSON without a line end; `payload` and `enrichment` are spliced in byte for byte."""
    return _encoder.encode(event)


def with_enrichment(event: Event, enrichment: bytes) -> Event:
    """The event with an enrichment object, given as JSON text."""
    return msgspec.structs.replace(event, enrichment=Raw(enrichment))


def with_payload(event: Event, payload: bytes) -> Event:
    """The event with another payload (after masking, say), given as JSON text."""
    return msgspec.structs.replace(event, payload=Raw(payload))


def payload_bytes(event: Event) -> bytes:
    """The payload's JSON text as bytes of its own, ready for `orjson.loads`."""
    return bytes(event.payload)


def digest_id(parts: Iterable[str | bytes]) -> str:
    """An id of 32 hexadecimal digits that follows from the parts alone, how they are divided included."""
    data = [part.encode() if isinstance(part, str) else part for part in parts]
    lengths = ",".join([str(len(part)) for part in data])
    return hashlib.sha256(b"".join([lengths.encode(), b":", *data])).hexdigest()[:32]


_AT_FIELD: Final = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_NAMED_FIELD: Final = re.compile(r"(?:unknown|missing required) field `(?P<name>.*)`", re.DOTALL)


def rejected_by_type(error: msgspec.ValidationError) -> Rejected:
    """What msgspec says of a wrong shape, as a code, a message and the field's name."""
    text = str(error)
    at = _AT_FIELD.search(text)
    path = at["path"] if at else None
    message = text[: at.start()] if at else text
    named = _NAMED_FIELD.search(message)
    if named is None:
        code = errors.WRONG_TYPE if ", got `" in message else errors.INVALID_VALUE
        return Rejected(code, message, path)
    field = f"{path}.{named['name']}" if path else named["name"]
    if "unknown field" in message:
        return Rejected(errors.UNKNOWN_FIELD, f"unknown field `{field}`", field)
    return Rejected(errors.MISSING_FIELD, f"field `{field}` is required", field)
