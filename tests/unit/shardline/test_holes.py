"""Hash keys that no lease covers."""

from __future__ import annotations

from shardline import SHARD_END, TRIM_HORIZON, Checkpoint, Lease
from shardline.leases.holes import CONFIRMATIONS, LAST_HASH_KEY, Audit, Hole, holes

HALF = LAST_HASH_KEY // 2


def lease(shard_id: str, first: int | None, last: int | None, checkpoint: str = TRIM_HORIZON) -> Lease:
    return Lease(shard_id, Checkpoint(checkpoint), starting_hash_key=first, ending_hash_key=last)


def test_leases_that_cover_everything_have_no_hole() -> None:
    """In any order; a parent that is still read may overlap its children."""
    low, high = lease("low", 0, HALF), lease("high", HALF + 1, LAST_HASH_KEY)
    assert holes([high, low]) == []
    assert holes([high, low, lease("parent", 0, LAST_HASH_KEY)]) == []


def test_ended_leases_cover_nothing() -> None:
    """Their keys are their children's."""
    ended = lease("parent", 0, LAST_HASH_KEY, SHARD_END)
    assert holes([ended, lease("high", HALF + 1, LAST_HASH_KEY)]) == [Hole(0, HALF)]
    assert holes([ended, lease("low", 0, HALF)]) == [Hole(HALF + 1, LAST_HASH_KEY)]
    assert holes([lease("a", 0, 9), lease("b", 20, LAST_HASH_KEY)]) == [Hole(10, 19)]


def test_nothing_is_told_where_a_range_is_unknown_or_nothing_is_leased() -> None:
    """Early KCL versions wrote no ranges."""
    assert holes([]) == []
    assert holes([lease("a", None, None), lease("b", 20, 30)]) == []


def test_streams_are_looked_at_one_by_one() -> None:
    """Each has all hash keys of its own."""
    one, two = "1:one:7:", "1:two:7:"
    leases = [lease(f"{one}a", 0, LAST_HASH_KEY), lease(f"{two}a", 0, HALF)]
    assert holes(leases) == [Hole(HALF + 1, LAST_HASH_KEY, "1:two:7")]


def test_a_hole_is_believed_when_found_several_times_in_a_row() -> None:
    """A reshard that is half written must not set off an alarm."""
    audit, hole, other = Audit(), Hole(0, 5), Hole(7, 9)
    for _ in range(CONFIRMATIONS - 1):
        assert audit.confirmed([hole]) == []
    assert audit.confirmed([hole, other]) == [hole]
    assert audit.confirmed([other]) == []
    assert audit.confirmed([hole, other]) == [other]
