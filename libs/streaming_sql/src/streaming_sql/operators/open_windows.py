"""The open windows of one GROUP BY, by slice and key; see streaming_sql.operators.window_aggregate."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from streaming_sql.aggregates.groups import Group, Groups
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing
from streaming_sql.operators.shelf import FOREVER, Due, StateKeys
from streaming_sql.operators.sliding_merge import SlidingMerge
from streaming_sql.operators.window_layout import Cumulative, Hopping, Slice, Window, in_order, layout_of
from streaming_sql.operators.window_state import RowCodec
from streaming_sql.watermark import NEVER

if TYPE_CHECKING:
    from streaming_sql.operators.window_aggregate import WindowAggregateNode

_MOST_SLIDING = 64
"""Windows of more slices are merged anew each time: a merge kept for each slice would hold every key that often."""


class WindowAggregate:
    """The open windows of one GROUP BY."""

    def __init__(self, node: WindowAggregateNode) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.node = node
        self._dirty: set[Key] = set()
        self._functions = node.functions
        self._update = self._functions.update
        self._codec = RowCodec(node.keys)
        width = 2 + len(node.keys)
        self.keys = StateKeys((self._functions.key,), self._codec.encode_key, self._codec.decode_key, width)
        self.layout = layout_of(node.window, attached=node.bounds is not None)
        slides = not node.lateness_ms and node.window.size <= _MOST_SLIDING * node.window.slide
        self._sliding = SlidingMerge(self._functions.merge) if slides else None
        self._slices: dict[Slice, Groups] = {}
        self._timers: list[Window] = []
        self._timed: set[Window] = set()
        self._kept: list[tuple[int, Window]] = []
        self._revised: dict[Window, dict[Key, Change]] = {}
        self._fired = NEVER
        self._greatest_end = NEVER
        self._period = 0
        self._number = 0
        self._low, self._high, self._groups = 0, 0, {}  # type: int, int, Groups
        if node.bounds is not None:
            self._start_of, self._end_of = node.bounds
            self.receive = self._receive_attached  # type: ignore[method-assign]

    @property
    def dirty(self) -> set[Key]:
        """Keys whose state has changed, or gone."""
        return self._dirty

    @dirty.setter
    def dirty(self, keys: set[Key]) -> None:
        self._dirty = keys
        self._period += 1

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Count a row in."""
        if self._low <= time < self._high and self._high - 1 > watermark:
            self._number = number = self._number + 1
            self._update(self._groups, row, time, shard, number, self._period, self._dirty)
        else:
            self._receive_elsewhere(row, time, watermark, shard)

    def _receive_elsewhere(self, row: Any, time: int, watermark: int, shard: str) -> None:
        """A row of another slice than the one at hand, or one that some of its windows have fired for."""
        slide = self.layout.slide
        low = time - (time - self.layout.offset) % slide
        if low + slide - 1 > watermark:
            self._groups = self._open((low, 0))
            self._low, self._high = low, low + slide
            self._number += 1
            self._update(self._groups, row, time, shard, self._number, self._period, self._dirty)
            return
        part, missed = self.layout.place(time, watermark - self.node.lateness_ms)
        if part is not None:
            self._add(part, row, time, shard)
        if missed is not None:
            self.late(time, watermark, missed)

    def _open(self, part: Slice) -> Groups:
        """The groups of a slice; of a new one the windows that read it are noted."""
        groups = self._slices.get(part)
        if groups is None:
            groups = self._slices[part] = {}
            for window in self.layout.windows(part):
                if window not in self._timed:
                    self._timed.add(window)
                    heapq.heappush(self._timers, window)
                    self._greatest_end = max(self._greatest_end, window[0])
        return groups

    def _add(self, part: Slice, row: Any, time: int, shard: str) -> None:
        if self.node.lateness_ms:
            self._revise(part, self._functions.key(row))
        self._number += 1
        self._update(self._open(part), row, time, shard, self._number, self._period, self._dirty)

    def _receive_attached(
        self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /
    ) -> None:
        start, end = self._start_of(row), self._end_of(row)
        if end - 1 + self.node.lateness_ms <= watermark:
            self.late(time, watermark, end)
        else:
            self._add((start, end), row, time, shard)

    def _revise(self, part: Slice, key: Key) -> None:
        """Note the windows that have fired and are about to take in a row of the key."""
        for window in self.layout.windows(part):
            if window[0] - 1 > self._fired:
                break
            changes = self._revised.setdefault(window, {})
            if key not in changes:
                known = any(key in self._slices[one] for one in self.layout.parts(window, self._slices))
                changes[key] = "+U" if known else "+I"

    def take_slices(self) -> dict[Slice, Groups]:
        """All slices with their groups, which are not here any more; of an operator that never advances."""
        slices, self._slices = self._slices, {}
        self._timers.clear()
        self._timed.clear()
        self._low, self._high, self._greatest_end = 0, 0, NEVER
        return slices

    @property
    def fired(self) -> int:
        """The least watermark at the last `advance`: windows that end by it have fired."""
        return self._fired

    def add_slice(self, part: Slice, key: Key, group: list[Any]) -> None:
        """Merge a group that was encoded elsewhere into a slice, none of whose windows is late."""
        if self.node.lateness_ms:
            self._revise(part, key)
        groups = self._open(part)
        known, given = groups.get(key), self._functions.decode(group, self._period)
        groups[key] = given if known is None else self._functions.merge(known, given, self._period)
        self._dirty.add(key)

    def advance(self, before: int, now: int, /) -> None:
        """Give out revised rows, then the rows of every window that ends, oldest first."""
        self._fired = now
        if self._revised:
            revised, self._revised = self._revised, {}
            for window in sorted(revised):
                self._give_out(window, before, revised[window])
        timers = self._timers
        while timers and timers[0][0] - 1 <= now:
            window = heapq.heappop(timers)
            self._timed.discard(window)
            if window[0] - 1 > before:
                self._give_out(window, before, None)
            if self.node.lateness_ms:
                heapq.heappush(self._kept, (window[0] - 1 + self.node.lateness_ms, window))
            else:
                self._forget(window)
        while self._kept and self._kept[0][0] <= now:
            self._forget(heapq.heappop(self._kept)[1])

    def _forget(self, window: Window) -> None:
        for part in self.layout.expired(window, self._slices):
            self._dirty.update(self._slices.pop(part))
            if part[0] == self._low:
                self._low = self._high = 0

    def _give_out(self, window: Window, watermark: int, changes: dict[Key, Change] | None) -> None:
        """Emit the rows of a window: of all its keys, or of those that changed."""
        groups = self._window_groups(window)
        end, start = window
        emit, results, bounds = self.emit, self._functions.results, (start, end)
        if changes is None:
            for key in in_order(groups):
                emit(bounds + key + results(groups[key]), end - 1, watermark, "")
            return
        self._dirty.update(changes)
        for key in in_order(changes):
            emit(bounds + key + results(groups[key]), end - 1, watermark, "", changes[key])

    def _window_groups(self, window: Window) -> Groups:
        """The groups of a window, merged from its slices."""
        parts = self.layout.parts(window, self._slices)
        if len(parts) == 1:
            return self._slices[parts[0]]
        if isinstance(self.layout, Cumulative) and not self.node.lateness_ms:
            return self._cumulated(window, parts)
        if isinstance(self.layout, Hopping):
            if self._sliding is not None and parts and not any(missed for _, missed in parts):
                slices = {start: self._slices[start, 0] for start, _ in parts}
                return self._sliding.window(list(slices), slices, self._period)
            parts.sort(key=lambda part: (-part[0], part[1]))  # the newest slice first, as Flink merges them
        return self._merged({}, parts)

    def _merged(self, groups: Groups, parts: list[Slice]) -> Groups:
        merge, period = self._functions.merge, self._period
        for part in parts:
            for key, group in self._slices[part].items():
                known = groups.get(key)
                groups[key] = group if known is None else merge(known, group, period)
        return groups

    def _cumulated(self, window: Window, parts: list[Slice]) -> Groups:
        """All slices merged into the first one: the windows of that start that are still open read it as a whole."""
        first = (window[1], 0)
        groups = self._merged(self._slices.setdefault(first, {}), [part for part in parts if part != first])
        for part in parts:
            if part != first:
                self._dirty.update(self._slices.pop(part))
        self._low = self._high = 0
        return groups

    def flush_time(self) -> int | None:
        """The last millisecond of the last window, and the allowed lateness."""
        return self._greatest_end - 1 + self.node.lateness_ms if self._slices else None

    @property
    def size(self) -> int:
        """How many groups are held."""
        return sum(map(len, self._slices.values()))

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """Of each key its groups by slice, its rows to be revised, and the number of the last row."""
        if keys is None:
            held = [(part, groups.copy()) for part, groups in self._slices.items()]
        else:
            held = [
                (part, {key: groups[key] for key in keys if key in groups}) for part, groups in self._slices.items()
            ]
        revised = [(window, changes.copy()) for window, changes in self._revised.items()]
        self._period += 1
        return self._encoded(held, revised, keys, self._number)

    def _encoded(
        self,
        held: list[tuple[Slice, Groups]],
        revised: list[tuple[Window, dict[Key, Change]]],
        keys: Collection[Key] | None,
        number: int,
    ) -> Iterator[tuple[Any, Any]]:
        encode, encode_key = self._functions.encode, self._codec.encode_key
        if len(held) == 1 and keys is None and not revised:
            part, groups = held[0]
            for key, group in groups.items():
                yield encode_key(key), [[[*part, encode(group)]], [], number]
            return
        found: dict[Key, list[tuple[Slice, Group]]] = {} if keys is None else {key: [] for key in keys}
        for part, groups in held:
            for key, group in groups.items():
                found.setdefault(key, []).append((part, group))
        for key, of_key in found.items():
            changes = [[*window, changed[key]] for window, changed in revised if key in changed]
            entries = [[*part, encode(group)] for part, group in of_key]
            yield encode_key(key), [entries, changes, number] if entries else None

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """The slices of a snapshot."""
        decode = self._functions.decode
        for encoded, (entries, changes, number) in parts:
            key = self._codec.decode_key(encoded)
            self._number = max(self._number, number)
            for start, mark, group in entries:
                self._open((start, mark))[key] = decode(group, self._period)
            for end, start, change in changes:
                self._revised.setdefault((end, start), {})[key] = change

    def evict(self, keys: Collection[Key]) -> list[Due]:
        """See Evictable. Windows are no longer merged from their neighbours: these know the keys that have gone."""
        self._sliding = None
        windows = {part: self.layout.windows(part) for part in self._slices}
        dues: list[Due] = []
        for key in keys:
            first, last = FOREVER, NEVER
            for part, groups in self._slices.items():
                if groups.pop(key, None) is not None:
                    first = min(first, self._next(windows[part]))
                    last = max(last, windows[part][-1][0] - 1 + self.node.lateness_ms)
            for changes in self._revised.values():
                if changes.pop(key, None) is not None:
                    first = NEVER
            dues.append((first, last))
        return dues

    def _next(self, windows: Sequence[Window]) -> int:
        """When the first of these windows fires or, having fired, is forgotten."""
        lateness = self.node.lateness_ms
        passed = (end - 1 if end - 1 > self._fired else end - 1 + lateness for end, _ in windows)
        return min((at for at in passed if at > self._fired), default=self._fired)
