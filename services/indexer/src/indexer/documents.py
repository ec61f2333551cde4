"""From a record's bytes to an OpenSearch document, by the bytes alone: equal records make equal documents.

The index is dated by the content's own time and `_id` is the content's own id (an event's with its tenant's name
before it), so that a record that comes again, tomorrow or a year later, lands on the document it made before.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final, Literal, get_args

import msgspec
from msgspec import Meta, Raw

import event_contract
from delivery import Document
from event_contract import Event, Rejected
from event_contract.event import MAX_TIME_MS, rejected_by_type

Kind = Literal["enriched", "aggregates", "alerts", "late", "dead-letters"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

ALIASES: Final[dict[Kind, str]] = {
    "enriched": "events",
    "aggregates": "aggregates",
    "alerts": "alerts",
    "late": "late",
    "dead-letters": "dead-letters",
}
"""The alias over all indices of a kind, which is also the first part of their names."""

MAX_ID_BYTES: Final = 512
"""OpenSearch's limit on `_id`."""

_DAY_MS: Final = 86_400_000
_REVISION_BITS: Final = 32
_NAME_CHARACTERS: Final = 64
_UNSAFE: Final = re.compile(r"[^a-z0-9_-]+")

_Id = Annotated[str, Meta(min_length=1)]
_Milliseconds = Annotated[int, Meta(ge=0, le=MAX_TIME_MS)]
_Epoch = Annotated[int, Meta(ge=0, lt=2**31)]
_Revision = Annotated[int, Meta(ge=0, lt=2**_REVISION_BITS)]


class _Window(msgspec.Struct, frozen=True):
    """A query's row. Without a window it has a `time`, and is `current` if later rows replace it."""

    id: _Id
    query: str
    epoch: _Epoch
    revision: _Revision
    emitted: _Milliseconds
    window_end: _Milliseconds | None = None
    time: _Milliseconds | None = None
    current: bool = False


class _Alert(msgspec.Struct, frozen=True):
    id: _Id
    time: _Milliseconds
    epoch: _Epoch
    revision: _Revision
    emitted: _Milliseconds


class _Late(msgspec.Struct, frozen=True):
    id: _Id
    time: _Milliseconds


class _Letter(msgspec.Struct, frozen=True):
    id: _Id
    first_seen: _Milliseconds


@dataclass(frozen=True, slots=True)
class Indexable:
    """A document, the id its source knows it by, and since when it could have been searchable.

    `since` is when an event was received, or a window or alert emitted, in ms since the epoch; None where no such
    time is known.
    """

    document: Document
    source_id: str
    since: int | None


Reader = Callable[[Kind, bytes], Indexable | Rejected]
"""`read`, or what knows more kinds of records."""


def read(kind: Kind, data: bytes) -> Indexable | Rejected:
    """The document in a record of a stream of this kind, or why there is none."""
    try:
        return _READERS[kind](data)
    except msgspec.ValidationError as error:
        return rejected_by_type(error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Rejected("malformed_json", f"{type(error).__name__}: {error}")


def index_name(prefix: str, time_ms: int, part: str = "") -> str:
    """`prefix-part-YYYY.MM.DD` by the UTC day of `time_ms`: at most 96 bytes, valid as an OpenSearch index name."""
    return _index_name(prefix, time_ms // _DAY_MS, part)


def current_index_name(query: str) -> str:
    """Where the rows lie that later ones replace: `aggregates-query-current`."""
    return f"{ALIASES['aggregates']}-{_safe(query)}-current"


def document_id(source_id: str) -> str:
    """The id itself, or its SHA-256 where it is beyond OpenSearch's limit."""
    if len(source_id) * 4 > MAX_ID_BYTES:  # UTF-8 takes at most four bytes a character
        encoded = source_id.encode("utf-8", "surrogatepass")
        if len(encoded) > MAX_ID_BYTES:
            return hashlib.sha256(encoded).hexdigest()
    return source_id


def version(epoch: int, revision: int) -> int:
    """A version that grows with the epoch, then the revision, within 63 bits: a zombie's write is always older."""
    return epoch << _REVISION_BITS | revision


@lru_cache(maxsize=4096)
def _index_name(prefix: str, day: int, part: str) -> str:
    date = datetime.fromtimestamp(day * _DAY_MS // 1000, UTC).strftime("%Y.%m.%d")
    safe = _safe(part)
    return f"{prefix}-{safe}-{date}" if safe else f"{prefix}-{date}"


def _safe(part: str) -> str:
    return _UNSAFE.sub("-", part.lower())[:_NAME_CHARACTERS]


def _event(data: bytes) -> Indexable | Rejected:
    event = event_contract.decode(data)
    if isinstance(event, Rejected):
        return event
    index = index_name(ALIASES["enriched"], event.time, event.type)
    body = data if _fits_object_mapping(event.payload) else _with_object_payload(event)
    # A client's ids are unique within its tenant alone.
    identity = document_id(f"{event.tenant}|{event.id}")
    return Indexable(Document(index, identity, body), event.id, event.received)


def _fits_object_mapping(payload: Raw) -> bool:
    """Whether the payload is a JSON object or null. A field is one or the other in an index: an object here."""
    return bytes(payload).lstrip()[:1] in (b"{", b"n")


def _with_object_payload(event: Event) -> bytes:
    """The event with a payload that is no object under `payload.value`."""
    return event_contract.encode(event_contract.with_payload(event, b'{"value":%b}' % bytes(event.payload)))


def _window(data: bytes) -> Indexable | Rejected:
    row = _WINDOW.decode(data)
    time = row.window_end if row.window_end is not None else row.time
    if time is None:
        return Rejected("missing_field", "a row needs `window_end`, or `time` if it has no window", "window_end")
    # What is replaced, maybe on another day, lies in one index, or the former document would stay in another.
    index = current_index_name(row.query) if row.current else index_name(ALIASES["aggregates"], time, row.query)
    versioned = Document(index, document_id(row.id), data, version(row.epoch, row.revision))
    return Indexable(versioned, row.id, row.emitted)


def _alert(data: bytes) -> Indexable:
    row = _ALERT.decode(data)
    index = index_name(ALIASES["alerts"], row.time)
    versioned = Document(index, document_id(row.id), data, version(row.epoch, row.revision))
    return Indexable(versioned, row.id, row.emitted)


def _late(data: bytes) -> Indexable:
    row = _LATE.decode(data)
    return Indexable(Document(index_name(ALIASES["late"], row.time), document_id(row.id), data), row.id, None)


def _letter(data: bytes) -> Indexable:
    row = _LETTER.decode(data)
    index = index_name(ALIASES["dead-letters"], row.first_seen)
    return Indexable(Document(index, document_id(row.id), data), row.id, None)


_WINDOW: Final = msgspec.json.Decoder(_Window)
_ALERT: Final = msgspec.json.Decoder(_Alert)
_LATE: Final = msgspec.json.Decoder(_Late)
_LETTER: Final = msgspec.json.Decoder(_Letter)

_READERS: Final[dict[Kind, Callable[[bytes], Indexable | Rejected]]] = {
    "enriched": _event,
    "aggregates": _window,
    "alerts": _alert,
    "late": _late,
    "dead-letters": _letter,
}
