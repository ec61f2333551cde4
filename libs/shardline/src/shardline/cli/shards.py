"""`shardline shards`: a stream's shards and how they descend from one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shardline.cli.connection import DONE, Connection, explained
from shardline.cli.listing import HASH_KEYS, ListedShard, list_shards, tree
from shardline.cli.text import as_json, number, plural, table


def rendered(shards: Sequence[ListedShard], *, wide: bool) -> str:
    """The shards as a tree for people; `wide` writes hash keys and sequence numbers in full."""
    rows = []
    for branch in tree(shards):
        shard = branch.shard
        percent = f"{_percent(shard.starting_hash_key)}-{_percent(shard.ending_hash_key + 1)} %"
        keys = f"{shard.starting_hash_key}-{shard.ending_hash_key}" if wide else percent
        ends = (shard.first_number, shard.last_number)
        first, last = ends if wide else (number(end) if end else end for end in ends)
        others = shard.parents[1:]
        rows.append(
            (
                branch.prefix + shard.shard_id,
                "open" if shard.is_open else "closed",
                f"{shard.share:.2%}".replace("%", " %"),
                keys,
                f"{first} to {last}" if last else f"{first} on",
                f"merged with {', '.join(others)}" if others else "",
            )
        )
    headers = ("SHARD", "STATE", "SHARE", "HASH KEYS", "SEQUENCE NUMBERS", "")
    return table(headers, rows, right={"SHARE"})


def as_value(shards: Sequence[ListedShard]) -> list[dict[str, Any]]:
    """The shards for machines; numbers that do not fit 64 bits are strings."""
    return [
        {
            "shard_id": shard.shard_id,
            "state": "open" if shard.is_open else "closed",
            "parents": list(shard.parents),
            "starting_hash_key": str(shard.starting_hash_key),
            "ending_hash_key": str(shard.ending_hash_key),
            "share": round(shard.share, 9),
            "starting_sequence_number": shard.first_number,
            "ending_sequence_number": shard.last_number,
        }
        for shard in shards
    ]


def heading(stream: str, summary: dict[str, Any], shards: Sequence[ListedShard]) -> str:
    """One line on the stream."""
    opened = sum(shard.is_open for shard in shards)
    mode = summary.get("StreamModeDetails", {}).get("StreamMode", "PROVISIONED")
    return (
        f"{stream}: {summary['StreamStatus']}, {mode}, {plural(opened, 'open shard')}, {len(shards) - opened} closed, "
        f"{plural(summary.get('ConsumerCount', 0), 'fan-out consumer')}, "
        f"records kept {summary['RetentionPeriodHours']} h"
    )


async def run(connection: Connection, stream: str, *, wide: bool, machine: bool) -> int:
    """Print the shards. Raises CommandFailed."""
    async with connection.clients("kinesis") as (kinesis,):
        with explained(f"stream {stream}"):
            answer = await kinesis.describe_stream_summary(StreamName=stream)
        shards = await list_shards(kinesis, stream)
    if machine:
        print(as_json(as_value(shards)))
    else:
        print(heading(stream, answer["StreamDescriptionSummary"], shards), rendered(shards, wide=wide), sep="\n\n")
    return DONE


def _percent(hash_key: int) -> str:
    return f"{hash_key * 100 / HASH_KEYS:.2f}".rstrip("0").rstrip(".")
