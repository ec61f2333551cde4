"""How soon shards are read again after starts, stops and reshards, in virtual time."""

from __future__ import annotations

import asyncio

import pytest
from lease_costs import Fleet

from shardline import SHARD_END
from shardline.testing import run_in_virtual_time

pytestmark = pytest.mark.long

IN_CALM = 200


def test_the_first_record_comes_within_a_second_of_a_start() -> None:
    """In a new table, and in one whose last worker stopped in good order: nothing sleeps on the way."""

    async def main() -> None:
        fleet = Fleet(4)
        for _ in range(2):
            began = asyncio.get_running_loop().time()
            fleet.records.clear()
            name = fleet.start()
            for number in range(20):
                fleet.stream.put(f"key-{number}", b"x")
            await fleet.until_read(4, 1)
            await asyncio.sleep(1)
            assert min(moment for moment, _ in fleet.records) - began < 1
            await asyncio.sleep(30)
            await fleet.stop(name)
            await asyncio.sleep(6)

    run_in_virtual_time(main())


@pytest.mark.parametrize("shards", [6, 40])
def test_a_stopping_workers_shards_are_read_by_others_at_their_next_look(shards: int) -> None:
    """Within 2.4 s in busy times, 6 s in calm ones, and the worker that stopped counts no more."""

    async def main() -> None:
        fleet = Fleet(shards)
        names = [fleet.start() for _ in range(3)]
        await fleet.until_read(shards, 20)
        await asyncio.sleep(30)
        await fleet.stop(names[0])
        assert await fleet.until_read(shards, 10) <= 2.5
        await asyncio.sleep(IN_CALM)
        await fleet.stop(names[1])
        assert await fleet.until_read(shards, 10) <= 6.2
        assert fleet.read() == {names[2]: shards}
        await fleet.stop_all()

    run_in_virtual_time(main())


def test_a_restarted_fleet_shares_out_again_without_anybodys_waiting_for_a_lease_to_expire() -> None:
    """A rolling deploy of four workers, one after the other: no shard is unread for three seconds."""

    async def main() -> None:
        fleet = Fleet(24)
        names = [fleet.start() for _ in range(4)]
        await fleet.until_read(24, 20)
        await asyncio.sleep(60)
        for name in names:
            await fleet.stop(name)
            fleet.start()
            assert await fleet.until_read(24, 10) < 3
            await asyncio.sleep(15)
        await asyncio.sleep(60)
        counts = fleet.read().values()
        assert max(counts) - min(counts) <= 1
        await fleet.stop_all()

    run_in_virtual_time(main())


def test_a_thousand_shards_are_shared_out_and_half_of_them_resharded() -> None:
    """Twenty workers read all within 10 s; after 250 splits and 125 merges all is read again within 30 s.

    Every record is delivered once, and the leases of the shards that closed say that they ended, or are gone.
    """

    async def main() -> None:
        fleet = Fleet(1000, in_dynamodb=False)
        for _ in range(20):
            fleet.start()
        assert await fleet.until_read(1000, 30) < 10
        for number in range(2000):
            fleet.stream.put(f"before-{number}", b"x")
        row = sorted(fleet.stream.open_shards(), key=lambda shard: shard.low)
        for shard in row[:250]:
            fleet.stream.split(shard)
        for lower, upper in zip(row[250:500:2], row[251:500:2], strict=True):
            fleet.stream.merge(lower, upper)
        for number in range(2000):
            fleet.stream.put(f"after-{number}", b"x")
        opened = {shard.shard_id for shard in fleet.stream.open_shards()}
        assert len(opened) == 500 + 500 + 125
        async with asyncio.timeout(30):
            while len(fleet.records) < 4000:
                await asyncio.sleep(0.2)
        await asyncio.sleep(1)
        keys = [key for _, key in fleet.records]
        assert len(keys) == len(set(keys)) == 4000
        assert fleet.memory is not None
        for shard in row[:500]:
            lease = fleet.memory.leases.get(shard.shard_id)
            assert lease is None or lease.checkpoint.sequence_number == SHARD_END
        assert opened <= fleet.memory.leases.keys()
        await fleet.stop_all()
        assert not [lease for lease in fleet.memory.leases.values() if lease.holder and not lease.is_ended]

    run_in_virtual_time(main())
