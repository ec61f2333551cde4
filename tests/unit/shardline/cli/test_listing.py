"""Shards as a tree, and which of them a reader of the whole stream reads when."""

from __future__ import annotations

from shardline.cli import shards as command
from shardline.cli.following import Following
from shardline.cli.listing import HASH_KEYS, ListedShard, ancestors, listed_shard, tree
from shardline.cli.positions import Target

HALF = HASH_KEYS // 2


def shard(name: str, *parents: str, is_open: bool = True, start: int = 0, end: int = HASH_KEYS - 1) -> ListedShard:
    return ListedShard(name, parents, start, end, "10", None if is_open else "99")


SPLIT = [shard("a", is_open=False), shard("b", "a", end=HALF - 1), shard("c", "a", start=HALF)]
MERGED = [
    shard("a", is_open=False, end=HALF - 1),
    shard("b", is_open=False, start=HALF),
    shard("c", "a", "b"),
]


def test_a_listed_shard_is_understood() -> None:
    """Missing members mean: no parent, still open."""
    told = {
        "ShardId": "s",
        "ParentShardId": "p",
        "AdjacentParentShardId": "q",
        "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": str(HASH_KEYS - 1)},
        "SequenceNumberRange": {"StartingSequenceNumber": "5"},
    }
    found = listed_shard(told)
    assert (found.parents, found.is_open, found.share) == (("p", "q"), True, 1.0)


def test_a_split_is_drawn_below_its_parent() -> None:
    drawn = [branch.prefix + branch.shard.shard_id for branch in tree([*SPLIT, shard("d", "b"), shard("e", "b")])]
    assert drawn == ["a", "├─ b", "│  ├─ d", "│  └─ e", "└─ c"]


def test_a_merged_shard_stands_once_and_names_its_other_parent() -> None:
    assert [branch.prefix + branch.shard.shard_id for branch in tree(MERGED)] == ["a", "└─ c", "b"]
    assert "merged with b" in command.rendered(MERGED, wide=False)


def test_a_shard_whose_parent_is_no_longer_listed_is_a_root() -> None:
    assert [branch.prefix for branch in tree([shard("z", "gone")])] == [""]


def test_a_row_tells_state_share_and_ranges() -> None:
    lines = command.rendered(SPLIT, wide=False).splitlines()
    assert lines[1].split() == ["a", "closed", "100.00", "%", "0-100", "%", "10", "to", "99"]
    assert lines[3].split() == ["└─", "c", "open", "50.00", "%", "50-100", "%", "10", "on"]


def test_wide_rows_and_json_have_whole_numbers() -> None:
    assert str(HASH_KEYS - 1) in command.rendered(SPLIT, wide=True)
    assert command.as_value(SPLIT)[2]["starting_hash_key"] == str(HALF)


def test_the_heading_counts() -> None:
    summary = {"StreamStatus": "ACTIVE", "RetentionPeriodHours": 24, "ConsumerCount": 1}
    assert command.heading("s", summary, SPLIT) == (
        "s: ACTIVE, PROVISIONED, 2 open shards, 1 closed, 1 fan-out consumer, records kept 24 h"
    )


def test_ancestors_reach_through_generations() -> None:
    by_id = {each.shard_id: each for each in [*SPLIT, shard("d", "b")]}
    assert ancestors(["d"], by_id) == {"a", "b"}


def test_from_latest_only_open_shards_are_read_and_children_from_their_start() -> None:
    """Else what a split's children got before they were found would be missed."""
    following = Following(SPLIT, Target("LATEST"))
    assert following.start() == [("b", Target("LATEST")), ("c", Target("LATEST"))]
    assert following.ended("b", [("d", ["b"]), ("e", ["b"])]) == [
        ("d", Target("TRIM_HORIZON")),
        ("e", Target("TRIM_HORIZON")),
    ]


def test_from_earlier_a_child_waits_for_both_parents() -> None:
    following = Following(MERGED, Target("AT_TIMESTAMP", 5.0))
    assert [shard_id for shard_id, _ in following.start()] == ["a", "b"]
    assert following.ended("a", [("c", ["a", "b"])]) == []
    assert following.ended("b", [("c", ["a", "b"])]) == [("c", Target("AT_TIMESTAMP", 5.0))]
    assert not following.is_over
    assert following.ended("c", []) == []
    assert following.is_over


def test_only_the_shards_asked_for_are_read() -> None:
    following = Following(SPLIT, Target("TRIM_HORIZON"), only=["b"])
    assert [shard_id for shard_id, _ in following.start()] == ["b"]
    assert following.ended("b", [("d", ["b"])]) == []
    assert following.is_over
