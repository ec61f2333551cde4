"""A small model of a stream, by fan-out and by polling, for simulations of a group without sockets."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import md5
from itertools import pairwise

from aws_wire import kinesis
from shardline.errors import FanOutRefused, ShardGone, SubscriptionFailed
from shardline.model import AT_TIMESTAMP, LATEST, TRIM_HORIZON, Checkpoint, Record, Shard

_HASH_KEYS = 2**128
_TAKEOVER_SECONDS = 5.0
_TICK_SECONDS = 1e-6
_ITERATOR_SECONDS = 300.0
_POLLS_PER_SECOND = 5
_CLOCK_GRAIN = 1e-6


@dataclass(slots=True, eq=False)
class _Shard:
    shard_id: str
    parents: tuple[str, ...]
    low: int
    high: int
    records: list[Record] = field(default_factory=list)
    trimmed: int = 0
    """How many of the first records have expired; they stay in `records`."""
    children: list[_Shard] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return not self.children


class MemoryStream:
    """Shards, their records and their lineage. Sequence numbers count up across the whole stream."""

    def __init__(self, shards: int, retention_seconds: float = 86_400.0) -> None:
        self.shards: dict[str, _Shard] = {}
        self.retention_seconds = retention_seconds
        self.news = asyncio.Event()
        self._number = 1000
        self._shards = 0
        edges = [_HASH_KEYS * place // shards for place in range(shards + 1)]
        for low, high in pairwise(edges):
            self._add((), low, high - 1)

    def put(self, partition_key: str, data: bytes) -> str:
        """Add a record where its key belongs; returns its sequence number."""
        place = int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest(), "big")
        shard = next(each for each in self.open_shards() if each.low <= place <= each.high)
        self._number += 1
        shard.records.append(Record(str(self._number), partition_key, data, _loop_time()))
        self._tell()
        return str(self._number)

    def open_shards(self) -> list[_Shard]:
        """The shards that take records."""
        return [shard for shard in self.shards.values() if shard.is_open]

    def split(self, shard: _Shard) -> None:
        """Close a shard; two children divide its keys."""
        middle = (shard.low + shard.high) // 2
        parents = (shard.shard_id,)
        shard.children = [self._add(parents, shard.low, middle), self._add(parents, middle + 1, shard.high)]
        self._tell()

    def merge(self, lower: _Shard, upper: _Shard) -> None:
        """Close two adjacent shards; one child has the keys of both."""
        if lower.high + 1 != upper.low:
            raise ValueError("only adjacent shards merge")
        child = self._add((lower.shard_id, upper.shard_id), lower.low, upper.high)
        lower.children = upper.children = [child]
        self._tell()

    def trim(self, shard: _Shard, count: int) -> None:
        """Let the first `count` records that are still kept expire."""
        shard.trimmed = min(shard.trimmed + count, len(shard.records))

    def expire(self, shard: _Shard) -> None:
        """Let a closed shard and all its records be forgotten."""
        if shard.is_open:
            raise ValueError("an open shard does not expire")
        del self.shards[shard.shard_id]
        self._tell()

    def _add(self, parents: tuple[str, ...], low: int, high: int) -> _Shard:
        shard = _Shard(f"shardId-{self._shards:012d}", parents, low, high)
        self._shards += 1
        self.shards[shard.shard_id] = shard
        return shard

    def _tell(self) -> None:
        self.news.set()
        self.news = asyncio.Event()


class MemorySource:
    """One consumer of a MemoryStream; see shardline.reading.stream.Source.

    Subscriptions last `life_seconds`, and each event or poll fails with the probability `failure_rate`. As with
    Kinesis, a subscription is refused within 5 s of a success and later ends the former one; a shard answers 5 polls
    a second, and an iterator is good for five minutes. While `refuses_fan_out` is set there is none, and what is
    under way ends.
    """

    def __init__(
        self,
        stream: MemoryStream,
        *,
        life_seconds: float = 300.0,
        failure_rate: float = 0.0,
        rng: random.Random | None = None,
    ) -> None:
        self.subscriptions = 0
        self.polls = 0
        self.refuses_fan_out = False
        self.initial_timestamp = 0.0
        """What AT_TIMESTAMP means, on the loop's clock."""
        self._stream = stream
        self._life_seconds = life_seconds
        self._failure_rate = failure_rate
        self._rng = rng or random.Random(0)  # noqa: S311 - a simulation repeats itself
        self._current: dict[str, tuple[int, float]] = {}
        self._polled: dict[str, deque[float]] = {}

    @property
    def name(self) -> str:
        """See Source. Each source is a stream of its own."""
        return f"memory-{id(self)}"

    async def list_shards(self) -> list[Shard]:
        """See Source."""
        return [
            Shard(shard.shard_id, shard.parents, shard.is_open, shard.low, shard.high)
            for shard in self._stream.shards.values()
        ]

    async def register(self) -> None:
        """See Source."""
        if self.refuses_fan_out:
            raise FanOutRefused("LimitExceededException: 20 consumers")

    async def retention_seconds(self) -> float:
        """See Source."""
        return self._stream.retention_seconds

    async def created_seconds(self) -> float | None:
        """See Source. Nobody tells: its time is the loop's."""
        return None

    async def aclose(self) -> None:
        """See Source."""

    async def subscribe(
        self, shard_id: str, position: Checkpoint, *, after: bool
    ) -> AsyncIterator[kinesis.SubscribeToShardEvent]:
        """See Source."""
        shard = self._shard(shard_id)
        if self.refuses_fan_out:
            raise SubscriptionFailed(f"{shard_id}: AccessDeniedException", "AccessDeniedException")
        began = _loop_time()
        if shard_id in self._current and began - self._current[shard_id][1] < _TAKEOVER_SECONDS:
            raise _in_use(shard_id)
        self.subscriptions += 1
        ticket = self.subscriptions
        self._current[shard_id] = (ticket, began)
        place = self._first_place(shard, position, after)
        last = str(position.sequence_number) if not position.is_sentinel else "1"
        # A remainder too small to move the loop's time on would be waited for without end.
        while _loop_time() < began + self._life_seconds - _TICK_SECONDS:
            self._fail_at_random(shard_id)
            if self._current[shard_id][0] != ticket:
                raise _in_use(shard_id)
            if self.refuses_fan_out:
                raise SubscriptionFailed(f"{shard_id}: AccessDeniedException", "AccessDeniedException")
            place = max(place, shard.trimmed)
            records = shard.records[place : place + self._rng.randint(1, 20)]
            place += len(records)
            last = records[-1].sequence_number if records else last
            ended = place == len(shard.records) and not shard.is_open
            behind = _behind(shard, place)
            if ended:
                yield kinesis.SubscribeToShardEvent(records, None, behind, _children(shard))
                return
            yield kinesis.SubscribeToShardEvent(records, last, behind)
            if place == len(shard.records) and shard.is_open:
                await self._news(began)
            else:
                await asyncio.sleep(0.001)

    async def shard_iterator(
        self, shard_id: str, position: Checkpoint, *, after: bool, timestamp: float | None = None
    ) -> str:
        """See Source."""
        shard = self._shard(shard_id)
        self._fail_at_random(shard_id)
        place = self._first_place(shard, position, after) if timestamp is None else _place_at(shard, timestamp)
        return f"{shard_id} {place} {_loop_time()}"

    async def get_records(self, iterator: str) -> kinesis.GetRecordsAnswer:
        """See Source."""
        shard_id, told_place, made = iterator.split()
        shard, now = self._shard(shard_id), _loop_time()
        if now - float(made) > _ITERATOR_SECONDS:
            raise SubscriptionFailed("the iterator is too old", "ExpiredIteratorException")
        polled = self._polled.setdefault(shard_id, deque(maxlen=_POLLS_PER_SECOND))
        if len(polled) == _POLLS_PER_SECOND and now - polled[0] < 1.0 - _CLOCK_GRAIN:
            raise SubscriptionFailed(f"{shard_id}: rate exceeded", "ProvisionedThroughputExceededException")
        polled.append(now)
        self._fail_at_random(shard_id)
        self.polls += 1
        place = max(int(told_place), shard.trimmed)
        # None at times though there are some, as Kinesis does.
        records = shard.records[place : place + self._rng.randint(0, 20)]
        place += len(records)
        if place == len(shard.records) and not shard.is_open:
            return kinesis.GetRecordsAnswer(records, None, 0, _children(shard))
        return kinesis.GetRecordsAnswer(records, f"{shard_id} {place} {now}", _behind(shard, place))

    def _shard(self, shard_id: str) -> _Shard:
        shard = self._stream.shards.get(shard_id)
        if shard is None:
            raise ShardGone(shard_id)
        return shard

    def _fail_at_random(self, shard_id: str) -> None:
        if self._rng.random() < self._failure_rate:
            raise SubscriptionFailed(f"{shard_id}: connection reset")

    def _first_place(self, shard: _Shard, position: Checkpoint, after: bool) -> int:
        if position.sequence_number == LATEST:
            return len(shard.records)
        if position.sequence_number == TRIM_HORIZON:
            return 0
        if position.sequence_number == AT_TIMESTAMP:
            return _place_at(shard, self.initial_timestamp)
        first = int(position.sequence_number) + after
        numbers = enumerate(shard.records)
        return next((place for place, each in numbers if int(each.sequence_number) >= first), len(shard.records))

    async def _news(self, began: float) -> None:
        remaining = began + self._life_seconds - _loop_time()
        try:
            async with asyncio.timeout(min(5.0, max(remaining, 0.0))):
                await self._stream.news.wait()
        except TimeoutError:
            return


def _loop_time() -> float:
    """Return the loop's time, 0 where there is no loop: a stream may be filled before it runs."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return 0.0


def _in_use(shard_id: str) -> SubscriptionFailed:
    return SubscriptionFailed(f"{shard_id}: ResourceInUseException", "ResourceInUseException")


def _place_at(shard: _Shard, timestamp: float) -> int:
    return next((at for at, each in enumerate(shard.records) if each.arrived_seconds >= timestamp), len(shard.records))


def _behind(shard: _Shard, place: int) -> int:
    """Return the age of the next record in ms, at least 1; 0 at the tip."""
    if place >= len(shard.records):
        return 0
    return max(1, round((_loop_time() - shard.records[place].arrived_seconds) * 1000))


def _children(shard: _Shard) -> list[kinesis.ChildShard]:
    return [
        kinesis.ChildShard(child.shard_id, child.parents, kinesis.HashKeyRange(str(child.low), str(child.high)))
        for child in shard.children
    ]
