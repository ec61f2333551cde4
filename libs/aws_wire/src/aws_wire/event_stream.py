"""Frames of ``application/vnd.amazon.eventstream``, encoded and decoded without I/O.

A frame is: total length (u32), headers length (u32), CRC-32 of those eight bytes, headers, payload, and the
CRC-32 of everything before it; all integers big-endian. Source: "Event stream encoding", Amazon Transcribe
developer guide
(https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream), and the
Smithy specification ``amazon-eventstream``.
"""

import base64
import struct
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

MAX_HEADERS_BYTES = 128 * 1024
MAX_PAYLOAD_BYTES = 24 * 1024 * 1024

_PRELUDE = struct.Struct(">III")
_LENGTHS = struct.Struct(">II")
_CRC = struct.Struct(">I")
_STRING_LENGTH = struct.Struct(">H")
_OVERHEAD_BYTES = _PRELUDE.size + _CRC.size
_STRING_TYPE = 7
_CACHED_HEADERS_BYTES = 1024


class CorruptFrame(ValueError):
    """The bytes are not an event stream. Drop the connection: a decoder cannot find the next frame."""


class Frame(NamedTuple):
    """One message: its headers (every value as text) and its payload. Frames may share one headers mapping."""

    headers: Mapping[str, str]
    payload: bytes


def encode(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One frame, its headers as strings in the order given.

    Raises ValueError for a header name over 255 bytes or a value over 65,535, or for a payload over
    `MAX_PAYLOAD_BYTES`.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a payload of {len(payload)} bytes is over {MAX_PAYLOAD_BYTES}")
    header_bytes = b"".join(_encode_header(name, value) for name, value in headers.items())
    lengths = _LENGTHS.pack(_OVERHEAD_BYTES + len(header_bytes) + len(payload), len(header_bytes))
    prelude = lengths + _CRC.pack(zlib.crc32(lengths))
    # The CRC runs over the parts, so that a large payload is copied once.
    checksum = zlib.crc32(payload, zlib.crc32(header_bytes, zlib.crc32(prelude)))
    return b"".join((prelude, header_bytes, payload, _CRC.pack(checksum)))


class Decoder:
    """Bytes in any pieces become whole frames. One decoder serves one connection.

    After a `CorruptFrame` every further call raises it again.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._total = 0
        self._headers_length = 0
        self._corrupt: CorruptFrame | None = None

    @property
    def buffered(self) -> int:
        """How many bytes wait for the rest of their frame; not 0 at a stream's end: it was truncated."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take `data` at once; iterate over the frames that it completes.

        Iterating raises CorruptFrame at the first frame with a wrong checksum, length or header; the frames
        before it are yielded.
        """
        self._buffer += data
        return self._frames()

    def _frames(self) -> Iterator[Frame]:
        if self._corrupt is not None:
            raise self._corrupt
        try:
            while (frame := self._take_frame()) is not None:
                yield frame
        except CorruptFrame as error:
            self._corrupt = error
            raise

    def _take_frame(self) -> Frame | None:
        buffer = self._buffer
        if not self._total:
            if len(buffer) < _PRELUDE.size:
                return None
            self._total, self._headers_length = _checked_prelude(buffer)
        total = self._total
        if len(buffer) < total:
            return None
        with memoryview(buffer) as whole, whole[:total] as view:
            frame = _decode_whole(view, self._headers_length)
        # From the front this moves no bytes.
        del buffer[:total]
        self._total = 0
        return frame


def _checked_prelude(buffer: bytearray) -> tuple[int, int]:
    total, headers_length, checksum = _PRELUDE.unpack_from(buffer)
    if zlib.crc32(bytes(buffer[: _LENGTHS.size])) != checksum:
        raise CorruptFrame("the prelude's checksum does not match")
    if headers_length > MAX_HEADERS_BYTES:
        raise CorruptFrame(f"headers of {headers_length} bytes are over {MAX_HEADERS_BYTES}")
    if not 0 <= total - _OVERHEAD_BYTES - headers_length <= MAX_PAYLOAD_BYTES:
        raise CorruptFrame(f"a frame of {total} bytes with {headers_length} bytes of headers cannot be")
    return total, headers_length


def _decode_whole(view: memoryview, headers_length: int) -> Frame:
    end = len(view) - _CRC.size
    (checksum,) = _CRC.unpack_from(view, end)
    with view[:end] as checked:
        if zlib.crc32(checked) != checksum:
            raise CorruptFrame("the frame's checksum does not match")
    headers_end = _PRELUDE.size + headers_length
    return Frame(_known_headers(bytes(view[_PRELUDE.size : headers_end])), bytes(view[headers_end:end]))


def _known_headers(data: bytes) -> Mapping[str, str]:
    """A stream repeats a few header blocks, so the short ones are decoded once."""
    if len(data) > _CACHED_HEADERS_BYTES:
        return _decode_headers(data)
    return _cached_headers(data)


@lru_cache(maxsize=256)
def _cached_headers(data: bytes) -> Mapping[str, str]:
    return MappingProxyType(_decode_headers(data))


def _encode_header(name: str, value: str) -> bytes:
    name_bytes = name.encode()
    value_bytes = value.encode()
    if not 0 < len(name_bytes) <= 0xFF:
        raise ValueError(f"a header's name takes 1 to 255 bytes, not {len(name_bytes)}")
    if len(value_bytes) > 0xFFFF:
        raise ValueError(f"the value of header {name} is over 65,535 bytes")
    return b"".join(
        (
            bytes((len(name_bytes),)),
            name_bytes,
            bytes((_STRING_TYPE,)),
            _STRING_LENGTH.pack(len(value_bytes)),
            value_bytes,
        )
    )


def _decode_headers(data: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    position = 0
    try:
        while position < len(data):
            name_length = data[position]
            name_end = position + 1 + name_length
            name = _exactly(data, position + 1, name_length).decode()
            headers[name], position = _decode_value(data, name_end)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise CorruptFrame(f"the headers cannot be read: {error}") from error
    return headers


def _decode_value(data: bytes, position: int) -> tuple[str, int]:
    kind = data[position]
    position += 1
    if kind in _SIZED_TYPES:
        (length,) = _STRING_LENGTH.unpack_from(data, position)
        position += _STRING_LENGTH.size
        return _SIZED_TYPES[kind](_exactly(data, position, length)), position + length
    if kind in _FIXED_TYPES:
        length, render = _FIXED_TYPES[kind]
        return render(_exactly(data, position, length)), position + length
    raise CorruptFrame(f"header type {kind} is unknown")


def _exactly(data: bytes, start: int, length: int) -> bytes:
    part = data[start : start + length]
    if len(part) != length:
        raise CorruptFrame("a header runs past the end of the headers")
    return part


def _signed(data: bytes) -> str:
    return str(int.from_bytes(data, "big", signed=True))


_FIXED_TYPES: dict[int, tuple[int, Callable[[bytes], str]]] = {
    0: (0, lambda _: "true"),
    1: (0, lambda _: "false"),
    2: (1, _signed),
    3: (2, _signed),
    4: (4, _signed),
    5: (8, _signed),
    8: (8, _signed),  # a timestamp, in milliseconds
    9: (16, lambda data: str(uuid.UUID(bytes=data))),
}
_SIZED_TYPES: dict[int, Callable[[bytes], str]] = {
    6: lambda data: base64.b64encode(data).decode(),
    _STRING_TYPE: bytes.decode,
}
