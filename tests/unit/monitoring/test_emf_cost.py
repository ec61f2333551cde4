"""monitoring/README.md names every metric that the services tell CloudWatch, and counts what is paid for."""

import re
from pathlib import Path

import pytest
from emf import points
from prometheus_client import CollectorRegistry, Gauge

from aggregator.metrics import AggregatorMetrics
from console.metrics import ConsoleMetrics
from enricher.metrics import EnricherMetrics
from indexer.metrics import IndexerMetrics
from ingest_api.admission import Admission, Capacity
from ingest_api.metrics import IngestMetrics
from service_runtime.emf import PUBLISHED, Publisher
from service_runtime.metrics import StageMetrics

README = (Path(__file__).parents[3] / "monitoring" / "README.md").read_text()


class Counts:
    data_losses = 0
    restarts = 0


def told(service: str) -> set[str]:
    """Every metric in the line of a service that has done some of everything."""
    registry = CollectorRegistry()
    Gauge("etl_event_loop_lag_seconds", "…", registry=registry).set(0)
    if service == "console":
        ConsoleMetrics(registry)
    elif service == "ingest-api":
        IngestMetrics(registry, Admission(Capacity(1, 1, 1)))
    elif service == "indexer":
        metrics = IndexerMetrics(registry)
        metrics.searchable_seconds.labels("enriched").observe(1)
        _consume(metrics.stage)
    else:
        _consume(AggregatorMetrics(registry).stage if service == "aggregator" else EnricherMetrics(registry).stage)
    line = Publisher(registry, service, "StreamingETL").line(1_800_000_000_000)
    assert line is not None
    assert len(line) < 1_500
    return {point.name for point in points(line)}


def _consume(stage: StageMetrics) -> None:
    stage.watch_group("stream", Counts)
    stage.received("stream", "shard", 1, 1, 1)


def test_every_metric_is_in_the_table_with_what_it_is_made_of() -> None:
    rows = re.findall(r"^\| (\w+) \| [^|]+ \| `(\w+)[^|]*\| ([\w-]+) \|$", README, flags=re.MULTILINE)
    assert [(name, family) for name, family, _ in rows] == [
        (metric.name, metric.family) for name, _, _ in rows for metric in PUBLISHED if metric.name == name
    ]
    assert {name for name, _, _ in rows} == {metric.name for metric in PUBLISHED}
    for service in ("ingest-api", "enricher", "aggregator", "indexer"):
        groups = {"all", service} | (set() if service == "ingest-api" else {"consumers"})
        assert told(service) == {name for name, _, by in rows if by in groups}, service


@pytest.mark.parametrize("service", ["ingest-api", "enricher", "aggregator", "indexer"])
def test_the_count_of_each_service_is_true(service: str) -> None:
    (count,) = re.findall(rf"{service} (\d+)", README)
    assert len(told(service)) == int(count)


def test_the_price_is_that_of_the_count() -> None:
    assert told("console") == {"EventLoopLagSeconds"}
    services = ("ingest-api", "enricher", "aggregator", "indexer", "console")
    total = sum(len(told(service)) for service in services) + len({"CanarySuccess", "CanarySeconds"})
    text = " ".join(README.split())
    assert f"together {total}." in text
    assert f"is ${0.30 * total:.2f} a month, ${0.30 * (total - 10):.2f} after the ten that are free" in text
