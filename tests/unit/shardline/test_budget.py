"""What is in flight in a process is bounded, and no shard can take another's part of it."""

from __future__ import annotations

import asyncio

import pytest

from shardline.reading.budget import Budget, Share


def test_one_shard_may_use_all_that_nobody_is_guaranteed() -> None:
    """Of 100 records half is guaranteed to two shards: one alone has its 25 and the common 50."""
    budget = Budget(100, 10**9)
    greedy, _ = budget.join(), budget.join()
    while greedy.has_room:
        greedy.take(1, 1)
    assert greedy.records == 75


def test_a_shard_keeps_its_guarantee_whatever_the_others_hold() -> None:
    """Nine slow shards that never finish leave the tenth its twentieth of the budget."""
    budget = Budget(1000, 10**9)
    slow, quick = [budget.join() for _ in range(9)], budget.join()
    while any(share.has_room for share in slow):
        for share in slow:
            if share.has_room:
                share.take(10, 10)
    assert quick.has_room
    quick.take(49, 49)
    assert quick.has_room
    quick.take(1, 1)
    assert not quick.has_room
    quick.give(50, 50)
    assert quick.has_room


def test_bytes_bound_as_records_do() -> None:
    """A record of 10 MB fills a budget of 8 MB by itself."""
    budget = Budget(10**6, 8_000_000)
    share = budget.join()
    share.take(1, 10_000_000)
    assert not share.has_room
    share.give(1, 10_000_000)
    assert share.has_room
    assert (budget.records, budget.size) == (0, 0)


def test_a_shard_that_leaves_gives_everything_back() -> None:
    """What it held and its guarantee; what its processor says later changes nothing."""
    budget = Budget(100, 10**9)
    gone, stays = budget.join(), budget.join()
    gone.take(75, 75)
    stays.take(25, 25)
    assert not stays.has_room
    gone.leave()
    gone.give(75, 75)
    gone.take(5, 5)
    assert (budget.records, budget.size) == (25, 25)
    while stays.has_room:
        stays.take(1, 1)
    assert stays.records == 100


def test_a_newcomer_gets_its_guarantee_though_all_is_taken() -> None:
    """Its part comes off the others': it is read at once, and they wait."""
    budget = Budget(100, 10**9)
    first = budget.join()
    first.take(100, 100)
    newcomer = budget.join()
    assert newcomer.has_room
    assert not first.has_room


async def test_who_waits_is_woken_when_there_is_room() -> None:
    """And only then; in the order in which they began to wait."""
    budget = Budget(10, 10**9, guaranteed=0.0)
    shares = [budget.join() for _ in range(3)]
    shares[0].take(10, 10)
    order: list[int] = []

    async def wait(place: int, share: Share) -> None:
        await share.room()
        order.append(place)
        share.take(10, 10)

    tasks = [asyncio.create_task(wait(place, share)) for place, share in enumerate(shares[1:], 1)]
    await asyncio.sleep(0)
    assert order == []
    for holder in shares[:2]:
        holder.give(10, 10)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert order == [1, 2]
    await asyncio.gather(*tasks)


async def test_waiting_can_be_given_up() -> None:
    """A cancelled wait leaves nothing behind, and a share that leaves waits no longer."""
    budget = Budget(1, 1, guaranteed=0.0)
    holder, waiter = budget.join(), budget.join()
    holder.take(1, 1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await waiter.room()
    assert not budget._waiting
    waiting = asyncio.create_task(waiter.room())
    await asyncio.sleep(0)
    waiter.leave()
    await waiting


def test_what_cannot_be_is_refused() -> None:
    """Bounds below one, and more done than came."""
    with pytest.raises(ValueError, match="at least one"):
        Budget(0, 1)
    with pytest.raises(ValueError, match="guarantees"):
        Budget(1, 1, guaranteed=1.5)
    with pytest.raises(ValueError, match="more is given back"):
        Budget(1, 1).join().give(1, 0)
