"""Time as an argument."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Clock(Protocol):
    """Monotonic seconds, and waiting for them to pass. Deadlines use the event loop's own time."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Return after at least `seconds`."""


class LoopClock:
    """The running event loop's clock, so that a loop with virtual time drives a whole group."""

    def monotonic(self) -> float:
        """See Clock."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """See Clock."""
        await asyncio.sleep(seconds)
