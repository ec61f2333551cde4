"""The state of an exchange shard's unit as bytes. Pure.

Snapshot: {"version": 1, "positions": {shard: [sequence number, sub-sequence number]}, "ended": [shard],
"groups": {key group: {"applied": {source shard: [epoch, number]}, "state": see streaming_sql.distribution}},
"outbox": [...], "children": [shard], "heirs": {parent: [its children]}}. It is whole, or has only the key groups that
changed, and of these only what changed: a chain of a whole one and changes is the state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import msgspec

from aggregator.rows import Row
from streaming_sql import StateError

RECEIVER_VERSION = 1


class GroupSnapshot(msgspec.Struct):
    """A key group: the last message of each source shard that it has taken in, and its state."""

    applied: dict[str, tuple[int, int]]
    state: msgspec.Raw


class ReceiverSnapshot(msgspec.Struct):
    """One object of a chain, read; or a state about to be written."""

    version: int
    positions: dict[str, tuple[str, int]]
    ended: list[str]
    groups: dict[int, GroupSnapshot]
    outbox: list[Row]
    children: list[str] = msgspec.field(default_factory=list)
    heirs: dict[str, list[str]] = msgspec.field(default_factory=dict)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ReceiverSnapshot).decode


class CapturedPart(Protocol):
    """A part of a state at one moment."""

    def encode(self) -> bytes:
        """The part as JSON. Once, in any thread."""


@dataclass(frozen=True)
class CapturedReceiver:
    """An exchange shard's state at one moment."""

    snapshot: ReceiverSnapshot
    groups: dict[int, tuple[dict[str, tuple[int, int]], CapturedPart]]

    def encode(self) -> bytes:
        """The snapshot. Once, in any thread."""
        groups = {
            number: GroupSnapshot(applied, msgspec.Raw(captured.encode()))
            for number, (applied, captured) in self.groups.items()
        }
        return _encode(msgspec.structs.replace(self.snapshot, groups=groups))


def read_receiver_snapshot(data: bytes) -> ReceiverSnapshot:
    """One snapshot of a chain. Raises StateError when it is of another version or none."""
    try:
        snapshot = _decode(data)
    except msgspec.DecodeError as error:
        raise StateError(f"not an exchange shard's snapshot: {error}") from error
    if snapshot.version != RECEIVER_VERSION:
        raise StateError(f"snapshot version {snapshot.version}, this program reads version {RECEIVER_VERSION}")
    return snapshot
