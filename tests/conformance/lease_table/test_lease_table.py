"""What every lease table promises."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from shardline import (
    SHARD_END,
    TRIM_HORIZON,
    Checkpoint,
    ChildShard,
    Lease,
    LeaseLost,
    LeaseTable,
    LeaseTableMismatch,
)

LEASE = Lease(
    "shardId-000000000000",
    Checkpoint(TRIM_HORIZON),
    parents=("shardId-a", "shardId-b"),
    starting_hash_key=0,
    ending_hash_key=2**128 - 1,
)


async def held(table: LeaseTable, owner: str = "one") -> Lease:
    await table.create(LEASE)
    lease = await table.get(LEASE.shard_id)
    assert lease is not None
    taken = await table.take(lease, owner, await table.next_epoch())
    assert taken is not None
    return taken


async def stored(table: LeaseTable) -> Lease:
    lease = await table.get(LEASE.shard_id)
    assert lease is not None
    return lease


async def test_a_lease_comes_back_as_it_was_created(table: LeaseTable) -> None:
    """Every member survives the round trip, hash keys of 128 bits included."""
    assert await table.create(LEASE)
    assert await table.get(LEASE.shard_id) == LEASE
    assert await table.list_leases() == [LEASE]


async def test_a_lease_is_created_once(table: LeaseTable) -> None:
    """A second creation changes nothing and says so."""
    await table.create(LEASE)
    assert not await table.create(replace(LEASE, checkpoint=Checkpoint("5")))
    assert await stored(table) == LEASE


async def test_a_lease_that_is_not_there_is_none(table: LeaseTable) -> None:
    """Absence is an answer, not an error."""
    assert await table.get("shardId-000000000009") is None
    assert await table.list_leases() == []


async def test_epochs_count_up_from_one_for_whoever_asks(table: LeaseTable) -> None:
    """Concurrent askers never get the same epoch, and the counter is no lease."""
    epochs = await asyncio.gather(*(table.next_epoch() for _ in range(10)))
    assert sorted(epochs) == list(range(1, 11))
    assert await table.list_leases() == []


async def test_a_table_serves_one_group(table: LeaseTable) -> None:
    """Opening it again for the same group is fine, for another is refused."""
    await table.open("app/stream")
    with pytest.raises(LeaseTableMismatch):
        await table.open("app/other")


async def test_of_many_takers_one_wins(table: LeaseTable) -> None:
    """All saw the same row; one conditional write succeeds."""
    await table.create(LEASE)
    lease = await stored(table)
    takers = (table.take(lease, f"worker-{place}", 100 + place) for place in range(8))
    taken = [answer for answer in await asyncio.gather(*takers) if answer]
    assert len(taken) == 1
    assert await stored(table) == taken[0]
    assert taken[0].counter == lease.counter + 1


async def test_a_change_of_owner_is_counted_until_the_next_checkpoint(table: LeaseTable) -> None:
    """Taking one's own lease again is no switch; a checkpoint resets the count."""
    lease = await held(table, "one")
    again = await table.take(lease, "one", 7)
    assert again is not None
    assert (again.owner_switches, again.epoch) == (1, 7)
    other = await table.take(again, "two", 8)
    assert other is not None
    assert other.owner_switches == 2
    assert (await table.checkpoint(other, Checkpoint("5"))).owner_switches == 0


async def test_a_renewal_raises_the_counter_alone(table: LeaseTable) -> None:
    """Nothing else changes, so observers see life and no more."""
    lease = await held(table)
    renewed = await table.renew(lease)
    assert renewed == replace(lease, counter=lease.counter + 1)
    assert await stored(table) == renewed


async def test_a_checkpoint_keeps_its_sub_sequence_number(table: LeaseTable) -> None:
    """A place within an aggregate survives, and so does the end of the shard."""
    lease = await table.checkpoint(await held(table), Checkpoint("4" * 56, 17))
    assert (await stored(table)).checkpoint == Checkpoint("4" * 56, 17)
    ended = await table.checkpoint(lease, Checkpoint(SHARD_END))
    assert ended.is_ended
    assert (await stored(table)).is_ended


async def test_state_is_written_with_the_checkpoint_and_stays_until_the_next(table: LeaseTable) -> None:
    """One write carries both; a checkpoint without state, a renewal and a change of owner leave it."""
    lease = await held(table)
    assert lease.state is None
    lease = await table.checkpoint(lease, Checkpoint("5"), b"\x00\xff place")
    assert ((await stored(table)).checkpoint, (await stored(table)).state) == (Checkpoint("5"), b"\x00\xff place")
    lease = await table.checkpoint(await table.renew(lease), Checkpoint("6"))
    taken = await table.take(lease, "other", await table.next_epoch())
    assert taken is not None
    assert taken.state == b"\x00\xff place"
    assert (await table.checkpoint(taken, Checkpoint("7"), b"")).state == b""


