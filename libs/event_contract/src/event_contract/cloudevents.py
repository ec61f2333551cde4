"""CloudEvents 1.0 (github.com/cloudevents/spec): JSON format, JSON batch format, and HTTP binary mode.

Extension attributes other than `partitionkey` and `traceparent` are not carried on.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import unquote

import msgspec
import orjson
from msgspec import UNSET, Meta, Raw, UnsetType

from event_contract import errors
from event_contract.building import EMPTY_PAYLOAD, Arrival, Draft, build, milliseconds, type_name
from event_contract.errors import Rejected
from event_contract.event import Event, digest_id, rejected_by_type
from event_contract.json_text import elements_of, parse

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"

_HEADER: Final = "ce-"
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")


class _Sent(msgspec.Struct, kw_only=True):
    specversion: str
    id: str
    source: str
    type: str
    time: Annotated[datetime, Meta(tz=True)] | None = None
    subject: str | None = None
    dataschema: str | None = None
    partitionkey: str | None = None
    traceparent: str | None = None
    data: Raw | UnsetType = UNSET
    data_base64: str | UnsetType = UNSET


_decoder: Final = msgspec.json.Decoder(_Sent)


def parse_batch(body: bytes, content_type: str, arrival: Arrival) -> list[Event | Rejected] | Rejected:
    """Each event of a structured or batch body or why it is none; or a rejection of the whole body."""
    if content_type == STRUCTURED:
        return [parse_event(body, arrival)]
    texts = elements_of(body, arrival.limits)
    if isinstance(texts, Rejected):
        return texts
    if not texts:
        return Rejected(errors.EMPTY_BATCH, "the request holds no event")
    return [parse_event(text, arrival) for text in texts]


def parse_event(text: bytes, arrival: Arrival) -> Event | Rejected:
    """The event of one CloudEvent in JSON format.

    Its id is `<source>#<id>`, since a CloudEvent's id is unique within its source only (spec, "id").
    Its key is `partitionkey`, else `subject`, else `source`.
    """
    if len(text) > arrival.limits.max_event_bytes:
        message = f"the event has {len(text)} bytes, {arrival.limits.max_event_bytes} are allowed"
        return Rejected(errors.EVENT_TOO_LARGE, message)
    value = parse(text, arrival.limits)
    if isinstance(value, Rejected):
        return value
    try:
        sent = _decoder.decode(text)
    except msgspec.ValidationError as error:
        return rejected_by_type(error)
    except msgspec.DecodeError as error:
        return Rejected(errors.MALFORMED_JSON, str(error))
    payload = _payload(sent)
    return payload if isinstance(payload, Rejected) else _event(sent, payload, arrival)


def is_binary_mode(headers: Mapping[str, str]) -> bool:
    """Whether HTTP headers carry a CloudEvent in binary mode (HTTP binding, section 3.1)."""
    return any(name.lower() == "ce-specversion" for name in headers)


def from_binary(headers: Mapping[str, str], body: bytes, content_type: str, arrival: Arrival) -> Event | Rejected:
    """The event of a binary-mode request: attributes from `ce-*` headers, data from the body.

    A JSON body is the payload as it is, text becomes a JSON string, anything else `{"data_base64": ...}`.
    """
    attributes = {
        name[len(_HEADER) :].lower(): unquote(value)
        for name, value in headers.items()
        if name.lower().startswith(_HEADER)
    }
    try:
        sent = msgspec.convert(attributes, _Sent)
    except msgspec.ValidationError as error:
        return rejected_by_type(error)
    if len(body) > arrival.limits.max_event_bytes:
        message = f"the data has {len(body)} bytes, {arrival.limits.max_event_bytes} are allowed"
        return Rejected(errors.EVENT_TOO_LARGE, message)
    payload = _body_payload(body, content_type, arrival)
    return payload if isinstance(payload, Rejected) else _event(sent, payload, arrival)


def _body_payload(body: bytes, content_type: str, arrival: Arrival) -> Raw | Rejected:
    if not body:
        return EMPTY_PAYLOAD
    if content_type == "application/json" or content_type.endswith("+json"):
        value = parse(body, arrival.limits)
        return value if isinstance(value, Rejected) else Raw(body.strip(b" \t\r\n"))
    if content_type.startswith("text/"):
        try:
            return Raw(orjson.dumps(body.decode()))
        except UnicodeDecodeError as error:
            return Rejected(errors.INVALID_UTF8, f"not UTF-8 at byte {error.start}", "data")
    return Raw(orjson.dumps({"data_base64": base64.b64encode(body).decode()}))


def _payload(sent: _Sent) -> Raw | Rejected:
    if sent.data_base64 is UNSET:
        return EMPTY_PAYLOAD if sent.data is UNSET else sent.data
    if sent.data is not UNSET:
        return Rejected(errors.CONFLICTING_FIELDS, "give `data` or `data_base64`, not both", "data_base64")
    if len(sent.data_base64) % 4 or _BASE64.fullmatch(sent.data_base64) is None:
        return Rejected(errors.INVALID_VALUE, "data_base64 is not base64", "data_base64")
    return Raw(orjson.dumps({"data_base64": sent.data_base64}))


def _event(sent: _Sent, payload: Raw, arrival: Arrival) -> Event | Rejected:
    if not sent.specversion.startswith("1."):
        return Rejected(errors.INVALID_VALUE, "only specversion 1.x is understood", "specversion")
    for field in ("id", "source", "type"):
        if not getattr(sent, field):
            return Rejected(errors.INVALID_VALUE, f"{field} must not be empty", field)
    event_id = f"{sent.source}#{sent.id}"
    if len(event_id.encode()) > arrival.limits.max_id_bytes:
        event_id = digest_id([event_id])
    draft = Draft(
        type=type_name(sent.type),
        payload=payload,
        id=event_id,
        source=sent.source,
        key=sent.partitionkey or sent.subject,
        time_ms=None if sent.time is None else milliseconds(sent.time),
        schema=sent.dataschema,
        trace=sent.traceparent,
    )
    return build(draft, arrival)
