"""The same load on other designs, by the same prices: functions instead of tasks, Kafka instead of streams. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from etl_cli.cost.lines import Line
from etl_cli.cost.model import Estimate
from etl_cli.cost.workload import HOURS, SECONDS

_CPU_SECONDS_AN_EVENT = 1 / 8_000
"""An enricher's, docs/performance.md; taken for each of the three stages."""
_GB_OF_A_VCPU = 1_769 / 1_024
"""Lambda gives one vCPU at 1,769 MB: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
_EVENTS_A_BATCH = 100
_STATE_WRITES_AN_EVENT = 0.5
"""Assumed: two events of a batch share a window's key. A function keeps no windows, so it writes them to DynamoDB."""
_BROKERS, _BROKER, _BROKER_BYTES = 3, "kafka.m7g.large", 40e6
"""Written to each at most; AWS's sizing guide says so of m7g.large, with three copies of everything."""


def on_lambda(estimate: Estimate) -> tuple[Line, ...]:
    """Enriching, aggregating and indexing by functions on the same streams."""
    return (*_without(estimate, "tasks enricher", "tasks aggregator", "tasks indexer"), *_functions(estimate))


def _functions(estimate: Estimate) -> Iterator[Line]:
    price, events = estimate.prices.of, estimate.workload.events
    invocations = 3 * events / _EVENTS_A_BATCH / 1e6
    yield Line("functions", "million invocations", invocations, price("lambda", "million_requests"))
    seconds = 3 * events * _CPU_SECONDS_AN_EVENT * _GB_OF_A_VCPU
    yield Line("functions", "GB-seconds", seconds, price("lambda", "arm_gb_second"))
    touched = events * _STATE_WRITES_AN_EVENT / 1e6
    yield Line("functions", "million writes of windows", touched, price("dynamodb", "million_writes"))
    yield Line("functions", "million reads of windows", touched, price("dynamodb", "million_reads"))


def on_msk(estimate: Estimate) -> tuple[Line, ...]:
    """The same tasks on a Kafka cluster of at least three brokers, that keeps a day."""
    streams = [f"stream {name}" for name in estimate.profile.streams]
    return (*_without(estimate, *streams), *_brokers(estimate))


def _brokers(estimate: Estimate) -> Iterator[Line]:
    flows = estimate.workload.flows
    written = flows["raw"].bytes_per_second + flows["enriched"].bytes_per_second
    brokers = max(_BROKERS, -(-int(3 * written) // int(_BROKER_BYTES)))
    yield Line(
        "brokers", f"hours of {brokers} {_BROKER}", brokers * HOURS, estimate.prices.of("msk", f"{_BROKER}_hour")
    )
    kept = max(brokers * 10, 3 * written * 86_400 / 1e9)
    yield Line("brokers", "GB of a day, three copies", kept, estimate.prices.of("msk", "gb_month"))
    crossing = 2 / 3 * written * SECONDS / 1e9 * 2  # a client is in another zone than two thirds of the leaders
    yield Line("brokers", "GB between zones", 2 * crossing, estimate.prices.of("transfer", "between_zones_gb"))


def _without(estimate: Estimate, *components: str) -> list[Line]:
    return [line for line in estimate.lines if line.component not in components]
