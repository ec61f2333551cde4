"""One subscription of enhanced fan-out, from its call to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from shardline.clock import Clock
from shardline.reading.cursor import Cursor
from shardline.reading.cursor import ShardEvent as ShardEvent
from shardline.reading.pacing import SubscribePace
from shardline.reading.stream import Source
from shardline.settings import GroupSettings

_EARLIEST_RENEWAL = 0.9
"""Of a subscription's time: a fleet that started at once does not renew at once."""


async def subscription(
    source: Source,
    shard_id: str,
    cursor: Cursor,
    *,
    pace: SubscribePace,
    settings: GroupSettings,
    clock: Clock,
    fraction: Callable[[], float],
    on_success: Callable[[], object] = lambda: None,
) -> AsyncIterator[ShardEvent]:
    """Subscribe where `cursor` is, as soon as `pace` allows, and yield what comes until the subscription is over.

    It is over when Kinesis ends it, when the shard ends, or when its time is up: then it is left before Kinesis
    would end it. Raises SubscriptionFailed, ShardGone, or TimeoutError after a silence of the stall time, in which
    the time that the caller spends between events does not count.
    """
    while (pause := pace.wait(clock.monotonic())) > 0:
        await clock.sleep(pause)
    began = clock.monotonic()
    pace.called(began)
    renew_at = began + settings.subscription_seconds * (_EARLIEST_RENEWAL + (1 - _EARLIEST_RENEWAL) * fraction())
    is_accepted = False
    told_events = source.subscribe(shard_id, cursor.position, after=cursor.after)
    async with aclosing(told_events):  # type: ignore[type-var]
        while clock.monotonic() < renew_at:
            async with asyncio.timeout(settings.stall_seconds):
                told = await anext(told_events, None)
            if not is_accepted:
                is_accepted = True
                pace.succeeded(clock.monotonic())
                on_success()
            if told is None:
                return
            event = cursor.take(told)
            yield event
            if event.shard_ended:
                return
