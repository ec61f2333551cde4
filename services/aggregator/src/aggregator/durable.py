"""A unit's committed state: claimed, loaded, and moved forward by one conditional write a commit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from aggregator.metrics import AggregatorMetrics
from aggregator.rows import STAGE
from aggregator.state import Chain
from aggregator.state_store import Pointer, StateStore, StoreUnavailable

_T = TypeVar("_T")
_RETRY_CAP_SECONDS = 5.0


@dataclass(frozen=True)
class Time:
    """Where time comes from: a monotonic clock in seconds, the wall clock in ms, and waiting."""

    monotonic: Callable[[], float]
    wall_ms: Callable[[], int]
    sleep: Callable[[float], Awaitable[None]]


class Durable:
    """What counts of a unit, as its owner of `epoch` knows it. Every method tries again for as long as it takes."""

    def __init__(self, store: StateStore, metrics: AggregatorMetrics, time: Time) -> None:
        self._store = store
        self._metrics = metrics
        self._time = time
        self._pointer = Pointer()
        self._under_way: Pointer | None = None
        self._chain = Chain()
        self._log = structlog.get_logger(STAGE)

    @property
    def generation(self) -> int:
        """The last commit."""
        return self._pointer.generation

    @property
    def wants_whole(self) -> bool:
        """Whether the next snapshot must be whole."""
        return self._chain.wants_whole

    def begin_chain(self) -> None:
        """The next snapshot must be whole: what was captured since the last commit is of no use any more."""
        self._chain = Chain()

    async def claim(self, epoch: int) -> list[bytes]:
        """Fence off every older owner, and return what counts: snapshots, oldest first, none before a first commit.

        Raises:
            StaleOwner: when an owner of a higher epoch has claimed it.
            SnapshotMissing: when one is gone from the bucket.

        """
        self._pointer = pointer = await self._persistently(lambda: self._store.claim(epoch))
        return await self._persistently(lambda: self._store.load(pointer)) if pointer.generation else []

    async def sweep(self, epoch: int) -> int:
        """Delete what older owners left; returns how many objects."""
        return await self._persistently(lambda: self._store.sweep(self._pointer, epoch))

    async def commit(self, data: bytes, epoch: int, *, whole: bool) -> None:
        """Make a snapshot the state, or the change after the state.

        Raises:
            StaleOwner: when another owner has claimed or committed since.

        """
        if self._under_way is not None:  # a commit was cut off: it may have come about
            found = await self._persistently(lambda: self._store.claim(epoch))
            self._pointer = self._under_way if found == self._under_way else self._pointer
            self._under_way = None
        before, started = self._pointer, self._time.monotonic()
        key = await self._persistently(lambda: self._store.save(before.generation + 1, epoch, data))
        self._under_way = after = before.after(key, whole=whole)
        self._pointer = await self._persistently(lambda: self._store.commit(before, after, epoch))
        self._under_way = None
        self._chain = self._chain.followed_by(len(data), whole=whole)
        self._metrics.commits.inc()
        self._metrics.commit_seconds.observe(self._time.monotonic() - started)
        for unneeded in self._pointer.unneeded(before):
            try:
                await self._store.delete(unneeded)
            except StoreUnavailable as error:
                self._log.warning("an old snapshot stays until the next start", error=str(error))

    async def _persistently(self, call: Callable[[], Awaitable[_T]]) -> _T:
        wait = 0.1
        while True:
            try:
                return await call()
            except StoreUnavailable as error:
                self._metrics.commit_retries.inc()
                self._log.warning("state not written or read, trying again", error=str(error), seconds=wait)
            await self._time.sleep(wait)
            wait = min(2 * wait, _RETRY_CAP_SECONDS)


__all__ = ["Durable", "Time"]
