"""What travels on the exchange stream: messages of source shards to key groups, tagged so that each is taken in once.

A record is "ETLX", a version, one byte, and a MessagePack array [application, key group, source shard, epoch, number,
body]; the body is streaming_sql.distribution's. (epoch, number) only grows within a source shard: the number counts its
messages and is committed with what they were made of, so that a message that is sent again after a crash is the same,
and the epoch grows with each owner, should the state begin anew. Under another application it begins anew too, which is
why messages name theirs. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from aggregator.rows import Row, oversized_row, oversized_value, partition_key
from streaming_sql.distribution import KEY_GROUPS, Sent, explicit_hash_key
from streaming_sql.distribution.messages import decode_message, encode_message

VERSION = 1
_MARK = b"ETLX"
_PREFIX = _MARK + bytes([VERSION])
MOST_BYTES = 1_040_000
"""Of a record: Kinesis takes 1 MiB, with its partition key."""


class UnknownVersion(Exception):
    """A newer release wrote this message. It waits in the stream for a task of that release."""


class Message(msgspec.Struct, frozen=True, array_like=True):
    """What one source shard tells one key group."""

    application: str
    key_group: int
    shard: str
    epoch: int
    number: int
    body: bytes

    @property
    def tag(self) -> tuple[int, int]:
        """The message's place among those of its shard to its key group: only what is greater than the last is new."""
        return self.epoch, self.number


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode


@dataclass(frozen=True)
class Address:
    """Whose messages they are: of an application's source shard, by its owner of an epoch."""

    application: str
    stream: str
    shard: str
    epoch: int

    def rows(self, sent: Sequence[Sent], first: int) -> list[Row]:
        """The messages of one take as rows for the exchange stream, numbered on from `first`.

        What does not fit, though it is alone in its message, becomes a dead letter: a source record, or a single value
        of a group.
        """
        return [row for place, each in enumerate(sent) for row in self._rows(each, first + place)]

    def _rows(self, sent: Sent, number: int) -> list[Row]:
        row = self._row(sent.key_group, number, sent.data)
        if len(row.data) <= MOST_BYTES:
            return [row]
        message = decode_message(sent.data)
        letters = [
            oversized_row(record, self.stream, self.shard, f"{self.epoch}-{number}")
            for rows in message.rows
            for record in rows.records
        ]
        letters += [
            oversized_value(slices.node, group, self.stream, self.shard, f"{self.epoch}-{number}")
            for slices in message.slices
            for group in slices.decoded()
        ]
        message.rows, message.slices = [], []
        return [*letters, self._row(sent.key_group, number, encode_message(message))]

    def _row(self, key_group: int, number: int, body: bytes) -> Row:
        message = Message(self.application, key_group, self.shard, self.epoch, number, body)
        key = partition_key(f"{key_group}/{self.application}")
        return Row("exchange", key, _PREFIX + _encode(message), str(explicit_hash_key(key_group)))


def read_message(data: bytes) -> Message | None:
    """The message of a record, None for what is none.

    Raises:
        UnknownVersion: for a message that this release cannot read.

    """
    mark, version = data[: len(_MARK)], data[len(_MARK) : len(_PREFIX)]
    if mark != _MARK or version < bytes([VERSION]):
        return None
    if version > bytes([VERSION]):
        raise UnknownVersion(
            f"a message of version {version[0]} on the exchange stream, this release reads version {VERSION}: let the "
            "newer tasks take over"
        )
    try:
        message = _decode(memoryview(data)[len(_PREFIX) :])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return message if 0 <= message.key_group < KEY_GROUPS else None


__all__ = ["MOST_BYTES", "Address", "Message", "UnknownVersion", "read_message"]
