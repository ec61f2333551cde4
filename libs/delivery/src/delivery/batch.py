"""How items become requests: packed by key, one pack of a key at a time, within a request's limits."""

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one request may hold: `units` records (or documents) and `size` bytes."""

    units: int
    size: int


class Unit(NamedTuple):
    """What succeeds or fails as a whole in a request: one record or one document.

    - lane: units of one lane go one after another; None for a unit that waits for no other.
    - payload: what is sent, in the adapter's own form; `size` is its share of the request, in bytes.
    - items: positions, in the caller's batch, of the items inside.
    - partition_key, hash_key, shard: for Kinesis alone: the record's keys, and the shard it is meant for if the packing
      depends on that.
    """

    lane: str | None
    payload: bytes
    size: int
    items: tuple[int, ...]
    partition_key: str = ""
    hash_key: str | None = None
    shard: str | None = None


def pack(sizes: Iterable[int], limit: int, fixed: int = 0) -> list[range]:
    """Consecutive positions packed greedily, so that `fixed` and the sizes of a pack add up to `limit` or less.

    A size that is larger on its own gets a pack of its own.
    """
    packs: list[range] = []
    start, total, position = 0, fixed, -1
    for position, size in enumerate(sizes):
        if position > start and total + size > limit:
            packs.append(range(start, position))
            start, total = position, fixed
        total += size
    if position >= start:
        packs.append(range(start, position + 1))
    return packs


_NONE = -1


class Lanes:
    """Which units may be sent now. At most one unit of a lane is in flight, and the next only once that has ended.

    The caller takes a request's worth, sends it, and ends or postpones each unit. Time is any number that grows.
    """

    def __init__(self, units: Sequence[Unit], limits: Limits) -> None:
        self._sizes = [unit.size for unit in units]
        self._limits = limits
        self._unfinished = len(units)
        self._attempts = [0] * len(units)
        self._following = [_NONE] * len(units)  # the next unit of the same lane
        self._ready: deque[int] = deque()
        self._postponed: list[tuple[float, int, int]] = []
        self._postponements = 0
        if units and max(self._sizes) > limits.size:
            raise ValueError(f"A unit of {max(self._sizes)} bytes fits no request of {limits.size}.")
        last: dict[str, int] = {}
        for position, unit in enumerate(units):
            before = _NONE if unit.lane is None else last.get(unit.lane, _NONE)
            if before == _NONE:
                self._ready.append(position)
            else:
                self._following[before] = position
            if unit.lane is not None:
                last[unit.lane] = position

    @property
    def unfinished(self) -> int:
        """How many units have not ended yet."""
        return self._unfinished

    def take(self, now: float) -> list[int]:
        """Positions of units for one request, at most one of a lane; they are in flight from here on."""
        ready, sizes = self._ready, self._sizes
        while self._postponed and self._postponed[0][0] <= now:
            ready.append(heapq.heappop(self._postponed)[2])
        taken: list[int] = []
        size = 0
        while ready and len(taken) < self._limits.units:
            position = ready[0]
            size += sizes[position]
            if size > self._limits.size:
                break
            ready.popleft()
            self._attempts[position] += 1
            taken.append(position)
        return taken

    def attempts(self, position: int) -> int:
        """How often the unit was taken."""
        return self._attempts[position]

    def end(self, position: int) -> None:
        """The unit in flight has ended, well or badly: the next of its lane may go."""
        self._unfinished -= 1
        following = self._following[position]
        if following != _NONE:
            self._ready.append(following)

    def postpone(self, position: int, until: float) -> None:
        """The unit in flight is to be taken again, not before `until`; its lane waits with it."""
        self._postponements += 1
        heapq.heappush(self._postponed, (until, self._postponements, position))

    def next_time(self) -> float | None:
        """When the first postponed unit may go; None when none is postponed."""
        return self._postponed[0][0] if self._postponed else None
