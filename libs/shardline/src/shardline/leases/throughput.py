"""How much a shard delivers: an exponentially weighted moving average. Pure."""

from __future__ import annotations

from math import exp

MEMORY_SECONDS = 30.0
"""After this much time a past rate weighs 1/e of what it did."""

_SHORTEST_SECONDS = 1.0


class Throughput:
    """The rate, in kB/s (1,000 bytes), at which bytes are counted, averaged over about MEMORY_SECONDS.

    Starts at `started`, in monotonic seconds, from a rate that was measured before, if any. Each rate
    weighs by the time it lasted, so that the intervals between measurements may be of any length.
    """

    def __init__(self, started: float, rate: float | None = None) -> None:
        self.rate = rate
        """The average so far; None before the first measurement."""
        self._since = started
        self._bytes = 0

    def add(self, size: int) -> None:
        """Count `size` bytes."""
        self._bytes += size

    def measure(self, now: float) -> float | None:
        """Take in what was counted since the last time, if that is a second or more, and return the average."""
        elapsed = now - self._since
        if elapsed < _SHORTEST_SECONDS:
            return self.rate
        latest = self._bytes / elapsed / 1000
        weight = 1 - exp(-elapsed / MEMORY_SECONDS)
        self.rate = latest if self.rate is None else self.rate + weight * (latest - self.rate)
        self._since, self._bytes = now, 0
        return self.rate
