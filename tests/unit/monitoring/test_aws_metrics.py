"""What is read of AWS's metrics exists: every name, dimension and statistic is in monitoring/aws_metrics.yaml.

CloudWatch takes an alarm or a graph of a metric that nobody publishes without a word.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from cloudwatch_alarms import load
from reshard import readings

ROOT = Path(__file__).parents[3]
TABLE: dict[str, Any] = yaml.safe_load((ROOT / "monitoring" / "aws_metrics.yaml").read_text())
DASHBOARD = json.loads((ROOT / "monitoring" / "cloudwatch-dashboard.json").read_text())
MODULES = ROOT / "infra" / "modules"


class Read(NamedTuple):
    """One metric as somebody reads it."""

    where: str
    namespace: str
    name: str
    dimensions: frozenset[str]
    stat: str


def of_alarms() -> Iterator[Read]:
    for alarm in load()["alarms"]:
        for metric in [alarm["metric"]] if "metric" in alarm else alarm["metrics"].values():
            yield Read(
                alarm["name"], metric["namespace"], metric["name"], frozenset(metric["dimensions"]), metric["stat"]
            )


def of_the_dashboard() -> Iterator[Read]:
    for widget in (each["properties"] for each in DASHBOARD["widgets"] if each["type"] == "metric"):
        for namespace, name, *rest in widget["metrics"]:
            cells = [cell for cell in rest if not isinstance(cell, dict)]
            (options,) = [cell for cell in rest if isinstance(cell, dict)] or [{}]
            yield Read(widget["title"], namespace, name, frozenset(cells[::2]), options.get("stat", widget["stat"]))


def of_terraform() -> Iterator[Read]:
    """Metrics that modules name themselves: of scaling and of the resharding function's own alarms."""
    for path in sorted(MODULES.glob("*/*.tf")):
        text = path.read_text()
        for found in re.finditer(r'namespace += "(AWS/[A-Za-z-]+)"\n +metric_name += "([^"]+)"\n', text):
            after = text[found.end() : found.end() + 400]
            near = text[found.start() - 80 : found.start()] + after
            stat = re.search(r'\bstat(?:istic)? += "(\w+)"', near)
            assert stat, f"{path.name}: {found[2]} is read by no statistic"
            yield Read(str(path.relative_to(ROOT)), found[1], found[2], _dimensions(after), stat[1])


def _dimensions(text: str) -> frozenset[str]:
    """As an argument, { StreamName = … }, or as blocks with a name and a value each."""
    argument = re.match(r"\s*dimensions += \{([^\n]*)\}\n", text)
    if argument:
        return frozenset(re.findall(r"(\w+) = ", argument[1]))
    return frozenset(re.findall(r'dimensions \{\n +name += "(\w+)"', text.partition("\n      metrics {")[0]))


READS = sorted({*of_alarms(), *of_the_dashboard(), *of_terraform()}, key=str)


@pytest.mark.parametrize("read", [read for read in READS if not read.namespace.startswith("$")], ids=str)
def test_what_is_read_is_published(read: Read) -> None:
    """AWS publishes the metric, by these dimensions, and the statistic means something."""
    published = TABLE[read.namespace]["metrics"][read.name]
    assert read.dimensions in [frozenset(each) for each in published["dimensions"]]
    assert ("pNN" if re.fullmatch(r"p[0-9.]+", read.stat) else read.stat) in published["statistics"]


def test_everything_that_reads_metrics_is_looked_at() -> None:
    """Alarms, dashboard, and the modules of scaling and of resharding: none is passed over by its form."""
    places = {read.where for read in READS}
    assert {"infra/modules/service/autoscaling.tf", "infra/modules/reshard/alarms.tf", "search-red"} <= places
    scaling = {read.name for read in READS if read.where == "infra/modules/service/autoscaling.tf"}
    assert scaling >= {"IncomingBytes", "CPUUtilization", "RequestCount"}
    assert len(READS) > 100


def test_the_resharding_function_asks_for_what_is_published() -> None:
    """Its queries go to Kinesis by stream and by consumer."""
    published = TABLE["AWS/Kinesis"]["metrics"]
    asked = set(
        re.findall(
            r'"((?:Incoming|Write|Read|GetRecords\.|SubscribeToShard)\w*(?:\.\w+)?)"',
            Path(readings.__file__).read_text(),
        )
    )
    assert asked
    assert asked <= published.keys()


def test_nothing_is_in_the_table_that_nobody_reads() -> None:
    """What is no longer read is taken out, so that the table stays short enough to be checked against AWS's pages."""
    used = {(read.namespace, read.name) for read in READS} | {
        ("AWS/Kinesis", name) for name in re.findall(r'"([\w.]+)"', Path(readings.__file__).read_text())
    }
    assert {(space, name) for space, each in TABLE.items() for name in each["metrics"]} <= used


def test_every_namespace_names_aws_own_page() -> None:
    for namespace, each in TABLE.items():
        assert namespace.startswith("AWS/")
        assert each["source"].startswith("https://docs.aws.amazon.com/")


@pytest.mark.parametrize(
    "alarm", [each for each in load()["alarms"] if "expression" in each], ids=lambda each: str(each["name"])
)
def test_expressions_are_what_alarms_take(alarm: Mapping[str, Any]) -> None:
    """Ten metrics at most, no SEARCH, and every input is used.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create-alarm-on-metric-math-expression.html
    """
    assert "SEARCH" not in alarm["expression"]
    assert len(alarm["metrics"]) + 1 <= 10
    assert set(re.findall(r"\b[a-z]\w*", alarm["expression"])) == set(alarm["metrics"])


def test_the_dashboard_searches_for_nothing() -> None:
    """A quoted term of SEARCH is compared as a whole, so that a prefix finds nothing; metrics are named instead."""
    assert "SEARCH" not in json.dumps(DASHBOARD)


def test_composite_rules_fit() -> None:
    """A rule has 10,240 characters and 100 alarms at most, also in a deployment with 20 things of every kind.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
    """
    for composite in load()["composites"]:
        alarms = [name for line in composite["all"] for name in line]
        longest = max(len(f'ALARM("{"n" * 20}-{name}-{"x" * 32}") OR ') for name in alarms)
        made = 20 * len([name for name in alarms if load_for(name) in ("services", "consumers", "fan_out")]) + len(
            alarms
        )
        assert made <= 100
        assert made * longest <= 10_240


def load_for(name: str) -> str:
    """The group of things that an alarm is made for."""
    (found,) = [alarm["for"] for alarm in load()["alarms"] if alarm["name"] == name]
    return str(found)
