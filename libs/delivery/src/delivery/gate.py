"""The way out of a sink: so many calls at once, so many a second, each observed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from asyncio_throttle.throttler import Throttler

from delivery.model import Observer


class CallGate:
    """Bounds all calls of one sink together, whichever batch they belong to.

    `rate_per_second` bounds how many calls start in any second (None: no bound), `parallel` how many run at once.
    """

    def __init__(self, rate_per_second: float | None, parallel: int, observer: Observer) -> None:
        self._throttler = None if rate_per_second is None else _throttler(rate_per_second)
        self._parallel = asyncio.Semaphore(parallel)
        self._observer = observer

    @asynccontextmanager
    async def call(self, items: int, size: int) -> AsyncIterator[None]:
        """Wait for a turn, then time what is done inside as one call of `items` items and `size` bytes."""
        async with self._parallel:
            if self._throttler is not None:
                await self._throttler.acquire()
            clock = asyncio.get_running_loop().time
            started = clock()
            try:
                yield
            finally:
                self._observer.on_call(clock() - started, items, size)


def _throttler(rate_per_second: float) -> Any:
    """A throttler counts whole calls, so a rate below one, or between two numbers, stretches its period."""
    calls = max(1, int(rate_per_second))
    return Throttler(rate_limit=calls, period=calls / rate_per_second)
