"""Windows of one GROUP BY, kept as slices that overlapping windows share.

A slice is as long as the window's slide, so a record touches one slice however many windows cover it, as in
Flink's slicing window operator. A record late for the first k of its windows goes to a part of the slice that
only the later windows read. A window [start, end) is late, and fires, when its shard's or the least watermark has
reached end - 1.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from streaming_sql.accumulators import decode_value, encode_value
from streaming_sql.expressions import Evaluate, Expression
from streaming_sql.nodes import Node
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing
from streaming_sql.planning.aggregates import Aggregate
from streaming_sql.relation import WindowSpec, packed

Group = list[Any]
Groups = dict[Key, Group]


@dataclass(frozen=True, eq=False, kw_only=True)
class WindowAggregateNode(Node):
    """Groups of TUMBLE or HOP windows; rows are (window start, window end, key..., aggregate...)."""

    window: WindowSpec
    keys: tuple[Expression, ...]
    aggregates: tuple[Aggregate, ...]
    bounds: tuple[Evaluate, Evaluate] | None = None
    lateness_ms: int = 0

    def create(self) -> WindowAggregate:
        """No open windows."""
        return WindowAggregate(self)

    def describe(self) -> list[str]:
        """The window and its sizes."""
        return [f"window aggregate: {self.window.kind} of {self.window.size} ms every {self.window.slide} ms"]


class WindowAggregate:
    """The open windows of one GROUP BY."""

    def __init__(self, node: WindowAggregateNode) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.dirty: set[Key] = set()
        self.node = node
        self.slices: dict[int, dict[int, Groups]] = {}
        window = node.window
        self._key = packed(node.keys)
        self._slide, self._offset = window.slide, window.offset
        self._overlap = window.size // window.slide
        self._accumulators = [aggregate.accumulator for aggregate in node.aggregates]
        self._feeds = [
            (place, aggregate.argument, aggregate.condition, aggregate.accumulator.add)
            for place, aggregate in enumerate(node.aggregates)
        ]

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Count a row in."""
        slide = self._slide
        start = time - (time - self._offset) % slide
        missed = 0
        if start + slide - 1 <= watermark:
            missed = min((watermark + 1 - start) // slide, self._overlap)
        if missed < self._overlap:
            self._add(row, start, missed)
        if missed:
            self.late(time, watermark, start + missed * slide)

    def _add(self, row: Any, start: int, missed: int) -> None:
        parts = self.slices.get(start)
        if parts is None:
            parts = self.slices[start] = {}
        groups = parts.get(missed)
        if groups is None:
            groups = parts[missed] = {}
        key = self._key(row)
        self.dirty.add(key)
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

    def advance(self, before: int, now: int, /) -> None:
        """Fire every window that ends as the least watermark goes from `before` to `now`, oldest first."""
        ends = {
            start + step * self._slide
            for start in self.slices
            for step in range(1, self._overlap + 1)
            if before < start + step * self._slide - 1 <= now
        }
        for end in sorted(ends):
            self._fire(end, before)
        for start in [start for start in self.slices if start + self.node.window.size - 1 <= now]:
            for groups in self.slices.pop(start).values():
                self.dirty.update(groups)

    def _fire(self, end: int, watermark: int) -> None:
        start = end - self.node.window.size
        for key, group in self._groups(end).items():
            results = [accumulator.result(state) for accumulator, state in zip(self._accumulators, group, strict=True)]
            self.emit((start, end, *key, *results), end - 1, watermark, "")

    def flush_time(self) -> int | None:
        """The last millisecond of the last open window."""
        return max(self.slices) + self.node.window.size - 1 if self.slices else None

    @property
    def size(self) -> int:
        """How many groups are held."""
        return sum(len(groups) for parts in self.slices.values() for groups in parts.values())

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """Of each key: [slice start, windows missed, accumulators]."""
        types = [key.type for key in self.node.keys]
        found: dict[Key, list[Any] | None] = dict.fromkeys(keys or ())
        for start, parts in self.slices.items():
            for missed, groups in parts.items():
                for key, group in groups.items():
                    if keys is None or key in keys:
                        encoded = [one.encode(state) for one, state in zip(self._accumulators, group, strict=True)]
                        entries = found.get(key)
                        if entries is None:
                            entries = found[key] = []
                        entries.append([start, missed, encoded])
        return iter(
            [
                ([encode_value(value, kind) for value, kind in zip(key, types, strict=True)], entries)
                for key, entries in found.items()
            ]
        )

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """The slices of a snapshot."""
        types = [key.type for key in self.node.keys]
        for encoded, entries in parts:
            key = tuple([decode_value(value, kind) for value, kind in zip(encoded, types, strict=True)])
            for start, missed, group in entries:
                states = [one.decode(state) for one, state in zip(self._accumulators, group, strict=True)]
                self.slices.setdefault(start, {}).setdefault(missed, {})[key] = states

    def _groups(self, end: int) -> Groups:
        """The groups of the window that ends at `end`, merged from its slices."""
        found = [
            groups
            for start in range(end - self.node.window.size, end, self._slide)
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
