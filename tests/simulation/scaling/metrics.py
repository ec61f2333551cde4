"""What CloudWatch knows: a value a minute, a while after the minute has ended, and alarms over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scaling.assumptions import PUBLISH_SECONDS


@dataclass(frozen=True, slots=True)
class Point:
    """A minute's metrics. Bytes and records are sums, `cpu` a mean in per cent, `lag` a maximum in s."""

    begin: float
    size: float
    records: float
    throttled: float
    cpu: float
    lag: float
    tasks: float

    @property
    def bytes_per_task(self) -> float:
        """Bytes in the minute for each running task."""
        return self.size / self.tasks if self.tasks else 0.0


Metric = Callable[[Point], float]


class CloudWatch:
    """The points of one run."""

    def __init__(self) -> None:
        self._points: list[Point] = []

    def publish(self, point: Point) -> None:
        """Add the next minute."""
        self._points.append(point)

    def known(self, now: float, count: int) -> Sequence[Point]:
        """The latest points that can be read by now, in order, at most so many."""
        hidden = sum(point.begin + 60 + PUBLISH_SECONDS > now for point in self._points[-5:])
        end = len(self._points) - hidden
        return self._points[max(0, end - count) : end]
