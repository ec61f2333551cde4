"""How windows are made of slices: which slice a row falls in, which windows read a slice, which slices a window.

As in Flink's SliceAssigners a slice is as long as the step between two windows, so a row touches one slice however many
windows cover it. A window is (end, start), so that windows sort by their ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from streaming_sql.relation import WindowSpec

Slice = tuple[int, int]
"""(start, mark): what `mark` says, each layout knows."""
Window = tuple[int, int]
"""(end, start)."""


class Layout(Protocol):
    """The slices of one kind of window.

    Attributes:
        slide: the length of a slice in ms.
        offset: where slices begin after the epoch, in ms.

    """

    slide: int
    offset: int

    def place(self, time: int, watermark: int) -> tuple[Slice | None, int | None]:
        """The slice of a row for those of its windows that are not late, and the end of the last one that is."""

    def windows(self, part: Slice) -> list[Window]:
        """The windows that read the slice, by their ends."""

    def parts(self, window: Window, slices: dict[Slice, Any]) -> list[Slice]:
        """The slices among the given ones that the window reads, oldest first."""

    def expired(self, window: Window, slices: dict[Slice, Any]) -> list[Slice]:
        """The slices among the given ones that no later window reads."""


@dataclass
class Hopping:
    """TUMBLE and HOP. The mark of a slice counts the windows that its rows came too late for."""

    size: int
    slide: int
    offset: int

    def place(self, time: int, watermark: int) -> tuple[Slice | None, int | None]:
        """A row that some windows missed falls in a slice that only the later ones read."""
        slide = self.slide
        start = time - (time - self.offset) % slide
        if start + slide - 1 > watermark:
            return (start, 0), None
        overlap = self.size // slide
        missed = min((watermark + 1 - start) // slide, overlap)
        return (start, missed) if missed < overlap else None, start + missed * slide

    def windows(self, part: Slice) -> list[Window]:
        """Those that begin up to `size` before the slice's end."""
        start, missed = part
        ends = range(start + (missed + 1) * self.slide, start + self.size + 1, self.slide)
        return [(end, end - self.size) for end in ends]

    def parts(self, window: Window, slices: dict[Slice, Any]) -> list[Slice]:
        """Those that begin in the window, of each start those that the window was not late for."""
        end, first = window
        if self.size == self.slide:
            return [(first, 0)] if (first, 0) in slices else []
        if len(slices) <= self.size // self.slide:
            found = [part for part in slices if first <= part[0] and part[0] + part[1] * self.slide < end]
            return sorted(found)
        return [
            (start, missed)
            for start in range(first, end, self.slide)
            for missed in range((end - start) // self.slide)
            if (start, missed) in slices
        ]

    def expired(self, window: Window, slices: dict[Slice, Any]) -> list[Slice]:
        """The first of the window."""
        return [part for missed in range(self.size // self.slide) if (part := (window[1], missed)) in slices]


@dataclass
class Cumulative:
    """CUMULATE: the windows of one start share all slices before their ends, so a missed window only moves a row on.

    The mark of a slice is -1 for rows that were moved on to it, which come before its own, and 0 otherwise.
    """

    size: int
    slide: int
    offset: int

    def place(self, time: int, watermark: int) -> tuple[Slice | None, int | None]:
        """The last slice of the first window that is not late."""
        slide = self.slide
        start = time - (time - self.offset) % slide
        if start + slide - 1 > watermark:
            return (start, 0), None
        last = time - (time - self.offset) % self.size + self.size
        missed = min(start + (watermark + 1 - start) // slide * slide, last)
        return (missed, -1) if missed < last else None, missed

    def windows(self, part: Slice) -> list[Window]:
        """Those of the slice's day (say) that end after it."""
        start = part[0]
        first = start - (start - self.offset) % self.size
        return [(end, first) for end in range(start + self.slide, first + self.size + 1, self.slide)]

    def parts(self, window: Window, slices: dict[Slice, Any]) -> list[Slice]:
        """All that begin in the window."""
        end, first = window
        starts = range(first, end, self.slide)
        return [part for start in starts for mark in (-1, 0) if (part := (start, mark)) in slices]

    def expired(self, window: Window, slices: dict[Slice, Any]) -> list[Slice]:
        """All of the window, if it is the longest of its start."""
        end, first = window
        return self.parts(window, slices) if end == first + self.size else []


@dataclass
class Attached:
    """Rows that belong to one window already: its slice is the window, marked with its end."""

    slide: int = 1
    offset: int = 0

    def place(self, time: int, watermark: int) -> tuple[Slice | None, int | None]:
        """Not used: the row says it."""
        raise NotImplementedError

    def windows(self, part: Slice) -> list[Window]:
        """The window itself."""
        return [(part[1], part[0])]

    def parts(self, window: Window, slices: dict[Slice, Any]) -> list[Slice]:
        """The window itself."""
        part = (window[1], window[0])
        return [part] if part in slices else []

    expired = parts


def layout_of(spec: WindowSpec, *, attached: bool) -> Layout:
    """The layout of a window function."""
    if attached:
        return Attached()
    kind = Cumulative if spec.kind == "CUMULATE" else Hopping
    return kind(spec.size, spec.slide, spec.offset)


def settled(layout: Layout, part: Slice, passed: int) -> tuple[Slice | None, int | None]:
    """As Layout.place, for a slice whose rows were placed before `passed` was reached."""
    start, mark = part
    if isinstance(layout, Attached):
        return (None, mark) if mark - 1 <= passed else (part, None)
    placed, missed = layout.place(start, passed)
    if missed is None or (isinstance(layout, Hopping) and placed is not None and placed[1] <= mark):
        return part, None
    return placed, missed


def in_order(keys: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The keys sorted, NULL first: rows of one window come out in one order, however shards interleaved."""
    listed = list(keys)
    try:
        listed.sort()
    except TypeError:
        listed.sort(key=lambda key: [(value is not None, value) for value in key])
    return listed


def describe_window(window: WindowSpec, *, attached: bool = False) -> str:
    """The window function in words."""
    if attached:
        return "the one that each row belongs to"
    offset = f", offset {window.offset} ms" if window.offset else ""
    sizes = {
        "TUMBLE": f"of {window.size} ms",
        "HOP": f"of {window.size} ms every {window.slide} ms, kept as slices of {window.slide} ms",
        "CUMULATE": f"of up to {window.size} ms in steps of {window.slide} ms",
        "SESSION": f"until {window.size} ms without rows",
    }
    return f"{window.kind} {sizes.get(window.kind, '')}{offset}"
