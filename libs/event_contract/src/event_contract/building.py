"""Where every format ends: its fields, checked against the limits, become an `Event`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from msgspec import UNSET, Raw

from event_contract import errors
from event_contract.errors import Rejected
from event_contract.event import EVENT_TYPE, MAX_TIME_MS, Event, digest_id
from event_contract.json_text import one_line
from event_contract.limits import DEFAULT_LIMITS, Limits

EMPTY_PAYLOAD: Final = Raw(b"{}")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_NOT_IN_TYPE: Final = re.compile(r"[^a-z0-9._-]+")


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an event from how it came: the circumstances that its own fields cannot state.

    `received_ms` is ms since the epoch. `nonce` makes ids unique where an event states neither id nor time:
    random bytes for an HTTP request, the place in the stream (stable when read again) for a record.
    `partition_key` is the record's, for formats that state no key; `trace` the request's traceparent, for events
    that carry none.
    """

    received_ms: int
    nonce: bytes
    tenant: str = "default"
    source: str = "http"
    partition_key: str = ""
    trace: str | None = None
    limits: Limits = DEFAULT_LIMITS


class Draft(msgspec.Struct, kw_only=True):
    """An event as its sender stated it; empty or None where it did not."""

    type: str
    payload: Raw
    id: str | None = None
    source: str | None = None
    key: str | None = None
    time_ms: int | None = None
    schema: str | None = None
    trace: str | None = None


def build(draft: Draft, arrival: Arrival, index: int = 0) -> Event | Rejected:
    """The event of a draft, with the defaults filled in, or the first field that breaks a limit.

    Without an id the event gets one that follows from tenant, source, type, key, time and payload if the sender gave
    the time (so a retry is the same event), else one that is unique by the arrival's nonce and the index.
    """
    wrong = _check(draft, arrival)
    if wrong is not None:
        return wrong
    source = draft.source or arrival.source
    payload = one_line(draft.payload)
    event_id = draft.id or _made_id(draft, source, arrival, index)
    return Event(
        id=event_id,
        source=source,
        type=draft.type,
        key=_fitting_key(draft.key or arrival.partition_key or draft.source or event_id, arrival.limits),
        time=arrival.received_ms if draft.time_ms is None else draft.time_ms,
        received=arrival.received_ms,
        tenant=arrival.tenant,
        schema=draft.schema or UNSET,
        trace=draft.trace or arrival.trace or UNSET,
        payload=payload,
    )


def milliseconds(moment: datetime) -> int:
    """Milliseconds since the epoch of an aware datetime, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


def check_time(time_ms: int, arrival: Arrival, field: str = "time") -> Rejected | None:
    """Why an event time (ms since the epoch) cannot be taken, if so."""
    if not 0 <= time_ms <= MAX_TIME_MS:
        return Rejected(errors.INVALID_TIME, "the time must lie between the years 1970 and 9999", field)
    ahead = time_ms - arrival.received_ms
    if ahead > arrival.limits.max_future_seconds * 1000:
        allowed = arrival.limits.max_future_seconds
        return Rejected(errors.TIME_IN_FUTURE, f"the time is {ahead} ms in the future, {allowed} s are allowed", field)
    return None


def type_name(text: str) -> str:
    """The nearest valid event type to any name: lower case, other characters as `-`, at most 64 characters."""
    name = _NOT_IN_TYPE.sub("-", text.lower()).strip("-._")
    if not name or not "a" <= name[0] <= "z":
        name = f"x-{name}".rstrip("-")
    return name if len(name) <= 64 else f"{name[:47]}-{digest_id([text])[:16]}"


def _check(draft: Draft, arrival: Arrival) -> Rejected | None:
    limits = arrival.limits
    if EVENT_TYPE.fullmatch(draft.type) is None:
        return Rejected(errors.INVALID_VALUE, "type must be 1 to 64 of a-z 0-9 . _ - and begin with a letter", "type")
    if draft.id is not None and not 0 < len(draft.id.encode()) <= limits.max_id_bytes:
        return Rejected(errors.TOO_LONG, f"id must have 1 to {limits.max_id_bytes} bytes", "id")
    if draft.key is not None and not 0 < len(draft.key) <= limits.max_key_chars:
        return Rejected(errors.TOO_LONG, f"key must have 1 to {limits.max_key_chars} characters", "key")
    for field in ("source", "schema", "trace"):
        text: str | None = getattr(draft, field)
        if text is not None and not 0 < len(text) <= limits.max_text_chars:
            return Rejected(errors.TOO_LONG, f"{field} must have 1 to {limits.max_text_chars} characters", field)
    return None if draft.time_ms is None else check_time(draft.time_ms, arrival)


def _made_id(draft: Draft, source: str, arrival: Arrival, index: int) -> str:
    stated = (arrival.tenant, source, draft.type, draft.key or "", bytes(draft.payload))
    if draft.time_ms is not None:
        return digest_id(("time", str(draft.time_ms), *stated))
    return digest_id(("unique", str(arrival.received_ms), arrival.nonce, str(index), *stated))


def _fitting_key(key: str, limits: Limits) -> str:
    return key if len(key) <= limits.max_key_chars else digest_id([key])
