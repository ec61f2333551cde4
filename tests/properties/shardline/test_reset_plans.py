"""Plans of `shardline reset` and `migrate`, done once, leave nothing to do; a lineage is read once, in its order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from shardline import Checkpoint, Lease
from shardline.cli import migrate, reset
from shardline.cli.following import Following
from shardline.cli.listing import ListedShard, tree
from shardline.cli.positions import Target
from shardline.cli.rows import Row, contents
from shardline.leases.dynamodb_rows import to_item

NUMBERS = st.integers(1, 10**56).map(str)
CHECKPOINTS = st.builds(Checkpoint, st.one_of(st.sampled_from(["TRIM_HORIZON", "LATEST", "SHARD_END"]), NUMBERS))


@st.composite
def streams(draw: st.DrawFn) -> list[ListedShard]:
    """Shards after some splits and merges; a shard with children is closed."""
    shards = [ListedShard(f"shardId-{number:012}", (), 0, 9, "1", None) for number in range(draw(st.integers(1, 3)))]
    for _ in range(draw(st.integers(0, 5))):
        leaves = [place for place, shard in enumerate(shards) if shard.is_open]
        parents = draw(st.lists(st.sampled_from(leaves), min_size=1, max_size=2, unique=True))
        for place in parents:
            shards[place] = replace(shards[place], last_number="99")
        names = tuple(shards[place].shard_id for place in parents)
        for _ in range(1 if len(parents) == 2 else 2):
            shards.append(ListedShard(f"shardId-{len(shards):012}", names, 0, 9, "1", None))
    return shards


TARGETS = st.sampled_from([Target("TRIM_HORIZON"), Target("LATEST"), Target("AT_TIMESTAMP", 5.0)])


@given(streams(), TARGETS, st.data())
def test_a_reset_done_once_leaves_nothing_to_move(
    shards: list[ListedShard], target: Target, data: st.DataObject
) -> None:
    """And at the horizon or a time no open shard is left without a lease."""
    leased = data.draw(st.dictionaries(st.sampled_from([shard.shard_id for shard in shards]), CHECKPOINTS))
    first = {shard.shard_id: data.draw(st.one_of(st.none(), NUMBERS)) for shard in shards}
    rows = [Row(Lease(shard_id, checkpoint), {}) for shard_id, checkpoint in leased.items()]
    after = dict(leased)
    for move in reset.to_target(rows, shards, target, first):
        if move.after is not None:
            after[move.shard_id] = move.after
    again = [Row(Lease(shard_id, checkpoint), {}) for shard_id, checkpoint in after.items()]
    assert all(move.is_kept for move in reset.to_target(again, shards, target, first))
    assert {shard.shard_id for shard in shards if shard.is_open} <= set(after)


@given(streams(), st.sampled_from(["TRIM_HORIZON", "AT_TIMESTAMP"]), st.randoms(use_true_random=False))
def test_following_a_lineage_reads_each_shard_once_after_its_parents(
    shards: list[ListedShard], kind: str, chance: object
) -> None:
    """Whatever order shards end in."""
    following = Following(shards, Target(kind))
    children = {
        shard.shard_id: [(child.shard_id, child.parents) for child in shards if shard.shard_id in child.parents]
        for shard in shards
    }
    reading = [shard_id for shard_id, _ in following.start()]
    ended: list[str] = []
    by_id = {shard.shard_id: shard for shard in shards}
    while reading:
        shard_id = reading.pop(chance.randrange(len(reading)))  # type: ignore[attr-defined]
        assert set(by_id[shard_id].parents) <= set(ended)
        ended.append(shard_id)
        reading += [child for child, _ in following.ended(shard_id, children[shard_id])]
    assert sorted(ended) == sorted(by_id)
    assert following.is_over


@given(streams())
def test_a_tree_draws_each_shard_once_below_a_parent(shards: list[ListedShard]) -> None:
    drawn = [branch.shard.shard_id for branch in tree(shards)]
    assert sorted(drawn) == sorted(shard.shard_id for shard in shards)
    for place, shard_id in enumerate(drawn):
        parents = next(shard.parents for shard in shards if shard.shard_id == shard_id)
        assert not parents or parents[0] in drawn[:place]


LEASES = st.builds(
    Lease,
    shard_id=st.integers(0, 9).map(lambda number: f"shardId-{number:012}"),
    checkpoint=CHECKPOINTS,
    owner=st.sampled_from([None, "a", "b"]),
    counter=st.integers(0, 99),
    checkpoint_owner=st.sampled_from([None, "c"]),
    state=st.sampled_from([None, b"s"]),
)


@given(st.lists(LEASES, unique_by=lambda lease: lease.shard_id, min_size=1), st.sampled_from(["kcl", "shardline"]))
def test_a_migration_done_once_leaves_nothing_to_write(leases: list[Lease], to: migrate.System) -> None:
    """Checkpoints stay as they are."""
    found = contents(map(to_item, leases))
    gone = {step.key: step.what for step in migrate.assess(found, to, None).steps}
    after = []
    for row in found.rows:
        names = gone.get(row.lease.shard_id, "").removeprefix("remove ").split(", ")
        after.append({name: value for name, value in row.item.items() if name not in names})
    again = migrate.assess(contents(after), to, None)
    assert again.is_ready
    assert [row.lease.checkpoint for row in contents(after).rows] == [row.lease.checkpoint for row in found.rows]
