"""What must succeed before a group can work: tried for as long as it takes, and dropped at a stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from shardline.backoff import Backoff
from shardline.cancellation import until_ended
from shardline.errors import LeaseTableUnavailable, ShardGone, StreamUnavailable

UNAVAILABLE = (LeaseTableUnavailable, StreamUnavailable, ShardGone)
"""The troubles of AWS that pass, or that somebody mends while a group waits."""

_log = logging.getLogger(__name__)


async def insist(call: Callable[[], Awaitable[None]], stop: asyncio.Event, backoff: Backoff, who: str) -> bool:
    """Call until it succeeds; False when `stop` was set before.

    A stop cancels the call that is under way: one that waits for a table to be made may take a minute. So `call` must
    be such that it may be cut short anywhere, and be made again by whoever starts next. Raises what is not UNAVAILABLE.
    """
    while not stop.is_set():
        try:
            return await _unless_stopped(call, stop)
        except UNAVAILABLE as error:
            _log.warning("%s cannot start yet: %s", who, error)
        with suppress(TimeoutError):
            async with asyncio.timeout(backoff.next()):
                await stop.wait()
    return False


async def _unless_stopped(call: Callable[[], Awaitable[None]], stop: asyncio.Event) -> bool:
    """Return True when the call ends, False when `stop` is set first; nothing runs on after that."""

    async def called() -> None:
        await call()

    working, stopping = asyncio.ensure_future(called()), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if not working.done():
            working.cancel()
            await until_ended(working)
    if working.cancelled():
        return False
    working.result()
    return True
