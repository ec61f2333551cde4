"""What a consumer under measurement tells: totals as it goes, and how long each stamped record took.

Every 50 ms a line of epoch nanoseconds and records so far goes to the file; latencies, in microseconds a line, go to
the file beside it. Records whose data starts with "@" are stamped: the put's epoch nanoseconds follow, 19 digits. Only
a batch whose first record is stamped is looked through, so that a measured rate pays one look a batch.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Sequence

_STAMP = slice(1, 20)
_INTERVAL_SECONDS = 0.05


class Progress:
    """Counts a process' records. Uses nothing but the standard library: environments of others import it too."""

    def __init__(self, path: str) -> None:
        self.total = 0
        self._totals = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._latencies = os.open(f"{path}.latency", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def add(self, count: int) -> None:
        """Count records."""
        self.total += count

    def stamped(self, data: Sequence[bytes]) -> None:
        """Note how long ago each of these records was put."""
        now = time.time_ns()
        lines = (f"{(now - int(each[_STAMP])) // 1000}\n" for each in data if each[:1] == b"@")
        os.write(self._latencies, "".join(lines).encode())

    async def report(self) -> None:
        """Write totals for ever."""
        while True:
            os.write(self._totals, f"{time.time_ns()} {self.total}\n".encode())
            await asyncio.sleep(_INTERVAL_SECONDS)


def stop_at_sigterm() -> asyncio.Event:
    """An event that SIGTERM sets."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    return stop
