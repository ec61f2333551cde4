"""Application Auto Scaling as its user guide tells it, on minutes that CloudWatch publishes.

Target tracking makes two alarms: three minutes above the target scale out, fifteen below 90 % of it scale in. The new
count is proportional to the metric, rounded up. Of several policies the one that asks for most wins; scaling in waits
until every tracked metric is low. Steps act on alarms of their own. Where a step policy scales in, target tracking is
told not to (`disable_scale_in`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor

from scaling.assumptions import TASK_BYTES
from scaling.metrics import CloudWatch, Metric, Point

_HIGH_MINUTES = 3
_LOW_MINUTES = 15
_LOW_SHARE = 0.9


@dataclass(frozen=True)
class Tracking:
    """A target tracking policy."""

    metric: Metric
    target: float

    def wish(self, points: Sequence[Point], tasks: int) -> int:
        """More tasks than there are, or 0."""
        values = [self.metric(point) for point in points[-_HIGH_MINUTES:]]
        if len(values) < _HIGH_MINUTES or min(values) <= self.target:
            return 0
        return ceil(tasks * values[-1] / self.target)

    def leave(self, points: Sequence[Point], tasks: int) -> int:
        """To how few tasks it would go; as many as there are while its metric is not low."""
        values = [self.metric(point) for point in points[-_LOW_MINUTES:]]
        if len(values) < _LOW_MINUTES or max(values) >= _LOW_SHARE * self.target:
            return tasks
        return min(tasks, ceil(tasks * values[-1] / self.target))


@dataclass(frozen=True)
class Steps:
    """A step scaling policy on one alarm: `breaches` of `minutes` beyond the threshold, then a change by how far."""

    metric: Metric
    threshold: float
    minutes: int
    breaches: int
    change: Callable[[float, int], int]
    """Of the latest value and the tasks: how many more, or fewer."""
    below: bool = False
    cooldown_seconds: float = 180.0

    def wish(self, points: Sequence[Point], tasks: int) -> int:
        """The count that it asks for, or 0."""
        values = [self.metric(point) for point in points[-self.minutes :]]
        breaching = [value <= self.threshold if self.below else value >= self.threshold for value in values]
        if len(values) < self.minutes or sum(breaching) < self.breaches:
            return 0
        return max(1, tasks + self.change(values[-1], tasks))


@dataclass(frozen=True)
class Policy:
    """All policies of a service, its fewest and most tasks, and the cool-downs of target tracking, s."""

    name: str
    tracking: tuple[Tracking, ...] = ()
    steps: tuple[Steps, ...] = ()
    fewest: int = 2
    most: int = 64
    out_seconds: float = 180.0
    in_seconds: float = 300.0


class Autoscaling:
    """A scalable target."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._out = (float("-inf"), 0)
        """When tracking last scaled out, and from how many: in the cool-down only a larger wish counts."""
        self._in = float("-inf")
        self._stepped = [float("-inf")] * len(policy.steps)

    def desired(self, cloudwatch: CloudWatch, tasks: int, now: float) -> int:
        """How many tasks there should be, asked once a minute."""
        points = cloudwatch.known(now, 30)
        most = max(self._tracked(points, tasks, now), self._stepped_out(points, tasks, now))
        if most > tasks:
            return min(most, self._policy.most)
        return max(self._shrunk(points, tasks, now), self._policy.fewest)

    def _tracked(self, points: Sequence[Point], tasks: int, now: float) -> int:
        since, before = self._out
        cooling = now - since < self._policy.out_seconds
        base = before if cooling else tasks
        wish = max((policy.wish(points, base) for policy in self._policy.tracking), default=0)
        if wish > tasks:
            self._out = (since, before) if cooling else (now, tasks)
        return wish

    def _stepped_out(self, points: Sequence[Point], tasks: int, now: float) -> int:
        wishes = [0]
        for place, policy in enumerate(self._policy.steps):
            if policy.below or now - self._stepped[place] < policy.cooldown_seconds:
                continue
            wish = policy.wish(points, tasks)
            if wish > tasks:
                self._stepped[place] = now
                wishes.append(wish)
        return max(wishes)

    def _shrunk(self, points: Sequence[Point], tasks: int, now: float) -> int:
        steps_in = [policy for policy in self._policy.steps if policy.below]
        cooldown = max((policy.cooldown_seconds for policy in steps_in), default=self._policy.in_seconds)
        if now - self._in < cooldown:
            return tasks
        if steps_in:
            fewest = max(policy.wish(points, tasks) or tasks for policy in steps_in)
        else:
            fewest = max((policy.leave(points, tasks) for policy in self._policy.tracking), default=tasks)
        if fewest < tasks:
            self._in = now
        return min(fewest, tasks)


def _cpu(point: Point) -> float:
    return point.cpu


def _lag(point: Point) -> float:
    return point.lag


def _bytes(point: Point) -> float:
    return point.bytes_per_task


def _by_lag(lag: float, tasks: int) -> int:
    share = 0.25 if lag < 5 * _LAG_SECONDS else 0.5 if lag < 15 * _LAG_SECONDS else 1.0
    return max(1, floor(tasks * share))


_SHARE_IN = 0.25
_SPARE = 0.95
_LAG_SECONDS = 30.0


def _fewer(tasks: float) -> float:
    """At least as many are left after a step in."""
    return (1 - _SHARE_IN) * tasks if tasks > 1 / _SHARE_IN else tasks - 1


def ours(load: float = 0.7) -> Policy:
    """What `infra/modules/service/autoscaling.tf` makes: bytes and processor tracked at so much of what a task does.

    Steps out on lag; steps in by a quarter when for ten minutes the tasks that would be left had room, and no lag.
    """
    a_minute = load * TASK_BYTES * 60

    def use_of_fewer(point: Point) -> float:
        left = _fewer(point.tasks)
        if left <= 0 or point.lag >= _LAG_SECONDS:
            return 9.0
        return max(point.size / a_minute, point.cpu / 100 / load * point.tasks) / left

    def in_by(value: float, tasks: int) -> int:
        return -max(1, floor(_SHARE_IN * tasks))

    return Policy(
        "ours",
        tracking=(Tracking(_bytes, a_minute), Tracking(_cpu, 100 * load)),
        steps=(
            Steps(_lag, _LAG_SECONDS, 3, 2, _by_lag),
            Steps(use_of_fewer, _SPARE, 10, 10, in_by, below=True, cooldown_seconds=300.0),
        ),
    )


def cpu_only(load: float = 0.6) -> Policy:
    """What most services have: the processor tracked."""
    return Policy(f"CPU {100 * load:.0f} %", tracking=(Tracking(_cpu, 100 * load),))


def fixed_steps(high: float = 70.0, low: float = 40.0) -> Policy:
    """A task more while the processor is above one bound, one less while it is below another."""
    return Policy(
        f"steps {low:.0f}-{high:.0f} %",
        steps=(
            Steps(_cpu, high, 3, 3, lambda value, tasks: 1, cooldown_seconds=60.0),
            Steps(_cpu, low, 15, 15, lambda value, tasks: -1, below=True),
        ),
    )
