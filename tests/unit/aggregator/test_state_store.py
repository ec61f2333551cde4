"""The state store's fencing, retries and tidiness, on clients in memory."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from aggregator.state_store import (
    DistributionMismatch,
    Pointer,
    SnapshotMissing,
    StaleOwner,
    StateStore,
    StoreUnavailable,
)
from aggregator.testing import MemoryItems, MemoryObjects


@pytest.fixture
def clients() -> tuple[MemoryObjects, MemoryItems]:
    return MemoryObjects(page_size=2), MemoryItems()


@pytest.fixture
def store(clients: tuple[MemoryObjects, MemoryItems]) -> StateStore:
    return StateStore(*clients, bucket="b", table="t", application="app")


async def commit(
    store: StateStore, pointer: Pointer, epoch: int, data: bytes = b"{}", *, whole: bool = True
) -> Pointer:
    key = await store.save(pointer.generation + 1, epoch, data)
    return await store.commit(pointer, pointer.after(key, whole=whole), epoch)


async def test_what_was_committed_is_loaded(store: StateStore) -> None:
    pointer = await store.claim(1)
    assert pointer == Pointer()
    first = await commit(store, pointer, 1, b"one")
    second = await commit(store, first, 1, b"two")
    assert await store.claim(2) == second
    assert second.generation == 2
    assert await store.load(second) == [b"two"]


async def test_changes_are_loaded_after_the_whole_snapshot_that_they_follow(
    store: StateStore, clients: tuple[MemoryObjects, MemoryItems]
) -> None:
    """Oldest first; a new whole snapshot begins a chain of its own, and the former chain stays until the next one."""
    pointer = await store.claim(1)
    for number, data in enumerate((b"whole", b"one", b"two")):
        pointer = await commit(store, pointer, 1, data, whole=not number)
    assert await store.load(await store.claim(2)) == [b"whole", b"one", b"two"]
    renewed = await commit(store, pointer, 2, b"new")
    assert await store.load(renewed) == [b"new"]
    assert renewed.unneeded(pointer) == set()
    assert (await commit(store, renewed, 2, b"more", whole=False)).unneeded(renewed) == set(pointer.chain)


async def test_a_claim_fences_the_former_owner_off(store: StateStore) -> None:
    """Its saved snapshot never counts, though nobody has committed since."""
    old = await commit(store, await store.claim(1), 1)
    await store.claim(2)
    with pytest.raises(StaleOwner):
        await commit(store, old, 1)
    with pytest.raises(StaleOwner):
        await store.claim(1)
    assert await store.claim(2) == old


async def test_of_two_owners_of_one_generation_the_second_fails(store: StateStore) -> None:
    pointer = await store.claim(1)
    await commit(store, pointer, 1)
    with pytest.raises(StaleOwner):
        await commit(store, pointer, 5)


async def test_a_commit_whose_answer_was_lost_is_recognised(store: StateStore) -> None:
    """The same commit again succeeds, though its condition no longer holds."""
    pointer = await store.claim(1)
    key = await store.save(1, 1, b"{}")
    after = pointer.after(key, whole=True)
    assert await store.commit(pointer, after, 1) == await store.commit(pointer, after, 1)


async def test_a_sweep_keeps_what_the_pointer_names(
    store: StateStore, clients: tuple[MemoryObjects, MemoryItems]
) -> None:
    pointer = await store.claim(1)
    for _ in range(3):
        pointer = await commit(store, pointer, 1)
    await store.save(9, 1, b"never committed")
    await store.claim(2)
    assert await store.sweep(pointer, 2) == 2
    assert set(clients[0].objects) == {*pointer.chain, *pointer.former}


async def test_a_sweep_that_comes_late_spares_a_newer_owner(
    store: StateStore, clients: tuple[MemoryObjects, MemoryItems]
) -> None:
    """An owner that was held up after its claim must not delete what its successor saved meanwhile."""
    old = await commit(store, await store.claim(1), 1)
    assert await store.claim(2) == old
    new = await commit(store, await store.claim(3), 3)
    coming = await store.save(3, 3, b"about to be committed")
    assert await store.sweep(old, 2) == 0
    assert {*new.chain, coming} <= set(clients[0].objects)


async def test_a_missing_snapshot_is_no_new_beginning(store: StateStore) -> None:
    with pytest.raises(SnapshotMissing, match="s3://b/gone"):
        await store.load(Pointer(4, ("gone",)))


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "SlowDown", "Message": "slow"}}, "PutObject"),
        EndpointConnectionError(endpoint_url="http://s3"),
        TimeoutError(),
    ],
)
async def test_trouble_is_told_as_unavailable(store: StateStore, error: Exception, monkeypatch: Any) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(MemoryObjects, "put_object", fail)
    with pytest.raises(StoreUnavailable):
        await store.save(1, 1, b"{}")


async def test_units_of_one_application_are_apart(
    store: StateStore, clients: tuple[MemoryObjects, MemoryItems]
) -> None:
    """Each has a pointer and objects of its own; sweeping or removing one leaves the others alone."""
    one, other = store.unit("source/1"), store.unit("source/10")
    first = await commit(one, await one.claim(1), 1, b"one")
    second = await commit(other, await other.claim(1), 1, b"other")
    assert (await one.peek(), await other.peek()) == (first, second)
    await store.claim(9)
    assert await store.sweep(Pointer(), 9) == 0, "the application's own sweep"
    await one.remove()
    await one.remove()
    assert await one.peek() == Pointer()
    assert await other.load(await other.peek()) == [b"other"]
    assert len(clients[0].objects) == 1


@pytest.mark.parametrize(("former", "wanted"), [("single", "shards"), ("shards", "single")])
async def test_a_distribution_is_for_good(store: StateStore, former: str, wanted: str) -> None:
    """The state of one can not be read by the other: the error names the settings to change."""
    await store.settle(former)
    await store.settle(former)
    with pytest.raises(DistributionMismatch, match=f"AGGREGATOR_DISTRIBUTION={wanted}.*AGGREGATOR_LEASE_TABLE"):
        await store.settle(wanted)


async def test_a_state_from_before_there_were_distributions_is_single(store: StateStore) -> None:
    await commit(store, await store.claim(1), 1)
    with pytest.raises(DistributionMismatch):
        await store.settle("shards")
    await store.settle("single")
