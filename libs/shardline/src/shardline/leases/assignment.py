"""Which leases a worker takes, asks for and gives. Pure: decided from the table and its own observations.

Nobody leads: each worker decides for itself, and conditional writes settle who was first. Workers never
compare wall clocks; a lease has expired when its counter stood still for the lease's duration as seen on
the observer's own monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from shardline.leases import lineage
from shardline.model import Lease
from shardline.settings import Strategy

LEASE_WEIGHT = 10.0
"""What a lease costs its owner by itself, in kB/s: so much less does an idle shard weigh than one at full rate."""

TOLERANCE = 0.2
"""The part of a load, the mean at most, by which two workers may differ without a lease being moved."""

LARGEST_SHARE = 0.8
"""The part of two workers' difference that a moved lease may weigh: at 1 they would merely change places."""

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Sighting:
    """A lease's counter and owner, and since when (in monotonic seconds) this observer sees each unchanged.

    `seen_at` is when it last looked.
    """

    counter: int
    counter_since: float
    seen_at: float
    owner: str | None
    owner_since: float


class Sightings:
    """What one worker has seen of every lease, on its own clock."""

    def __init__(self) -> None:
        self._seen: dict[str, Sighting] = {}

    def update(self, leases: Iterable[Lease], now: float) -> None:
        """Note the table as read at the monotonic second `now`; leases that are gone are forgotten."""
        former = self._seen
        self._seen = {lease.shard_id: _sighting(former.get(lease.shard_id), lease, now) for lease in leases}

    def observe(self, leases: Iterable[Lease], now: float) -> None:
        """Note some leases as read at the monotonic second `now`; nothing is learnt of the others."""
        for lease in leases:
            self._seen[lease.shard_id] = _sighting(self._seen.get(lease.shard_id), lease, now)

    def unrenewed_seconds(self, lease: Lease) -> float:
        """How long, until it was last read, the counter had not moved; 0 for a lease never seen or changed since."""
        seen = self._seen.get(lease.shard_id)
        return seen.seen_at - seen.counter_since if seen and seen.counter == lease.counter else 0.0

    def owned_seconds(self, lease: Lease, now: float) -> float:
        """How long the lease has had its present owner; 0 for a lease never seen or changed since."""
        seen = self._seen.get(lease.shard_id)
        return now - seen.owner_since if seen and seen.owner == lease.owner else 0.0


def _sighting(was: Sighting | None, lease: Lease, now: float) -> Sighting:
    same_counter = was is not None and was.counter == lease.counter
    same_owner = was is not None and was.owner == lease.owner
    return Sighting(
        counter=lease.counter,
        counter_since=was.counter_since if was and same_counter else now,
        seen_at=now,
        owner=lease.owner,
        owner_since=was.owner_since if was and same_owner else now,
    )


@dataclass(frozen=True, slots=True)
class View:
    """All that one worker decides from."""

    worker: str
    leases: Sequence[Lease]
    running: frozenset[str]
    """The shards that this worker reads at the moment."""
    sightings: Sightings
    now: float
    lease_duration: float
    handoff_deadline: float
    rebalance_after: float = 0.0
    """How many seconds a lease stays with an owner before it may be asked for."""
    watches_alone: bool = False
    """Whether the other workers do not see the leases that this one sees expire."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do next. Each write is conditional on the lease as seen, so a stale plan does no harm."""

    take: tuple[Lease, ...] = ()
    """Leases that nobody holds: take them now."""
    ask_for: tuple[Lease, ...] = ()
    """Leases that another worker holds: ask it to hand them over."""
    give: tuple[Lease, ...] = ()
    """Leases of this worker that another should have: drain and release them."""
    evict: tuple[Lease, ...] = ()
    """Leases that expired and that this worker leaves to others, who would not notice by themselves."""
    awaits_handoff: bool = False
    """Whether a lease is on its way here: look again soon."""


def plan(view: View, strategy: Strategy, pick: Callable[[int], int]) -> Plan:
    """Decide by `strategy`. `pick(n)` names one of n equal choices, from 0 to n - 1."""
    return single_owner(view) if strategy == "single_owner" else balanced(view, pick)


