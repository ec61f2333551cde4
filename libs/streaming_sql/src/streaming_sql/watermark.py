"""Watermarks by shard.

A record is late by its own shard's watermark; windows fire by the least over all open shards. A watermark only
grows, and the least never falls: a child begins where its parents stood.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

NEVER = -(1 << 63)
"""The watermark of a shard that no event has come from."""


class ShardWatermarks:
    """The watermarks, in milliseconds of event time, of the open shards of one source.

    Attributes:
        stream: whose shards they are.
        greatest_time: the greatest event time seen on any shard.
        fired: the least watermark at the last step.

    """

    def __init__(self, stream: str = "") -> None:
        self.stream = stream
        self.by_shard: dict[str, int] = {}
        self.greatest_time = NEVER
        self.fired = NEVER

    def open(self, shard: str, at: int = NEVER) -> None:
        """Add a shard; one that is open already keeps the lower of both, as a merged child must.

        No shard begins behind what has fired: its records would enter windows that never fire again.
        """
        at = max(at, self.fired)
        self.by_shard[shard] = min(self.by_shard.get(shard, at), at)

    def close(self, shard: str, children: Iterable[str]) -> None:
        """A shard has ended; its children begin at its watermark."""
        at = self.by_shard[shard]
        for child in children:
            self.open(child, at)
        del self.by_shard[shard]

    def raise_to(self, shards: Iterable[str], at: int) -> bool:
        """Raise the named shards' watermarks to at least `at`; whether any of them moved."""
        moved = False
        for shard in shards:
            if self.by_shard[shard] < at:
                self.by_shard[shard] = at
                moved = True
        return moved

    def follow(self, idle: Collection[str]) -> bool:
        """Let idle shards stand where the least of the others stands; whether any of them moved."""
        others = [at for shard, at in self.by_shard.items() if shard not in idle]
        return bool(others) and self.raise_to([shard for shard in idle if shard in self.by_shard], min(others))

    def step(self) -> tuple[int, int]:
        """The least watermark at the last step and now, never less: windows between the two fire."""
        before = self.fired
        if self.by_shard:
            self.fired = max(before, min(self.by_shard.values()))
        return before, self.fired
