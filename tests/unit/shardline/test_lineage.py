"""Which shards may start and which leases exist, case by case."""

from __future__ import annotations

from shardline import AT_TIMESTAMP, LATEST, SHARD_END, TRIM_HORIZON, Checkpoint, ChildShard, Lease, Shard
from shardline.leases.lineage import (
    children_to_create,
    is_ready,
    leases_to_create,
    leases_to_delete,
    unleased_parents,
)

HORIZON, NEWEST, END = Checkpoint(TRIM_HORIZON), Checkpoint(LATEST), Checkpoint(SHARD_END)
PARENT, LEFT, RIGHT = (
    Shard("p", is_open=False),
    Shard("left", parents=("p",)),
    Shard("right", parents=("p",)),
)


def created(shards: list[Shard], leases: list[Lease], initial: Checkpoint = HORIZON) -> dict[str, str]:
    return {lease.shard_id: lease.checkpoint.sequence_number for lease in leases_to_create(shards, leases, initial)}


def test_an_empty_table_leases_all_that_is_kept_from_the_horizon() -> None:
    """Closed parents are read too; their children wait for them."""
    assert created([PARENT, LEFT, RIGHT], []) == dict.fromkeys(("p", "left", "right"), TRIM_HORIZON)
    assert created([PARENT, LEFT], [], Checkpoint(AT_TIMESTAMP)) == dict.fromkeys(("p", "left"), AT_TIMESTAMP)


def test_an_empty_table_leases_open_shards_alone_at_latest() -> None:
    """A closed shard has nothing that is new."""
    assert created([PARENT, LEFT, RIGHT], [], NEWEST) == {"left": LATEST, "right": LATEST}


def test_children_of_a_shard_still_being_read_get_no_lease() -> None:
    """Its own end creates them."""
    assert created([PARENT, LEFT, RIGHT], [Lease("p", Checkpoint("5"))], NEWEST) == {}


def test_children_of_an_ended_shard_start_at_the_horizon_whatever_the_initial_position() -> None:
    """Records put between the parent's end and the lease's creation are not skipped."""
    expected = {"left": TRIM_HORIZON, "right": TRIM_HORIZON}
    assert created([PARENT, LEFT, RIGHT], [Lease("p", END)], NEWEST) == expected


def test_a_passed_shard_is_never_leased_again() -> None:
    """Kinesis lists it for as long as it keeps its records, long after its lease is deleted."""
    leases = [Lease("left", Checkpoint("5"), parents=("p",)), Lease("right", HORIZON, parents=("p",))]
    assert created([PARENT, LEFT, RIGHT], leases) == {}


def test_the_first_missing_generation_comes_first() -> None:
    """A grandchild waits until its own parent has a lease that ended."""
    shards = [
        PARENT,
        Shard("left", parents=("p",), is_open=False),
        RIGHT,
        Shard("leftmost", parents=("left",)),
    ]
    assert created(shards, [Lease("p", END)]) == {"left": TRIM_HORIZON, "right": TRIM_HORIZON}


def test_a_merged_child_waits_for_both_parents() -> None:
    """It gets its lease when both have ended, not when one has."""
    shards = [Shard("a", is_open=False), Shard("b", is_open=False), Shard("c", parents=("a", "b"))]
    assert created(shards, [Lease("a", END), Lease("b", Checkpoint("5"))]) == {}
    assert created(shards, [Lease("a", END), Lease("b", END)]) == {"c": TRIM_HORIZON}


def test_a_parent_that_kinesis_forgot_is_no_obstacle() -> None:
    """Its unread records are gone; the child starts at the horizon."""
    assert created([LEFT], [Lease("p", Checkpoint("5"))]) == {"left": TRIM_HORIZON}


def test_a_shard_is_ready_once_its_leased_parents_have_ended() -> None:
    """A parent without a lease blocks nothing; an ended shard is not ready."""
    child = Lease("c", HORIZON, parents=("a", "b"))
    table = {"a": Lease("a", END), "b": Lease("b", Checkpoint("5"))}
    assert not is_ready(child, table)
    assert is_ready(child, {"a": Lease("a", END), "b": Lease("b", END)})
    assert is_ready(child, {})
    assert not is_ready(Lease("c", END), {})


def test_children_at_a_shards_end_start_at_the_horizon_once() -> None:
    """The second parent of a merge finds the lease that the first created."""
    child = ChildShard("c", ("a", "b"), 0, 9)
    (lease,) = children_to_create([child], {}, ())
    assert (lease.checkpoint, lease.parents, lease.ending_hash_key) == (HORIZON, ("a", "b"), 9)
    assert children_to_create([child], {"c": lease}, ()) == []
    assert unleased_parents([child], {"a": Lease("a", END)}) == {"b"}
    assert unleased_parents([child], {"c": lease}) == set()


def test_an_ended_lease_goes_when_all_its_children_have_left_the_horizon() -> None:
    """And not before, nor while its own parents' leases are there."""
    ended = Lease("p", END, children=("left", "right"))
    left = Lease("left", Checkpoint("5"), parents=("p",))
    waiting = Lease("right", HORIZON, parents=("p",))
    moved = Lease("right", Checkpoint("6"), parents=("p",))
    listed = ["p", "left", "right"]
    assert leases_to_delete([ended, left, waiting], listed) == []
    assert leases_to_delete([ended, left], listed) == []
    assert leases_to_delete([ended, left, moved], listed) == [ended]


def test_a_chain_of_ended_leases_goes_at_once_parents_first() -> None:
    """Not one generation at a time: after many reshards the table would keep dozens for as many listings."""
    first = Lease("1", END, children=("2",))
    second = Lease("2", END, children=("3",), parents=("1",))
    third = Lease("3", END, children=("4",), parents=("2",))
    last = Lease("4", Checkpoint("5"), parents=("3",))
    assert leases_to_delete([last, third, first, second], ["1", "2", "3", "4"]) == [first, second, third]
    unfinished = Lease("1", Checkpoint("7"), children=("2",))
    assert leases_to_delete([last, third, unfinished, second], ["1", "2", "3", "4"]) == []


def test_a_lease_whose_shard_is_gone_stays_until_something_follows_it() -> None:
    """Else its children would be taken for strangers; an empty listing deletes nothing at all."""
    gone = Lease("p", Checkpoint("5"))
    assert leases_to_delete([gone], ["left"]) == []
    assert leases_to_delete([gone, Lease("left", HORIZON, parents=("p",))], ["left"]) == [gone]
    assert leases_to_delete([Lease("p", END)], []) == []


def test_a_merged_child_is_left_for_the_parent_that_has_no_lease_yet() -> None:
    """That parent's own parent may still be read; a parent that Kinesis forgot is not waited for."""
    child = ChildShard("c", ("a", "b"))
    table = {"a": Lease("a", Checkpoint("5"))}
    assert children_to_create([child], table, {"a", "b", "c"}) == []
    assert [lease.shard_id for lease in children_to_create([child], table, {"a", "c"})] == ["c"]
