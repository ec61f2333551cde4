"""The sinks that the settings name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.deliver import Delivery, Destination
from aggregator.metrics import AggregatorMetrics
from aggregator.rows import Kind
from aggregator.settings import Settings
from delivery import DeadLetterSink, FirehoseSink, KinesisSink, OriginalStore


def make_delivery(
    settings: Settings, metrics: AggregatorMetrics, clients: Mapping[str, Any], letters: DeadLetterSink
) -> Delivery:
    """Where rows go."""
    streams: dict[Kind, str] = {
        "window": settings.aggregates_stream,
        "alert": settings.alerts_stream,
        "late": settings.late_stream,
    }
    if settings.distribution == "shards":
        streams["exchange"] = settings.exchange_stream
    destinations = [
        Destination(f"kinesis:{name}", frozenset({kind}), _stream(settings, metrics, clients, name))
        for kind, name in streams.items()
    ]
    if settings.archive_delivery_stream:
        name = settings.archive_delivery_stream
        archive = _archive(settings, metrics, clients, name)
        destinations.append(Destination(f"firehose:{name}", frozenset({"window", "alert"}), archive))
    return Delivery(destinations, letters, metrics)


def make_dead_letters(settings: Settings, metrics: AggregatorMetrics, clients: Mapping[str, Any]) -> DeadLetterSink:
    """Where dead letters go."""
    stream, archive = settings.dead_letter_stream, settings.dead_letter_delivery_stream
    return DeadLetterSink(
        _stream(settings, metrics, clients, stream, aggregate=False) if stream else None,
        _archive(settings, metrics, clients, archive) if archive else None,
        originals=OriginalStore(clients["s3"], settings.dead_letter_bucket) if settings.dead_letter_bucket else None,
    )


def _stream(
    settings: Settings, metrics: AggregatorMetrics, clients: Mapping[str, Any], name: str, *, aggregate: bool = True
) -> KinesisSink:
    observer, rate = metrics.stage.observer(f"kinesis:{name}"), settings.calls_per_second
    return KinesisSink(clients["puts"], name, rate_per_second=rate, aggregate=aggregate, observer=observer)


def _archive(settings: Settings, metrics: AggregatorMetrics, clients: Mapping[str, Any], name: str) -> FirehoseSink:
    observer, rate = metrics.stage.observer(f"firehose:{name}"), settings.calls_per_second
    record_bytes = settings.firehose_record_bytes
    return FirehoseSink(clients["firehose"], name, rate_per_second=rate, record_bytes=record_bytes, observer=observer)
