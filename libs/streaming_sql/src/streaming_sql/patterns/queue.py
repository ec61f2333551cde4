"""Attempts ordered by where they start, and equal ones as Java's PriorityQueue orders them.

Flink keeps attempts in such queues and reads them in the order of the queue's array, so where several ways through a
pattern cover the same rows, the queue decides which of them becomes the match.
"""

from __future__ import annotations

from typing import Protocol, TypeVar


class Started(Protocol):
    """What has a place where it starts."""

    @property
    def start(self) -> float:
        """The number of the first row."""


_Item = TypeVar("_Item", bound=Started)


def push(queue: list[_Item], item: _Item) -> None:
    """Add an item."""
    queue.append(item)
    place, start = len(queue) - 1, item.start
    while place > 0:
        parent = (place - 1) >> 1
        if start >= queue[parent].start:
            break
        queue[place] = queue[parent]
        place = parent
    queue[place] = item


def pop(queue: list[_Item]) -> _Item:
    """Take the item that starts first."""
    first, last = queue[0], queue.pop()
    if queue:
        _sink(queue, 0, last)
    return first


def keep_after(queue: list[_Item], start: float) -> None:
    """Drop the items that start there or before."""
    kept = [item for item in queue if item.start > start]
    if len(kept) < len(queue):
        queue[:] = kept
        for place in range((len(kept) >> 1) - 1, -1, -1):
            _sink(queue, place, queue[place])


def _sink(queue: list[_Item], place: int, item: _Item) -> None:
    half = len(queue) >> 1
    while place < half:
        child = 2 * place + 1
        if child + 1 < len(queue) and queue[child].start > queue[child + 1].start:
            child += 1
        if item.start <= queue[child].start:
            break
        queue[place] = queue[child]
        place = child
    queue[place] = item