async def test_a_state_that_is_too_large_is_refused_before_anything_is_written(table: LeaseTable) -> None:
    """The bound is 16 KiB; the checkpoint stays as it was."""
    lease = await held(table)
    with pytest.raises(ValueError, match="at most 16384"):
        await table.checkpoint(lease, Checkpoint("5"), b"x" * (16 * 1024 + 1))
    assert await stored(table) == lease
    assert (await table.checkpoint(lease, Checkpoint("5"), b"x" * 16 * 1024)).checkpoint == Checkpoint("5")


async def test_who_lost_the_lease_writes_no_state(table: LeaseTable) -> None:
    """State belongs to the checkpoint: both or neither."""
    old = await held(table, "old")
    new = await table.take(old, "new", await table.next_epoch())
    with pytest.raises(LeaseLost):
        await table.checkpoint(old, Checkpoint("5"), b"mine")
    assert await stored(table) == new


async def test_throughput_is_told_with_renewals_and_checkpoints(table: LeaseTable) -> None:
    """None leaves what was measured last."""
    lease = await table.renew(await held(table), throughput=12.5)
    assert lease.throughput == 12.5
    lease = await table.checkpoint(await table.renew(lease), Checkpoint("5"), throughput=0.25)
    assert (await stored(table)).throughput == 0.25
    assert (await table.renew(lease)).throughput == 0.25


async def test_the_bell_is_heard_by_whoever_listens(table: LeaseTable) -> None:
    """Each ring raises what is heard; epochs do not ring it."""
    before = await table.hear()
    await table.next_epoch()
    assert await table.hear() == before
    await asyncio.gather(table.ring(), table.ring())
    assert await table.hear() == before + 2
    assert await table.list_leases() == []


async def test_parts_of_a_scan_are_disjoint_and_together_everything(table: LeaseTable) -> None:
    """Workers that scan a part each see every lease once among them."""
    names = {f"shardId-{number:012d}" for number in range(30)}
    for name in names:
        await table.create(replace(LEASE, shard_id=name))
    assert {lease.shard_id for lease in await table.scan()} == names
    found = [lease.shard_id for part in range(4) for lease in await table.scan(part, 4)]
    assert sorted(found) == sorted(names)
    again = [lease.shard_id for lease in await table.scan(2, 4)]
    assert set(again) == {lease.shard_id for lease in await table.scan(2, 4)}, "a lease stays in its part"


async def test_epochs_survive_the_deletion_and_creation_of_leases(table: LeaseTable) -> None:
    """The counter is the group's, not the lease's."""
    lease = await held(table)
    assert await table.delete(lease)
    assert (await held(table)).epoch > lease.epoch


async def test_who_lost_the_lease_can_neither_renew_nor_checkpoint_nor_release(table: LeaseTable) -> None:
    """After another's take every write of the former holder raises and changes nothing."""
    old = await held(table, "one")
    new = await table.take(old, "two", await table.next_epoch())
    for write in (table.renew(old), table.checkpoint(old, Checkpoint("5")), table.release(old)):
        with pytest.raises(LeaseLost):
            await write
    assert await stored(table) == new


async def test_two_workers_of_one_name_do_not_share_a_lease(table: LeaseTable) -> None:
    """The epoch tells acquisitions apart where the owner's name does not."""
    first = await held(table, "same")
    second = await table.take(first, "same", await table.next_epoch())
    with pytest.raises(LeaseLost):
        await table.renew(first)
    assert await stored(table) == second


async def test_a_holder_recognises_its_own_write_whose_answer_was_lost(table: LeaseTable) -> None:
    """Renewing or checkpointing from the row before one's own last write succeeds."""
    lease = await held(table)
    await table.renew(lease)
    renewed = await table.renew(lease)
    assert renewed.counter == lease.counter + 2
    await table.checkpoint(renewed, Checkpoint("5"))
    assert (await table.checkpoint(renewed, Checkpoint("6"))).checkpoint == Checkpoint("6")


async def test_a_holder_two_writes_behind_has_lost_the_lease(table: LeaseTable) -> None:
    """One answer may be lost, not two: somebody else wrote."""
    lease = await held(table)
    await table.renew(await table.renew(lease))
    with pytest.raises(LeaseLost):
        await table.renew(lease)


async def test_a_released_lease_belongs_to_nobody_and_keeps_its_checkpoint(table: LeaseTable) -> None:
    """Others see it free at once."""
    await table.release(await table.checkpoint(await held(table), Checkpoint("5")))
    lease = await stored(table)
    assert (lease.owner, lease.holder, lease.checkpoint) == (None, None, Checkpoint("5"))


