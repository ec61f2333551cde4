"""How many shards a stream should have: a pure decision over its load, its past changes and its limits.

Amazon's quotas on UpdateShardCount (API reference): at most double and at least half of the open shards, ten changes in
any 24 hours, best in steps of 25 %. A shard takes 1 MiB and 1,000 records a second.

That a steady load never makes the count swing follows from the thresholds. Growth starts at 75 % and leaves at least
37.5 %, above the 25 % at which shrinking starts; shrinking leaves at most 45 %, below the 50 % at which throttling
counts as a lack of shards.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

SHARD_BYTES_A_SECOND = 1024 * 1024
SHARD_RECORDS_A_SECOND = 1000
DAY_SECONDS = 24 * 3600
_STEPS_UP = (1.25, 1.5, 1.75, 2.0)
_STEPS_DOWN = (0.5, 0.75)
_SLACK = 1e-9

Reason = Literal[
    "busy", "throttled", "quiet", "below_floor", "above_cap",
    "steady", "changing", "settling", "no_metrics", "hot_shard", "at_cap", "at_floor", "lagging", "quota_used",
]  # fmt: skip
"""Why a decision is what it is: the first row changes the count, the second leaves it."""


@dataclass(frozen=True, slots=True)
class Minute:
    """What a stream took in a minute that began at `at` (s since the epoch), and how many records it refused."""

    at: float
    size: float
    records: float
    throttled: float

    def utilisation(self, shards: int) -> float:
        """The part of so many shards' rate that was taken: by bytes or by records, whichever is more."""
        by_size = self.size / 60 / SHARD_BYTES_A_SECOND
        by_records = self.records / 60 / SHARD_RECORDS_A_SECOND
        return max(by_size, by_records) / shards

    def offered(self, shards: int) -> float:
        """The part that was asked for: what was refused would have been of the size of what was taken."""
        if not self.records:
            return self.throttled / 60 / SHARD_RECORDS_A_SECOND / shards
        return self.utilisation(shards) * (self.records + self.throttled) / self.records

    @property
    def refused(self) -> float:
        """The part of the records that was refused."""
        return self.throttled / (self.records + self.throttled) if self.throttled else 0.0


@dataclass(frozen=True, slots=True)
class Load:
    """A stream as it is: its open shards, whether it is ACTIVE, its latest complete minutes in order, its lag in ms.

    `behind_ms` is the lag of the slowest consumer, None where none is known.
    """

    shards: int
    active: bool
    minutes: Sequence[Minute]
    behind_ms: float | None


@dataclass(frozen=True, slots=True)
class Resize:
    """A change that was asked for at `at` (s since the epoch)."""

    at: float
    shards_before: int
    shards_after: int


@dataclass(frozen=True, slots=True)
class Thresholds:
    """At which part of the shards' rate to act, and which part to leave."""

    grow_at: float = 0.75
    leave_after_growth: float = 0.60
    shrink_at: float = 0.25
    leave_after_shrinking: float = 0.45
    throttled_at: float = 0.50
    refused_share: float = 0.01
    urgent_share: float = 0.50
    low_lag_ms: float = 60_000.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How quickly to act, in minutes and seconds, and how many of the day's changes to keep for growth."""

    busy_minutes: int = 2
    of_minutes: int = 3
    quiet_minutes: int = 30
    settle_seconds: float = 120.0
    shrink_cool_down_seconds: float = 3600.0
    changes_a_day: int = 10
    kept_for_growth: int = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """Fewest and most shards of a stream, and the policy between them."""

    floor: int
    cap: int
    thresholds: Thresholds = field(default_factory=Thresholds)
    pace: Pace = field(default_factory=Pace)

    def __post_init__(self) -> None:
        if not 1 <= self.floor <= self.cap:
            raise ValueError(f"min_shards {self.floor} and max_shards {self.cap}: set 1 <= min_shards <= max_shards")


@dataclass(frozen=True, slots=True)
class Decision:
    """The shards to have; equal to those there are where nothing is to be done."""

    shards: int
    target: int
    reason: Reason
    utilisation: float
    changes_left: int

    @property
    def changes(self) -> bool:
        """Whether UpdateShardCount is to be called."""
        return self.target != self.shards


