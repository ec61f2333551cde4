"""The three ways to have shards: a fixed number, the resharding function, Amazon's on-demand mode."""

from __future__ import annotations

from typing import Protocol

from reshard.decision import DAY_SECONDS, Limits, Load, Minute, Resize, decide
from scaling.assumptions import (
    CONSUMER_PER_GB,
    CONSUMER_SHARD_HOUR,
    MIB,
    ON_DEMAND_HOUR,
    ON_DEMAND_PER_GB,
    ON_DEMAND_SHARDS,
    ON_DEMAND_SPLIT_AT,
    ON_DEMAND_SPLIT_SECONDS,
    PUT_PER_GB,
    RESIZE_SECONDS,
    RESIZE_SECONDS_A_SHARD,
    SHARD_HOUR,
)
from scaling.metrics import CloudWatch, Point
from scaling.shards import Shards


class Mode(Protocol):
    """Looks after the shards of a stream."""

    name: str

    def shards(self) -> int:
        """How many there are at first."""
        ...

    def look(self, shards: Shards, cloudwatch: CloudWatch, now: float) -> None:
        """Do what is due; called every minute."""
        ...

    def dollars(self, shards: int, size: float, hours: float) -> float:
        """What so many shards cost so long, and so many bytes, with one consumer by enhanced fan-out."""
        ...


class Provisioned:
    """Always the same number of shards."""

    def __init__(self, count: int) -> None:
        self.name = f"provisioned, {count} shards"
        self._count = count

    def shards(self) -> int:
        return self._count

    def look(self, shards: Shards, cloudwatch: CloudWatch, now: float) -> None:
        """Nothing is ever done."""

    def dollars(self, shards: int, size: float, hours: float) -> float:
        fixed = shards * hours * (SHARD_HOUR + CONSUMER_SHARD_HOUR)
        return fixed + size / 1e9 * (PUT_PER_GB + CONSUMER_PER_GB)


class Resharded(Provisioned):
    """The Lambda `reshard`, by its own decision, every five minutes."""

    def __init__(self, count: int, limits: Limits | None = None, every_seconds: int = 300) -> None:
        super().__init__(count)
        self.name = "provisioned, resharded"
        self.ledger: list[Resize] = []
        self._limits = limits or Limits(floor=2, cap=64)
        self._every = every_seconds
        self._changing: tuple[float, int] | None = None

    def look(self, shards: Shards, cloudwatch: CloudWatch, now: float) -> None:
        if self._changing is not None and now >= self._changing[0]:
            shards.resize(self._changing[1])
            self._changing = None
        if now % self._every:
            return
        points = cloudwatch.known(now, self._limits.pace.quiet_minutes)
        load = Load(
            shards=len(shards.open),
            active=self._changing is None,
            minutes=[_minute(point) for point in points],
            behind_ms=max((1000 * point.lag for point in points[-5:]), default=None),
        )
        recent = [resize for resize in self.ledger if now - resize.at < DAY_SECONDS + 300]
        decision = decide(load, recent, self._limits, now)
        if decision.changes:
            self.ledger.append(Resize(now, decision.shards, decision.target))
            self._changing = (now + RESIZE_SECONDS + RESIZE_SECONDS_A_SHARD * decision.target, decision.target)


class OnDemand:
    """Amazon's on-demand mode: splits what is half full, and does not merge within the time simulated."""

    def __init__(self, count: int = ON_DEMAND_SHARDS, name: str = "on demand, new") -> None:
        self.name = name
        self._count = count
        self._changing: tuple[float, int] | None = None

    def shards(self) -> int:
        return self._count

    def look(self, shards: Shards, cloudwatch: CloudWatch, now: float) -> None:
        if self._changing is not None:
            if now < self._changing[0]:
                return
            shards.resize(self._changing[1])
            self._changing = None
            return
        for point in cloudwatch.known(now, 1):
            if point.size / 60 / MIB / len(shards.open) >= ON_DEMAND_SPLIT_AT:
                self._changing = (now + ON_DEMAND_SPLIT_SECONDS, 2 * len(shards.open))

    def dollars(self, shards: int, size: float, hours: float) -> float:
        return ON_DEMAND_HOUR * hours + size / 1e9 * ON_DEMAND_PER_GB


def _minute(point: Point) -> Minute:
    return Minute(point.begin, point.size, point.records, point.throttled)
