"""The policy that is simulated is the one that `infra/modules/service` makes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from scaling import policies
from scaling.assumptions import TASK_BYTES
from scaling.metrics import Point

MODULE = Path(__file__).parents[3] / "infra" / "modules" / "service"


def resource(kind: str, name: str) -> str:
    """The text of a resource's block in the module."""
    text = (MODULE / "autoscaling.tf").read_text()
    found = re.search(rf'^resource "{kind}" "{name}" {{\n(.*?)^}}', text, re.MULTILINE | re.DOTALL)
    assert found, f"no {kind}.{name} in autoscaling.tf"
    return found[1]


def number(text: str, attribute: str) -> float:
    found = re.search(rf"^\s*{attribute}\s*=\s*(-?[0-9.]+)$", text, re.MULTILINE)
    assert found, f"no {attribute} in:\n{text}"
    return float(found[1])


def default(name: str) -> float:
    found = re.search(rf"{name}\s*=\s*optional\(number, ([0-9.]+)\)", (MODULE / "autoscaling_variables.tf").read_text())
    assert found, name
    return float(found[1])


def test_targets_and_cool_downs_are_the_same() -> None:
    policy = policies.ours()
    by_bytes, by_cpu = policy.tracking
    assert by_cpu.target == default("cpu_target_percent")
    assert by_bytes.target == pytest.approx(TASK_BYTES * 60 * default("cpu_target_percent") / 100)
    assert policy.out_seconds == default("scale_out_cooldown_seconds")
    assert policy.steps[1].cooldown_seconds == default("scale_in_cooldown_seconds")
    for name in ("cpu", "bytes", "requests"):
        assert re.search(r"disable_scale_in\s*=\s*true", resource("aws_appautoscaling_policy", name))


def test_steps_out_on_lag_are_the_same() -> None:
    """A quarter up to five times the threshold, a half up to fifteen times, and double beyond."""
    out = policies.ours().steps[0]
    alarm, policy = resource("aws_cloudwatch_metric_alarm", "lag"), resource("aws_appautoscaling_policy", "lag")
    assert out.threshold == default("seconds")
    assert (out.minutes, out.breaches) == (number(alarm, "evaluation_periods"), number(alarm, "datapoints_to_alarm"))
    assert out.cooldown_seconds == number(policy, "cooldown")
    steps = [int(share) for share in re.findall(r"scaling_adjustment\s*=\s*(\d+)", policy)]
    bounds = [float(times) for times in re.findall(r"upper_bound = ([0-9.]+) \* local", policy)]
    begins = [1.0, *(1 + bound for bound in bounds)]
    for begin, share in zip(begins, steps, strict=True):
        assert out.change(begin * out.threshold, 100) == share


def test_the_way_in_is_the_same() -> None:
    """The same alarm over the use of the tasks that would be left, and the same step."""
    steps_in = policies.ours().steps[1]
    alarm = resource("aws_cloudwatch_metric_alarm", "scale_in")
    policy = resource("aws_appautoscaling_policy", "scale_in")
    assert steps_in.threshold == number(alarm, "threshold")
    assert steps_in.minutes == number(alarm, "evaluation_periods") == number(alarm, "datapoints_to_alarm")
    share = -number(policy, "scaling_adjustment") / 100
    assert [-steps_in.change(0.0, tasks) for tasks in (2, 4, 8, 9, 100)] == [1, 1, 2, 2, 100 * share]
    expression = re.search(r'"IF\(tasks > (\d+), tasks \* ([0-9.]+), tasks - 1\)"', alarm)
    assert expression
    for tasks in (2, 4, 5, 12):
        left = tasks * float(expression[2]) if tasks > int(expression[1]) else tasks - 1
        point = Point(0, TASK_BYTES * 60 * 0.7 * left, 0, 0, 0, 0, tasks)
        assert steps_in.metric(point) == pytest.approx(1.0), tasks
