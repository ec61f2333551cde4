"""What holds for every batch, whatever fails."""

import asyncio
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aws_wire import aggregation
from delivery import Item, KinesisLimits, KinesisSink, Limits, RetryPolicy
from delivery.batch import pack


class UnreliableKinesis:
    """Stores some records of a request and fails others, loses whole requests before or after storing them."""

    def __init__(self, seed: int, failing: float, limits: KinesisLimits) -> None:
        self.stored: list[tuple[str, bytes]] = []
        self._random = Random(seed)
        self._failing = failing
        self._limits = limits

    async def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        size = sum(len(record["Data"]) + len(record["PartitionKey"].encode()) for record in Records)
        assert 1 <= len(Records) <= self._limits.request.units
        assert size <= self._limits.request.size
        assert len({record["PartitionKey"] for record in Records}) == len(Records)
        await asyncio.sleep(0)
        if self._fails():
            raise ConnectionResetError("before it was stored")
        answers = dict(self._store(record) for record in self._random.sample(Records, len(Records)))
        await asyncio.sleep(0)
        if self._fails():
            raise TimeoutError("after it was stored")
        return {
            "Records": [
                answers_by_key[record["PartitionKey"]] for answers_by_key in [dict(answers)] for record in Records
            ]
        }

    def _store(self, record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        key = record["PartitionKey"]
        if self._fails():
            return key, {"ErrorCode": "InternalFailure", "ErrorMessage": ""}
        users = aggregation.decode(record["Data"])
        self.stored += [(u.partition_key, u.data) for u in users] if users else [(key, record["Data"])]
        return key, {"ShardId": "s", "SequenceNumber": str(len(self.stored))}

    def _fails(self) -> bool:
        return self._random.random() < self._failing


def first_copies(stored: list[tuple[str, bytes]]) -> dict[str, list[bytes]]:
    copies: dict[str, list[bytes]] = {}
    for key, data in stored:
        of_key = copies.setdefault(key, [])
        if data not in of_key:
            of_key.append(data)
    return copies


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(st.sampled_from("abcdef"), max_size=60),
    seed=st.integers(0, 2**32),
    failing=st.sampled_from([0.0, 0.2, 0.5]),
    aggregate=st.booleans(),
    parallel=st.integers(1, 4),
)
async def test_order_per_key_survives_every_failure(
    keys: list[str], seed: int, failing: float, aggregate: bool, parallel: int
):
    """First delivered copies of a key are in order, nothing is lost, and every item has its outcome."""
    limits = KinesisLimits(request=Limits(units=3, size=400), record=200, aggregate=150)
    client = UnreliableKinesis(seed, failing, limits)
    items = [Item(b"%d" % number, key) for number, key in enumerate(keys)]
    sink = KinesisSink(
        client, "raw", RetryPolicy(base_seconds=0.0), aggregate=aggregate, limits=limits, parallel=parallel
    )
    outcomes = await sink.deliver(items)
    assert [outcome.status for outcome in outcomes] == ["delivered"] * len(items)
    expected: dict[str, list[bytes]] = {}
    for item in items:
        expected.setdefault(item.key, []).append(item.data)
    assert first_copies(client.stored) == expected


@settings(max_examples=40, deadline=None)
@given(
    keys=st.lists(st.sampled_from("abc"), min_size=1, max_size=20),
    sizes=st.lists(st.integers(1, 300), min_size=20, max_size=20),
    seed=st.integers(0, 2**32),
)
async def test_outcomes_belong_to_their_items(keys: list[str], sizes: list[int], seed: int):
    """An item is stored exactly if its outcome says delivered, and rejected exactly if it passes the limit."""
    limits = KinesisLimits(request=Limits(units=3, size=1000), record=200, aggregate=150)
    client = UnreliableKinesis(seed, 0.2, limits)
    items = [Item(b"%d:" % at + b"x" * sizes[at], key) for at, key in enumerate(keys)]
    outcomes = await KinesisSink(client, "raw", RetryPolicy(base_seconds=0.0), limits=limits).deliver(items)
    stored = {data for _, data in client.stored}
    for item, outcome in zip(items, outcomes, strict=True):
        assert (outcome.status == "delivered") == (item.data in stored) == (len(item.data) + 1 <= 200)


@given(st.lists(st.integers(0, 100), max_size=50), st.integers(1, 200), st.integers(0, 20))
def test_packs_partition_their_input(sizes: list[int], limit: int, fixed: int):
    """Every position is in exactly one pack, in order, and only a lone one may pass the limit."""
    packs = pack(sizes, limit, fixed)
    assert [position for part in packs for position in part] == list(range(len(sizes)))
    for part in packs:
        assert len(part) == 1 or fixed + sum(sizes[position] for position in part) <= limit
