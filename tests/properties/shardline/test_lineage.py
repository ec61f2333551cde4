"""Random reshards consumed by a group that only follows the rules of lineage."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from shardline import SHARD_END, TRIM_HORIZON, Checkpoint, ChildShard, Lease, Shard
from shardline.leases.lineage import children_to_create, is_ready, leases_to_create, leases_to_delete, unleased_parents

HORIZON = Checkpoint(TRIM_HORIZON)


class World:
    """A stream's shards in a row of hash ranges, and the leases of a group that reads it."""

    def __init__(self, shards: int) -> None:
        self.row = [f"s{place}" for place in range(shards)]
        self.shards = {name: Shard(name) for name in self.row}
        self.leases: dict[str, Lease] = {}
        self.started: list[str] = []
        self.ended: set[str] = set()

    def reshard(self, place: int, merge: bool) -> None:
        place %= len(self.row)
        parents = self.row[place : place + 2] if merge and place + 1 < len(self.row) else [self.row[place]]
        names = [f"s{len(self.shards) + extra}" for extra in range(1 if len(parents) == 2 else 2)]
        for parent in parents:
            self.shards[parent] = replace(self.shards[parent], is_open=False)
        for name in names:
            self.shards[name] = Shard(name, tuple(parents))
        self.row[place : place + len(parents)] = names

    def sync(self) -> None:
        shards, leases = list(self.shards.values()), list(self.leases.values())
        for lease in leases_to_create(shards, leases, HORIZON):
            self.leases.setdefault(lease.shard_id, lease)
        for lease in leases_to_delete(leases, self.shards):
            del self.leases[lease.shard_id]

    def children_of(self, name: str) -> list[ChildShard]:
        return [ChildShard(each.shard_id, each.parents) for each in self.shards.values() if name in each.parents]

    def read(self, place: int) -> None:
        """Advance a shard that may be read: to a record, or to its end when it is closed."""
        ready = [lease for lease in self.leases.values() if is_ready(lease, self.leases)]
        if not ready:
            return
        lease = ready[place % len(ready)]
        name = lease.shard_id
        if lease.checkpoint == HORIZON:
            assert name not in self.started, "a shard starts once"
            unfinished = [each for each in self.shards[name].parents if each not in self.ended]
            assert not unfinished, "a shard starts after its parents"
            self.started.append(name)
            self.leases[name] = replace(lease, checkpoint=Checkpoint("5"))
        elif not self.shards[name].is_open:
            children = self.children_of(name)
            if unleased_parents(children, self.leases):
                self.sync()
            for child in children_to_create(children, self.leases, self.shards):
                self.leases[child.shard_id] = child
            self.leases[name] = replace(
                lease,
                checkpoint=Checkpoint(SHARD_END),
                children=tuple(child.shard_id for child in children),
            )
            self.ended.add(name)


STEP = st.tuples(st.sampled_from(["split", "merge", "sync", "read", "read", "read"]), st.integers(0, 50))


@settings(max_examples=300)
@given(st.integers(1, 4), st.lists(STEP, max_size=60))
def test_every_shard_is_read_once_and_after_its_parents(shards: int, steps: list[tuple[str, int]]) -> None:
    """Whatever the order of splits, merges, syncs and reads; and nothing is left over but the open shards."""
    world = World(shards)
    for step, place in steps:
        if step == "sync":
            world.sync()
        elif step == "read":
            world.read(place)
        else:
            world.reshard(place, step == "merge")
    for _ in range(3 * len(world.shards)):
        world.sync()
        for place in range(len(world.leases)):
            world.read(place)
    assert set(world.started) == set(world.shards)
    assert set(world.leases) == set(world.row), "leases that nothing needs are deleted"
