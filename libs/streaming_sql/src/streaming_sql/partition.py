"""Which shard a partition key belongs to.

Kinesis takes the MD5 of the key's UTF-8 text as a 128-bit number, the most significant byte first; each shard owns a
range of these: https://docs.aws.amazon.com/streams/latest/dev/key-concepts.html#partition-key
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import md5

HASH_KEYS = 1 << 128


def hash_key(partition_key: str) -> int:
    """The place of a partition key among the hash keys, 0 to 2**128 - 1."""
    return int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


@dataclass(frozen=True, slots=True)
class HashRange:
    """The hash keys of a shard, from its StartingHashKey to its EndingHashKey, both included."""

    first: int = 0
    last: int = HASH_KEYS - 1

    def holds(self, partition_key: str) -> bool:
        """Whether records of the partition key come to the shard."""
        return self.first <= hash_key(partition_key) <= self.last
