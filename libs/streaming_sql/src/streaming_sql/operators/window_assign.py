"""Rows of a window function, each once for every window that it belongs to.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/window-tvf/
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from streaming_sql.nodes import Node
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing
from streaming_sql.relation import WindowSpec


@dataclass(frozen=True, eq=False, kw_only=True)
class WindowAssignNode(Node):
    """The windows of every row: (the input's base row, window start, window end), at the window's last ms."""

    window: WindowSpec

    def create(self) -> WindowAssign:
        """An operator that holds nothing."""
        return WindowAssign(self.window)

    def describe(self) -> list[str]:
        """The window."""
        window = self.window
        return [f"rows by window: {window.kind}, size {window.size} ms, every {window.slide} ms"]


class WindowAssign:
    """Gives each row once for every TUMBLE, HOP or CUMULATE window that it belongs to, in order of their ends."""

    size = 0

    def __init__(self, window: WindowSpec) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.dirty: set[Key] = set()
        self._cumulate = window.kind == "CUMULATE"
        self._size, self._slide, self._offset = window.size, window.slide, window.offset

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Pass the row on with its windows' bounds."""
        size, slide = self._size, self._slide
        if self._cumulate:
            start = time - (time - self._offset) % size
            first = start + (time - start) // slide * slide + slide
            for end in range(first, start + size + 1, slide):
                self.emit((row, start, end), end - 1, watermark, shard, change)
            return
        last = time - (time - self._offset) % slide
        for start in range(last - size + slide, last + 1, slide):
            self.emit((row, start, start + size), start + size - 1, watermark, shard, change)

    def advance(self, before: int, now: int, /) -> None:
        """Nothing waits for time."""

    def flush_time(self) -> int | None:
        """Nothing is held."""
        return None

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """There is no state."""
        return iter(())

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """There is no state."""
