"""The records of one shard, in order, found by position or by sequence number."""

from bisect import bisect_left
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple


class Record(NamedTuple):
    """One stored record. `encoded` is the data in base64, as it came and as it will be sent."""

    sequence: int
    arrived: int
    partition_key: str
    encoded: str
    size: int
    """Bytes of data and partition key together."""


_by_sequence = attrgetter("sequence")


class Log:
    """Append at the end, trim at the start, read from anywhere.

    A position is the count of records appended before; it stays valid when older records are trimmed. Reading costs
    what is read, whatever is stored.
    """

    def __init__(self) -> None:
        self._records: list[Record] = []
        self._head = 0
        self._first = 0

    def __len__(self) -> int:
        return len(self._records) - self._head

    @property
    def start(self) -> int:
        """Position of the oldest record kept."""
        return self._first + self._head

    @property
    def end(self) -> int:
        """Position that the next record will have."""
        return self._first + len(self._records)

    @property
    def records(self) -> Sequence[Record]:
        """Every record kept, oldest first (a copy)."""
        return self._records[self._head :]

    def append(self, record: Record) -> None:
        """Add a record; its sequence number must be above all before."""
        self._records.append(record)

    def position_of(self, sequence: int) -> int:
        """Position of the first record with this number or a higher one; `end` if there is none."""
        return self._first + bisect_left(self._records, sequence, lo=self._head, key=_by_sequence)

    def at(self, position: int) -> Record | None:
        """The record there, or the oldest one if that was trimmed; None at the end."""
        index = max(position - self._first, self._head)
        return self._records[index] if index < len(self._records) else None

    def read(self, position: int, *, max_records: int, max_bytes: int) -> tuple[list[Record], int]:
        """Records from there and the position after them.

        No more than `max_records`, and no more than `max_bytes` but that one record always comes.
        """
        first = max(position - self._first, self._head)
        last = first
        size = 0
        limit = min(len(self._records), first + max_records)
        while last < limit:
            size += self._records[last].size
            if size > max_bytes and last > first:
                break
            last += 1
        return self._records[first:last], self._first + last

    def trim(self, before: int) -> None:
        """Forget records that arrived before that time, ms."""
        records = self._records
        head = self._head
        while head < len(records) and records[head].arrived < before:
            head += 1
        self._head = head
        # Moving the rest only once half is gone keeps the cost of trimming constant a record.
        if head > 1024 and head * 2 > len(records):
            del records[:head]
            self._first += head
            self._head = 0
