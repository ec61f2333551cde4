"""A small model of a stream with enhanced fan-out, for simulations of a group without sockets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import md5
from itertools import pairwise
from typing import Any

from shardline.errors import ShardGone, SubscriptionFailed
from shardline.model import LATEST, TRIM_HORIZON, Checkpoint, Shard

_HASH_KEYS = 2**128
_TAKEOVER_SECONDS = 5.0


@dataclass(slots=True, eq=False)
class _Shard:
    shard_id: str
    parents: tuple[str, ...]
    low: int
    high: int
    records: list[dict[str, Any]] = field(default_factory=list)
    children: list[_Shard] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return not self.children


class MemoryStream:
    """Shards, their records and their lineage. Sequence numbers count up across the whole stream."""

    def __init__(self, shards: int) -> None:
        self.shards: dict[str, _Shard] = {}
        self.news = asyncio.Event()
        self._number = 1000
        edges = [_HASH_KEYS * place // shards for place in range(shards + 1)]
        for low, high in pairwise(edges):
            self._add((), low, high - 1)

    def put(self, partition_key: str, data: bytes) -> str:
        """Add a record where its key belongs; returns its sequence number."""
        place = int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest(), "big")
        shard = next(each for each in self.open_shards() if each.low <= place <= each.high)
        self._number += 1
        shard.records.append({"SequenceNumber": str(self._number), "PartitionKey": partition_key, "Data": data})
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

    def _add(self, parents: tuple[str, ...], low: int, high: int) -> _Shard:
        shard = _Shard(f"shardId-{len(self.shards):012d}", parents, low, high)
        self.shards[shard.shard_id] = shard
        return shard

    def _tell(self) -> None:
        self.news.set()
        self.news = asyncio.Event()


class MemorySource:
    """One consumer of a MemoryStream; see shardline.stream.Source.

    Subscriptions last `life_seconds`, and each event breaks its subscription with the probability
    `failure_rate`. As with Kinesis, a subscription is refused within 5 s of a success and later ends the
    former one.
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
        self._stream = stream
        self._life_seconds = life_seconds
        self._failure_rate = failure_rate
        self._rng = rng or random.Random(0)  # noqa: S311 - a simulation repeats itself
        self._current: dict[str, tuple[int, float]] = {}

    async def list_shards(self) -> list[Shard]:
        """See Source."""
        return [
            Shard(shard.shard_id, shard.parents, shard.is_open, shard.low, shard.high)
            for shard in self._stream.shards.values()
        ]

    async def register(self) -> None:
        """See Source."""

    async def subscribe(self, shard_id: str, position: Checkpoint, *, after: bool) -> AsyncIterator[dict[str, Any]]:
        """See Source."""
        shard = self._stream.shards.get(shard_id)
        if shard is None:
            raise ShardGone(shard_id)
        began = asyncio.get_running_loop().time()
        if shard_id in self._current and began - self._current[shard_id][1] < _TAKEOVER_SECONDS:
            raise SubscriptionFailed(f"{shard_id}: ResourceInUseException")
        self.subscriptions += 1
        ticket = self.subscriptions
        self._current[shard_id] = (ticket, began)
        place = _first_place(shard, position, after)
        last = str(position.sequence_number) if not position.is_sentinel else "1"
        while asyncio.get_running_loop().time() < began + self._life_seconds:
            if self._rng.random() < self._failure_rate:
                raise SubscriptionFailed(f"{shard_id}: connection reset")
            if self._current[shard_id][0] != ticket:
                return
            records = shard.records[place : place + self._rng.randint(1, 20)]
            place += len(records)
            last = records[-1]["SequenceNumber"] if records else last
            ended = place == len(shard.records) and not shard.is_open
            yield _event(shard, records, None if ended else last)
            if ended:
                return
            if place == len(shard.records) and shard.is_open:
                await self._news(began)
            else:
                await asyncio.sleep(0.001)

    async def _news(self, began: float) -> None:
        remaining = began + self._life_seconds - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(5.0, max(remaining, 0.0))):
                await self._stream.news.wait()
        except TimeoutError:
            return


def _first_place(shard: _Shard, position: Checkpoint, after: bool) -> int:
    if position.sequence_number == LATEST:
        return len(shard.records)
    if position.sequence_number == TRIM_HORIZON:
        return 0
    first = int(position.sequence_number) + after
    numbers = enumerate(shard.records)
    return next((place for place, each in numbers if int(each["SequenceNumber"]) >= first), len(shard.records))


def _event(shard: _Shard, records: list[dict[str, Any]], continuation: str | None) -> dict[str, Any]:
    told: dict[str, Any] = {"Records": records, "MillisBehindLatest": 0}
    if continuation is not None:
        return {**told, "ContinuationSequenceNumber": continuation}
    children = [{"ShardId": child.shard_id, "ParentShards": list(child.parents)} for child in shard.children]
    return {**told, "ChildShards": children}
