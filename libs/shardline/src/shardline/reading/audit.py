"""Watches over each start of a read for records that expired before it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from shardline.clock import Clock
from shardline.errors import ShardGone, StreamUnavailable, SubscriptionFailed
from shardline.model import TRIM_HORIZON, Checkpoint
from shardline.reading.cursor import Cursor, ShardEvent
from shardline.reading.loss import DataLoss, may_have_expired, written_at
from shardline.reading.pacing import PollBudget
from shardline.reading.polling import within_budget
from shardline.reading.stream import Source

_SEARCH_CALLS = 20
_SEARCH_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Audit:
    """Of one shard. `begin` is called before each read, `is_due` for each event of it, and `check` if it says so.

    It costs a comparison a read as long as the record at the position comes or the position is young; only else is
    Kinesis asked for the oldest record that it keeps (GetShardIterator, GetRecords, DescribeStreamSummary).
    """

    def __init__(
        self,
        source: Source,
        shard_id: str,
        report: Callable[[DataLoss], None],
        budget: PollBudget,
        clock: Clock,
        wall: Callable[[], float],
    ) -> None:
        self.was_read = False
        """Whether the present read has given an event."""
        self._source = source
        self._shard_id = shard_id
        self._report = report
        self._budget = budget
        self._clock = clock
        self._wall = wall
        self._pending: Checkpoint | None = None
        self._age: float | None = None
        self._last_event: tuple[float, float] | None = None

    def begin(self, cursor: Cursor) -> None:
        """Note where a read begins, and how old that place is: what it finds then cannot expire any more."""
        self.was_read = False
        self._pending = cursor.position if cursor.is_numbered else None
        self._age = None if self._pending is None else self._age_of(self._pending)

    def is_due(self, event: ShardEvent) -> bool:
        """Whether this event leaves open if something before it is lost.

        One at the tip without records does so where the position is known to be old: everything may have expired,
        and the next read begins at a young place.
        """
        self.was_read = True
        self._last_event = (self._clock.monotonic(), event.millis_behind_latest / 1000)
        if self._pending is None:
            return False
        return bool(event.first) or event.shard_ended or (not event.millis_behind_latest and self._age is not None)

    async def check(self, event: ShardEvent) -> None:
        """Find out, and report a loss."""
        position, self._pending = self._pending, None
        if position is None or not may_have_expired(position.sequence_number, event.first, self._age):
            return
        try:
            async with asyncio.timeout(_SEARCH_SECONDS):
                lost = await self._is_lost(position, event)
        except (ShardGone, StreamUnavailable, SubscriptionFailed, TimeoutError) as error:
            _log.warning("cannot tell whether records of %s expired unread: %s", self._shard_id, error or "no answer")
            return
        if lost:
            self._report(DataLoss(self._shard_id, "position_expired", position, event.first))

    async def _is_lost(self, position: Checkpoint, event: ShardEvent) -> bool:
        retention, age = await self._source.retention_seconds(), self._age
        if age is None:
            # It is no older than its stream.
            created = await self._source.created_seconds()
            age = None if created is None else self._wall() - created
        if not may_have_expired(position.sequence_number, event.first, age, retention):
            return False
        oldest = await self._oldest()
        return oldest is None or oldest > int(position.sequence_number)

    def _age_of(self, position: Checkpoint) -> float | None:
        """Return how many seconds old the position is: as reading showed, or else as its number tells."""
        if self._last_event is not None:
            at, behind = self._last_event
            return self._clock.monotonic() - at + behind
        written = written_at(position.sequence_number)
        return None if written is None else self._wall() - written

    async def _oldest(self) -> int | None:
        """Return the number of the oldest record that is kept; None when there is none."""
        iterator = await self._source.shard_iterator(self._shard_id, Checkpoint(TRIM_HORIZON), after=False)
        for _ in range(_SEARCH_CALLS):
            answer = await within_budget(self._source, iterator, self._budget, self._clock, _SEARCH_SECONDS)
            if answer.records:
                return int(answer.records[0].sequence_number)
            if not answer.next_shard_iterator or not answer.millis_behind_latest:
                return None
            iterator = answer.next_shard_iterator
        raise SubscriptionFailed("the oldest record was not found in time")
