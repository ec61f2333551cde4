"""monitoring/alerts.yaml says what it means: every alarm can trip and end, is explained, and asks for what is told."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cloudwatch_alarms import Metrics, Watch, composites_in_alarm, load
from emf import Point

from service_runtime.emf import PUBLISHED

ROOT = Path(__file__).parents[3]
RUNBOOK = (ROOT / "docs" / "troubleshooting.md").read_text()
DASHBOARD = json.loads((ROOT / "monitoring" / "cloudwatch-dashboard.json").read_text())
SOURCE = load()
ALARM_NAMES = [alarm["name"] for alarm in SOURCE["alarms"]]
COMPOSITE_NAMES = [composite["name"] for composite in SOURCE["composites"]]
TOLD = {metric.name for metric in PUBLISHED} | {"CanarySuccess", "CanarySeconds", "LostEvents"}
START = 1_700_006_400_000
"""A multiple of every period: six hours is the longest."""


def metrics_of(alarm: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from [alarm["metric"]] if "metric" in alarm else alarm["metrics"].values()


class Series:
    """Values of an alarm's metrics, a period at a time."""

    def __init__(self, name: str) -> None:
        self.metrics = Metrics()
        self.watch = Watch(name, self.metrics, {"$namespace": "N"})
        self._now = START
        self._grown = 0.0

    def go_on(self, periods: int, *, bad: bool) -> str:
        alarm = self.watch.alarm
        for _ in range(periods):
            for key, value in self._values(alarm, bad=bad).items():
                metric = alarm["metric"] if key == "" else alarm["metrics"][key]
                if metric["stat"] == "SampleCount" and not value:
                    continue  # nobody tells anything
                namespace = "N" if metric["namespace"] == "$namespace" else metric["namespace"]
                dimensions = frozenset(metric["dimensions"].items())
                self.metrics.add([Point(namespace, metric["name"], dimensions, self._now, value, "None")])
            self._now += alarm["period"] * 1000
            self.watch.look(self._now)
        return self.watch.state

    def _values(self, alarm: Mapping[str, Any], *, bad: bool) -> dict[str, float]:
        if "metric" in alarm:
            above = alarm["compare"].startswith("Greater")
            return {"": alarm["threshold"] + (1.0 if bad == above else -1.0)}
        if alarm["expression"].startswith("DIFF"):
            self._grown += bad
            return {next(iter(alarm["metrics"])): self._grown}
        good = ("done", "taken", "requests")
        return {key: 1000.0 if key in good else 9000.0 * bad for key in alarm["metrics"]}


@pytest.mark.parametrize("name", ALARM_NAMES)
def test_each_alarm_trips_by_what_it_watches_for_and_ends(name: str) -> None:
    """Values beyond the threshold alarm after as many periods as are asked for, not before; healthy ones end it."""
    series = Series(name)
    points, of = (series.watch.alarm["alarm_if"][key] for key in ("points", "of"))
    assert series.go_on(of + 3, bad=False) == "OK"
    assert series.watch.alarmed_at_ms is None or series.watch.alarm["missing"] == "breaching"
    # Where missing data is bad, no data is: CloudWatch looks back two periods more before it fills in.
    extra = 2 if series.watch.alarm.get("metric", {}).get("stat") == "SampleCount" else 0
    if points > 1:
        assert series.go_on(points - 1, bad=True) == "OK"
    assert series.go_on(1 + extra, bad=True) == "ALARM"
    assert series.go_on(of + 1, bad=False) == "OK"


def test_names_are_unique_and_fit() -> None:
    assert len(set(ALARM_NAMES + COMPOSITE_NAMES)) == len(ALARM_NAMES) + len(COMPOSITE_NAMES)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", name) for name in ALARM_NAMES + COMPOSITE_NAMES)


@pytest.mark.parametrize("alarm", SOURCE["alarms"], ids=ALARM_NAMES)
def test_each_alarm_is_one_that_cloudwatch_takes(alarm: dict[str, Any]) -> None:
    """Its limits: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html."""
    assert alarm["severity"] in {"page", "ticket", "none"}
    assert alarm["missing"] in {"breaching", "notBreaching", "ignore"}
    assert 1 <= alarm["alarm_if"]["points"] <= alarm["alarm_if"]["of"]
    assert alarm["period"] % 60 == 0
    assert alarm["period"] * alarm["alarm_if"]["of"] <= 86_400, "a day at the most"
    assert len(alarm["summary"]) < 700, "of the 1,024 of a description"
    assert ("metric" in alarm) != ("expression" in alarm)
    for metric in metrics_of(alarm):
        assert set(metric) == {"namespace", "name", "dimensions", "stat"}
        assert len(metric["dimensions"]) <= 30
    for key in alarm.get("metrics", {}):
        assert re.fullmatch(r"[a-z][a-zA-Z0-9_]*", key)
    if alarm["metric"]["namespace"] == "AWS/DynamoDB" if "metric" in alarm else False:
        pytest.fail("an alarm on a plain metric of DynamoDB never ends: use FILL")


