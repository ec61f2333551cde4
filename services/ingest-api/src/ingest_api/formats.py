"""Which format a request speaks, by content type, `format` parameter and headers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.message import Message
from typing import Final

from event_contract import Arrival, Event, Rejected, cloudevents, debezium, errors, native

Parsed = list[Event | Rejected] | Rejected
Parser = Callable[[bytes, str, Arrival], Parsed]

_FORMATS: Final[Mapping[str, Parser]] = {
    "native": native.parse_body,
    "cloudevents": cloudevents.parse_batch,
    "debezium": debezium.parse_batch,
}
_JSON: Final = native.JSON_TYPES | native.LINE_TYPES
CONTENT_TYPES: Final[Mapping[str, frozenset[str]]] = {
    "native": _JSON,
    "cloudevents": frozenset({cloudevents.STRUCTURED, cloudevents.BATCH}),
    "debezium": _JSON | {debezium.CONTENT_TYPE},
}
_FORMAT_OF: Final = {
    cloudevents.STRUCTURED: "cloudevents",
    cloudevents.BATCH: "cloudevents",
    debezium.CONTENT_TYPE: "debezium",
}


def parse(
    body: bytes, content_type: str, named_format: str | None, headers: Mapping[str, str], arrival: Arrival
) -> Parsed:
    """Each event of a request or why it is none, or one rejection of the whole.

    `content_type` is the header as sent, `named_format` the query parameter, which wins over what the type implies.
    """
    media_type, charset = _media_type(content_type)
    if charset not in ("utf-8", "us-ascii"):
        return Rejected(errors.UNSUPPORTED_FORMAT, f"charset {charset!r} is not UTF-8", "Content-Type")
    if named_format is None and cloudevents.is_binary_mode(headers):
        return [cloudevents.from_binary(headers, body, media_type, arrival)]
    name = named_format or _FORMAT_OF.get(media_type, "native")
    if name not in _FORMATS:
        return Rejected(errors.UNSUPPORTED_FORMAT, f"format is one of {', '.join(_FORMATS)}", "format")
    if media_type not in CONTENT_TYPES[name]:
        known = ", ".join(sorted(CONTENT_TYPES[name] if named_format else frozenset().union(*CONTENT_TYPES.values())))
        return Rejected(errors.UNSUPPORTED_FORMAT, f"the content type is one of {known}", "Content-Type")
    return _FORMATS[name](body, media_type, arrival)


def _media_type(header: str) -> tuple[str, str]:
    if ";" not in header:
        return header.strip().lower(), "utf-8"
    message = Message()
    message["Content-Type"] = header
    charset = message.get_param("charset", "utf-8")
    name = header.partition(";")[0].strip().lower()
    return name, charset.lower() if isinstance(charset, str) else ""
