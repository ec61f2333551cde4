"""A shard as one endless iterator of events, whatever happens to what carries them.

Subscriptions end after five minutes at most and may break at any moment; fan-out may be refused and come back. Each
next read goes on after the last continuation sequence number that was received, so that there is neither gap nor
duplicate.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from shardline.backoff import Backoff
from shardline.clock import Clock
from shardline.errors import FanOutRefused, ShardGone, StreamUnavailable, SubscriptionFailed
from shardline.model import LATEST, Checkpoint
from shardline.reading import fan_out
from shardline.reading.audit import Audit
from shardline.reading.cursor import Cursor, ShardEvent
from shardline.reading.loss import DataLoss
from shardline.reading.pacing import SUBSCRIBE_INTERVAL_SECONDS, FanOutHealth, PollBudgets, SubscribePace
from shardline.reading.polling import Poller
from shardline.reading.stream import FAN_OUT_REFUSALS, Source
from shardline.reading.tally import Tally
from shardline.settings import GroupSettings

_POLL_BUDGETS = PollBudgets()
"""Of the whole process: Kinesis counts the polls of all its readers together."""

_LIMIT = "LimitExceededException"
_LIMITS_IN_A_ROW = 5
_TAKEN = "ResourceInUseException"
_NO_POSITION = "InvalidArgumentException"

_log = logging.getLogger(__name__)


class Reader:
    """Reads the shards of one stream for one group; what one shard learns of fan-out, all know.

    `fraction` gives random numbers in [0, 1), `wall` seconds since the epoch. `on_loss` is told of every data loss.
    """

    def __init__(
        self,
        source: Source,
        settings: GroupSettings,
        clock: Clock,
        fraction: Callable[[], float],
        on_loss: Callable[[DataLoss], None] = lambda loss: None,
        *,
        wall: Callable[[], float] = time.time,
        poll_budgets: PollBudgets = _POLL_BUDGETS,
    ) -> None:
        self.source = source
        self.settings = settings
        self.clock = clock
        self.fraction = fraction
        self.wall = wall
        self.poll_budgets = poll_budgets
        self.health = FanOutHealth(settings.fan_out_retry_seconds, fraction)
        self._on_loss = on_loss
        self._is_registered = False
        self._paces: dict[str, SubscribePace] = {}

    async def prepare(self) -> None:
        """Make reading possible; calling it again makes it possible again.

        Raises StreamUnavailable, or ShardGone when there is no such stream; FanOutRefused only when the settings
        leave nothing but fan-out.
        """
        if self.settings.reading == "polling":
            await self.source.retention_seconds()  # tells that there is such a stream, and its full name
            return
        try:
            await self.source.register()
            self._is_registered = True
        except FanOutRefused as refused:
            self._is_registered = False
            if self.settings.reading == "fan_out":
                raise
            self.refuse(str(refused))

    def report(self, loss: DataLoss) -> None:
        """Say that records are lost, in the log and to `on_loss`."""
        _log.error("data loss: %s", loss)
        self._on_loss(loss)

    def refuse(self, reason: str) -> None:
        """Have every shard polled for a while."""
        self.health.refused(self.clock.monotonic())
        _log.warning("fan-out is refused, polling for now: %s", reason)

    def pace(self, shard_id: str) -> SubscribePace:
        """Return when the shard may be subscribed to; a reading that starts again knows of the former one's success."""
        pace = self._paces.get(shard_id)
        if pace is None:
            pace = self._paces[shard_id] = SubscribePace(self.settings.resubscribe_seconds)
        return pace

    async def may_subscribe(self) -> bool:
        """Whether to try fan-out now. Registers again if that was refused before.

        Raises StreamUnavailable or ShardGone when there is no other way.
        """
        if self.settings.reading == "polling":
            return False
        if self.settings.reading == "fan_out":
            if not self._is_registered:
                await self.prepare()
            return True
        if not self.health.may_try(self.clock.monotonic()):
            return False
        if not self._is_registered:
            try:
                await self.prepare()
            except (StreamUnavailable, ShardGone) as error:
                _log.warning("fan-out cannot be tried: %s", error)
        return self._is_registered

    async def events(self, shard_id: str, start: Checkpoint, tally: Tally | None = None) -> AsyncIterator[ShardEvent]:
        """Yield the shard's events after the checkpoint `start`; returns after the one that ends the shard.

        Failures are logged and retried with jittered backoff, for ever. Time that the caller spends between events
        does not count as silence. `tally` is kept up to date. Raises ShardGone when Kinesis keeps no such shard.
        """
        shard = _Shard(self, shard_id, start, tally or Tally())
        async with aclosing(shard.events()) as events:  # type: ignore[type-var]
            async for event in events:
                yield event


