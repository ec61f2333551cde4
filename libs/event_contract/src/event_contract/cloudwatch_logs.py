"""What a subscription filter of CloudWatch Logs puts into Kinesis: gzipped JSON that holds many log events.

Source: docs.aws.amazon.com/AmazonCloudWatch/latest/logs, "Log group-level subscription filters". CloudWatch Logs sends
records of the type CONTROL_MESSAGE too, to see whether the stream takes them; they hold nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw

from event_contract import errors
from event_contract.building import Arrival, Draft, build
from event_contract.errors import Rejected
from event_contract.event import Event, digest_id, rejected_by_type
from event_contract.json_text import parse

TYPE: Final = "log"
ABOUT: Final = "cloudwatch_logs"
"""The member of a payload that says where the line is from."""

_CONTROL: Final = "CONTROL_MESSAGE"
_DATA: Final = "DATA_MESSAGE"

_Text = Annotated[str, Meta(min_length=1)]


class Subscribed(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A batch of log events as CloudWatch Logs sends it; `log_events` are JSON texts, not yet checked one by one."""

    message_type: str
    owner: str
    log_group: str
    log_stream: str
    subscription_filters: list[str] = []
    log_events: list[Raw]


class _LogEvent(msgspec.Struct, rename="camel", kw_only=True):
    id: _Text
    timestamp: int
    message: str
    extracted_fields: dict[str, str | None] | None = None


class _About(msgspec.Struct, omit_defaults=True):
    owner: str
    log_group: str
    log_stream: str
    id: str
    extracted_fields: dict[str, str | None] | None = None


_subscribed: Final = msgspec.json.Decoder(Subscribed)
_log_event: Final = msgspec.json.Decoder(_LogEvent)
_encoder: Final = msgspec.json.Encoder()


def looks_like_subscribed(fields: dict[str, Raw]) -> bool:
    """Whether a JSON object's members are those of a batch of log events."""
    return fields.keys() >= {"messageType", "owner", "logGroup", "logStream", "logEvents"}


def read(text: bytes) -> Subscribed | Rejected | None:
    """The batch in unpacked JSON text; None for a message of CloudWatch Logs about itself, which holds no event."""
    try:
        batch = _subscribed.decode(text)
    except msgspec.ValidationError as error:
        return rejected_by_type(error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        spoilt = _spoilt(text)
        if spoilt is None:
            return Rejected(errors.MALFORMED_JSON, str(error))
        batch = spoilt
    if batch.message_type == _CONTROL:
        return None
    if batch.message_type != _DATA:
        return Rejected(errors.INVALID_VALUE, f"messageType must be {_DATA} or {_CONTROL}", "messageType")
    for field, value in (("owner", batch.owner), ("logGroup", batch.log_group), ("logStream", batch.log_stream)):
        if not value:
            return Rejected(errors.INVALID_VALUE, f"{field} must not be empty", field)
    return batch


def events(batch: Subscribed, arrival: Arrival) -> Iterator[Event | Rejected]:
    """Each log event as an event or why it is none, in order.

    Type `log`, source the log group, key `<log group>:<log stream>`, time the log event's, id from owner, group, stream
    and the log event's id, so that the same line is the same event however often and by how many filters it comes. A
    message that is a JSON object is the payload, with a member `cloudwatch_logs` that says where it is from (unless the
    message has such a member of its own); any other text is its `message`.
    """
    key = f"{batch.log_group}:{batch.log_stream}"
    if len(key) > arrival.limits.max_key_chars:
        key = digest_id([key])
    for text in batch.log_events:
        yield _event(text, batch, key, arrival)


def alone(batch: Subscribed, place: int) -> bytes:
    """A batch, not gzipped, of one log event of a batch: what can be put into the stream again by itself."""
    one = msgspec.structs.replace(batch, log_events=[batch.log_events[place]])
    return _encoder.encode(one)


def _spoilt(text: bytes) -> Subscribed | None:
    """The batch in JSON of which a string is no text (half a surrogate pair), so that only its log event is refused."""
    try:
        value = json.loads(text.decode("utf-8", "surrogateescape"))
        value["logEvents"] = [Raw(json.dumps(event).encode()) for event in value["logEvents"]]
        return msgspec.convert(value, Subscribed)
    except (ValueError, TypeError, LookupError, RecursionError):  # msgspec.ValidationError is a ValueError
        return None


def _event(text: Raw, batch: Subscribed, key: str, arrival: Arrival) -> Event | Rejected:
    try:
        log_event = _log_event.decode(text)
    except msgspec.ValidationError as error:
        return rejected_by_type(error)
    except UnicodeDecodeError as error:
        return Rejected(errors.INVALID_UTF8, f"not UTF-8 at byte {error.start} of a string")
    except (msgspec.DecodeError, RecursionError) as error:
        return Rejected(errors.MALFORMED_JSON, str(error))
    about = _About(batch.owner, batch.log_group, batch.log_stream, log_event.id, log_event.extracted_fields)
    draft = Draft(
        type=TYPE,
        payload=_payload(log_event.message, about, arrival),
        id=digest_id(("cloudwatch-logs", arrival.tenant, batch.owner, batch.log_group, batch.log_stream, log_event.id)),
        source=batch.log_group,
        key=key,
        time_ms=log_event.timestamp,
    )
    return build(draft, arrival)


def _payload(message: str, about: _About, arrival: Arrival) -> Raw:
    line = message.strip(" \t\r\n")
    if line.startswith("{") and line.endswith("}"):
        text = line.encode()
        value = parse(text, arrival.limits)
        if isinstance(value, dict):
            if ABOUT in value:
                return Raw(text)
            members = b"," + text[1:] if value else b"}"
            return Raw(b'{"%s":%s%s' % (ABOUT.encode(), _encoder.encode(about), members))
    return Raw(_encoder.encode({"message": message, ABOUT: about}))
