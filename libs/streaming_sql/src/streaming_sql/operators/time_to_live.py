"""Keys that are forgotten some time after their state was last written.

Flink's table.exec.state.ttl, but by event time, so that a replay forgets the same keys: a key is over when the
watermark has reached the time of its last write plus the time to live; what comes then finds a new key.
https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/config/#table-exec-state-ttl
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from heapq import heapify, heappop, heappush

from streaming_sql.operators.operator import Key
from streaming_sql.operators.shelf import FOREVER, Due
from streaming_sql.watermark import NEVER


class TimeToLive:
    """When keys were last written; without a time to live none is ever over, and nothing is kept."""

    def __init__(self, ttl_ms: int | None) -> None:
        self._ttl = ttl_ms
        self._written: dict[Key, int] = {}
        self._schedule: list[tuple[int, int, Key]] = []
        self._scheduled = 0
        self._on_schedule: set[Key] = set()

    def write(self, key: Key, time: int | None) -> None:
        """The key's state was written at an event time, in ms (None: by a program without a time to live)."""
        if self._ttl is None or time is None:
            return
        known = self._written.get(key)
        if key not in self._on_schedule:  # a key that went by its own shard's watermark is still there
            self._put_on_schedule(key, time + self._ttl)
        if known is None or time > known:
            self._written[key] = time

    def written(self, key: Key) -> int | None:
        """When the key was last written, for a snapshot."""
        return self._written.get(key)

    def is_over(self, key: Key, watermark: int) -> bool:
        """Whether a row of the key, with its own shard's watermark, finds the key forgotten."""
        known = self._written.get(key) if self._ttl is not None else None
        return known is not None and known + (self._ttl or 0) <= watermark

    def forget(self, key: Key) -> None:
        """The key's state is gone."""
        self._written.pop(key, None)

    def evict(self, keys: Collection[Key]) -> list[Due]:
        """Watch these keys no more; when each is over."""
        dues: list[Due] = []
        for key in keys:
            known = self._written.pop(key, None)
            dues.append((FOREVER if known is None or self._ttl is None else known + self._ttl, NEVER))
        if self._schedule:
            self._on_schedule.difference_update(keys)
            self._schedule = [entry for entry in self._schedule if entry[2] in self._on_schedule]
            heapify(self._schedule)
        return dues

    def over(self, now: int) -> Iterator[Key]:
        """The keys that the least watermark finds over; they are forgotten here."""
        while self._schedule and self._schedule[0][0] <= now:
            _, _, key = heappop(self._schedule)
            self._on_schedule.discard(key)
            known = self._written.get(key)
            if known is None or self._ttl is None:
                continue
            if known + self._ttl <= now:
                del self._written[key]
                yield key
            else:
                self._put_on_schedule(key, known + self._ttl)

    def _put_on_schedule(self, key: Key, at: int) -> None:
        self._scheduled += 1
        self._on_schedule.add(key)
        heappush(self._schedule, (at, self._scheduled, key))

    def __len__(self) -> int:
        """How many keys are watched."""
        return len(self._schedule)
