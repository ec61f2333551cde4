"""Aggregation by predicted shard: nothing lost, nothing astray, through reshards at any moment."""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aws_wire import aggregation
from delivery import Item, KinesisLimits, KinesisSink, Limits, RetryPolicy
from delivery.shard_map import HASH_KEYS, hash_of

LIMITS = KinesisLimits(request=Limits(units=3, size=700), record=400, aggregate=300)


class Resharding:
    """A stream that splits and merges at random between two calls, throttles some records, and checks each request."""

    def __init__(self, seed: int, reshards: int) -> None:
        self._chance = random.Random(seed)
        self._reshards = reshards
        self._made = 0
        self._closed: list[tuple[str, int, int]] = []
        self._open: list[tuple[str, int, int]] = []
        self._in_flight: set[str] = set()
        self.stored: list[tuple[str, str, bytes, tuple[int, int]]] = []
        self._add(0, HASH_KEYS // 2 - 1)
        self._add(HASH_KEYS // 2, HASH_KEYS - 1)

    async def list_shards(self, **request: Any) -> dict[str, Any]:
        """All in pages of two."""
        shards = [_listed(shard, ended=True) for shard in self._closed] + [_listed(shard) for shard in self._open]
        start = int(request.get("NextToken", 0))
        page: dict[str, Any] = {"Shards": shards[start : start + 2]}
        return page | ({"NextToken": str(start + 2)} if start + 2 < len(shards) else {})

    async def put_records(self, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        if self._reshards and self._chance.random() < 0.5:
            self._reshards -= 1
            self._reshard()
        keys = [
            key
            for record in Records
            for key in {(user.partition_key, user.explicit_hash_key) for user in _users(record)}
        ]
        assert len(keys) == len(set(keys)), "a key is in two records of a request"
        return {"Records": [self._put(record) for record in Records]}

    def _put(self, record: dict[str, Any]) -> dict[str, Any]:
        assert len(record["Data"]) <= LIMITS.aggregate or len(_users(record)) == 1
        if self._chance.random() < 0.2:
            return {"ErrorCode": "ProvisionedThroughputExceededException"}
        hash_key = hash_of(record["PartitionKey"], record.get("ExplicitHashKey"))
        [(name, first, last)] = [shard for shard in self._open if shard[1] <= hash_key <= shard[2]]
        self.stored += [
            (user.partition_key, user.explicit_hash_key or "", user.data, (first, last)) for user in _users(record)
        ]
        return {"ShardId": name, "SequenceNumber": str(len(self.stored))}

    def _reshard(self) -> None:
        if len(self._open) > 1 and self._chance.random() < 0.4:
            at = self._chance.randrange(len(self._open) - 1)
            (left, first, _), (right, _, last) = self._open[at], self._open[at + 1]
            self._close(left)
            self._close(right)
            self._add(first, last)
        else:
            name, first, last = self._chance.choice(self._open)
            self._close(name)
            self._add(first, (first + last) // 2)
            self._add((first + last) // 2 + 1, last)
        self._open.sort(key=lambda shard: shard[1])

    def _add(self, first: int, last: int) -> None:
        self._open.append((f"shard-{self._made}", first, last))
        self._made += 1

    def _close(self, name: str) -> None:
        [shard] = [shard for shard in self._open if shard[0] == name]
        self._open.remove(shard)
        self._closed.append(shard)


def _listed(shard: tuple[str, int, int], *, ended: bool = False) -> dict[str, Any]:
    name, first, last = shard
    return {
        "ShardId": name,
        "HashKeyRange": {"StartingHashKey": str(first), "EndingHashKey": str(last)},
        "SequenceNumberRange": {"StartingSequenceNumber": "1"} | ({"EndingSequenceNumber": "2"} if ended else {}),
    }


def _users(record: dict[str, Any]) -> list[aggregation.UserRecord]:
    plain = aggregation.UserRecord(record["PartitionKey"], record["Data"], record.get("ExplicitHashKey"))
    return aggregation.decode(record["Data"]) or [plain]


class Counted:
    def __init__(self) -> None:
        self.moved = 0

    def on_call(self, seconds: float, items: int, size: int, /) -> None:
        """Not looked at."""

    def on_retry(self, count: int, reason: str, /) -> None:
        self.moved += count if reason == "WrongShard" else 0


items = st.lists(
    st.builds(
        Item,
        st.binary(min_size=1, max_size=150),
        st.sampled_from([f"key-{number}" for number in range(12)]),
        st.none() | st.sampled_from(["0", str(HASH_KEYS - 1), str(HASH_KEYS // 3)]),
    ),
    max_size=60,
)


@settings(max_examples=80, deadline=None)
@given(items, st.integers(0, 2**32), st.integers(0, 4), st.integers(1, 4))
async def test_everything_ends_in_its_own_shard(sent: list[Item], seed: int, reshards: int, parallel: int) -> None:
    """Each item is delivered; its last copy, and the shard its outcome names, hold its own hash."""
    stream = Resharding(seed, reshards)
    observer = Counted()
    numbered = [Item(b"%d:" % at + item.data, item.key, item.hash_key) for at, item in enumerate(sent)]
    sink = KinesisSink(
        *(stream, "raw", RetryPolicy(base_seconds=0.0)),
        aggregate="shard",
        limits=LIMITS,
        parallel=parallel,
        observer=observer,
    )
    outcomes = await sink.deliver(numbered)
    assert {outcome.status for outcome in outcomes} <= {"delivered"}
    copies: dict[bytes, list[tuple[str, str, tuple[int, int]]]] = {}
    for key, hash_key, data, held in stream.stored:
        copies.setdefault(data, []).append((key, hash_key, held))
    assert set(copies) == {item.data for item in numbered}
    for item in numbered:
        key, hash_key, (first, last) = copies[item.data][-1]
        assert (key, hash_key) == (item.key, item.hash_key or "")
        assert first <= hash_of(item.key, item.hash_key) <= last
    assert sum(len(each) - 1 for each in copies.values()) == observer.moved


@settings(max_examples=40, deadline=None)
@given(items, st.integers(0, 2**32))
async def test_order_per_key_and_hash_holds_while_shards_stay(sent: list[Item], seed: int) -> None:
    """Without a reshard, what has one key and one hash key is stored in its order, through throttles."""
    stream = Resharding(seed, 0)
    numbered = [Item(b"%d:" % at + item.data, item.key, item.hash_key) for at, item in enumerate(sent)]
    await KinesisSink(stream, "raw", RetryPolicy(base_seconds=0.0), aggregate="shard", limits=LIMITS).deliver(numbered)
    lanes: dict[tuple[str, str], list[bytes]] = {}
    for key, hash_key, data, _ in stream.stored:
        lanes.setdefault((key, hash_key), []).append(data)
    expected: dict[tuple[str, str], list[bytes]] = {}
    for item in numbered:
        expected.setdefault((item.key, item.hash_key or ""), []).append(item.data)
    assert lanes == expected
