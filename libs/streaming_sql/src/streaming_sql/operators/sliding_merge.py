"""The groups of a window that moves over slices, with each slice merged about three times however many a window reads.

Two stacks, as a queue with an associative sum is kept: of the older slices the merge of each with all that follow it
up to a border, of the newer ones the merge of all. The window is one of the former with the latter; when the window has
left the border behind, the newer slices become the older ones. Nothing here is state: it follows from the slices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from streaming_sql.aggregates.groups import Group, Groups

Merge = Callable[[Group, Group, int], Group]


class SlidingMerge:
    """Follows the windows of one grouping, each later than the one before. The slices it is given change no more."""

    def __init__(self, merge: Merge) -> None:
        self._merge = merge
        self._older: list[tuple[int, Groups]] = []
        self._newer: list[int] = []
        self._newer_groups: Groups = {}
        self._last: int | None = None

    def window(self, starts: Sequence[int], slices: Mapping[int, Groups], period: int) -> Groups:
        """The groups of the slices that begin at `starts`, oldest first; newer slices' rows come before older ones'.

        The caller changes neither the groups nor their dict.
        """
        first = starts[0]
        while self._older and self._older[-1][0] < first:
            self._older.pop()
        for start in starts:
            if self._last is None or start > self._last:
                self._newer.append(start)
                self._newer_groups = self._under(slices[start], self._newer_groups, period)
                self._last = start
        if not self._older and self._newer[0] < first:
            self._turn(first, slices, period)
        if not self._older:
            return self._newer_groups
        older = self._older[-1][1]
        return self._under(self._newer_groups, older, period) if self._newer else older

    def _turn(self, first: int, slices: Mapping[int, Groups], period: int) -> None:
        """Make the newer slices that the window still reads the older ones."""
        groups: Groups = {}
        for start in reversed([start for start in self._newer if start >= first]):
            groups = self._under(groups, slices[start], period)
            self._older.append((start, groups))
        self._newer, self._newer_groups = [], {}

    def _under(self, newer: Groups, older: Groups, period: int) -> Groups:
        """The groups of both, in a new dict."""
        if not older:
            return newer.copy()
        merge = self._merge
        merged = older.copy()
        for key, group in newer.items():
            known = merged.get(key)
            merged[key] = group if known is None else merge(group, known, period)
        return merged