def balanced(view: View, pick: Callable[[int], int]) -> Plan:
    """Share shards out by what they deliver; see `weights`.

    A worker below the mean takes of what is free. When nothing is, it asks one other for one lease, then
    waits, and only for a move that clearly lowers the imbalance between the two: the difference exceeds
    TOLERANCE of the other's load or of the mean, and the lease weighs at most LARGEST_SHARE of it. Each such
    move lowers the sum of the squared loads, so the fleet comes to rest: then no worker's load is above the
    least busy one's by more than that tolerance and by more than its own lightest lease / LARGEST_SHARE.
    """
    ready = _ready(view.leases)
    free = [lease for lease in ready if _is_free(lease, view)]
    free_ids = {lease.shard_id for lease in free}
    held = [lease for lease in ready if lease.shard_id not in free_ids]
    weight = weights(ready)
    loads = {view.worker: 0.0}
    for lease in held:
        if lease.owner:
            loads[lease.owner] = loads.get(lease.owner, 0.0) + weight[lease.shard_id]
    coming = any(_is_coming(lease, view) for lease in held)
    mean = sum(weight.values()) / len(loads)
    take: list[Lease] = []
    load = loads[view.worker]
    for lease in sorted(_rotated(free, pick), key=lambda lease: lease.owner != view.worker):
        if load < mean * (1 - _ROUNDING):
            take.append(lease)
            load += weight[lease.shard_id]
    taken = {lease.shard_id for lease in take}
    left = tuple(lease for lease in free if lease.shard_id not in taken and lease.holder) if view.watches_alone else ()
    if take or free or coming:
        return Plan(take=tuple(take), evict=left, awaits_handoff=coming)
    wanted = _most_wanted(view, held, weight, loads, mean, pick)
    return Plan(ask_for=(wanted,), awaits_handoff=True) if wanted else Plan()


def weights(leases: Sequence[Lease]) -> dict[str, float]:
    """Return what each lease weighs, in kB/s: what it delivers, and LEASE_WEIGHT for the lease itself.

    One that was never measured counts as the average of the others.
    """
    known = [lease.throughput for lease in leases if lease.throughput is not None]
    average = sum(known) / len(known) if known else 0.0
    return {
        lease.shard_id: LEASE_WEIGHT + (average if lease.throughput is None else lease.throughput) for lease in leases
    }


def _most_wanted(
    view: View,
    held: Sequence[Lease],
    weight: Mapping[str, float],
    loads: Mapping[str, float],
    mean: float,
    pick: Callable[[int], int],
) -> Lease | None:
    """The lease whose move here evens out most, from the busiest worker that has one fit to move."""
    mine = loads[view.worker]
    for owner in sorted(loads, key=lambda worker: (-loads[worker], worker)):
        difference = loads[owner] - mine
        if difference <= TOLERANCE * min(mean, loads[owner]):
            continue
        choices = [
            lease
            for lease in held
            if lease.owner == owner
            and not lease.checkpoint_owner
            and weight[lease.shard_id] <= LARGEST_SHARE * difference
            and view.sightings.owned_seconds(lease, view.now) >= view.rebalance_after
        ]
        if choices:
            best = min(abs(weight[lease.shard_id] - difference / 2) for lease in choices)
            equal = [
                each for each in choices if abs(weight[each.shard_id] - difference / 2) <= best + _ROUNDING * difference
            ]
            return equal[pick(len(equal))]
    return None


def single_owner(view: View) -> Plan:
    """Let one worker own every shard while the others stand by.

    The owner is whoever holds the first shard that is held. When none is, workers race for one lease, the
    first, so that a single conditional write settles who owns all.
    """
    ready = sorted(_ready(view.leases), key=lambda lease: lease.shard_id)
    free = [lease for lease in ready if _is_free(lease, view)]
    free_ids = {lease.shard_id for lease in free}
    held = [lease for lease in ready if lease.shard_id not in free_ids]
    if not held:
        return Plan(take=tuple(free[:1]))
    if held[0].owner != view.worker:
        return Plan(give=tuple(lease for lease in held if lease.shard_id in view.running))
    elsewhere = tuple(lease for lease in held if lease.owner != view.worker and not lease.checkpoint_owner)
    coming = any(_is_coming(lease, view) for lease in held)
    return Plan(take=tuple(free), ask_for=elsewhere, awaits_handoff=coming or bool(elsewhere))


def _ready(leases: Sequence[Lease]) -> list[Lease]:
    by_id: Mapping[str, Lease] = {lease.shard_id: lease for lease in leases}
    return [lease for lease in leases if lineage.is_ready(lease, by_id)]


def _is_coming(lease: Lease, view: View) -> bool:
    return lease.owner == view.worker and lease.checkpoint_owner not in (None, view.worker)


def _is_free(lease: Lease, view: View) -> bool:
    """Whether this worker may take the lease outright."""
    if lease.shard_id in view.running:
        return False
    if lease.holder is None or lease.holder == view.worker:
        return True
    if view.sightings.unrenewed_seconds(lease) >= view.lease_duration:
        return True
    is_coming = _is_coming(lease, view)
    return is_coming and view.sightings.owned_seconds(lease, view.now) >= view.handoff_deadline


def _rotated(leases: list[Lease], pick: Callable[[int], int]) -> list[Lease]:
    """Start at a random place, so that workers that look at once try different leases first."""
    if not leases:
        return leases
    start = pick(len(leases))
    return leases[start:] + leases[:start]
