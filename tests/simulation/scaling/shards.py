"""A stream's shards: hash ranges with what lies in them, children that wait for their parents, and who is refused."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import exp

from scaling.assumptions import RECORD_BYTES, SHARD_READ_BYTES, SHARD_WRITE_BYTES, SHARD_WRITE_RECORDS

from shardline.leases.throughput import MEMORY_SECONDS

_HOT_HASH = 0.37
"""Where the hot key lies on the ring of hash keys, which is 0 to 1 here."""


@dataclass(eq=False)
class Shard:
    """A part of the ring. `waiting` holds what is not read yet: when it was written, and how many bytes."""

    name: int
    low: float
    high: float
    parents: tuple[Shard, ...] = ()
    waiting: deque[list[float]] = field(default_factory=deque)
    backlog: float = 0.0
    is_open: bool = True
    rate: float = 0.0
    """Bytes a second that it delivers, averaged over about half a minute."""

    @property
    def drained(self) -> bool:
        """Closed, and read to its end."""
        return not self.is_open and self.backlog < 1

    @property
    def readable(self) -> bool:
        """A child is read once its parents have been."""
        if self.parents and all(parent.drained for parent in self.parents):
            self.parents = ()
        return not self.parents

    def write(self, size: float, now: float) -> None:
        """Add bytes."""
        if size > 0:
            self.waiting.append([now, size])
            self.backlog += size

    def read(self, most: float) -> float:
        """Take up to so many bytes, the oldest first; how many they were."""
        taken = min(most, self.backlog)
        left = taken
        while left > 0 and self.waiting:
            oldest = self.waiting[0]
            if oldest[1] > left + 1e-6:
                oldest[1] -= left
                break
            left -= oldest[1]
            self.waiting.popleft()
        self.backlog -= taken
        if not self.waiting:
            self.backlog = 0.0
        return taken

    def behind(self, now: float) -> float:
        """Age of the oldest byte, s."""
        return now - self.waiting[0][0] if self.waiting else 0.0


class Shards:
    """The shards of one stream, open ones and those still to be read; and what its producers hold back."""

    def __init__(self, count: int) -> None:
        self._names = 0
        self.open = self._uniform(count)
        self.all = list(self.open)
        self.refused = 0.0
        """Bytes of many keys that producers offer again."""
        self.refused_hot = 0.0
        """Bytes of the hot key that its producer offers again."""

    def resize(self, count: int) -> None:
        """Close the open shards and go on with so many equal ones (UpdateShardCount, UNIFORM_SCALING)."""
        old = self.open
        for shard in old:
            shard.is_open = False
        self.open = self._uniform(count)
        for child in self.open:
            child.parents = tuple(shard for shard in old if shard.low < child.high and child.low < shard.high)
        self.all += self.open

    def write(self, size: float, hot: float, now: float, seconds: float) -> tuple[float, float]:
        """Offer so many bytes of many keys and of the hot key, and what was refused before.

        Gives how many bytes were taken and how many refused.
        """
        most = min(SHARD_WRITE_BYTES, SHARD_WRITE_RECORDS * RECORD_BYTES) * seconds
        offered, offered_hot = size + self.refused, hot + self.refused_hot
        taken = self.refused = self.refused_hot = 0.0
        for shard in self.open:
            share = offered * (shard.high - shard.low)
            own = offered_hot if shard.low <= _HOT_HASH < shard.high else 0.0
            part = min(1.0, most / (share + own)) if share + own > 0 else 1.0
            shard.write((share + own) * part, now)
            taken += (share + own) * part
            self.refused += share * (1 - part)
            self.refused_hot += own * (1 - part)
        return taken, self.refused + self.refused_hot

    def forget_drained(self) -> None:
        """Drop the closed shards that nobody waits for."""
        self.all = [shard for shard in self.all if not shard.drained]

    def behind(self, now: float) -> float:
        """Age of the oldest byte in any shard, s."""
        return max((shard.behind(now) for shard in self.all), default=0.0)

    def _uniform(self, count: int) -> list[Shard]:
        self._names += count
        return [Shard(self._names - count + place, place / count, (place + 1) / count) for place in range(count)]


def _backlog(shard: Shard) -> float:
    return shard.backlog


def read_evenly(shards: list[Shard], most: float, seconds: float) -> float:
    """Let one task read its shards: an equal part of each, what one leaves goes to the others. Bytes read."""
    left, weight = most, 1 - exp(-seconds / MEMORY_SECONDS)
    for place, shard in enumerate(sorted(shards, key=_backlog)):
        read = shard.read(min(left / (len(shards) - place), SHARD_READ_BYTES * seconds))
        shard.rate += weight * (read / seconds - shard.rate)
        left -= read
    return most - left
