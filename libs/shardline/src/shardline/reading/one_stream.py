"""The streams of a group, and how their shards are told apart by the keys of their leases."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from shardline.model import ChildShard, Shard
from shardline.reading.reader import Reader


class OneStream:
    """A stream as leases know it: a shard's lease key is its id behind the stream's prefix, which may be empty.

    By itself it is all the streams of a group that reads one; see Streams.
    """

    def __init__(self, name: str, reader: Reader, prefix: str = "") -> None:
        self.name = name
        self.reader = reader
        self.prefix = prefix

    def of(self, lease_key: str) -> OneStream:
        """See Streams."""
        return self

    def shard_id(self, lease_key: str) -> str:
        """Return the id of the shard that a lease key of this stream stands for."""
        return lease_key.removeprefix(self.prefix)

    def keyed(self, child: ChildShard) -> ChildShard:
        """Return a child shard under the lease keys of this stream."""
        if not self.prefix:
            return child
        return replace(child, shard_id=self.prefix + child.shard_id, parents=self._keys(child.parents))

    async def refresh(self) -> None:
        """See Streams."""

    async def prepare(self) -> None:
        """Make reading possible; see Reader.prepare."""
        await self.reader.prepare()

    async def list_shards(self) -> list[Shard]:
        """Return the stream's shards under their lease keys. Raises StreamUnavailable, or ShardGone for no stream."""
        shards = await self.reader.source.list_shards()
        if not self.prefix:
            return shards
        return [
            replace(shard, shard_id=self.prefix + shard.shard_id, parents=self._keys(shard.parents)) for shard in shards
        ]

    def _keys(self, shard_ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self.prefix + shard_id for shard_id in shard_ids)


class Streams(Protocol):
    """Every stream that a group reads."""

    @property
    def name(self) -> str:
        """What they are called together."""

    def of(self, lease_key: str) -> OneStream:
        """Return the stream that the lease belongs to; there is one for every lease that the group may take."""

    async def prepare(self) -> None:
        """Make reading possible. Raises StreamUnavailable or ShardGone."""

    async def refresh(self) -> None:
        """Find out which streams there are: to be called before the leases are read that shards are to be compared to.

        Raises StreamUnavailable.
        """

    async def list_shards(self) -> list[Shard]:
        """Return every shard of every stream under its lease key. Raises StreamUnavailable or ShardGone."""
