"""Which leases one worker takes, asks for and gives."""

from __future__ import annotations

from dataclasses import replace

from shardline import SHARD_END, TRIM_HORIZON, Checkpoint, Lease
from shardline.leases.assignment import Plan, Sightings, View, balanced, single_owner


def lease(shard_id: str, owner: str | None = None, **changes: object) -> Lease:
    return replace(Lease(shard_id, Checkpoint(TRIM_HORIZON), owner, counter=1), **changes)  # type: ignore[arg-type]


def view(worker: str, leases: list[Lease], *, seen_for: float = 0.0, running: set[str] | None = None) -> View:
    """A worker's view after it has watched the table unchanged for some seconds."""
    sightings = Sightings()
    sightings.update(leases, 0.0)
    sightings.update(leases, seen_for)
    ours = {each.shard_id for each in leases if each.holder == worker}
    return View(worker, leases, frozenset(ours if running is None else running), sightings, seen_for, 10.0, 30.0)


def first(_: int) -> int:
    return 0


def ids(leases: tuple[Lease, ...]) -> list[str]:
    return [each.shard_id for each in leases]


def test_a_worker_alone_takes_everything_that_is_free() -> None:
    """There is nobody to leave anything to."""
    assert ids(balanced(view("a", [lease("1"), lease("2")]), first).take) == ["1", "2"]


def test_a_worker_takes_its_share_of_what_is_free() -> None:
    """With three leases held elsewhere and three free, two workers have three each."""
    leases = [lease(str(number), "b" if number < 3 else None) for number in range(6)]
    assert len(balanced(view("a", leases), first).take) == 3
    full = [lease(str(number), "b" if number < 3 else "a" if number < 5 else None) for number in range(6)]
    assert balanced(view("b", full), first) == Plan()
    assert len(balanced(view("a", full), first).take) == 1


def test_a_lease_is_free_once_its_counter_stood_still_for_the_duration() -> None:
    """As watched by this worker itself, not by what any clock in the table says."""
    leases = [lease("1", "b")]
    assert balanced(view("a", leases, seen_for=9.9), first).take == ()
    assert ids(balanced(view("a", leases, seen_for=10.0), first).take) == ["1"]


def test_a_renewal_starts_the_watch_again() -> None:
    """A counter that moved is a sign of life."""
    sightings = Sightings()
    sightings.update([lease("1", "b")], 0.0)
    renewed = lease("1", "b", counter=2)
    sightings.update([renewed], 9.0)
    assert sightings.unrenewed_seconds(renewed) == 0.0
    sightings.update([renewed], 18.0)
    assert sightings.unrenewed_seconds(renewed) == 9.0
    assert sightings.owned_seconds(renewed, 18.0) == 18.0


def test_a_lease_that_is_not_read_again_does_not_expire() -> None:
    """Only what was seen counts: a worker that reads a part of the table learns nothing of the rest."""
    sightings = Sightings()
    sightings.update([lease("1", "b"), lease("2", "b")], 0.0)
    sightings.observe([lease("1", "b")], 12.0)
    assert sightings.unrenewed_seconds(lease("1", "b")) == 12.0
    assert sightings.unrenewed_seconds(lease("2", "b")) == 0.0


def test_a_restarted_worker_takes_its_own_leases_at_once() -> None:
    """What is under its name and not running cannot be running anywhere else."""
    assert ids(balanced(view("a", [lease("1", "a")], running=set()), first).take) == ["1"]


def test_a_worker_with_two_fewer_asks_for_one() -> None:
    """One at a time, from the busiest; a difference of one is balance."""
    leases = [lease("1", "b"), lease("2", "b"), lease("3", "b"), lease("4", "c")]
    plan = balanced(view("a", leases), first)
    assert (plan.take, ids(plan.ask_for), plan.awaits_handoff) == ((), ["1"], True)
    assert balanced(view("c", leases), first).ask_for == (leases[0],)
    assert balanced(view("a", [lease("1", "a"), lease("2", "b"), lease("3", "b")]), first) == Plan()


def test_a_worker_that_awaits_a_lease_asks_for_no_other() -> None:
    """It counts what is on its way as its own."""
    leases = [lease("1", "a", checkpoint_owner="b"), *(lease(str(number), "b") for number in range(2, 6))]
    assert balanced(view("a", leases, running=set()), first) == Plan(awaits_handoff=True)


def test_a_hand_off_that_takes_too_long_becomes_a_take() -> None:
    """After the hand-off's deadline even a holder that renews has had its time."""
    waiting = lease("1", "a", checkpoint_owner="b")
    sightings = Sightings()
    for second in range(0, 30, 5):
        sightings.update([replace(waiting, counter=second)], float(second))
    now = replace(waiting, counter=29)
    sightings.update([now], 29.0)
    early = View("a", [now], frozenset(), sightings, 29.9, 10.0, 30.0)
    assert balanced(early, first).take == ()
    assert balanced(replace(early, now=30.0), first).take == (now,)


def test_shards_that_ended_or_wait_for_their_parents_are_nobodys_load() -> None:
    """They are neither taken nor counted."""
    leases = [
        lease("1", "b", checkpoint=Checkpoint(SHARD_END)),
        lease("2", None),
        lease("3", None, parents=("2",)),
    ]
    assert ids(balanced(view("a", leases), first).take) == ["2"]


def test_a_single_owner_is_settled_by_one_lease() -> None:
    """With nothing held, workers race for the first alone; its holder then takes the rest."""
    free = [lease("2"), lease("1"), lease("3")]
    assert ids(single_owner(view("a", free)).take) == ["1"]
    owned = [lease("2"), lease("1", "a"), lease("3")]
    assert ids(single_owner(view("a", owned)).take) == ["2", "3"]
    assert single_owner(view("b", owned)) == Plan()


def test_a_second_owner_gives_what_it_has_to_the_first() -> None:
    """However it came about, one owner remains: who holds the first shard."""
    split = [lease("1", "a"), lease("2", "b"), lease("3", "b")]
    assert ids(single_owner(view("b", split)).give) == ["2", "3"]
    assert ids(single_owner(view("a", split)).ask_for) == ["2", "3"]
