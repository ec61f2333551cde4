"""Event-stream frames: known bytes, botocore as a second reader, and every kind of damage."""

import struct
import zlib

import pytest
from botocore.eventstream import EventStreamBuffer

from aws_wire.event_stream import CorruptFrame, Decoder, Frame, encode

HEADERS = {":message-type": "event", ":event-type": "SubscribeToShardEvent"}


def frame_with_headers(raw_headers: bytes, payload: bytes = b"") -> bytes:
    lengths = struct.pack(">II", 16 + len(raw_headers) + len(payload), len(raw_headers))
    body = lengths + struct.pack(">I", zlib.crc32(lengths)) + raw_headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


def test_published_example() -> None:
    """The empty message of the AWS event-stream test vectors has these sixteen bytes."""
    assert encode({}, b"") == bytes.fromhex("000000100000000005c248eb7d98c8ff")


def test_botocore_reads_what_is_encoded() -> None:
    """Botocore's decoder, written by AWS, reads the headers and the payload back."""
    buffer = EventStreamBuffer()
    buffer.add_data(encode(HEADERS, b"payload"))
    (message,) = list(buffer)
    assert message.headers == HEADERS
    assert message.payload == b"payload"


def test_frames_split_at_every_byte() -> None:
    """A frame is delivered once its last byte is in, wherever the pieces were cut."""
    decoder = Decoder()
    frames: list[Frame] = []
    for byte in encode(HEADERS, b"one") + encode({}, b"two"):
        frames += decoder.feed(bytes((byte,)))
    assert frames == [Frame(HEADERS, b"one"), Frame({}, b"two")]
    assert decoder.buffered == 0


def test_data_is_taken_even_when_nobody_iterates() -> None:
    """Feeding without iterating loses nothing: a later iteration yields the frame."""
    decoder = Decoder()
    decoder.feed(encode(HEADERS, b"one"))
    assert [frame.payload for frame in decoder.feed(b"")] == [b"one"]


def test_truncated_frame_is_seen_as_buffered() -> None:
    """Bytes of a frame that never ended stay countable."""
    decoder = Decoder()
    assert list(decoder.feed(encode(HEADERS, b"one")[:-1])) == []
    assert decoder.buffered > 0


@pytest.mark.parametrize("position", [0, 5, 9, 14, -6, -1])
def test_one_wrong_byte_is_corrupt(position: int) -> None:
    """A flipped bit in the prelude, its checksum, a header, the payload or the last checksum is found."""
    damaged = bytearray(encode(HEADERS, b"payload"))
    damaged[position] ^= 0x01
    with pytest.raises(CorruptFrame):
        list(Decoder().feed(bytes(damaged)))


def test_frames_before_the_damage_are_delivered_and_none_after() -> None:
    """The good frames come out first; after the damage the decoder refuses all further data."""
    decoder = Decoder()
    good = encode(HEADERS, b"good")
    frames = decoder.feed(good + good[:-1] + b"\x00" + good)
    assert next(frames).payload == b"good"
    with pytest.raises(CorruptFrame):
        next(frames)
    with pytest.raises(CorruptFrame):
        list(decoder.feed(good))


def test_every_header_type_becomes_text() -> None:
    """Booleans, integers, bytes, timestamps and UUIDs are given as text."""
    raw = b"".join(
        (
            b"\x01a\x00",
            b"\x01b\x01",
            b"\x01c\x02\xff",
            b"\x01d\x03\x00\x02",
            b"\x01e\x04\x00\x00\x00\x03",
            b"\x01f\x05" + (4).to_bytes(8, "big"),
            b"\x01g\x06\x00\x02hi",
            b"\x01h\x07\x00\x02ho",
            b"\x01i\x08" + (1000).to_bytes(8, "big"),
            b"\x01j\x09" + bytes(16),
        )
    )
    (frame,) = Decoder().feed(frame_with_headers(raw))
    assert frame.headers == {
        "a": "true",
        "b": "false",
        "c": "-1",
        "d": "2",
        "e": "3",
        "f": "4",
        "g": "aGk=",
        "h": "ho",
        "i": "1000",
        "j": "00000000-0000-0000-0000-000000000000",
    }


@pytest.mark.parametrize(
    "raw",
    [b"\x05ab", b"\x01a", b"\x01a\x07\x00", b"\x01a\x07\x00\x09hi", b"\x01a\x0a", b"\x01a\x07\x00\x01\xff"],
)
def test_headers_that_lie_are_corrupt(raw: bytes) -> None:
    """Headers with right checksums but a wrong length, type or encoding are refused."""
    with pytest.raises(CorruptFrame):
        list(Decoder().feed(frame_with_headers(raw)))


def test_impossible_lengths_are_corrupt_before_any_waiting() -> None:
    """A length beyond the limits is refused from the prelude alone, so that nobody buffers gigabytes."""
    lengths = struct.pack(">II", 0x7FFFFFFF, 0)
    with pytest.raises(CorruptFrame):
        list(Decoder().feed(lengths + struct.pack(">I", zlib.crc32(lengths))))


@pytest.mark.parametrize(("name", "value"), [("", "v"), ("n" * 256, "v"), ("n", "v" * 65_536)])
def test_headers_that_cannot_be_encoded(name: str, value: str) -> None:
    """A name or a value that its length field cannot express is a ValueError."""
    with pytest.raises(ValueError, match="header"):
        encode({name: value}, b"")
