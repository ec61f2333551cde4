"""When a quiet shard stops holding windows back. Pure: times are arguments.

A shard is known to be silent up to its latest heartbeat: a batch that says that nothing is left to read
(MillisBehindLatest = 0). Broken reading sends no heartbeats, so it is never taken for silence. All times are seconds of
one monotonic clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass
class _Shard:
    last_record: float
    last_heartbeat: float
    is_caught_up: bool = False


@dataclass(frozen=True)
class Policy:
    """From which silence a shard is idle, and from which on all open windows fire (None: never)."""

    idle_seconds: float = 30.0
    flush_seconds: float | None = None


@dataclass(frozen=True)
class Verdict:
    """What silence means now.

    `idle` are the shards that must not hold windows back. `silent_seconds`, where all shards are idle, is how long
    nothing has come: event time goes on by as much. `flush` says that no more is expected: all windows fire.
    """

    idle: frozenset[str] = frozenset()
    silent_seconds: float | None = None
    flush: bool = False


class Silence:
    """What the batches of the held shards tell about their silence."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._shards: dict[str, _Shard] = {}

    def started(self, shard: str, now: float) -> None:
        """Reading of a shard began: it counts as having just spoken."""
        self._shards[shard] = _Shard(now, now)

    def heard(self, shard: str, now: float, records: int, millis_behind: int) -> None:
        """A batch came."""
        known = self._shards.setdefault(shard, _Shard(now, now))
        if records:
            known.last_record = now
        known.last_heartbeat = now
        known.is_caught_up = millis_behind == 0

    def left(self, shard: str) -> None:
        """The shard is no longer read here."""
        self._shards.pop(shard, None)

    def judge(self, open_shards: Iterable[str]) -> Verdict:
        """What silence means for the windows of the open shards. A shard that is not read here is never idle."""
        awaited = frozenset(open_shards)
        silences = {shard: self._silence(known) for shard, known in self._shards.items() if shard in awaited}
        idle = frozenset(shard for shard, seconds in silences.items() if seconds >= self._policy.idle_seconds)
        if not awaited or awaited != silences.keys():
            return Verdict(idle)
        shortest = min(silences.values())
        flush = self._policy.flush_seconds is not None and shortest >= self._policy.flush_seconds
        return Verdict(idle, shortest if idle == awaited else None, flush)

    def _silence(self, known: _Shard) -> float:
        return known.last_heartbeat - known.last_record if known.is_caught_up else 0.0
