"""A stream's shards as ListShards tells them, and how they descend from one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shardline.cli.connection import explained

HASH_KEYS = 1 << 128


@dataclass(frozen=True, slots=True)
class ListedShard:
    """A shard. Hash keys are 128-bit integers, both ends included; `last_number` is None while it is open."""

    shard_id: str
    parents: tuple[str, ...]
    starting_hash_key: int
    ending_hash_key: int
    first_number: str
    last_number: str | None

    @property
    def is_open(self) -> bool:
        """Whether records can still be put into it."""
        return self.last_number is None

    @property
    def share(self) -> float:
        """The part of all hash keys that are its own, from 0 to 1."""
        return (self.ending_hash_key - self.starting_hash_key + 1) / HASH_KEYS


def listed_shard(told: Mapping[str, Any]) -> ListedShard:
    """A shard from a ListShards answer."""
    parents = (told.get("ParentShardId"), told.get("AdjacentParentShardId"))
    keys, numbers = told["HashKeyRange"], told["SequenceNumberRange"]
    return ListedShard(
        told["ShardId"],
        tuple(str(parent) for parent in parents if parent),
        int(keys["StartingHashKey"]),
        int(keys["EndingHashKey"]),
        numbers["StartingSequenceNumber"],
        numbers.get("EndingSequenceNumber"),
    )


async def list_shards(kinesis: Any, stream: str) -> list[ListedShard]:
    """Every shard that the stream still keeps, in the order of their ids. Raises CommandFailed.

    Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
    """
    request: dict[str, Any] = {"StreamName": stream}
    shards: list[ListedShard] = []
    with explained(f"stream {stream}"):
        while True:
            page = await kinesis.list_shards(**request)
            shards.extend(listed_shard(each) for each in page["Shards"])
            if not page.get("NextToken"):
                return sorted(shards, key=lambda shard: shard.shard_id)
            request = {"NextToken": page["NextToken"]}


@dataclass(frozen=True, slots=True)
class Branch:
    """A shard at its place in the tree: `prefix` draws the way to it."""

    shard: ListedShard
    prefix: str


def tree(shards: Sequence[ListedShard]) -> list[Branch]:
    """The shards as a forest drawn from the eldest down. A merged shard stands once, under its first listed parent."""
    by_id = {shard.shard_id: shard for shard in shards}
    children: dict[str, list[ListedShard]] = {shard_id: [] for shard_id in by_id}
    roots: list[ListedShard] = []
    for shard in shards:
        parent = next((each for each in shard.parents if each in by_id), None)
        (roots if parent is None else children[parent]).append(shard)
    drawn: list[Branch] = []
    pending: list[tuple[ListedShard, str, str]] = [(root, "", "") for root in reversed(roots)]
    while pending:
        shard, mark, indent = pending.pop()
        drawn.append(Branch(shard, mark))
        below = children[shard.shard_id]
        for place in range(len(below) - 1, -1, -1):
            last = place == len(below) - 1
            pending.append((below[place], indent + ("└─ " if last else "├─ "), indent + ("   " if last else "│  ")))
    return drawn


def ancestors(of: Iterable[str], shards: Mapping[str, ListedShard]) -> set[str]:
    """All listed shards from which the given ones descend, those given left out unless one descends from another."""
    found: set[str] = set()
    pending = [parent for each in of if each in shards for parent in shards[each].parents]
    while pending:
        shard_id = pending.pop()
        if shard_id in shards and shard_id not in found:
            found.add(shard_id)
            pending.extend(shards[shard_id].parents)
    return found
