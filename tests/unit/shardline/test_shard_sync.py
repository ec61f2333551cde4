"""Leases that follow the stream's shards."""

from __future__ import annotations

import pytest

from shardline import SHARD_END, TRIM_HORIZON, Checkpoint, Lease, LeaseTableUnavailable, Shard
from shardline.clock import Clock, LoopClock
from shardline.leases.holes import CONFIRMATIONS, LAST_HASH_KEY, Hole
from shardline.leases.shard_sync import LISTING_LASTS_SECONDS, ShardSync
from shardline.reading.loss import DataLoss
from shardline.reading.one_stream import OneStream
from shardline.testing import MemoryLeaseTable

HALF = LAST_HASH_KEY // 2
LOW, HIGH = Shard("low", ("p",), True, 0, HALF), Shard("high", ("p",), True, HALF + 1, LAST_HASH_KEY)


class HandClock:
    """Goes on when it is told to."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        pytest.fail("nothing to wait for")


class Listed(OneStream):
    """A stream of which nothing but its shards matters."""

    def __init__(self, *shards: Shard) -> None:
        self.shards = list(shards)

    async def refresh(self) -> None:
        return None

    async def list_shards(self) -> list[Shard]:
        return self.shards


def sync_of(table: MemoryLeaseTable, losses: list[DataLoss], *shards: Shard, clock: Clock | None = None) -> ShardSync:
    return ShardSync(table, Listed(*shards), Checkpoint(TRIM_HORIZON), clock or LoopClock(), losses.append)


async def test_a_shard_that_expired_unread_is_reported_once_when_its_lease_goes() -> None:
    """What was after its checkpoint is lost: said aloud, with the place; a finished one goes quietly."""
    table, losses = MemoryLeaseTable(), list[DataLoss]()
    await table.create(Lease("p", Checkpoint("5")))
    await table.create(Lease("low", Checkpoint("7"), parents=("p",)))
    await table.create(Lease("old", Checkpoint(SHARD_END)))
    sync = sync_of(table, losses, LOW, HIGH)
    await sync.sync(())
    await sync.sync(())
    assert losses == [DataLoss("p", "shard_gone", Checkpoint("5"))]
    assert sorted(table.leases) == ["high", "low"]


async def test_a_lease_that_is_worked_on_here_is_not_deleted() -> None:
    """Its own task finds out, and reports."""
    table, losses = MemoryLeaseTable(), list[DataLoss]()
    await table.create(Lease("p", Checkpoint("5")))
    await table.create(Lease("low", Checkpoint("7"), parents=("p",)))
    await sync_of(table, losses, LOW, HIGH).sync({"p"})
    assert "p" in table.leases
    assert losses == []


async def test_a_chain_of_ended_leases_is_cleaned_up_as_far_as_its_parents_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A lease that somebody wrote meanwhile stays, and so do those after it; the next sync takes them all."""
    table = MemoryLeaseTable()
    await table.create(Lease("1", Checkpoint("SHARD_END"), children=("2",)))
    await table.create(Lease("2", Checkpoint("SHARD_END"), children=("low", "high"), parents=("1",)))
    for shard in (LOW, HIGH):
        await table.create(Lease(shard.shard_id, Checkpoint("7"), parents=("2",)))
    delete = table.delete

    async def refused(lease: Lease) -> bool:
        return lease.shard_id != "1" and await delete(lease)

    listed = (Shard("1"), Shard("2", ("1",)), LOW, HIGH)
    monkeypatch.setattr(table, "delete", refused)
    await sync_of(table, [], *listed).sync(())
    assert sorted(table.leases) == ["1", "2", "high", "low"]
    monkeypatch.undo()
    await sync_of(table, [], *listed).sync(())
    assert sorted(table.leases) == ["high", "low"]


async def test_a_lease_that_somebody_deleted_is_found_as_a_hole_and_made_again() -> None:
    """After as many audits as it takes to believe it; the hole is told until the lease is there."""
    table, losses = MemoryLeaseTable(), list[DataLoss]()
    await table.create(Lease("low", Checkpoint("7"), parents=("p",), starting_hash_key=0, ending_hash_key=HALF))
    sync = sync_of(table, losses, LOW, HIGH)
    audits = [sync.audit(await table.list_leases()) for _ in range(CONFIRMATIONS)]
    assert audits == [False] * (CONFIRMATIONS - 1) + [True]
    assert sync.holes == [Hole(HALF + 1, LAST_HASH_KEY)]
    assert await sync.sync(())
    assert table.leases["high"].checkpoint == Checkpoint(TRIM_HORIZON)
    assert not sync.audit(await table.list_leases())
    assert sync.holes == []


async def test_a_worker_paused_after_listing_makes_no_lease_of_a_shard_delivered_meanwhile() -> None:
    """Others may have delivered the shard and deleted its lease: made again, it would be delivered twice as a whole."""

    class Meanwhile(MemoryLeaseTable):
        async def create(self, lease: Lease) -> bool:
            made = await super().create(lease)
            if lease.shard_id == "first":
                clock.now += LISTING_LASTS_SECONDS + 1  # the others go on while this worker stands still
                self.leases["child"] = Lease("child", Checkpoint("9"), parents=("second",))
            return made

    clock, table, losses = HandClock(), Meanwhile(), list[DataLoss]()
    first, second = Shard("first", (), True, 0, HALF), Shard("second", (), False, HALF + 1, LAST_HASH_KEY)
    child = Shard("child", ("second",), True, HALF + 1, LAST_HASH_KEY)
    assert await sync_of(table, losses, first, second, child, clock=clock).sync(())
    assert sorted(table.leases) == ["child", "first"]


async def test_a_listing_that_takes_too_long_makes_no_lease_and_is_an_error() -> None:
    """Going on in silence would hold up a start, and a stop, for as long as the table is slow."""

    class Slow(MemoryLeaseTable):
        async def list_leases(self) -> list[Lease]:
            clock.now += LISTING_LASTS_SECONDS + 1
            return await super().list_leases()

    clock, table, losses = HandClock(), Slow(), list[DataLoss]()
    with pytest.raises(LeaseTableUnavailable, match="took over 5 s"):
        await sync_of(table, losses, LOW, HIGH, clock=clock).sync(())
    assert table.leases == {}
