"""The Grafana dashboard and Prometheus' configuration ask for what the services have."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, ProcessCollector

from etl_cli.layout import SERVICES
from service_runtime.metrics import StageMetrics
from service_runtime.runtime import _watch_loop

_MONITORING = Path(__file__).parents[3] / "monitoring"
_DASHBOARD = json.loads((_MONITORING / "grafana" / "dashboards" / "pipeline.json").read_text())
_EXPRESSIONS = [target["expr"] for panel in _DASHBOARD["panels"] for target in panel["targets"]]
_SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
}
# Labels that Prometheus adds: the target's, and the bucket's bound.
_FROM_PROMETHEUS = {"service", "instance", "le"}


async def _exposed() -> dict[str, set[str]]:
    """Every sample that all services have, with its own labels."""
    registry = CollectorRegistry()
    StageMetrics(registry)
    ProcessCollector(registry=registry)
    watching = asyncio.create_task(_watch_loop(registry))
    await asyncio.sleep(0)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    names = {}
    for collector in registry._collector_to_names:
        for family in collector.collect():
            for suffix in _SUFFIXES[family.type]:
                names[family.name + suffix] = set(getattr(collector, "_labelnames", ()))
    return names


def _metrics(expression: str) -> Iterator[str]:
    yield from re.findall(r"\b(?:etl|process)_[a-z_]+", expression)


@pytest.mark.parametrize("expression", _EXPRESSIONS)
async def test_every_metric_and_label_of_the_dashboard_exists(expression: str) -> None:
    """A panel over a metric or label that no service has would stay empty without a word."""
    exposed = await _exposed()
    asked = list(_metrics(expression))
    assert asked
    assert set(asked) <= exposed.keys()
    labels = {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")}
    assert labels <= set().union(*(exposed[name] for name in asked), _FROM_PROMETHEUS)


def test_the_dashboard_is_what_its_provisioning_names() -> None:
    """Each panel reads the data source whose uid the provisioning gives, and has a place of its own."""
    source = (_MONITORING / "grafana" / "provisioning" / "datasources" / "prometheus.yaml").read_text()
    assert {panel["datasource"]["uid"] for panel in _DASHBOARD["panels"]} == set(re.findall(r"uid: (\S+)", source))
    places = [tuple(panel["gridPos"][side] for side in "xy") for panel in _DASHBOARD["panels"]]
    assert len(set(places)) == len(places)


def test_prometheus_scrapes_every_service() -> None:
    """A service that is not among the names would be missing from every panel."""
    (names,) = re.findall(r"names: \[(.*)\]", (_MONITORING / "prometheus" / "prometheus.yml").read_text())
    assert tuple(name.strip() for name in names.split(",")) == SERVICES
