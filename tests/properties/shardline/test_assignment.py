"""Fleets that follow their plans come to rest, and no lease has two holders."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from shardline import TRIM_HORIZON, Checkpoint, Lease
from shardline.assignment import Sightings, View, plan
from shardline.settings import Strategy
from shardline.testing import MemoryLeaseTable, run_in_virtual_time

SECONDS = 2.0


class Worker:
    """A worker that renews what it runs and follows its plans; it runs what its writes say is its own."""

    def __init__(self, name: str, table: MemoryLeaseTable, strategy: Strategy, rng: random.Random) -> None:
        self.name, self.table, self.strategy, self.rng = name, table, strategy, rng
        self.running: dict[str, Lease] = {}
        self.sightings = Sightings()

    async def look(self, now: float, leases: list[Lease]) -> None:
        """Act on a reading of the table that may be older than the others' latest writes."""
        self.sightings.update(leases, now)
        view = View(self.name, leases, frozenset(self.running), self.sightings, now, 10.0, 30.0)
        decided = plan(view, self.strategy, self.rng.randrange)
        for lease in decided.give:
            await self.give(lease.shard_id)
        for lease in decided.take:
            taken = await self.table.take(lease, self.name, await self.table.next_epoch())
            if taken:
                self.running[taken.shard_id] = taken
        for lease in decided.ask_for:
            await self.table.ask_for(lease, self.name)

    async def renew(self) -> None:
        for shard_id, lease in list(self.running.items()):
            self.running[shard_id] = renewed = await self.table.renew(lease)
            if renewed.checkpoint_owner:
                await self.give(shard_id)

    async def give(self, shard_id: str) -> None:
        await self.table.release(self.running.pop(shard_id))


@settings(max_examples=150)
@given(
    shards=st.integers(1, 12),
    workers=st.integers(1, 6),
    survivors=st.integers(1, 6),
    strategy=st.sampled_from(["balanced", "single_owner"]),
    seed=st.integers(0, 2**32),
)
def test_a_fleet_comes_to_rest_without_double_holders(
    shards: int, workers: int, survivors: int, strategy: Strategy, seed: int
) -> None:
    """After newcomers and crashes every lease has one live holder, in the strategy's shares, and stays there."""

    async def main() -> None:
        rng = random.Random(seed)
        table = MemoryLeaseTable()
        for number in range(shards):
            await table.create(Lease(f"s{number:02d}", Checkpoint(TRIM_HORIZON)))
        fleet = [Worker(f"w{number}", table, strategy, rng) for number in range(workers)]
        now = await rounds(fleet[:1], table, 0.0, 3, rng)
        now = await rounds(fleet, table, now, 30 + 6 * shards, rng)
        check(fleet, shards, strategy)
        fleet = rng.sample(fleet, min(survivors, len(fleet)))
        now = await rounds(fleet, table, now, 40 + 6 * shards, rng)
        check(fleet, shards, strategy)
        owners = {lease.shard_id: lease.owner for lease in await table.list_leases()}
        await rounds(fleet, table, now, 10, rng)
        assert owners == {lease.shard_id: lease.owner for lease in await table.list_leases()}, "at rest"

    run_in_virtual_time(main())


async def rounds(fleet: list[Worker], table: MemoryLeaseTable, now: float, count: int, rng: random.Random) -> float:
    for _ in range(count):
        stale = await table.list_leases()
        for worker in rng.sample(fleet, len(fleet)):
            await worker.renew()
            await worker.look(now, stale if rng.random() < 0.5 else await table.list_leases())
        held = Counter(shard_id for worker in fleet for shard_id in worker.running)
        assert not [shard_id for shard_id, holders in held.items() if holders > 1]
        now += SECONDS
    return now


def check(fleet: list[Worker], shards: int, strategy: Strategy) -> None:
    counts = sorted(len(worker.running) for worker in fleet)
    assert sum(counts) == shards, "each lease has one live holder"
    if strategy == "single_owner":
        assert counts[-1] == shards
    else:
        assert counts[-1] - counts[0] <= 1
