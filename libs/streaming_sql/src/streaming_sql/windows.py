"""Open windows of one query, kept as slices that overlapping windows share.

A slice is as long as the window's slide, so a record touches one slice however many windows cover it, as in
Flink's slicing window operator. A record late for the first k of its windows goes to a part of the slice that
only the later windows read. A window [start, end) is late, and fires, when its shard's or the least watermark has
reached end - 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from streaming_sql.compile import CompiledQuery

Group = list[Any]
Groups = dict[tuple[Any, ...], Group]


@dataclass(frozen=True, slots=True)
class FiredWindow:
    """One row of one window.

    Attributes:
        key: the grouped columns by their name in the sink; values: all other selected columns but the bounds.
        sink_options: the sink table's WITH options.

    """

    query: str
    window_start: int
    window_end: int
    key: dict[str, Any]
    values: dict[str, Any]
    sink_options: dict[str, str]


class WindowStore:
    """The open windows of one query."""

    def __init__(self, query: CompiledQuery) -> None:
        self.query = query
        self.slices: dict[int, dict[int, Groups]] = {}
        window = query.window
        self._slide, self._offset = window.slide, window.offset
        self._overlap = window.size // window.slide
        self._accumulators = [aggregate.accumulator for aggregate in query.aggregates]
        self._feeds = [
            (place, aggregate.argument, aggregate.condition, aggregate.accumulator.add)
            for place, aggregate in enumerate(query.aggregates)
        ]

    def add(self, row: Any, time: int, watermark: int) -> int | None:
        """Count a row in. Returns the end of the last window it came too late for, None if it came in time."""
        where = self.query.where
        if where is not None and where(row) is not True:
            return None
        slide = self._slide
        start = time - (time - self._offset) % slide
        missed = 0
        if start + slide - 1 <= watermark:
            missed = min((watermark + 1 - start) // slide, self._overlap)
        if missed < self._overlap:
            self._add(row, start, missed)
        return start + missed * slide if missed else None

    def _add(self, row: Any, start: int, missed: int) -> None:
        parts = self.slices.get(start)
        if parts is None:
            parts = self.slices[start] = {}
        groups = parts.get(missed)
        if groups is None:
            groups = parts[missed] = {}
        key = self.query.key(row)
        group = groups.get(key)
        if group is None:
            group = groups[key] = [accumulator.initial() for accumulator in self._accumulators]
        for place, argument, condition, add in self._feeds:
            if condition is not None and condition(row) is not True:
                continue
            if argument is None:
                group[place] = add(group[place], None)
                continue
            value = argument(row)
            if value is not None:
                group[place] = add(group[place], value)

    def fire(self, before: int, now: int) -> Iterator[FiredWindow]:
        """The rows of every window that ends as the least watermark goes from `before` to `now`, oldest first."""
        ends = {
            start + step * self._slide
            for start in self.slices
            for step in range(1, self._overlap + 1)
            if before < start + step * self._slide - 1 <= now
        }
        for end in sorted(ends):
            yield from self._rows(end)
        for start in [start for start in self.slices if start + self.query.window.size - 1 <= now]:
            del self.slices[start]

    def last_end(self) -> int | None:
        """The end of the last open window, None if none is open."""
        return max(self.slices) + self.query.window.size if self.slices else None

    def group_count(self) -> int:
        """How many groups are held."""
        return sum(len(groups) for parts in self.slices.values() for groups in parts.values())

    def _rows(self, end: int) -> Iterator[FiredWindow]:
        query = self.query
        start = end - query.window.size
        for key, group in self._groups(end).items():
            results = [accumulator.result(state) for accumulator, state in zip(self._accumulators, group, strict=True)]
            row = (start, end, key, results)
            if query.having is not None and query.having(row) is not True:
                continue
            columns: dict[str, dict[str, Any]] = {"key": {}, "value": {}, "window_start": {}, "window_end": {}}
            for output in query.outputs:
                columns[output.role][output.name] = output.evaluate(row)
            yield FiredWindow(query.name, start, end, columns["key"], columns["value"], query.sink_options)

    def _groups(self, end: int) -> Groups:
        """The groups of the window that ends at `end`, merged from its slices."""
        found = [
            groups
            for start in range(end - self.query.window.size, end, self._slide)
            for missed, groups in self.slices.get(start, {}).items()
            if start + missed * self._slide < end
        ]
        if len(found) == 1:
            return found[0]
        merged: Groups = {}
        for groups in found:
            for key, group in groups.items():
                known = merged.get(key)
                merged[key] = group if known is None else self._merge(known, group)
        return merged

    def _merge(self, left: Group, right: Group) -> Group:
        return [accumulator.merge(a, b) for accumulator, a, b in zip(self._accumulators, left, right, strict=True)]