def decide(load: Load, ledger: Sequence[Resize], limits: Limits, now: float) -> Decision:
    """What to do now (s since the epoch). `ledger` holds the changes of the last 24 hours at least, in any order.

    A change is given only where the quotas allow it, so whoever carries out each decision once never breaks one.
    """
    latest = load.minutes[-limits.pace.of_minutes :]
    utilisation = max((minute.offered(load.shards) for minute in latest), default=0.0) if load.shards else 0.0
    left = max(0, limits.pace.changes_a_day - _changes_today(ledger, now))

    def answer(target: int, reason: Reason) -> Decision:
        return Decision(load.shards, target, reason, utilisation, left)

    target, reason = _wanted(load, ledger, limits, now, left)
    if target != load.shards and left == 0:
        return answer(load.shards, "quota_used")
    return answer(target, reason)


def _changes_today(ledger: Sequence[Resize], now: float) -> int:
    # A minute more than a day, for clocks that differ.
    return sum(now - resize.at < DAY_SECONDS + 60 for resize in ledger)


def _wanted(load: Load, ledger: Sequence[Resize], limits: Limits, now: float, left: int) -> tuple[int, Reason]:
    shards = load.shards
    if not load.active or shards < 1:
        return shards, "changing"
    if shards < limits.floor:
        return min(limits.floor, 2 * shards), "below_floor"
    if shards > limits.cap:
        return max(limits.cap, ceil(shards / 2)), "above_cap"
    if not load.minutes:
        return shards, "no_metrics"
    latest_change = max((resize.at for resize in ledger), default=float("-inf"))
    growth = _growth(load, limits, latest_change, left)
    if growth is not None:
        return growth
    return _shrinking(load, limits, now - latest_change, left)


def _growth(load: Load, limits: Limits, latest_change: float, left: int) -> tuple[int, Reason] | None:
    """The larger count, or why it cannot be had; None where nothing asks for more shards."""
    pace, thresholds, shards = limits.pace, limits.thresholds, load.shards
    settled = [minute for minute in load.minutes if minute.at >= latest_change + pace.settle_seconds]
    seen = settled[-pace.of_minutes :]
    busy = [minute for minute in seen if minute.utilisation(shards) >= thresholds.grow_at]
    throttled = [minute for minute in seen if minute.refused > thresholds.refused_share]
    starved = [minute for minute in throttled if minute.utilisation(shards) >= thresholds.throttled_at]
    reason: Reason
    if len(busy) >= pace.busy_minutes:
        reason = "busy"
    elif len(starved) >= pace.busy_minutes or (starved[-1:] == seen[-1:] and _is_urgent(starved, thresholds)):
        reason = "throttled"
    elif len(throttled) >= pace.busy_minutes:
        # Shards with room refuse records: one key is too hot, and a hundred shards would not take it.
        return shards, "hot_shard"
    elif len(seen) < pace.busy_minutes:
        return shards, "settling"
    else:
        return None
    if shards >= limits.cap:
        return shards, "at_cap"
    offered = max(minute.offered(shards) for minute in seen)
    return min(limits.cap, _larger(shards, offered, thresholds.leave_after_growth, left)), reason


def _is_urgent(starved: Sequence[Minute], thresholds: Thresholds) -> bool:
    return bool(starved) and starved[-1].refused > thresholds.urgent_share


def _larger(shards: int, offered: float, leave: float, left: int) -> int:
    """The smallest step that leaves enough room; the fewer changes are left today, the larger the smallest step."""
    smallest = 1.25 if left > 6 else 1.5 if left > 3 else 2.0
    for step in _STEPS_UP:
        target = min(ceil(shards * step), 2 * shards)
        if step >= smallest and offered * shards / target <= leave + _SLACK:
            return target
    return 2 * shards


def _shrinking(load: Load, limits: Limits, since_change: float, left: int) -> tuple[int, Reason]:
    pace, thresholds, shards = limits.pace, limits.thresholds, load.shards
    window = load.minutes[-pace.quiet_minutes :]
    peak = max(minute.offered(shards) for minute in window)
    if len(window) < pace.quiet_minutes or peak > thresholds.shrink_at or any(minute.throttled for minute in window):
        return shards, "steady"
    if shards <= limits.floor:
        return shards, "at_floor"
    if since_change < pace.shrink_cool_down_seconds:
        return shards, "settling"
    if load.behind_ms is not None and load.behind_ms > thresholds.low_lag_ms:
        # A merge makes readers finish the parents first; a backlog would then be read by fewer of them.
        return shards, "lagging"
    target = _smaller(shards, peak, thresholds.leave_after_shrinking, limits.floor)
    if target < shards and left <= pace.kept_for_growth:
        return shards, "quota_used"
    return target, "quiet" if target < shards else "steady"


def _smaller(shards: int, peak: float, leave: float, floor: int) -> int:
    for step in _STEPS_DOWN:
        target = max(ceil(shards * step), floor)
        if peak * shards / target <= leave + _SLACK:
            return target
    return shards
