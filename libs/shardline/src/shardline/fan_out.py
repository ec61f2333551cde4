"""A shard read by enhanced fan-out as one endless iterator of events, whatever happens to subscriptions.

A subscription ends after five minutes at most, and may break at any moment. Each next one goes on after the
last continuation sequence number that was received, so that there is neither gap nor duplicate.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from shardline.backoff import Backoff
from shardline.clock import Clock
from shardline.deaggregation import expand
from shardline.errors import SubscriptionFailed
from shardline.model import Checkpoint, ChildShard, Record
from shardline.settings import GroupSettings
from shardline.stream import Source

SHORTEST_LIFE_SECONDS = 5.0
"""Kinesis refuses to subscribe again within this time of a success (ResourceInUseException)."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ShardEvent:
    """What a subscription told at once. At the shard's end there is no continuation but there are children."""

    records: list[Record]
    continuation: str | None
    millis_behind_latest: int
    child_shards: tuple[ChildShard, ...]

    @property
    def shard_ended(self) -> bool:
        """Whether the shard is closed and this was the last of it."""
        return self.continuation is None


async def events(
    source: Source,
    shard_id: str,
    start: Checkpoint,
    *,
    settings: GroupSettings,
    clock: Clock,
    fraction: Callable[[], float],
) -> AsyncIterator[ShardEvent]:
    """Yield the shard's events after the checkpoint `start`; returns after the one that ends the shard.

    Failures are logged and retried with jittered backoff, for ever. A subscription that is silent for the
    stall time is renewed; time that the caller spends between events does not count. `fraction` gives
    random numbers in [0, 1). Raises ShardGone when Kinesis knows no such shard or consumer.
    """
    reading = _Reading(start)
    backoff = Backoff(settings.backoff_base_seconds, settings.backoff_cap_seconds, fraction)
    while True:
        began = clock.monotonic()
        try:
            subscription = source.subscribe(shard_id, reading.position, after=reading.after)
            async with aclosing(subscription):  # type: ignore[type-var]
                while True:
                    async with asyncio.timeout(settings.stall_seconds):
                        told = await anext(subscription, None)
                    if told is None:
                        break
                    event, moved = reading.take(told)
                    if moved:
                        backoff.reset()
                    yield event
                    if event.shard_ended:
                        return
            pause = max(0.0, began + SHORTEST_LIFE_SECONDS - clock.monotonic())
        except (SubscriptionFailed, TimeoutError) as failure:
            pause = backoff.next()
            reason = str(failure) or f"silent for {settings.stall_seconds:g} s"
            _log.warning("subscription to %s failed, again in %.2f s: %s", shard_id, pause, reason)
        await clock.sleep(pause)


class _Reading:
    """Where in the shard the next subscription starts, and what it must not deliver again."""

    def __init__(self, start: Checkpoint) -> None:
        self.position = start
        self.after = False
        self._delivered = None if start.is_sentinel else start

    def take(self, told: dict[str, Any]) -> tuple[ShardEvent, bool]:
        """Return the event, and whether it moved the position. Raises SubscriptionFailed if it makes no sense."""
        event = _understood(told, self._delivered)
        moved = False
        if event.continuation:
            position = Checkpoint(event.continuation)
            moved = position != self.position
            self.position, self.after = position, True
        if event.records:
            last = event.records[-1]
            self._delivered = Checkpoint(last.sequence_number, last.sub_sequence_number)
        return event, moved


def _understood(told: dict[str, Any], delivered: Checkpoint | None) -> ShardEvent:
    """Translate an event, without the records up to `delivered`."""
    continuation = told.get("ContinuationSequenceNumber") or None
    children = tuple(_child(each) for each in told.get("ChildShards") or ())
    if (continuation is None) != bool(children):
        raise SubscriptionFailed("an event has both or neither of continuation and child shards")
    try:
        records = expand(told.get("Records", ()), delivered)
    except (KeyError, ValueError) as error:
        raise SubscriptionFailed(f"an unreadable record: {error}") from error
    return ShardEvent(records, continuation, int(told.get("MillisBehindLatest", 0)), children)


def _child(told: dict[str, Any]) -> ChildShard:
    hash_range = told.get("HashKeyRange") or {}
    return ChildShard(
        shard_id=told["ShardId"],
        parents=tuple(told.get("ParentShards", ())),
        starting_hash_key=int(hash_range["StartingHashKey"]) if hash_range else None,
        ending_hash_key=int(hash_range["EndingHashKey"]) if hash_range else None,
    )
