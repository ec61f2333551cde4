"""One program over many tasks: what runs where a shard is read, and what runs where rows of one key meet.

A `Sender` runs at each shard of the sources: the queries that need nothing from other shards run there, and of the
others it sends rows or partial aggregates to one of `KEY_GROUPS` key groups. A `KeyGroup` takes in what all shards'
senders tell it, in the order of each. The rows that come out of both are those of one `Engine` over all shards.
See docs/decisions/0007-aggregator-over-many-tasks.md.
"""

from streaming_sql.distribution.key_group import CapturedGroup, KeyGroup, MissedPartial, Received, merged_group
from streaming_sql.distribution.keys import KEY_GROUPS, explicit_hash_key, groups_between
from streaming_sql.distribution.messages import MOST_BYTES
from streaming_sql.distribution.parts import Part, distribute
from streaming_sql.distribution.references import References
from streaming_sql.distribution.sender import Sender, Sent

__all__ = [
    "KEY_GROUPS",
    "MOST_BYTES",
    "CapturedGroup",
    "KeyGroup",
    "MissedPartial",
    "Part",
    "Received",
    "References",
    "Sender",
    "Sent",
    "distribute",
    "explicit_hash_key",
    "groups_between",
    "merged_group",
]
