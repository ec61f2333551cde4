"""A shard read by GetRecords: what is left where enhanced fan-out is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aws_wire.kinesis import GetRecordsAnswer
from shardline.clock import Clock
from shardline.errors import SubscriptionFailed
from shardline.model import LATEST, ChildShard
from shardline.reading.cursor import Cursor, ShardEvent
from shardline.reading.pacing import PollBudget
from shardline.reading.stream import Source
from shardline.settings import GroupSettings

_FIRST_IDLE_SECONDS = 0.25
_ITERATOR_SKEW_SECONDS = 60.0
"""By how much this machine's clock may be ahead of Kinesis' without a record being missed."""


async def within_budget(
    source: Source, iterator: str, budget: PollBudget, clock: Clock, seconds: float
) -> GetRecordsAnswer:
    """Ask for records as soon as the shard's budget allows. Raises SubscriptionFailed, TimeoutError or ShardGone.

    `seconds` is for the answer alone.
    """
    while (pause := budget.wait(clock.monotonic())) > 0:
        await clock.sleep(pause)  # others may have called meanwhile
    budget.called(clock.monotonic())
    async with asyncio.timeout(seconds):
        answer = await source.get_records(iterator)
    size = sum(len(record.data) + len(record.partition_key) for record in answer.records)
    budget.read(size, clock.monotonic())
    return answer


class Poller:
    """Polls of one shard, one after the other, which move `cursor`.

    Between polls that find nothing it waits longer and longer, up to `idle_seconds`; behind the tip of the shard it
    waits for the budget alone. The shard iterator is kept through failures, since before the first record nothing
    else tells the place. `wall` gives seconds since the epoch.
    """

    def __init__(
        self,
        source: Source,
        shard_id: str,
        cursor: Cursor,
        *,
        budget: PollBudget,
        settings: GroupSettings,
        clock: Clock,
        wall: Callable[[], float],
    ) -> None:
        self._source = source
        self._shard_id = shard_id
        self._cursor = cursor
        self._budget = budget
        self._clock = clock
        self._wall = wall
        self._longest_idle = settings.poll_idle_seconds
        self._deadline = settings.stall_seconds
        self._iterator = ""
        self._iterator_at = cursor.position
        self._idle = 0.0
        self._caught_up_at: float | None = None

    @property
    def has_polled(self) -> bool:
        """Whether it has an iterator by now, or had one."""
        return bool(self._iterator) or self._caught_up_at is not None

    async def poll(self) -> ShardEvent:
        """Wait as long as it takes, then ask once. Raises SubscriptionFailed, TimeoutError or ShardGone.

        After a failure the next call goes on where this one was.
        """
        await self._clock.sleep(self._idle)
        if self._iterator_at is not self._cursor.position:
            self._iterator = ""  # a subscription has moved on since
        try:
            if not self._iterator:
                async with asyncio.timeout(self._deadline):
                    self._iterator, self._iterator_at = await self._iterator_here(), self._cursor.position
            answer = await within_budget(self._source, self._iterator, self._budget, self._clock, self._deadline)
        except SubscriptionFailed as failure:
            if failure.code == "ExpiredIteratorException":
                self._iterator = ""
            raise
        children: tuple[ChildShard, ...] = ()
        if not answer.next_shard_iterator and not answer.child_shards:
            children = await self._listed_children()
        event = self._cursor.take_poll(answer, children)
        self._iterator, self._iterator_at = answer.next_shard_iterator or "", self._cursor.position
        self._idle = self._next_idle(answer)
        if not answer.millis_behind_latest:
            self._caught_up_at = self._wall()
        return event

    async def _iterator_here(self) -> str:
        """Return an iterator for the cursor's position.

        Before a first record LATEST is the moment of the first iterator, or of the last poll, rather than now, or
        what came since would be missed.
        """
        cursor, now = self._cursor, self._wall()
        timestamp = None
        if cursor.position.sequence_number == LATEST and self._caught_up_at is not None:
            timestamp = self._caught_up_at - _ITERATOR_SKEW_SECONDS
        iterator = await self._source.shard_iterator(
            self._shard_id, cursor.position, after=cursor.after, timestamp=timestamp
        )
        if cursor.position.sequence_number == LATEST and self._caught_up_at is None:
            self._caught_up_at = now
        return iterator

    async def _listed_children(self) -> tuple[ChildShard, ...]:
        """Return the shard's children by ListShards, for an answer at the end that does not name them."""
        return tuple(
            ChildShard(shard.shard_id, shard.parents, shard.starting_hash_key, shard.ending_hash_key)
            for shard in await self._source.list_shards()
            if self._shard_id in shard.parents
        )

    def _next_idle(self, answer: GetRecordsAnswer) -> float:
        if answer.millis_behind_latest or not answer.next_shard_iterator:
            return 0.0
        if answer.records:
            return min(_FIRST_IDLE_SECONDS, self._longest_idle)
        return min(max(self._idle * 2, _FIRST_IDLE_SECONDS), self._longest_idle)