class _Shard:
    """One reading of one shard."""

    def __init__(self, reader: Reader, shard_id: str, start: Checkpoint, tally: Tally) -> None:
        settings = reader.settings
        self._tally = tally
        self._reader = reader
        self._shard_id = shard_id
        self._cursor = Cursor(start)
        self._pace = reader.pace(shard_id)
        budget = reader.poll_budgets.of(reader.source.name, shard_id)
        self._audit = Audit(reader.source, shard_id, reader.report, budget, reader.clock, reader.wall)
        self._poller = Poller(
            reader.source,
            shard_id,
            self._cursor,
            budget=budget,
            settings=settings,
            clock=reader.clock,
            wall=reader.wall,
        )
        self._backoff = Backoff(settings.backoff_base_seconds, settings.backoff_cap_seconds, reader.fraction)
        self._limits = 0
        self._is_invited = False
        self._bridge_until: float | None = None
        self._can_poll = settings.reading == "auto"

    async def events(self) -> AsyncIterator[ShardEvent]:
        while True:
            before, polling = self._cursor.position, False
            try:
                polling = not (self._is_invited or await self._may_subscribe())
                self._is_invited = False
                self._tally.reading = "polling" if polling else "fan_out"
                self._tally.subscriptions += not polling
                self._audit.begin(self._cursor)
                reads = self._polls() if polling else self._subscription()
                async with aclosing(reads):  # type: ignore[type-var]
                    async for event in reads:
                        if self._audit.is_due(event):
                            await self._audit.check(event)
                        if self._cursor.position.sequence_number != before.sequence_number:
                            self._backoff.reset()
                            self._limits = 0
                        yield event
                        if event.shard_ended:
                            return
            except (SubscriptionFailed, StreamUnavailable, TimeoutError) as failure:
                await self._recover(failure, polling=polling)
            except ShardGone as gone:
                if not await self._is_kept():
                    raise
                await self._recover(gone, polling=polling)

    async def _may_subscribe(self) -> bool:
        """Whether the next read is a subscription: once LATEST is polled, only a number tells where it was."""
        if self._poller.has_polled and self._cursor.position.sequence_number == LATEST:
            return False
        if self._bridge_until is not None and self._reader.clock.monotonic() < self._bridge_until:
            return False
        return await self._reader.may_subscribe()

    def _subscription(self) -> AsyncIterator[ShardEvent]:
        reader = self._reader
        return fan_out.subscription(
            reader.source,
            self._shard_id,
            self._cursor,
            pace=self._pace,
            settings=reader.settings,
            clock=reader.clock,
            fraction=reader.fraction,
            on_success=reader.health.worked,
        )

    async def _polls(self) -> AsyncIterator[ShardEvent]:
        """Poll until the end, or until fan-out may be tried, from a place where it can go on."""
        while True:
            yield await self._poller.poll()
            if await self._may_subscribe():
                self._is_invited = True
                return

    async def _is_kept(self) -> bool:
        """Whether the shard is still there, so that it was the consumer that is gone; it is registered again."""
        try:
            await self._reader.prepare()
            shards = await self._reader.source.list_shards()
        except StreamUnavailable:
            return True
        except ShardGone:
            return False
        return any(shard.shard_id == self._shard_id for shard in shards)

    async def _recover(self, failure: Exception, *, polling: bool) -> None:
        reader, code = self._reader, failure.code if isinstance(failure, SubscriptionFailed) else ""
        if code == _TAKEN and not polling and not self._audit.was_read:
            await self._wait_for_free()
            return
        pause = self._backoff.next()
        if code == _NO_POSITION and self._cursor.is_numbered:
            reader.report(DataLoss(self._shard_id, "position_refused", self._cursor.position))
            self._cursor.restart()
        elif code == _TAKEN:
            # Another worker holds the lease now, or wrongly believes so: whoever lost it learns of it meanwhile.
            pause += reader.settings.renew_interval_seconds * 1.5
        elif not polling and self._is_refusal(code):
            reader.refuse(str(failure))
        elif polling and code in FAN_OUT_REFUSALS:
            self._can_poll = False
            self._bridge_until = None
            reader.health.worked()  # polling is refused too: whatever may have changed, fan-out is the better hope
        reason = str(failure) or f"silent for {reader.settings.stall_seconds:g} s"
        self._tally.failures += 1
        self._tally.last_failure = reason
        _log.warning("reading %s failed, again in %.2f s: %s", self._shard_id, pause, reason)
        await reader.clock.sleep(pause)

    async def _wait_for_free(self) -> None:
        """Try again soon, and poll meanwhile: for five seconds after somebody's success a shard is not given again.

        So a shard that changed hands, or whose worker was started again, is read without a pause.
        """
        reader = self._reader
        pause = SUBSCRIBE_INTERVAL_SECONDS * (1.0 + reader.fraction() / 4)
        _log.info("%s is taken, again in %.2f s", self._shard_id, pause)
        if self._can_poll:
            self._bridge_until = reader.clock.monotonic() + pause
        else:
            await reader.clock.sleep(pause)

    def _is_refusal(self, code: str) -> bool:
        self._limits = self._limits + 1 if code == _LIMIT else 0
        allowed = self._reader.settings.reading == "auto"
        return allowed and (code in FAN_OUT_REFUSALS or self._limits >= _LIMITS_IN_A_ROW)
