"""What crosses the exchange: messages from one shard's sender to one key group, as bytes.

A message is one byte, 1 for plain and 2 for zlib, and an array in MessagePack. Times are in ms. Of what a sender tells
a key group at once the last message has the marks: they hold for all rows before. Watermarks of rows are steps, each
from the one before, since they only grow.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec

from streaming_sql.errors import StateError

VERSION = 1
MOST_BYTES = 900_000
"""The size of a message: a record of Kinesis has up to 1 MB with its partition key, and 1 MiB a second is a shard's."""
_SMALL = 400
"""What is shorter is not worth compressing."""
_PLAIN, _COMPRESSED = b"\x01", b"\x02"
_LEVEL = 1
_ROW_BYTES = 12
"""What a row takes beside its record: its watermark's step and lengths."""

ArrivalFields = tuple[int, str, str]
"""When Kinesis took a record, its sequence number, its partition key."""
Row = tuple[int, bytes, ArrivalFields | None]
"""The watermark of its shard before a record, the record, and how it came."""


class Rows(msgspec.Struct, array_like=True):
    """Records of one scan for one part. `arrivals` only where a column reads one."""

    part: str
    scan: str
    first: int
    steps: list[int]
    records: list[bytes]
    arrivals: list[ArrivalFields] | None = None

    def rows(self) -> Iterator[Row]:
        """The rows, in the order of the shard."""
        watermark = self.first
        for place, record in enumerate(self.records):
            watermark += self.steps[place]
            yield watermark, record, None if self.arrivals is None else self.arrivals[place]


class Slices(msgspec.Struct, array_like=True):
    """Groups of one node's slices for one part: [start, mark, key, group, rows] each, encoded."""

    part: str
    node: str
    fingerprint: str
    entries: list[msgspec.Raw]

    def decoded(self) -> Iterator[tuple[int, int, list[Any], list[Any], int]]:
        """The groups."""
        for entry in self.entries:
            start, mark, key, group, rows = _decode_any(entry)
            yield start, mark, key, group, rows


class Marks(msgspec.Struct, array_like=True):
    """Where a shard stands: by scan its watermark and greatest event time. `children` of one that has ended."""

    scans: dict[str, tuple[int, int]]
    idle: bool
    children: list[str] | None = None


class Message(msgspec.Struct, array_like=True):
    """One message of a shard of a stream."""

    version: int
    shard: str
    stream: str
    rows: list[Rows]
    slices: list[Slices]
    marks: Marks | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode
_decode_any = msgspec.msgpack.decode


def encode_message(message: Message) -> bytes:
    """The bytes of a message."""
    data = _encode(message)
    return _PLAIN + data if len(data) < _SMALL else _COMPRESSED + zlib.compress(data, _LEVEL)


def decode_message(data: bytes) -> Message:
    """The message of its bytes.

    Raises:
        StateError: when another version wrote it.

    """
    head, body = data[:1], data[1:]
    if head not in {_PLAIN, _COMPRESSED}:
        raise StateError(f"exchange message of form {head!r}, this program reads forms 1 and 2")
    message = _decode(zlib.decompress(body) if head == _COMPRESSED else body)
    if message.version != VERSION:
        raise StateError(f"exchange message version {message.version}, this program reads version {VERSION}")
    return message


@dataclass
class Letter:
    """What one key group is to hear at once."""

    rows: dict[tuple[str, str], list[Row]] = field(default_factory=dict)
    slices: dict[tuple[str, str, str], list[bytes]] = field(default_factory=dict)

    def messages(self, shard: str, stream: str, marks: Marks | None, most_bytes: int) -> Iterator[Message]:
        """The messages, each of about `most_bytes` before compression at most; the marks with the last.

        What is larger, a row or a group's single value, is alone in its message.

        Rows of one scan keep their order.
        """
        message, left = Message(VERSION, shard, stream, [], []), most_bytes
        for pack, items, sizes in self._channels():
            for piece, size in _pieces(items, sizes, left, most_bytes):
                if size > left and (message.rows or message.slices):
                    yield message
                    message, left = Message(VERSION, shard, stream, [], []), most_bytes
                packed = pack(piece)
                if isinstance(packed, Rows):
                    message.rows.append(packed)
                else:
                    message.slices.append(packed)
                left -= size
        message.marks = marks
        yield message

    def _channels(self) -> Iterator[tuple[Callable[[list[Any]], Rows | Slices], Sequence[Any], list[int]]]:
        for channel, rows in self.rows.items():
            yield partial(_packed, *channel), rows, [_row_bytes(row) for row in rows]
        for node, entries in self.slices.items():
            yield partial(_sliced, *node), entries, [len(entry) + 1 for entry in entries]


def _pieces(items: Sequence[Any], sizes: Sequence[int], left: int, most: int) -> Iterator[tuple[list[Any], int]]:
    """The items in pieces: the first of up to `left` bytes, the others of up to `most`; an item is never cut."""
    if sum(sizes) <= left:
        yield list(items), sum(sizes)
        return
    piece: list[Any] = []
    size = 0
    for item, bytes_ in zip(items, sizes, strict=True):
        if piece and size + bytes_ > left:
            yield piece, size
            piece, size, left = [], 0, most
        piece.append(item)
        size += bytes_
    yield piece, size


def _row_bytes(row: Row) -> int:
    return len(row[1]) + _ROW_BYTES + (0 if row[2] is None else 16 + len(row[2][1]) + len(row[2][2]))


def _packed(part: str, scan: str, rows: Sequence[Row]) -> Rows:
    watermarks = [row[0] for row in rows]
    steps = [0, *(later - one for one, later in pairwise(watermarks))]
    arrivals = [row[2] for row in rows if row[2] is not None]
    return Rows(part, scan, watermarks[0], steps, [row[1] for row in rows], arrivals or None)


def _sliced(part: str, node: str, fingerprint: str, entries: Sequence[bytes]) -> Slices:
    return Slices(part, node, fingerprint, [msgspec.Raw(entry) for entry in entries])


def encoded_size(value: Any) -> int:
    """How many bytes a value takes in an entry."""
    return len(_encode(value))


def encode_entry(start: int, mark: int, key: list[Any], group: list[Any], rows: int) -> bytes:
    """One group of a slice."""
    return _encode([start, mark, key, group, rows])
