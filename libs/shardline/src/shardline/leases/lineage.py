"""Which shards may start, which leases to create and which to delete, after splits and merges. Pure.

Two rules carry order per key through a reshard: a shard starts only once each of its parents that has a
lease is fully delivered, and its lease exists before its parent's lease says so.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from shardline.model import LATEST, TRIM_HORIZON, Checkpoint, ChildShard, Lease, Shard


def is_ready(lease: Lease, leases: Mapping[str, Lease]) -> bool:
    """Whether the shard may be read: it has not ended, and no parent with a lease is still being read."""
    if lease.is_ended:
        return False
    return all(parent not in leases or leases[parent].is_ended for parent in lease.parents)


def leases_to_create(shards: Sequence[Shard], leases: Sequence[Lease], initial: Checkpoint) -> list[Lease]:
    """Return the leases missing for `shards`, the complete listing of a stream.

    An empty table gets every listed shard at the initial position (at LATEST the open shards alone).
    Later a shard gets a lease when the group has finished, or can never finish, the parents it has leases
    for; such a descendant starts at TRIM_HORIZON. A shard with a leased descendant was passed long ago.
    Shards unrelated to any lease get one at the initial position.
    """
    listed = {shard.shard_id: shard for shard in shards}
    leased = {lease.shard_id: lease for lease in leases}
    passed = _ancestors_of_leased(listed, leased)
    created = []
    for shard in shards:
        if shard.shard_id in leased or shard.shard_id in passed:
            continue
        if _has_leased_ancestor(shard, listed, leased):
            if all(_is_behind(parent, listed, leased, initial) for parent in shard.parents):
                created.append(_lease_for(shard, Checkpoint(TRIM_HORIZON)))
        elif shard.is_open or initial.sequence_number != LATEST:
            created.append(_lease_for(shard, initial))
    return created


def children_to_create(
    children: Iterable[ChildShard], leases: Mapping[str, Lease], listed: Container[str]
) -> list[Lease]:
    """Return the missing leases of the shards that continue an ended one; they start at TRIM_HORIZON.

    A merged child whose other parent has no lease though it is `listed` is left for that parent's end (or
    for the next `leases_to_create`): it would not wait for a parent without a lease.
    """
    return [
        Lease(
            child.shard_id,
            Checkpoint(TRIM_HORIZON),
            parents=child.parents,
            starting_hash_key=child.starting_hash_key,
            ending_hash_key=child.ending_hash_key,
        )
        for child in children
        if child.shard_id not in leases and all(parent in leases or parent not in listed for parent in child.parents)
    ]


def family(children: Iterable[ChildShard]) -> list[str]:
    """Return the shards whose leases decide on the children's: themselves and their parents, sorted."""
    return sorted({each for child in children for each in (child.shard_id, *child.parents)})


def unleased_parents(children: Iterable[ChildShard], leases: Mapping[str, Lease]) -> set[str]:
    """Return the other parents of merged children that have no lease: list the shards before going on."""
    return {
        parent for child in children if child.shard_id not in leases for parent in child.parents if parent not in leases
    }


def leases_to_delete(leases: Sequence[Lease], listed: Iterable[str]) -> list[Lease]:
    """Return the leases that nothing needs any more, parents before children.

    A fully delivered shard's lease goes once all its children have left TRIM_HORIZON and its own parents'
    leases are gone, those returned before it included: delete in this order, and none whose parent's stays. A lease
    goes at once when Kinesis no longer lists its shard and children of it are leased or it is fully delivered. An
    empty listing deletes nothing.
    """
    known = set(listed)
    if not known:
        return []
    leased = {lease.shard_id: lease for lease in leases}
    followed = {parent for lease in leases for parent in lease.parents}
    going: dict[str, Lease] = {
        lease.shard_id: lease
        for lease in leases
        if lease.shard_id not in known and (lease.is_ended or lease.shard_id in followed)
    }
    pending = [lease for lease in leases if lease.shard_id not in going]
    while found := [lease for lease in pending if _is_finished_with(lease, leased, going)]:
        going.update((lease.shard_id, lease) for lease in found)
        pending = [lease for lease in pending if lease.shard_id not in going]
    return list(going.values())


def _is_finished_with(lease: Lease, leased: Mapping[str, Lease], going: Container[str]) -> bool:
    if not lease.is_ended or not lease.children:
        return False
    if any(parent in leased and parent not in going for parent in lease.parents):
        return False
    children = [leased.get(child) for child in lease.children]
    return all(child and child.checkpoint.sequence_number != TRIM_HORIZON for child in children)


def _lease_for(shard: Shard, checkpoint: Checkpoint) -> Lease:
    return Lease(
        shard.shard_id,
        checkpoint,
        parents=shard.parents,
        starting_hash_key=shard.starting_hash_key,
        ending_hash_key=shard.ending_hash_key,
    )


def _ancestors_of_leased(listed: Mapping[str, Shard], leased: Mapping[str, Lease]) -> set[str]:
    passed: set[str] = set()
    pending = [parent for lease in leased.values() for parent in lease.parents]
    while pending:
        shard_id = pending.pop()
        if shard_id not in passed and shard_id not in leased:
            passed.add(shard_id)
            pending.extend(listed[shard_id].parents if shard_id in listed else ())
    return passed


def _has_leased_ancestor(shard: Shard, listed: Mapping[str, Shard], leased: Mapping[str, Lease]) -> bool:
    pending, seen = list(shard.parents), set()
    while pending:
        shard_id = pending.pop()
        if shard_id in leased:
            return True
        if shard_id not in seen and shard_id in listed:
            pending.extend(listed[shard_id].parents)
        seen.add(shard_id)
    return False


def _is_behind(parent: str, listed: Mapping[str, Shard], leased: Mapping[str, Lease], initial: Checkpoint) -> bool:
    """Whether a parent's records are no obstacle: all delivered, no longer kept, or not asked for at LATEST."""
    if parent not in listed:
        return True
    if parent in leased:
        return leased[parent].is_ended
    unasked = initial.sequence_number == LATEST and not listed[parent].is_open
    return unasked and not _has_leased_ancestor(listed[parent], listed, leased)
