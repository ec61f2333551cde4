"""The few metrics that CloudWatch keeps of a service: one line a minute in the embedded metric format (EMF).

CloudWatch Logs makes metrics of such lines by itself, so a task needs no call, no right and no sidecar for them.
Format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import orjson
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

Reduce = Literal["increase", "sum", "max", "p99"]
_Key = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Published:
    """A CloudWatch metric and what it is made of.

    `increase` is how much a counter grew since the line before, over all its labels; `sum` and `max` reduce what gauges
    say now; `p99` is the 99th percentile of a histogram's observations since the line before, seconds, interpolated
    within its bucket. With `of_consumers` it is told by services alone that watch a consumer group.
    """

    name: str
    unit: Literal["Count", "Bytes", "Seconds"]
    family: str
    reduce: Reduce
    where: Mapping[str, str] = field(default_factory=dict)
    of_consumers: bool = False


PUBLISHED: Final = (
    Published("EventsIn", "Count", "etl_events_in", "increase"),
    Published("BytesIn", "Bytes", "etl_bytes_in", "increase"),
    Published("EventsOut", "Count", "etl_events_out", "increase"),
    Published("Retries", "Count", "etl_retries", "increase"),
    Published("DeadLetters", "Count", "etl_dead_letters", "increase", of_consumers=True),
    Published("Failures", "Count", "etl_shard_restarts", "increase", of_consumers=True),
    Published("DataLosses", "Count", "etl_data_losses", "increase", of_consumers=True),
    Published("LagSeconds", "Seconds", "etl_lag_seconds", "max"),
    Published("ShardsOwned", "Count", "etl_shards_owned", "sum", of_consumers=True),
    Published("EventLoopLagSeconds", "Seconds", "etl_event_loop_lag_seconds", "max"),
    Published("Rejected", "Count", "etl_rejected_events", "increase"),
    Published("Throttled", "Count", "etl_http_requests", "increase", {"status": "429"}),
    Published("SearchableSecondsP99", "Seconds", "etl_searchable_seconds", "p99"),
)
"""All there are. No dimension but the service: a metric a shard or a tenant would cost without bound."""


_GROUPS: Final = "etl_data_losses"
"""Has a sample for each consumer group that is watched, and none in a service without one."""


class Publisher:
    """Makes the lines of one process; it keeps what counters said at the line before.

    A service without one of the families has no such metric. Where a family stands but nothing was counted yet, its
    increase is 0, so that silence and health differ.
    """

    def __init__(self, registry: CollectorRegistry, service: str, namespace: str) -> None:
        self._registry = registry
        self._service = service
        self._namespace = namespace
        self._before: dict[_Key, float] = {}

    def line(self, now_ms: int, *, last: bool = False) -> str | None:
        """The line of this moment, without its end; None where nothing is to be told.

        `now_ms` is the time in ms since the epoch. The `last` line of a process tells increases alone: what it held is
        no longer its own to report.
        """
        families = {family.name: family for family in self._registry.collect()}
        grown = _Increases(self._before)
        watched = families.get(_GROUPS)
        consumes = watched is not None and bool(watched.samples)
        values: dict[str, float] = {}
        for metric in PUBLISHED:
            if metric.family not in families or (last and metric.reduce in ("sum", "max")):
                continue
            if metric.of_consumers and not consumes:
                continue
            value = _value(metric, families[metric.family], grown)
            if value is not None and math.isfinite(value):
                values[metric.name] = value
        self._before = grown.now
        return self._document(now_ms, values) if values else None

    def _document(self, now_ms: int, values: Mapping[str, float]) -> str:
        metrics = [
            {"Name": metric.name, "Unit": metric.unit, "StorageResolution": 60}
            for metric in PUBLISHED
            if metric.name in values
        ]
        directive = {"Namespace": self._namespace, "Dimensions": [["Service"]], "Metrics": metrics}
        document = {"_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [directive]}, "Service": self._service, **values}
        return orjson.dumps(document).decode()


def next_moment(now_ms: int, every_seconds: int) -> int:
    """The next multiple of `every_seconds` in ms since the epoch: each task tells one value in each period."""
    every = every_seconds * 1000
    return (now_ms // every + 1) * every


class _Increases:
    """How much each counter grew since `before`; `now` is what the next line compares with."""

    def __init__(self, before: Mapping[_Key, float]) -> None:
        self._before = before
        self.now: dict[_Key, float] = {}

    def of(self, samples: Iterable[Sample]) -> Iterator[float]:
        for sample in samples:
            key = (sample.name, frozenset(sample.labels.items()))
            before = self._before.get(key, 0.0)
            self.now[key] = sample.value
            # A count that is less than before began again at 0.
            yield sample.value - before if sample.value >= before else sample.value


def _value(metric: Published, family: Metric, grown: _Increases) -> float | None:
    if metric.reduce == "p99":
        return _p99([sample for sample in family.samples if sample.name.endswith("_bucket")], grown)
    suffix = "_total" if family.type == "counter" else ""
    samples = [
        sample
        for sample in family.samples
        if sample.name == metric.family + suffix and metric.where.items() <= sample.labels.items()
    ]
    reduce: dict[str, Callable[[], float | None]] = {
        "increase": lambda: math.fsum(grown.of(samples)),
        "sum": lambda: math.fsum(sample.value for sample in samples),
        "max": lambda: max((sample.value for sample in samples), default=None),
    }
    return reduce[metric.reduce]()


def _p99(buckets: list[Sample], grown: _Increases) -> float | None:
    """None where nothing was observed; at most the largest finite bound, as Prometheus' histogram_quantile."""
    counts: dict[float, float] = {}
    for sample, count in zip(buckets, grown.of(buckets), strict=True):
        bound = float(sample.labels["le"])
        counts[bound] = counts.get(bound, 0.0) + count
    total = counts.get(math.inf, 0.0)
    if not total:
        return None
    rank, below, floor = 0.99 * total, 0.0, 0.0
    for bound in sorted(counts):
        if counts[bound] >= rank:
            if math.isinf(bound):
                return floor
            return floor + (bound - floor) * (rank - below) / (counts[bound] - below)
        below, floor = counts[bound], bound
    return floor
