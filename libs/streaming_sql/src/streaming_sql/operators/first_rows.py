"""The first rows of each key in order of arrival: top-N and deduplication by processing time. Never revised."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from streaming_sql.nodes import Node
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing
from streaming_sql.operators.row_codec import RowCodec
from streaming_sql.types import SqlType


@dataclass(frozen=True, eq=False, kw_only=True)
class FirstRowsNode(Node):
    """The rows of rank `first` to `last` of each key by arrival. They come out as `columns` and the rank."""

    key: Callable[[Any], Key]
    key_types: tuple[SqlType, ...]
    columns: Callable[[Any], tuple[Any, ...]]
    first: int
    last: int

    def create(self) -> FirstRows:
        """An operator that holds nothing."""
        return FirstRows(self)

    def describe(self) -> list[str]:
        """The ranks."""
        ranks = "the first row" if self.last == 1 else f"rows {self.first} to {self.last}"
        return [f"{ranks} of a key by processing time", "never revised"]


class FirstRows:
    """Passes the first rows of each key; how many have come is all that is kept.

    Which rows of a key come first is a fact where they come from one shard.
    """

    def __init__(self, node: FirstRowsNode) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.dirty: set[Key] = set()
        self._node = node
        self._seen: dict[Key, int] = {}
        self._keys = RowCodec(node.key_types)

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Pass a row that is among the first of its key."""
        node = self._node
        key = node.key(row)
        rank = self._seen.get(key, 0) + 1
        if rank > node.last:
            return
        self._seen[key] = rank
        self.dirty.add(key)
        if rank >= node.first:
            self.emit((*node.columns(row), rank), time, watermark, shard)

    def advance(self, before: int, now: int, /) -> None:
        """Nothing waits for time."""

    def flush_time(self) -> int | None:
        """Nothing is held back."""
        return None

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """By key: how many rows have come, at most `last`."""
        captured = [(key, self._seen.get(key)) for key in (list(self._seen) if keys is None else keys)]
        return ((self._keys.encode(key), seen) for key, seen in captured)

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """Continue from what `snapshot` gave."""
        for encoded, seen in parts:
            self._seen[self._keys.decode(encoded)] = seen

    @property
    def size(self) -> int:
        """Keys."""
        return len(self._seen)
