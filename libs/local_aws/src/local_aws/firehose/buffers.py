"""When a delivery stream's buffered records become an S3 object. Pure: time is an argument, in milliseconds.

Source: "Configure buffering hints" (https://docs.aws.amazon.com/firehose/latest/dev/buffering-hints.html): a buffer is
delivered when it reaches its size, or its interval has passed since its first record, whichever is first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Hints:
    """The size in bytes, before compression, and the age in milliseconds at which a buffer is delivered."""

    size: int
    interval: int


@dataclass(slots=True)
class Batch:
    """The records of one object to be: in order of arrival, `arrived` when the oldest came, `id` its random part."""

    id: str
    arrived: int
    records: list[bytes] = field(default_factory=list)
    size: int = 0

    def append(self, record: bytes) -> None:
        """Add a record at the end."""
        self.records.append(record)
        self.size += len(record)

    def contents(self) -> bytes:
        """Give the object's body before compression: the records as they came, nothing between them."""
        return b"".join(self.records)


class Buffer:
    """The open batch of one delivery stream. `new_id` names each batch."""

    def __init__(self, hints: Hints, new_id: Callable[[], str]) -> None:
        self.hints = hints
        self._new_id = new_id
        self._open: Batch | None = None

    @property
    def open(self) -> Batch | None:
        """The batch that takes the next record, None if there is none yet."""
        return self._open

    @property
    def due_at(self) -> int | None:
        """When the open batch reaches its interval; None without one."""
        return self._open.arrived + self.hints.interval if self._open else None

    def opened(self, now: int) -> Batch:
        """Give the batch that takes the next record, opening one that arrived now if need be."""
        if self._open is None:
            self._open = Batch(self._new_id(), now)
        return self._open

    def add(self, record: bytes, now: int) -> Batch | None:
        """Take a record; give the batch, closed, once it has reached its size."""
        batch = self.opened(now)
        batch.append(record)
        return self.close() if batch.size >= self.hints.size else None

    def due(self, now: int) -> Batch | None:
        """Give the batch, closed, once it has reached its interval."""
        due_at = self.due_at
        return self.close() if due_at is not None and now >= due_at else None

    def close(self) -> Batch | None:
        """Give the open batch, whatever its size and age; None if there is none."""
        closed, self._open = self._open, None
        return closed
