"""What a group costs in DynamoDB, counted in virtual time, beside what KCL 3 does by its source."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from lease_costs import Fleet

from shardline.testing import run_in_virtual_time

pytestmark = pytest.mark.long

HOUR = 3600.0
WRITE_PRICE, READ_PRICE = 0.625, 0.125
"""US dollars a million units, on demand, us-east-1: https://aws.amazon.com/dynamodb/pricing/on-demand/"""
LEASE_BYTES = 350


@dataclass(frozen=True)
class Cost:
    """Requests and units a shard-hour."""

    requests: float
    reads: float
    writes: float

    @property
    def price(self) -> float:
        """US dollars a million shard-hours."""
        return self.writes * WRITE_PRICE + self.reads * READ_PRICE


def kcl3(shards: int, workers: int) -> Cost:
    """KCL 3.5.1 by default, idle, by the intervals in its source; a floor, as start-up and errors are left out.

    Every lease is renewed each failover time / 3 - 25 ms (DynamoDBLeaseCoordinator). Every worker queries its
    index each 10 s - 25 ms (leaseDiscovererIntervalMillis) and reports each 30 s (WorkerMetricStatsReporter); all
    but the leader try for its lock each 30 s, and it beats as often (DynamoDBLockBasedLeaderDecider). The leader
    scans all leases each 20 s (LeaseAssignmentManager) and each 2 min (PeriodicShardSyncManager).
    """
    renewals = shards * HOUR / (10 / 3 - 0.025)
    queries = workers * HOUR / 9.975
    reports = workers * HOUR / 30
    lock_reads, lock_writes = (workers - 1) * HOUR / 30, HOUR / 30
    scans = HOUR / 20 + HOUR / 120
    scan_units = max(shards * LEASE_BYTES / 4096, 1) / 2
    requests = renewals + queries + reports + lock_reads + lock_writes + scans
    reads = queries / 2 + lock_reads + scans * scan_units
    return Cost(requests / shards, reads / shards, (renewals + reports + lock_writes) / shards)


def ours(shards: int, workers: int, *, calm: bool, seconds: float, busy: bool = False) -> Cost:
    """A fleet at rest: idle, or with a record a second in each shard; `calm` waits for its slower pace."""

    async def main() -> Cost:
        fleet = Fleet(shards)
        await fleet.deal_out(workers)
        for _ in range(workers):
            fleet.start()
        await fleet.until_read(shards, 60)
        await asyncio.sleep(150 if calm else 5)
        fleet.meter.reset()
        for second in range(int(seconds)):
            for number in range(10 * shards if busy else 0):
                fleet.stream.put(f"{second}-{number}", b"x")
            await asyncio.sleep(1)
        meter, scale = fleet.meter, HOUR / seconds / shards
        cost = Cost(sum(meter.requests.values()) * scale, meter.reads * scale, meter.writes * scale)
        await fleet.stop_all()
        return cost

    return run_in_virtual_time(main())


@pytest.mark.parametrize(
    ("shards", "workers", "calm", "seconds"),
    [(1, 1, True, 1200), (10, 2, True, 300), (100, 10, True, 60), (1000, 20, False, 12)],
)
def test_an_idle_shard_costs_less_than_with_kcl_3(shards: int, workers: int, calm: bool, seconds: float) -> None:
    """In requests, in write units and in money, at every size; most of what is left are renewals."""
    cost, theirs = ours(shards, workers, calm=calm, seconds=seconds), kcl3(shards, workers)
    print(f"{shards} shards, {workers} workers: {cost}, {cost.price:.0f} $/M; KCL 3: {theirs}, {theirs.price:.0f} $/M")
    assert cost.requests < theirs.requests
    assert cost.writes < theirs.writes
    assert cost.price < theirs.price
    assert cost.writes == pytest.approx(900, rel=0.15), "one renewal each 40 % of the lease"


def test_a_busy_shards_checkpoints_are_its_renewals() -> None:
    """One write a checkpoint interval (1 s) and none beside it; KCL 3 renews as well."""
    cost = ours(10, 2, calm=False, seconds=60, busy=True)
    print(f"busy: {cost}")
    assert cost.writes == pytest.approx(3600, rel=0.05)
