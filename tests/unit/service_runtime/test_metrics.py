"""The standard metrics say what they promise: above all, lag grows while a batch is stuck."""

import pytest
from prometheus_client import CollectorRegistry

from service_runtime.metrics import StageMetrics


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def lag(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value("etl_lag_seconds", {"stream": "raw", "shard": "s0"})


def test_lag_grows_while_a_batch_is_stuck_and_is_the_shards_own_after(
    registry: CollectorRegistry,
) -> None:
    """A sink that does not answer shows as lag, though no further batch arrives to report any."""
    now = 100.0
    metrics = StageMetrics(registry, clock=lambda: now)
    metrics.received("raw", "s0", 10, 1000, millis_behind=500)
    now = 107.0
    assert lag(registry) == 7.5
    metrics.worked("raw", "s0")
    assert lag(registry) == 0.5
    metrics.received("raw", "s0", 0, 0, millis_behind=0)
    metrics.worked("raw", "s0")
    assert lag(registry) == 0.0


def test_a_heartbeat_sets_the_lag_and_counts_no_events(registry: CollectorRegistry) -> None:
    """Events in moves by events alone."""
    metrics = StageMetrics(registry)
    metrics.received("raw", "s0", 0, 0, millis_behind=2000)
    metrics.worked("raw", "s0")
    assert lag(registry) == 2.0
    assert registry.get_sample_value("etl_events_in_total", {"stream": "raw"}) is None


def test_a_shard_that_left_reports_no_lag(registry: CollectorRegistry) -> None:
    """Its next owner reports it; twice for one shard would mislead. Leaving twice is harmless."""
    metrics = StageMetrics(registry)
    metrics.received("raw", "s0", 1, 10, millis_behind=2000)
    metrics.shard_left("raw", "s0")
    metrics.shard_left("raw", "s0")
    metrics.worked("raw", "s0")
    assert lag(registry) is None


def test_an_observer_counts_under_its_sinks_name(registry: CollectorRegistry) -> None:
    """Calls, bytes and retries of a sink carry its label; retries carry their reason too."""
    observer = StageMetrics(registry).observer("kinesis:enriched")
    observer.on_call(0.01, 20, 4096)
    observer.on_retry(3, "throttled")
    labels = {"sink": "kinesis:enriched"}
    assert registry.get_sample_value("etl_bytes_out_total", labels) == 4096
    assert registry.get_sample_value("etl_sink_seconds_count", labels) == 1
    assert registry.get_sample_value("etl_retries_total", {**labels, "reason": "throttled"}) == 3


def test_losses_are_told_at_each_collection(registry: CollectorRegistry) -> None:
    """The gauge follows the reader's own count, from 0 on: an alarm needs the 0 as much as the 1."""
    losses: list[str] = []
    StageMetrics(registry).watch_losses("raw", lambda: len(losses))
    assert registry.get_sample_value("etl_data_losses", {"stream": "raw"}) == 0
    losses.append("shard s0 expired")
    assert registry.get_sample_value("etl_data_losses", {"stream": "raw"}) == 1
