"""How a worker watches the lease table without reading all of it each time. Pure.

A look at a small table reads it whole, which costs no more than the smallest read that DynamoDB sells. At a
large one it hears the bell, which is rung whenever leases may be free to take, and reads everything only when
it was. For crashes, which ring nothing, the workers divide the table among themselves: each reads its own part
and its two neighbours' every half lease duration, so that three see every lease, and everything once in a
while. One loss is often part of a larger one, so for a time after news they all read everything instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from shardline.leases import lineage
from shardline.model import Lease

SMALL_TABLE_LEASES = 10
"""About 4 KB, one read unit."""

CALM_AFTER_SECONDS = 60.0
"""Without news for this long, a worker looks less often."""

CALM_FACTOR = 2.5

_EVERYTHING_DURATIONS = 6.0
_PART_DURATIONS = 0.5
_VIGILANT_DURATIONS = 2.0
_WATCHERS = 3

_STALE_SECONDS = 5.0
"""For this long after a write a cheap read may still show the row as it was before."""

Kind = Literal["everything", "part", "bell"]


@dataclass(frozen=True, slots=True)
class Rota:
    """Which of the table's `parts` a worker reads: its own and the next ones."""

    own: tuple[int, ...]
    parts: int


def rota(worker: str, leases: Iterable[Lease]) -> Rota:
    """Return this worker's parts: as many as there are workers, in the order of their names."""
    workers = sorted({worker, *(lease.owner for lease in leases if lease.owner and not lease.is_ended)})
    place, count = workers.index(worker), len(workers)
    return Rota(tuple(sorted({(place + step) % count for step in range(_WATCHERS)})), count)


class Watch:
    """What one worker knows of the table, and what it should read next. Times are monotonic seconds."""

    def __init__(self, worker: str, scan_interval: float, lease_duration: float) -> None:
        self.leases: dict[str, Lease] = {}
        """Every lease as last seen, by shard."""
        self._worker = worker
        self._scan_interval = scan_interval
        self._lease_duration = lease_duration
        self._everything_at: float | None = None
        self._parts_at = 0.0
        self._bell: int | None = None
        self._news_at = 0.0
        self.is_doubtful = False
        """Whether what is known is known to be out of date."""
        self._written: dict[str, tuple[Lease, float]] = {}

    @property
    def is_divided(self) -> bool:
        """Whether the workers watch a part of the table each."""
        return len(self.leases) > SMALL_TABLE_LEASES

    def kind(self, now: float) -> Kind:
        """Return what the look at `now` begins with."""
        if self._everything_at is None or self.is_doubtful or not self.is_divided:
            return "everything"
        if now - self._everything_at >= _EVERYTHING_DURATIONS * self._lease_duration:
            return "everything"
        return "bell"

    def heard(self, bell: int, now: float) -> Kind:
        """Take in the bell; returns what else to read now: everything when it was rung since."""
        was, self._bell = self._bell, bell
        if was != bell:
            self._news_at = now
            self.is_doubtful = True
            return "everything"
        if now - self._parts_at < _PART_DURATIONS * self._lease_duration:
            return "bell"
        is_vigilant = now - self._news_at < _VIGILANT_DURATIONS * self._lease_duration
        return "everything" if is_vigilant else "part"

    @property
    def rota(self) -> Rota:
        """The parts of the table that this worker reads."""
        return rota(self._worker, self.leases.values())

    def saw_everything(self, leases: Sequence[Lease], now: float) -> None:
        """Take in the whole table."""
        seen = {lease.shard_id: self._newer(lease, now) for lease in leases}
        if _owners(seen) != _owners(self.leases):
            self._news_at = now
        self.leases = seen
        self._everything_at = self._parts_at = now

    def saw_part(self, leases: Iterable[Lease], now: float) -> None:
        """Take in a part of the table; leases deleted from it stay known until everything is read."""
        self._parts_at = now
        self.leases.update((lease.shard_id, self._newer(lease, now)) for lease in leases)

    def wrote(self, lease: Lease, now: float) -> None:
        """Take in a row as this worker wrote it, or as a consistent read found it."""
        self.leases[lease.shard_id] = lease
        self._written[lease.shard_id] = (lease, now)

    def forget_writes(self) -> None:
        """Trust what is read from now on: it was read consistently."""
        self._written.clear()

    def _newer(self, lease: Lease, now: float) -> Lease:
        """The row as read, unless this worker wrote it just now and the copy read is an older one."""
        written = self._written.get(lease.shard_id)
        if written is None:
            return lease
        row, at = written
        if now - at > _STALE_SECONDS:
            del self._written[lease.shard_id]
            return lease
        return row if lease.counter <= row.counter else lease

    def saw_own(self, leases: Iterable[Lease]) -> None:
        """Take in the rows of leases held here, as last written, unless the table told of later ones."""
        for lease in leases:
            known = self.leases.get(lease.shard_id)
            if known is not None and lease.counter > known.counter:
                self.leases[lease.shard_id] = lease

    def doubt(self) -> None:
        """Read everything next: a write showed that what is known is out of date."""
        self.is_doubtful = True

    def interval(self, running: frozenset[str], now: float) -> float:
        """Return how many seconds to wait until the next look.

        A worker that reads every shard there is to read looks once a lease duration: there is nobody to
        hear from, and who joins asks it in the leases themselves. In calm times any worker looks less often.
        """
        ready = [each.shard_id for each in self.leases.values() if lineage.is_ready(each, self.leases)]
        if ready and running.issuperset(ready):
            return max(self._lease_duration, self._scan_interval)
        is_calm = now - self._news_at >= CALM_AFTER_SECONDS
        return self._scan_interval * (CALM_FACTOR if is_calm else 1.0)


def _owners(leases: dict[str, Lease]) -> dict[str, str | None]:
    return {shard_id: lease.holder for shard_id, lease in leases.items()}