@pytest.mark.parametrize("alarm", SOURCE["alarms"], ids=ALARM_NAMES)
def test_the_services_tell_what_is_asked_for(alarm: dict[str, Any]) -> None:
    """A metric that nobody tells would leave its alarm without data, or in alarm for ever."""
    for metric in metrics_of(alarm):
        if metric["namespace"] == "$namespace":
            assert metric["name"] in TOLD
            assert list(metric["dimensions"]) == ["Service"]
        else:
            assert metric["namespace"].startswith("AWS/")


def test_what_does_not_act_is_part_of_a_composite() -> None:
    """An alarm of severity none that no composite has would tell nobody."""
    parts = {name for composite in SOURCE["composites"] for line in composite["all"] for name in line}
    assert parts <= set(ALARM_NAMES)
    assert {alarm["name"] for alarm in SOURCE["alarms"] if alarm["severity"] == "none"} <= parts


def test_a_composite_is_in_alarm_when_each_of_its_lines_is() -> None:
    """One alarm of every line, whichever; not with a line missing."""
    assert composites_in_alarm(set()) == set()
    assert composites_in_alarm({"fan-out-behind"}) == {"pipeline-behind"}
    assert composites_in_alarm({"search-stale", "sink-retries"}) == set()
    assert composites_in_alarm({"search-stale", "search-red"}) == {"indexer-held-by-search"}
    assert composites_in_alarm(ALARM_NAMES) == set(COMPOSITE_NAMES)


def entries() -> dict[str, str]:
    """The runbook's entries by their headings."""
    found = re.split(r"^### ([a-z-]+)\n", RUNBOOK, flags=re.MULTILINE)[1:]
    return {name: text.split("\n## ")[0] for name, text in zip(found[::2], found[1::2], strict=True)}


def test_every_alarm_has_its_entry_and_every_entry_its_alarm() -> None:
    assert sorted(entries()) == sorted(ALARM_NAMES + COMPOSITE_NAMES)


@pytest.mark.parametrize(("name", "text"), entries().items(), ids=list(entries()))
def test_each_entry_says_what_it_means_where_to_look_and_what_to_do(name: str, text: str) -> None:
    assert re.findall(r"^\*\*(\w+)\.\*\*", text, flags=re.MULTILINE) == ["Means", "Look", "Do", "Tried"]
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", RUNBOOK, flags=re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


@pytest.mark.parametrize(("name", "text"), entries().items(), ids=list(entries()))
def test_how_an_alarm_was_tried_is_true(name: str, text: str) -> None:
    """A test that is named has the alarm in it."""
    (tried,) = re.findall(r"^\*\*Tried\.\*\* (\S+)$", text, flags=re.MULTILINE)
    places = {"trip": "test_alarms_trip.py", "values": "test_alerts.py"}
    place = Path(__file__).parent / places[tried] if tried in places else ROOT / tried
    assert f'"{name}"' in place.read_text() or (tried == "values" and name in ALARM_NAMES)


def widgets() -> list[dict[str, Any]]:
    return [widget["properties"] for widget in DASHBOARD["widgets"] if widget["type"] == "metric"]


def test_the_dashboard_asks_for_what_the_services_tell() -> None:
    rows = [row for widget in widgets() for row in widget["metrics"] if row[0] == "${namespace}"]
    assert len(rows) > 30
    for row in rows:
        assert row[1] in TOLD
        assert row[2] == "Service"


def test_lines_on_the_dashboard_are_the_alarms_thresholds() -> None:
    """A line that is not where the alarm is would mislead whoever is called by it."""
    thresholds = {alarm["name"]: alarm["threshold"] for alarm in SOURCE["alarms"]}
    lines = [line for widget in widgets() for line in widget.get("annotations", {}).get("horizontal", [])]
    assert len(lines) > 5
    for line in lines:
        assert thresholds[line["label"]] == line["value"]


def test_the_dashboard_leaves_places_to_cloudwatch() -> None:
    """Widgets of parts that a deployment has not are dropped; with fixed places they would leave holes."""
    assert not any({"x", "y"} & set(widget) for widget in DASHBOARD["widgets"])
