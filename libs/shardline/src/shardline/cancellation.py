"""Ending in good order though cancelled: what must be awaited to its end, which must be near."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from shardline.errors import LeaseLost

_log = logging.getLogger(__name__)


async def despite_cancellation(work: Coroutine[Any, Any, None]) -> None:
    """Await work to its end though the awaiting task is cancelled again. A lost lease is only logged."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            continue
        except LeaseLost as lost:
            _log.warning("no last checkpoint: %s", lost)


async def until_ended(task: asyncio.Task[None]) -> None:
    """Return when a task that was told to end has ended; a cancellation meanwhile is raised after that."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
