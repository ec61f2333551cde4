"""A group's batches as an asynchronous iterator.

Beneath it the group runs in a task of its own, so that a slow consumer holds up the reading, shard by shard,
but not the renewal of leases.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from shardline.cancellation import until_ended
from shardline.model import Batch
from shardline.processor import Processor
from shardline.work.offers import Offers

Run = Callable[[Processor, asyncio.Event], Coroutine[Any, Any, None]]


class Batches:
    """The batches of every shard that this worker reads; see `ConsumerGroup.batches`.

    Iterate it once. As a context manager it gives every lease up when the block is left, by whatever way:
    after `stop` the iteration ends, and the end of the block waits until what was taken is done (at most
    the settings' `drain_seconds`); after a `break`, an error or a cancellation it waits for nothing. Either
    way what is done is checkpointed. Several tasks may iterate the same object within its block.

    Without the block it is right as long as the loop is left by `stop` or by cancelling it while it waits
    for a batch: then everything is given up before the loop is over. A loop left in another way gives up
    in the background, with a ResourceWarning.
    """

    def __init__(self, run: Run, stop: asyncio.Event | None, offers: Offers) -> None:
        self._run = run
        self._stop = stop or asyncio.Event()
        self._offers = offers
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False
        self._is_entered = False

    async def __aenter__(self) -> Self:
        self._is_entered = True
        self._started()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        task = self._started()
        try:
            if kind is None and self._stop.is_set():
                await asyncio.wait({task})
        finally:
            await self.aclose()
        if kind is None and not task.cancelled():
            task.result()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        if self._is_closed:
            raise StopAsyncIteration
        task = self._started()
        try:
            batch = await self._offers.take()
            if batch is not None:
                return batch
            if not (self._is_closed or (self._is_entered and self._stop.is_set())):
                await asyncio.wait({task})
        except asyncio.CancelledError:
            if not self._is_entered:
                await self.aclose()
            raise
        if task.done() and not task.cancelled():
            task.result()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Checkpoint what is done, give every lease up and end every task, without waiting for work in flight.

        The iteration is over then. Takes at most twice the lease's duration, when the lease table does not answer.
        """
        self._is_closed = True
        self._offers.end()
        if self._task is not None:
            self._task.cancel()
            await until_ended(self._task)

    def _started(self) -> asyncio.Task[None]:
        if self._task is None:
            running = _running(self._run, self._offers, self._stop, ends_at_stop=self._is_entered)
            self._task = asyncio.create_task(running)
        return self._task

    def __del__(self) -> None:
        task = self._task
        if task is not None and not task.done() and not task.get_loop().is_closed():
            message = "batches left behind: iterate them within `async with`"
            warnings.warn(message, ResourceWarning, stacklevel=2, source=self)
            task.get_loop().call_soon_threadsafe(task.cancel)


async def _running(run: Run, offers: Offers, stop: asyncio.Event, *, ends_at_stop: bool) -> None:
    """Run the group; the offers end with it, or already at the stop."""

    async def announce() -> None:
        await stop.wait()
        offers.end()

    announcing = asyncio.create_task(announce()) if ends_at_stop else None
    try:
        await run(offers, stop)
    finally:
        offers.end()
        if announcing is not None:
            announcing.cancel()
