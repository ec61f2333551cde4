"""Lines of metrics for CloudWatch."""

import json
import math

import emf as specification
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service_runtime.emf import PUBLISHED, Publisher, next_moment
from service_runtime.metrics import StageMetrics

NOON = 1_800_000_000_000


def values(line: str | None) -> dict[str, float]:
    """The metrics of a line that keeps to the specification."""
    return {point.name: point.value for point in specification.points(line)} if line is not None else {}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


class Counts:
    """Of a consumer group."""

    def __init__(self, data_losses: int = 0, restarts: int = 0) -> None:
        self.data_losses = data_losses
        self.restarts = restarts


@pytest.fixture
def stage(registry: CollectorRegistry) -> StageMetrics:
    """Of a service that consumes a stream."""
    made = StageMetrics(registry, clock=lambda: 0.0)
    made.watch_group("raw", Counts)
    return made


@pytest.fixture
def publisher(registry: CollectorRegistry) -> Publisher:
    return Publisher(registry, "enricher", "StreamingETL")


def test_a_line_carries_namespace_service_and_moment(publisher: Publisher, stage: StageMetrics) -> None:
    """Alarms find a metric by exactly this namespace and this one dimension."""
    line = publisher.line(NOON)
    assert line is not None
    for point in specification.points(line):
        assert (point.namespace, point.timestamp_ms) == ("StreamingETL", NOON)
        assert point.dimensions == {("Service", "enricher")}


def test_counts_are_what_came_since_the_line_before(publisher: Publisher, stage: StageMetrics) -> None:
    """Sum over a minute is then the minute's count, over labels and tasks."""
    stage.received("raw", "shard-0", 10, 1000, 0)
    stage.received("other", "shard-1", 5, 500, 0)
    first = values(publisher.line(NOON))
    stage.received("raw", "shard-0", 3, 30, 0)
    second = values(publisher.line(NOON + 60_000))
    assert (first["EventsIn"], first["BytesIn"]) == (15, 1500)
    assert (second["EventsIn"], second["BytesIn"]) == (3, 30)
    assert values(publisher.line(NOON + 120_000))["EventsIn"] == 0


def test_what_has_not_happened_is_told_as_zero(publisher: Publisher, stage: StageMetrics) -> None:
    """A service that fails at nothing says so; only one that is gone says nothing."""
    told = values(publisher.line(NOON))
    assert {name: told[name] for name in ("Failures", "DataLosses", "DeadLetters", "Retries", "ShardsOwned")} == {
        "Failures": 0,
        "DataLosses": 0,
        "DeadLetters": 0,
        "Retries": 0,
        "ShardsOwned": 0,
    }
    assert "LagSeconds" not in told


def test_a_service_without_a_group_tells_nothing_of_one(registry: CollectorRegistry, publisher: Publisher) -> None:
    """Metrics that are 0 for ever would be paid for all the same."""
    StageMetrics(registry)
    assert set(values(publisher.line(NOON))) == {"EventsIn", "BytesIn", "EventsOut", "Retries"}


def test_lag_is_that_of_the_shard_furthest_behind(publisher: Publisher, stage: StageMetrics) -> None:
    """The mean of many shards would hide the one that stands still."""
    stage.received("raw", "shard-0", 0, 0, 2_000)
    stage.received("raw", "shard-1", 0, 0, 90_000)
    assert values(publisher.line(NOON))["LagSeconds"] == 90
    stage.shard_left("raw", "shard-1")
    assert values(publisher.line(NOON))["LagSeconds"] == 2


def test_shards_of_all_streams_are_added(publisher: Publisher, stage: StageMetrics) -> None:
    stage.shards_owned.labels("raw").set(2)
    stage.shards_owned.labels("late").set(1)
    assert values(publisher.line(NOON))["ShardsOwned"] == 3


def test_counts_of_a_group_that_begins_again_are_not_negative(publisher: Publisher, stage: StageMetrics) -> None:
    """A standby that takes part anew has a new group, which counts from 0."""
    counts = Counts(restarts=4)
    stage.watch_group("enriched", lambda: counts)
    assert values(publisher.line(NOON))["Failures"] == 4
    counts.restarts = 1
    counts.data_losses = 2
    told = values(publisher.line(NOON + 60_000))
    assert (told["Failures"], told["DataLosses"]) == (1, 2)


