"""Which shards a reader of a whole stream reads, and where each starts, through splits and merges. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shardline.cli.listing import ListedShard
from shardline.cli.positions import Target
from shardline.model import LATEST, TRIM_HORIZON


class Following:
    """Shards under way, so that a child is read after its parents.

    At LATEST the open shards are read, at an earlier position every shard that is kept, the eldest first. `start` and
    `ended` tell which shards to read from now on.
    """

    def __init__(self, shards: Sequence[ListedShard], target: Target, only: Sequence[str] = ()) -> None:
        self._target = target
        self._only = frozenset(only)
        wanted = [shard for shard in shards if not only or shard.shard_id in self._only]
        if target.kind == LATEST:
            wanted = [shard for shard in wanted if shard.is_open]
        self._unread = {shard.shard_id: shard.parents for shard in wanted}
        self._reading: set[str] = set()
        self._ended: set[str] = set()

    def start(self) -> list[tuple[str, Target]]:
        """The shards to begin with, and where."""
        return [(shard_id, self._target) for shard_id in self._free()]

    def ended(self, shard_id: str, children: Iterable[tuple[str, Sequence[str]]]) -> list[tuple[str, Target]]:
        """A shard was read to its end; `children` are the ids and parents of those that continue it."""
        self._reading.discard(shard_id)
        self._ended.add(shard_id)
        for child, parents in children:
            known = child in self._reading or child in self._ended
            if not known and (not self._only or child in self._only):
                self._unread.setdefault(child, tuple(parents))
        begin = Target(TRIM_HORIZON) if self._target.kind == LATEST else self._target
        return [(child, begin) for child in self._free()]

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to read."""
        return not self._reading and not self._unread

    def _free(self) -> list[str]:
        """Take what waits for no parent from the unread to those being read."""
        pending = self._reading | set(self._unread)
        free = sorted(shard_id for shard_id, parents in self._unread.items() if not pending & set(parents))
        for shard_id in free:
            del self._unread[shard_id]
        self._reading.update(free)
        return free
