"""The project's own JSON: one event, an array of events, or one event a line."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from event_contract import errors
from event_contract.building import EMPTY_PAYLOAD, Arrival, Draft, build, milliseconds
from event_contract.errors import Rejected
from event_contract.event import Event, rejected_by_type
from event_contract.json_text import elements_of, lines_of, parse
from event_contract.limits import DEFAULT_LIMITS, Limits

JSON_TYPES: Final = frozenset({"application/json"})
LINE_TYPES: Final = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}
)
FIELDS: Final = frozenset({"id", "type", "source", "key", "time", "payload", "data", "schema", "trace"})

_EARLIEST_MS: Final = 100_000_000_000
"""March 1973. An integer time below it is taken for seconds sent by mistake."""


class _Sent(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    type: str
    id: str | UnsetType = UNSET
    source: str | UnsetType = UNSET
    key: str | UnsetType = UNSET
    time: int | Annotated[datetime, Meta(tz=True)] | UnsetType = UNSET
    payload: Raw | UnsetType = UNSET
    data: Raw | UnsetType = UNSET
    schema: str | UnsetType = UNSET
    trace: str | UnsetType = UNSET


_decoder: Final = msgspec.json.Decoder(_Sent)


def parse_batch(
    body: bytes,
    content_type: str,
    *,
    tenant: str,
    received_ms: int,
    limits: Limits = DEFAULT_LIMITS,
    nonce: bytes,
    source: str = "http",
) -> list[Event | Rejected] | Rejected:
    """Each event of a request's body or why it is none, in order; or one rejection of the whole body.

    `content_type` is a media type without parameters. `nonce`: random bytes, new for each request. `source` is
    given to events that state none.
    """
    arrival = Arrival(tenant=tenant, received_ms=received_ms, limits=limits, nonce=nonce, source=source)
    return parse_body(body, content_type, arrival)


def parse_body(body: bytes, content_type: str, arrival: Arrival) -> list[Event | Rejected] | Rejected:
    """`parse_batch` for callers that hold an `Arrival`."""
    texts = split(body, content_type, arrival.limits)
    if isinstance(texts, Rejected):
        return texts
    return [parse_event(text, arrival, index) for index, text in enumerate(texts)]


def split(body: bytes, content_type: str, limits: Limits) -> list[bytes] | Rejected:
    """The JSON texts in a body, not yet checked one by one: its lines, its array's elements, or itself."""
    texts: list[bytes] | Rejected
    if content_type in LINE_TYPES:
        texts = lines_of(body, limits)
    elif content_type not in JSON_TYPES:
        known = ", ".join(sorted(JSON_TYPES | LINE_TYPES))
        return Rejected(errors.UNSUPPORTED_FORMAT, f"content type {content_type!r} is not one of {known}")
    elif body.lstrip(b" \t\r\n")[:1] == b"[":
        texts = elements_of(body, limits)
    else:
        texts = [body] if body.strip(b" \t\r\n") else []
    return texts or Rejected(errors.EMPTY_BATCH, "the request holds no event")


def parse_event(text: bytes, arrival: Arrival, index: int = 0) -> Event | Rejected:
    """The event that one JSON object states, or why it is none."""
    limits = arrival.limits
    if len(text) > limits.max_event_bytes:
        message = f"the event has {len(text)} bytes, {limits.max_event_bytes} are allowed"
        return Rejected(errors.EVENT_TOO_LARGE, message)
    value = parse(text, limits)
    if isinstance(value, Rejected):
        return value
    try:
        sent = _decoder.decode(text)
    except msgspec.ValidationError as error:
        return _explain(error)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Rejected(errors.MALFORMED_JSON, str(error))
    draft = _draft(sent)
    return draft if isinstance(draft, Rejected) else build(draft, arrival, index)


def _draft(sent: _Sent) -> Draft | Rejected:
    if sent.payload is not UNSET and sent.data is not UNSET:
        return Rejected(errors.CONFLICTING_FIELDS, "give `payload` or `data`, not both", "data")
    if isinstance(sent.time, int) and 0 <= sent.time < _EARLIEST_MS:
        message = "time is in milliseconds since the epoch (this looks like seconds), or an RFC 3339 string"
        return Rejected(errors.INVALID_TIME, message, "time")
    payload = sent.data if sent.payload is UNSET else sent.payload
    return Draft(
        type=sent.type.lower(),
        payload=EMPTY_PAYLOAD if payload is UNSET else payload,
        id=_given(sent.id),
        source=_given(sent.source),
        key=_given(sent.key),
        time_ms=_time_ms(sent.time),
        schema=_given(sent.schema),
        trace=_given(sent.trace),
    )


def _time_ms(stated: int | datetime | UnsetType) -> int | None:
    if stated is UNSET:
        return None
    return stated if isinstance(stated, int) else milliseconds(stated)


def _given(text: str | UnsetType) -> str | None:
    return None if text is UNSET else text


def _explain(error: msgspec.ValidationError) -> Rejected:
    wrong = rejected_by_type(error)
    if wrong.field != "time":
        return wrong
    message = "time must be integer milliseconds since the epoch or an RFC 3339 string with an offset"
    return Rejected(errors.INVALID_TIME, message, "time")
