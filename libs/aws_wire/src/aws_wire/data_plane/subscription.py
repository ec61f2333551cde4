"""From the bytes of a subscription to its events. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from aws_wire.data_plane.answers import short_code
from aws_wire.errors import ConnectionLost, ServiceFault
from aws_wire.event_stream import CorruptFrame, Decoder, Frame
from aws_wire.kinesis import SubscribeToShardEvent, UnreadablePayload, decode_event

_STREAM_STATUS = 200


class SubscriptionDecoder:
    """The events of one subscription, from bytes in any pieces."""

    def __init__(self) -> None:
        self._frames = Decoder()

    def feed(self, data: bytes) -> Iterator[SubscribeToShardEvent]:
        """Take `data`; iterate over the events that it completes.

        Iterating raises ServiceFault for an exception in the stream, and CorruptFrame for what is no frame or no
        event; the events before it are yielded.
        """
        for frame in self._frames.feed(data):
            event = event_of(frame)
            if event is not None:
                yield event

    def end(self) -> None:
        """The bytes are over. Raises ConnectionLost when a frame was cut."""
        if self._frames.buffered:
            raise ConnectionLost(f"the subscription ended within a frame, {self._frames.buffered} bytes into it")


def event_of(frame: Frame) -> SubscribeToShardEvent | None:
    """The event in a frame; None for the initial response and for kinds of event that are not known.

    Raises ServiceFault for an exception or an error, CorruptFrame for a payload that is not the event it claims.
    Source: "SubscribeToShardEventStream" in the Kinesis API reference, and the Smithy event-stream specification.
    """
    headers = frame.headers
    kind = headers.get(":message-type")
    if kind == "event":
        if headers.get(":event-type") != "SubscribeToShardEvent":
            return None
        try:
            return decode_event(frame.payload)
        except UnreadablePayload as error:
            raise CorruptFrame(str(error)) from error
    if kind == "exception":
        code = short_code(headers.get(":exception-type", "UnknownException"))
        raise ServiceFault(code, _message(frame.payload), _STREAM_STATUS)
    if kind == "error":
        code = headers.get(":error-code", "UnknownError")
        raise ServiceFault(code, headers.get(":error-message", ""), _STREAM_STATUS)
    raise CorruptFrame(f"a frame of the kind {kind!r}")


def _message(payload: bytes) -> str:
    try:
        told = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    message = (told.get("message") or told.get("Message")) if isinstance(told, dict) else None
    return message if isinstance(message, str) else ""
