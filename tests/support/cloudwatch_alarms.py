"""CloudWatch's metrics and alarms as documented, pure: what monitoring/alerts.yaml would do on points that a test has.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html and alarms-and-missing-data.html
"""

from __future__ import annotations

import ast
import math
import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from emf import Point

State = Literal["OK", "ALARM"]
Values = list[float | None]
"""One value a period, oldest first; None where there is none."""

ALERTS: Final = Path(__file__).parents[2] / "monitoring" / "alerts.yaml"
EXTRA_PERIODS: Final = 2
"""Periods that are looked back on beyond those that are evaluated: AWS's examples have five for three."""

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_STATISTICS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "Sum": math.fsum,
    "Minimum": min,
    "Maximum": max,
    "Average": lambda values: math.fsum(values) / len(values),
    "SampleCount": len,
}


@cache
def load() -> dict[str, Any]:
    """The file of alarms."""
    source: dict[str, Any] = yaml.safe_load(ALERTS.read_text())
    return source


def alarm_called(name: str) -> dict[str, Any]:
    """One alarm of the file."""
    (found,) = (alarm for alarm in load()["alarms"] if alarm["name"] == name)
    return dict(found)


def composites_in_alarm(alarmed: Iterable[str]) -> set[str]:
    """The composites of which each line has one of these alarms."""
    known = set(alarmed)
    return {each["name"] for each in load()["composites"] if all(known & set(line) for line in each["all"])}


class Metrics:
    """Points by namespace, name and dimensions, as CloudWatch keeps them."""

    def __init__(self) -> None:
        self._points: dict[tuple[str, str, frozenset[tuple[str, str]]], list[tuple[int, float]]] = defaultdict(list)

    def add(self, points: Iterable[Point]) -> None:
        """Keep the points of a line."""
        for point in points:
            self._points[point.namespace, point.name, point.dimensions].append((point.timestamp_ms, point.value))

    def values(
        self, metric: Mapping[str, Any], names: Mapping[str, str], period: int, end_ms: int, count: int
    ) -> Values:
        """The statistic over each of `count` periods before `end_ms`, which is a multiple of the period (s)."""
        key = (
            str(names.get(metric["namespace"], metric["namespace"])),
            str(metric["name"]),
            frozenset((name, str(names.get(value, value))) for name, value in metric["dimensions"].items()),
        )
        points = self._points.get(key, [])
        step = period * 1000
        found: Values = []
        for start in range(end_ms - count * step, end_ms, step):
            inside = [value for when, value in points if start <= when < start + step]
            found.append(statistic(metric["stat"], inside) if inside else None)
        return found


def statistic(name: str, values: Sequence[float]) -> float:
    """A statistic of one period's values; pNN by nearest rank."""
    if name.startswith("p"):
        return sorted(values)[math.ceil(float(name[1:]) / 100 * len(values)) - 1]
    return _STATISTICS[name](values)


def calculate(expression: str, inputs: Mapping[str, Values]) -> Values:
    """Metric math as far as the alarms use it: arithmetic, FILL(m, number), DIFF(m). Raises ValueError beyond that."""
    length = len(next(iter(inputs.values())))

    def of(node: ast.expr) -> Values:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return [float(node.value)] * length
        if isinstance(node, ast.Name):
            return inputs[node.id]
        if isinstance(node, ast.BinOp):
            return [_arithmetic(node.op, a, b) for a, b in zip(of(node.left), of(node.right), strict=True)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "FILL":
                values, (filler, *_) = of(node.args[0]), of(node.args[1])
                return [filler if value is None else value for value in values]
            if node.func.id == "DIFF":
                values = of(node.args[0])
                pairs = zip([None, *values], values, strict=False)
                return [_arithmetic(ast.Sub(), after, before) for before, after in pairs]
        raise ValueError(f"{ast.unparse(node)} is not among what is used of metric math")

    return of(ast.parse(expression, mode="eval").body)


def _arithmetic(operation: ast.operator, a: float | None, b: float | None) -> float | None:
    """No point where an input has none, and none where a division is by zero."""
    if a is None or b is None:
        return None
    if isinstance(operation, ast.Add):
        return a + b
    if isinstance(operation, ast.Sub):
        return a - b
    if isinstance(operation, ast.Mult):
        return a * b
    if isinstance(operation, ast.Div):
        return a / b if b else None
    raise ValueError(f"{operation} is not among what is used of metric math")


def evaluate(alarm: Mapping[str, Any], values: Values, before: State) -> State:
    """The state by the latest values, those of the evaluation range, with missing data as CloudWatch treats it.

    Where as many real values as periods are in the range, the latest of them decide and missing ones do not count.
    Otherwise only as many missing ones are filled in as periods lack.
    """
    points, of = alarm["alarm_if"]["points"], alarm["alarm_if"]["of"]
    breaches = _COMPARE[alarm["compare"]]
    real = [value for value in values[-(of + EXTRA_PERIODS) :] if value is not None]
    lacking = max(0, of - len(real))
    breaching = sum(breaches(value, alarm["threshold"]) for value in real[-of:])
    missing = _missing(alarm)
    if missing == "breaching":
        breaching += lacking
    if breaching >= points:
        return "ALARM"
    if missing == "ignore" and lacking and breaching == len(real):
        return before
    return "OK"


def _missing(alarm: Mapping[str, Any]) -> str:
    """Alarms on a plain metric of DynamoDB ignore missing data, whatever they say."""
    missing = str(alarm["missing"])
    if missing not in {"breaching", "notBreaching", "ignore"}:
        raise ValueError(f"{missing}: an alarm that ends in INSUFFICIENT_DATA tells nobody")
    return "ignore" if alarm.get("metric", {}).get("namespace") == "AWS/DynamoDB" else missing


class Watch:
    """One alarm for one thing, looked at period by period. `names` stand for $…."""

    def __init__(self, name: str, metrics: Metrics, names: Mapping[str, str]) -> None:
        self.alarm = alarm_called(name)
        self._metrics = metrics
        self._names = names
        self.state: State = "OK"
        self.alarmed_at_ms: int | None = None

    def look(self, now_ms: int) -> State:
        """The state after the last whole period before `now_ms`."""
        period = self.alarm["period"]
        end = now_ms // (period * 1000) * period * 1000
        self.state = evaluate(self.alarm, self._values(period, end), self.state)
        if self.state == "ALARM" and self.alarmed_at_ms is None:
            self.alarmed_at_ms = now_ms
        return self.state

    def _values(self, period: int, end: int) -> Values:
        # One more, for what is compared with the value before.
        count = self.alarm["alarm_if"]["of"] + EXTRA_PERIODS + 1
        if "metric" in self.alarm:
            return self._metrics.values(self.alarm["metric"], self._names, period, end, count)
        inputs = {
            key: self._metrics.values(metric, self._names, period, end, count)
            for key, metric in self.alarm["metrics"].items()
        }
        return calculate(self.alarm["expression"], inputs)
