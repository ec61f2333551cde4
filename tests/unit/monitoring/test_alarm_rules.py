"""The evaluation of alarms follows CloudWatch's documentation."""

from typing import Any

import pytest
from cloudwatch_alarms import Metrics, State, Watch, calculate, evaluate, statistic
from emf import Point

OK, ALARM = "OK", "ALARM"


def alarm(points: int, of: int, missing: str) -> dict[str, Any]:
    return {
        "alarm_if": {"points": points, "of": of},
        "compare": "GreaterThanThreshold",
        "threshold": 5,
        "missing": missing,
    }


def read(row: str) -> list[float | None]:
    """AWS's notation: 0 is within the threshold, X beyond it, - missing; the oldest first."""
    return [{"0": 0.0, "X": 9.0, "-": None}[sign] for sign in row.split()]


# The documentation's tables: what CloudWatch does with five points of which three are evaluated. "=" keeps the state.
THREE_OF_THREE = [
    ("0 - X - X", OK, OK, OK),
    ("- - - - 0", OK, OK, OK),
    ("- - - - -", "=", ALARM, OK),
    ("0 X X - X", ALARM, ALARM, ALARM),
    ("- - X - -", "=", ALARM, OK),
]
TWO_OF_THREE = [
    ("0 - X - X", ALARM, ALARM, ALARM),
    ("0 0 X 0 X", ALARM, ALARM, ALARM),
    ("0 - X - -", OK, ALARM, OK),
    ("- - - - 0", OK, ALARM, OK),
    ("- - - X -", "=", ALARM, OK),
]


@pytest.mark.parametrize("before", [OK, ALARM])
@pytest.mark.parametrize(
    ("points", "row"), [*((3, row) for row in THREE_OF_THREE), *((2, row) for row in TWO_OF_THREE)]
)
def test_missing_data_is_treated_as_in_the_documentations_tables(points: int, row: Any, before: State) -> None:
    """Each row of both tables, for the three treatments that the alarms use."""
    signs, *expected = row
    for missing, state in zip(("ignore", "breaching", "notBreaching"), expected, strict=True):
        assert evaluate(alarm(points, 3, missing), read(signs), before) == (before if state == "=" else state), missing


def test_a_plain_metric_of_dynamodb_ignores_missing_data() -> None:
    """Whatever the alarm says: such an alarm would never end, so ours use FILL."""
    quiet = read("- - - - -")
    of_table = alarm(1, 3, "notBreaching") | {"metric": {"namespace": "AWS/DynamoDB"}}
    assert evaluate(of_table, quiet, "ALARM") == ALARM
    assert evaluate(alarm(1, 3, "notBreaching"), quiet, "ALARM") == OK


def test_an_alarm_may_not_end_in_insufficient_data() -> None:
    """It would neither page nor end."""
    with pytest.raises(ValueError, match="tells nobody"):
        evaluate(alarm(1, 1, "missing"), [1.0], "OK")


def test_metric_math_has_no_point_where_an_input_has_none() -> None:
    values = {"a": [1.0, None, 4.0], "b": [2.0, 3.0, 0.0]}
    assert calculate("a + b * 2", values) == [5.0, None, 4.0]
    assert calculate("a / b", values) == [0.5, None, None], "nor where a division is by zero"
    assert calculate("(FILL(a, 0) + b) / 2", values) == [1.5, 1.5, 2.0]
    assert calculate("DIFF(b)", values) == [None, 1.0, -3.0]
    with pytest.raises(ValueError, match="ANOMALY_DETECTION_BAND"):
        calculate("ANOMALY_DETECTION_BAND(a)", values)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Sum", 10), ("Minimum", 1), ("Maximum", 4), ("Average", 2.5), ("SampleCount", 4), ("p99", 4), ("p50", 2)],
)
def test_statistics(name: str, expected: float) -> None:
    assert statistic(name, [4, 1, 3, 2]) == expected


def test_a_watch_finds_its_points_by_namespace_name_and_dimensions() -> None:
    """Another service's lag, or another deployment's, is none of its business."""
    metrics = Metrics()
    watch = Watch("consumer-lag", metrics, {"$namespace": "N", "$each": "indexer"})
    for minute in range(10):
        for namespace, service in (("N", "enricher"), ("M", "indexer")):
            dimensions = frozenset({("Service", service)})
            metrics.add([Point(namespace, "LagSeconds", dimensions, minute * 60_000, 1000.0, "Seconds")])
    assert watch.look(600_000) == OK
    for minute in range(5, 10):
        metrics.add([Point("N", "LagSeconds", frozenset({("Service", "indexer")}), minute * 60_000, 61.0, "Seconds")])
    assert watch.look(599_999) == OK, "a period counts once it is over"
    assert watch.look(600_000) == ALARM
    assert watch.alarmed_at_ms == 600_000
