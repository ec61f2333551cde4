"""Which leases a worker takes, asks for and gives. Pure: decided from the table and its own observations.

Nobody leads: each worker decides for itself, and conditional writes settle who was first. Workers never
compare wall clocks; a lease has expired when its counter stood still for the lease's duration as seen on
the observer's own monotonic clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from shardline import lineage
from shardline.model import Lease
from shardline.settings import Strategy


@dataclass(frozen=True, slots=True)
class Sighting:
    """A lease's counter and owner, and the monotonic second since when this observer sees them unchanged."""

    counter: int
    counter_since: float
    owner: str | None
    owner_since: float


class Sightings:
    """What one worker has seen of every lease, on its own clock."""

    def __init__(self) -> None:
        self._seen: dict[str, Sighting] = {}

    def update(self, leases: Iterable[Lease], now: float) -> None:
        """Note the table as read at the monotonic second `now`; leases that are gone are forgotten."""
        former = self._seen
        self._seen = {}
        for lease in leases:
            was = former.get(lease.shard_id)
            same_counter = was is not None and was.counter == lease.counter
            same_owner = was is not None and was.owner == lease.owner
            self._seen[lease.shard_id] = Sighting(
                lease.counter,
                was.counter_since if was and same_counter else now,
                lease.owner,
                was.owner_since if was and same_owner else now,
            )

    def unrenewed_seconds(self, lease: Lease, now: float) -> float:
        """How long the lease's counter has not moved; 0 for a lease never seen or changed since."""
        seen = self._seen.get(lease.shard_id)
        return now - seen.counter_since if seen and seen.counter == lease.counter else 0.0

    def owned_seconds(self, lease: Lease, now: float) -> float:
        """How long the lease has had its present owner; 0 for a lease never seen or changed since."""
        seen = self._seen.get(lease.shard_id)
        return now - seen.owner_since if seen and seen.owner == lease.owner else 0.0


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


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do next. Each write is conditional on the lease as seen, so a stale plan does no harm."""

    take: tuple[Lease, ...] = ()
    """Leases that nobody holds: take them now."""
    ask_for: tuple[Lease, ...] = ()
    """Leases that another worker holds: ask it to hand them over."""
    give: tuple[Lease, ...] = ()
    """Leases of this worker that another should have: drain and release them."""
    awaits_handoff: bool = False
    """Whether a lease is on its way here: look again soon."""


def plan(view: View, strategy: Strategy, pick: Callable[[int], int]) -> Plan:
    """Decide by `strategy`. `pick(n)` names one of n equal choices, from 0 to n - 1."""
    return single_owner(view) if strategy == "single_owner" else balanced(view, pick)


def balanced(view: View, pick: Callable[[int], int]) -> Plan:
    """Share shards out by count; a worker that has at least two fewer than another asks for one, then waits.

    Each such move lowers the imbalance, so the fleet comes to rest with counts that differ by at most one.
    """
    ready = _ready(view.leases)
    free = [lease for lease in ready if _is_free(lease, view)]
    free_ids = {lease.shard_id for lease in free}
    held = [lease for lease in ready if lease.shard_id not in free_ids]
    loads = Counter({view.worker: 0})
    loads.update(lease.owner for lease in held if lease.owner)
    coming = any(_is_coming(lease, view) for lease in held)
    fair = ceil(len(ready) / len(loads))
    wanted = fair - loads[view.worker]
    mine_first = sorted(_rotated(free, pick), key=lambda lease: lease.owner != view.worker)
    take = tuple(mine_first[: max(wanted, 0)])
    if take or free or coming:
        return Plan(take=take, awaits_handoff=coming)
    busiest = max(sorted(loads), key=lambda worker: loads[worker])
    if loads[busiest] - loads[view.worker] < 2:
        return Plan()
    choices = [lease for lease in held if lease.owner == busiest and not lease.checkpoint_owner]
    if not choices:
        return Plan()
    return Plan(ask_for=(choices[pick(len(choices))],), awaits_handoff=True)


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
    if view.sightings.unrenewed_seconds(lease, view.now) >= view.lease_duration:
        return True
    is_coming = _is_coming(lease, view)
    return is_coming and view.sightings.owned_seconds(lease, view.now) >= view.handoff_deadline


def _rotated(leases: list[Lease], pick: Callable[[int], int]) -> list[Lease]:
    """Start at a random place, so that workers that look at once try different leases first."""
    if not leases:
        return leases
    start = pick(len(leases))
    return leases[start:] + leases[:start]
