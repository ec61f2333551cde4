"""The first rows of each key in order of arrival: top-N and deduplication by processing time. Never revised."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from streaming_sql.nodes import Node
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing
from streaming_sql.operators.row_codec import RowCodec
from streaming_sql.operators.shelf import Due, StateKeys
from streaming_sql.operators.time_to_live import TimeToLive
from streaming_sql.types import SqlType


@dataclass(frozen=True, eq=False, kw_only=True)
class FirstRowsNode(Node):
    """The rows of rank `first` to `last` of each key by arrival. They come out as `columns` and the rank."""

    key: Callable[[Any], Key]
    key_types: tuple[SqlType, ...]
    columns: Callable[[Any], tuple[Any, ...]]
    first: int
    last: int
    ttl_ms: int | None = None

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
        self._ttl = TimeToLive(node.ttl_ms)
        self._keys = RowCodec(node.key_types)
        self.keys = StateKeys((node.key,), self._keys.encode, self._keys.decode)

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Pass a row that is among the first of its key."""
        node = self._node
        key = node.key(row)
        if self._ttl.is_over(key, watermark):
            self._forget(key)
        rank = self._seen.get(key, 0) + 1
        if rank > node.last:
            return
        self._seen[key] = rank
        self._ttl.write(key, time)
        self.dirty.add(key)
        if rank >= node.first:
            self.emit((*node.columns(row), rank), time, watermark, shard)

    def advance(self, before: int, now: int, /) -> None:
        """Forget the keys whose time to live is over."""
        for key in self._ttl.over(now):
            self._forget(key)

    def _forget(self, key: Key) -> None:
        self._ttl.forget(key)
        self._seen.pop(key, None)
        self.dirty.add(key)

    def flush_time(self) -> int | None:
        """Nothing is held back."""
        return None

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """By key: how many rows have come, at most `last`, and when that was written."""
        wanted = list(self._seen) if keys is None else keys
        captured = [(key, self._seen.get(key), self._ttl.written(key)) for key in wanted]
        return ((self._keys.encode(key), [seen, written] if seen else None) for key, seen, written in captured)

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """Continue from what `snapshot` gave."""
        for encoded, (seen, written) in parts:
            key = self._keys.decode(encoded)
            self._seen[key] = seen
            self._ttl.write(key, written)

    def evict(self, keys: Collection[Key]) -> list[Due]:
        """See Evictable."""
        for key in keys:
            self._seen.pop(key, None)
        return self._ttl.evict(keys)

    @property
    def size(self) -> int:
        """Keys."""
        return len(self._seen)
