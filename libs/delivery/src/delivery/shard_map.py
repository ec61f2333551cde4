"""Which shard a record goes to, as far as the last ListShards knows. Pure.

Source: "Partition key" and "Explicit hash key" in the Kinesis Data Streams terminology: a record belongs to the open
shard whose range holds the MD5 of its partition key, or its explicit hash key.
"""

from bisect import bisect_right
from collections.abc import Iterable
from hashlib import md5

from aws_wire.put_records import ListedShard

HASH_KEYS = 2**128


def hash_of(partition_key: str, explicit_hash_key: str | None = None) -> int:
    """The hash key, from 0 to 2**128 - 1, by which Kinesis chooses the shard."""
    if explicit_hash_key is not None:
        return int(explicit_hash_key)
    return int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


class ShardMap:
    """The shards of one stream at one moment; closed ones only answer for their range."""

    def __init__(self, shards: Iterable[ListedShard]) -> None:
        self._ranges: dict[str, tuple[int, int]] = {}
        is_open: list[tuple[int, str]] = []
        for shard in shards:
            first = int(shard.hash_key_range.starting_hash_key)
            self._ranges[shard.shard_id] = (first, int(shard.hash_key_range.ending_hash_key))
            if shard.is_open:
                is_open.append((first, shard.shard_id))
        is_open.sort()
        self._starts = [first for first, _ in is_open]
        self._names = [name for _, name in is_open]

    def shard_of(self, hash_key: int) -> str | None:
        """The open shard whose range holds `hash_key`; None in a hole, as there may be in the middle of a reshard."""
        position = bisect_right(self._starts, hash_key) - 1
        if position < 0:
            return None
        name = self._names[position]
        return name if self.holds(name, hash_key) else None

    def knows(self, shard_id: str) -> bool:
        """Whether the shard was listed, open or closed."""
        return shard_id in self._ranges

    def holds(self, shard_id: str, hash_key: int) -> bool:
        """Whether the shard's range holds `hash_key`. Raises KeyError for a shard that is not known."""
        first, last = self._ranges[shard_id]
        return first <= hash_key <= last
