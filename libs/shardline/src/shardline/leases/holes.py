"""Holes in the hash range that a group's leases cover: keys whose records nobody would read. Pure.

Splits and merges make none, as the children's leases exist before their parent's says that it ended. A hole
is a deleted lease, or an error; as the KCL's auditor does (PeriodicShardSyncManager, 3.5.1), it is looked for
every two minutes, and believed when it was found three times in a row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shardline.model import Lease

AUDIT_SECONDS = 120.0
CONFIRMATIONS = 3

LAST_HASH_KEY = 2**128 - 1


@dataclass(frozen=True, slots=True)
class Hole:
    """Hash keys that no lease covers whose shard is yet to be read; both ends included.

    `stream` is what the stream's lease keys have before their last colon; empty for plain shard ids.
    """

    first: int
    last: int
    stream: str = ""


def holes(leases: Iterable[Lease]) -> list[Hole]:
    """Return the holes of each stream, lowest first.

    None are told of a stream without leases, or with one to be read whose hash range is not known.
    """
    streams: dict[str, list[Lease]] = {}
    for lease in leases:
        streams.setdefault(lease.shard_id.rpartition(":")[0], []).append(lease)
    return [hole for stream, its in sorted(streams.items()) for hole in _holes(stream, its)]


def _holes(stream: str, leases: Iterable[Lease]) -> list[Hole]:
    ranges = []
    for lease in leases:
        if lease.is_ended:
            continue
        if lease.starting_hash_key is None or lease.ending_hash_key is None:
            return []
        ranges.append((lease.starting_hash_key, lease.ending_hash_key))
    found, covered = [], -1
    for first, last in sorted(ranges):
        if first > covered + 1:
            found.append(Hole(covered + 1, first - 1, stream))
        covered = max(covered, last)
    if ranges and covered < LAST_HASH_KEY:
        found.append(Hole(covered + 1, LAST_HASH_KEY, stream))
    return found


class Audit:
    """Holes that were found several times in a row."""

    def __init__(self) -> None:
        self._times: dict[Hole, int] = {}

    def confirmed(self, found: Iterable[Hole]) -> list[Hole]:
        """Take in the holes of one look; returns those found CONFIRMATIONS times in a row by now."""
        self._times = {hole: self._times.get(hole, 0) + 1 for hole in found}
        return [hole for hole, times in self._times.items() if times >= CONFIRMATIONS]