def test_the_last_line_tells_counts_alone(publisher: Publisher, stage: StageMetrics) -> None:
    """Its shards are another task's by then: counted twice in that minute they would make too many owners."""
    stage.shards_owned.labels("raw").set(2)
    stage.received("raw", "shard-0", 7, 70, 5_000)
    told = values(publisher.line(NOON + 30_000, last=True))
    assert told["EventsIn"] == 7
    assert {"ShardsOwned", "LagSeconds"}.isdisjoint(told)


def test_refused_requests_are_those_answered_429(registry: CollectorRegistry, publisher: Publisher) -> None:
    requests = Counter("etl_http_requests", "Requests", ["route", "status"], registry=registry)
    requests.labels("/v1/events", "202").inc(5)
    requests.labels("/v1/events", "429").inc(2)
    requests.labels("/other", "429").inc(1)
    assert values(publisher.line(NOON)) == {"Throttled": 3}


def test_the_99th_percentile_is_of_the_latest_minute(registry: CollectorRegistry, publisher: Publisher) -> None:
    """Observations of before no longer count, and kinds count together."""
    seconds = Histogram("etl_searchable_seconds", "…", ["kind"], buckets=(1, 2, 4, 8), registry=registry)
    assert values(publisher.line(NOON)) == {}
    for _ in range(99):
        seconds.labels("enriched").observe(0.5)
    seconds.labels("alerts").observe(3)
    assert values(publisher.line(NOON)) == {"SearchableSecondsP99": 1}
    for _ in range(100):
        seconds.labels("alerts").observe(3)
    assert values(publisher.line(NOON))["SearchableSecondsP99"] == pytest.approx(2 + 2 * 0.99)
    seconds.labels("alerts").observe(1000)
    assert values(publisher.line(NOON))["SearchableSecondsP99"] == 8, "the largest finite bound"


def test_a_service_without_metrics_prints_no_line(publisher: Publisher) -> None:
    assert publisher.line(NOON) is None


def test_what_is_no_number_is_left_out(registry: CollectorRegistry, publisher: Publisher) -> None:
    """CloudWatch would drop the whole line for a NaN."""
    Gauge("etl_event_loop_lag_seconds", "…", registry=registry).set(math.nan)
    Counter("etl_retries", "…", registry=registry).inc()
    assert values(publisher.line(NOON)) == {"Retries": 1}


def test_the_number_of_metrics_is_bounded(publisher: Publisher, stage: StageMetrics) -> None:
    """What is paid for is at most this list for each service, however many shards, streams and tenants there are."""
    for number in range(200):
        stage.received(f"stream-{number}", f"shard-{number}", 1, 1, number)
        stage.dead_letters.labels(f"code-{number}").inc()
    line = publisher.line(NOON)
    assert line is not None
    assert len(specification.points(line)) <= len(PUBLISHED) <= 20
    assert len(line) < 2_500
    assert len({metric.name for metric in PUBLISHED}) == len(PUBLISHED)


@given(now=st.integers(0, 4 * 10**12), minutes=st.integers(1, 5))
def test_all_tasks_tell_in_the_same_moments(now: int, minutes: int) -> None:
    """Each task has one value in each period, so that Sum of a gauge is over tasks, not over time."""
    moment = next_moment(now, 60 * minutes)
    assert moment % (60_000 * minutes) == 0
    assert now < moment <= now + 60_000 * minutes


@given(st.dictionaries(st.sampled_from(["raw", "late", "a b"]), st.floats(0, 1e12), min_size=1))
def test_every_line_keeps_to_the_specification(counts: dict[str, float]) -> None:
    """Whatever is counted: CloudWatch drops a line that breaks it, without a word to the service."""
    registry = CollectorRegistry()
    stage = StageMetrics(registry)
    for stream, count in counts.items():
        stage.events_in.labels(stream).inc(count)
    line = Publisher(registry, "indexer", "StreamingETL/etl-prod").line(NOON)
    assert line is not None
    assert values(line)["EventsIn"] == pytest.approx(sum(counts.values()))


def test_the_specification_is_enforced_on_lines() -> None:
    """The judge of these tests refuses what CloudWatch refuses."""
    good = {
        "_aws": {
            "Timestamp": NOON,
            "CloudWatchMetrics": [
                {
                    "Namespace": "N",
                    "Dimensions": [["Service"]],
                    "Metrics": [{"Name": "M", "Unit": "Count", "StorageResolution": 60}],
                }
            ],
        },
        "Service": "s",
        "M": 1,
    }
    assert len(specification.points(json.dumps(good))) == 1
    for broken in ({**good, "M": "1"}, {**good, "M": math.nan}, {**good, "Service": ""}, {**good, "Service": 3}):
        with pytest.raises(AssertionError):
            specification.points(json.dumps(broken))
