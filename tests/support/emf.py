"""Judges lines by CloudWatch's embedded metric format, and keeps the points that CloudWatch would make of them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

# What the MetricDatum API takes as a unit.
_RATES = {"Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits", "Kilobits", "Megabits", "Gigabits"}
UNITS = {"Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None", "Terabits"} | {
    form for unit in _RATES for form in (unit, f"{unit}/Second")
}
MAX_BYTES = 256 * 1024
MAX_METRICS = 100
MAX_DIMENSIONS = 30


class Point(NamedTuple):
    """One value of a metric, as CloudWatch extracts it."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]
    timestamp_ms: int
    value: float
    unit: str


def points(line: str) -> list[Point]:
    """The points of one line. Raises AssertionError where the line breaks the specification."""
    assert "\n" not in line
    assert len(line.encode()) <= MAX_BYTES
    document = json.loads(line, parse_constant=_refuse)
    assert isinstance(document, dict)
    metadata = document["_aws"]
    assert set(metadata) == {"Timestamp", "CloudWatchMetrics"}
    timestamp = metadata["Timestamp"]
    assert type(timestamp) is int
    assert timestamp > 10**12, "milliseconds since the epoch"
    return [
        point for directive in metadata["CloudWatchMetrics"] for point in _directive(document, directive, timestamp)
    ]


def _directive(document: Mapping[str, Any], directive: Mapping[str, Any], timestamp: int) -> list[Point]:
    assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
    assert 1 <= len(directive["Namespace"]) <= 255
    assert not directive["Namespace"].startswith("AWS/")
    metrics = directive["Metrics"]
    assert 1 <= len(metrics) <= MAX_METRICS
    names = [metric["Name"] for metric in metrics]
    assert len(set(names)) == len(names)
    found = []
    for dimension_set in directive["Dimensions"]:
        assert len(dimension_set) <= MAX_DIMENSIONS
        for dimension in dimension_set:
            assert isinstance(document[dimension], str)
            assert 1 <= len(document[dimension]) <= 1024
            assert document[dimension].isascii()
        dimensions = frozenset((dimension, document[dimension]) for dimension in dimension_set)
        found += [_point(document, directive["Namespace"], metric, dimensions, timestamp) for metric in metrics]
    return found


def _point(
    document: Mapping[str, Any],
    namespace: str,
    metric: Mapping[str, Any],
    dimensions: frozenset[tuple[str, str]],
    timestamp: int,
) -> Point:
    assert set(metric) <= {"Name", "Unit", "StorageResolution"}
    assert 1 <= len(metric["Name"]) <= 1024
    assert metric["Unit"] in UNITS
    assert metric["StorageResolution"] in (1, 60)
    value = document[metric["Name"]]
    assert type(value) in (int, float), "a target is a number"
    assert math.isfinite(value)
    assert abs(value) <= 2.0**360, "CloudWatch's range"
    return Point(namespace, metric["Name"], dimensions, timestamp, float(value), metric["Unit"])


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")
