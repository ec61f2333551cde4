"""The tasks of a consumer: they start, share the shards among them as shardline does, and read."""

from __future__ import annotations

from scaling.assumptions import HAND_OVER_SECONDS, TASK_BYTES, TASK_START_SECONDS
from scaling.shards import Shard, Shards, read_evenly

from shardline import GroupSettings
from shardline.leases.assignment import LARGEST_SHARE, LEASE_WEIGHT, TOLERANCE


class Tasks:
    """Running tasks, those that start, and who holds which shard."""

    def __init__(self, count: int) -> None:
        self._names = count
        self.running = list(range(count))
        self.starting: list[float] = []
        self._owners: dict[Shard, int] = {}
        self._moved: dict[Shard, float] = {}

    @property
    def desired(self) -> int:
        """Tasks that run or start."""
        return len(self.running) + len(self.starting)

    def scale(self, count: int, now: float) -> None:
        """Start or stop tasks until there are so many; those that start are stopped first."""
        while self.desired < count:
            self.starting.append(now + TASK_START_SECONDS)
        while self.desired > count and self.starting:
            self.starting.pop()
        while self.desired > count:
            self.running.pop()

    def work(self, shards: Shards, health: float, now: float, seconds: float) -> float:
        """Read for so long; gives the mean use of the running tasks' processors, 0 to 1."""
        ready = [begin for begin in self.starting if begin <= now]
        self.starting = [begin for begin in self.starting if begin > now]
        for _ in ready:
            self._names += 1
            self.running.append(self._names)
        self._share(shards, now)
        most = TASK_BYTES * health * seconds
        read = 0.0
        for able in self._able(now).values():
            read += read_evenly(able, most, seconds)
        return read / (most * len(self.running)) if self.running else 0.0

    def _able(self, now: float) -> dict[int, list[Shard]]:
        """The shards that each task can read at the moment."""
        able: dict[int, list[Shard]] = {}
        for shard, owner in self._owners.items():
            if shard.backlog > 0 and now - self._moved[shard] >= HAND_OVER_SECONDS and shard.readable:
                able.setdefault(owner, []).append(shard)
        return able

    def _share(self, shards: Shards, now: float) -> None:
        """Every shard has a task; the busiest gives a shard to the idlest while their loads differ by too much.

        Loads are what shards deliver, as shardline measures them, and a little for each shard (`leases.assignment`).
        """
        alive = set(self.running)
        present = {shard: self._owners.get(shard) for shard in shards.all}
        self._owners = {shard: owner for shard, owner in present.items() if owner in alive}
        self._moved = {shard: moved for shard, moved in self._moved.items() if shard in self._owners}
        if not self.running:
            return
        loads = dict.fromkeys(self.running, 0.0)
        for shard, owner in self._owners.items():
            loads[owner] += _weight(shard)
        free = [shard for shard in shards.all if shard not in self._owners]
        for shard in sorted(free, key=_weight, reverse=True):
            self._move(shard, min(self.running, key=loads.__getitem__), loads, now)
        for _ in self.running:
            if not self._even_out(loads, now):
                return

    def _even_out(self, loads: dict[int, float], now: float) -> bool:
        busiest, idlest = max(loads, key=loads.__getitem__), min(loads, key=loads.__getitem__)
        difference = loads[busiest] - loads[idlest]
        if difference <= TOLERANCE * sum(loads.values()) / len(loads):
            return False
        able = [
            shard
            for shard, owner in self._owners.items()
            if owner == busiest
            and _weight(shard) <= LARGEST_SHARE * difference
            and now - self._moved.get(shard, float("-inf")) >= GroupSettings().rebalance_seconds
        ]
        if not able:
            return False
        shard = max(able, key=_weight)
        loads[busiest] -= _weight(shard)
        self._move(shard, idlest, loads, now)
        return True

    def _move(self, shard: Shard, task: int, loads: dict[int, float], now: float) -> None:
        self._owners[shard] = task
        self._moved[shard] = now
        loads[task] += _weight(shard)


def _weight(shard: Shard) -> float:
    return LEASE_WEIGHT + shard.rate / 1000