async def test_a_hand_off_leaves_the_shard_with_its_holder_until_it_lets_go(table: LeaseTable) -> None:
    """The asker becomes owner, the old owner goes on writing, and its release gives the lease to the asker."""
    lease = await held(table, "old")
    asked = await table.ask_for(lease, "new")
    assert asked is not None
    assert (asked.owner, asked.checkpoint_owner, asked.holder, asked.counter) == (
        "new",
        "old",
        "old",
        lease.counter,
    )
    renewed = await table.renew(lease)
    assert renewed.checkpoint_owner == "old"
    written = await table.checkpoint(renewed, Checkpoint("5"))
    assert written.holder == "old"
    await table.release(written)
    after = await stored(table)
    assert (after.owner, after.checkpoint_owner, after.checkpoint) == ("new", None, Checkpoint("5"))


async def test_a_release_that_did_not_know_of_the_hand_off_still_gives_the_lease_to_the_asker(
    table: LeaseTable,
) -> None:
    """Asking and releasing may cross."""
    lease = await held(table, "old")
    await table.ask_for(lease, "new")
    await table.release(lease)
    assert ((await stored(table)).owner, (await stored(table)).checkpoint_owner) == ("new", None)


async def test_a_lease_is_asked_for_by_one_worker_at_a_time(table: LeaseTable) -> None:
    """A second asker is refused, and so is asking an owner that holds it no more or for what is free."""
    lease = await held(table, "old")
    assert await table.ask_for(lease, "new") is not None
    assert await table.ask_for(lease, "third") is None
    taken = await table.take(await stored(table), "fourth", 9)
    assert taken is not None
    assert await table.ask_for(lease, "third") is None
    await table.release(taken)
    assert await table.ask_for(await stored(table), "third") is None


async def test_a_take_ends_a_hand_off(table: LeaseTable) -> None:
    """An asker that waited in vain takes the lease outright; the old owner's next write fails."""
    old = await held(table, "old")
    asked = await table.ask_for(old, "new")
    assert asked is not None
    taken = await table.take(asked, "new", 9)
    assert taken is not None
    assert (taken.owner, taken.checkpoint_owner) == ("new", None)
    with pytest.raises(LeaseLost):
        await table.checkpoint(old, Checkpoint("5"))


async def test_a_hand_off_that_is_called_off_leaves_the_lease_with_its_holder(table: LeaseTable) -> None:
    """The asker is gone; once the holder has let go, or another took it, there is nothing to call off."""
    lease = await held(table, "old")
    asked = await table.ask_for(lease, "new")
    assert asked is not None
    assert await table.withdraw(asked)
    assert await stored(table) == lease
    assert not await table.withdraw(asked)
    again = await table.ask_for(await table.renew(lease), "new")
    assert again is not None
    await table.release(again)
    assert not await table.withdraw(again)
    assert (await stored(table)).owner == "new"


async def test_an_evicted_lease_is_free_unless_it_was_renewed_meanwhile(table: LeaseTable) -> None:
    """The holder's next write fails; in a hand-off the lease is the asker's at once."""
    seen = await held(table, "dead")
    renewed = await table.renew(seen)
    assert not await table.evict(seen)
    assert await stored(table) == renewed
    assert await table.evict(renewed)
    assert (await stored(table)).owner is None
    with pytest.raises(LeaseLost):
        await table.renew(renewed)
    lease = await table.take(await stored(table), "old", 8)
    assert lease is not None
    asked = await table.ask_for(lease, "new")
    assert asked is not None
    assert await table.evict(asked)
    assert ((await stored(table)).owner, (await stored(table)).checkpoint_owner) == ("new", None)


async def test_children_are_recorded_without_touching_the_counter(table: LeaseTable) -> None:
    """The holder's next write still succeeds; a lease that is gone is left alone."""
    lease = await held(table)
    children = [ChildShard("shardId-c", ()), ChildShard("shardId-b", ())]
    await table.set_children(lease.shard_id, children)
    assert (await stored(table)).children == ("shardId-b", "shardId-c")
    await table.renew(lease)
    await table.set_children("shardId-000000000009", children)
    assert await table.get("shardId-000000000009") is None


async def test_a_lease_is_deleted_only_as_it_was_seen(table: LeaseTable) -> None:
    """A row written since stays; one that is gone counts as deleted."""
    seen = await held(table)
    renewed = await table.renew(seen)
    assert not await table.delete(seen)
    assert await table.delete(renewed)
    assert await table.get(LEASE.shard_id) is None
    assert await table.delete(renewed)
