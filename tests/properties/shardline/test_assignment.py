"""Fleets that follow their plans come to rest, and no lease has two holders."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from shardline import TRIM_HORIZON, Checkpoint, Lease
from shardline.leases.assignment import LARGEST_SHARE, TOLERANCE, Sightings, View, plan, weights
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


class Shares:
    """A fleet at work on shards of steady, unequal rates; whatever is asked for comes before the next round."""

    def __init__(self, rates: list[float], workers: int, rng: random.Random) -> None:
        self.leases = {
            f"s{number:03d}": Lease(
                f"s{number:03d}", Checkpoint(TRIM_HORIZON), f"w{rng.randrange(workers)}", throughput=rate
            )
            for number, rate in enumerate(rates)
        }
        self.names = [f"w{number}" for number in range(workers)]
        self.sightings = {name: Sightings() for name in self.names}
        self.rng = rng
        self.moves: list[tuple[float, str]] = []

    def round(self, now: float) -> None:
        """Every worker looks, in any order, at what was there before any of them moved something."""
        before = list(self.leases.values())
        for name in self.rng.sample(self.names, len(self.names)):
            self.sightings[name].update(before, now)
            running = frozenset(each.shard_id for each in before if each.owner == name)
            view = View(name, before, running, self.sightings[name], now, 1e9, 1e9, rebalance_after=DAMPENING)
            for lease in plan(view, "balanced", self.rng.randrange).ask_for:
                if self.leases[lease.shard_id].owner == lease.owner:
                    self.leases[lease.shard_id] = replace(lease, owner=name)
                    self.moves.append((now, lease.shard_id))

    def loads(self) -> dict[str, float]:
        """What each worker's leases weigh."""
        weight = weights(list(self.leases.values()))
        loads = dict.fromkeys(self.names, 0.0)
        for lease in self.leases.values():
            loads[str(lease.owner)] += weight[lease.shard_id]
        return loads


DAMPENING = 10.0


@settings(max_examples=200, deadline=None)
@given(
    rates=st.lists(st.floats(0, 1000), min_size=1, max_size=40),
    workers=st.integers(1, 8),
    seed=st.integers(0, 2**32),
)
def test_a_fleet_of_unequal_shards_comes_to_rest_in_balance_and_never_to_and_fro(
    rates: list[float], workers: int, seed: int
) -> None:
    """Moves are bounded and come to an end; no lease moves twice within the dampening; then no load is far above.

    Far above means: by more than the tolerated part of the mean over the lightest load, and by more than the
    busiest worker's lightest lease divided by the largest share that a move may have.
    """
    fleet = Shares(rates, workers, random.Random(seed))
    now, quiet = 0.0, 0
    while quiet < 20:
        before = len(fleet.moves)
        fleet.round(now)
        quiet = 0 if len(fleet.moves) > before else quiet + 1
        now += 2.0
        assert len(fleet.moves) <= 3 * len(rates) + 3 * workers, "moves without end"
    latest: dict[str, float] = {}
    for moment, shard_id in fleet.moves:
        assert moment - latest.get(shard_id, -1e9) >= DAMPENING
        latest[shard_id] = moment
    loads = fleet.loads()
    weight = weights(list(fleet.leases.values()))
    least = min(loads.values())
    seen = sum(load > 0 for load in loads.values()) + (least == 0)
    mean = sum(loads.values()) / seen  # who holds nothing is seen by itself alone
    for name, load in loads.items():
        lightest = min((weight[each.shard_id] for each in fleet.leases.values() if each.owner == name), default=0.0)
        assert load - least <= max(TOLERANCE * min(mean, load), lightest / LARGEST_SHARE) + 1e-6
