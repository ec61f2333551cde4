"""The metrics of ingest-api, beside those of every stage."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ingest_api.admission import Admission
from service_runtime.metrics import StageMetrics

STREAM = "http"
"""The `stream` label of what comes in."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class IngestMetrics:
    """Everything that ingest-api counts. Register it once, on the service's own registry."""

    def __init__(self, registry: CollectorRegistry, admission: Admission) -> None:
        self.stage = StageMetrics(registry)
        # Moves when a request is answered, refused ones included.
        self.requests = Counter("etl_http_requests", "Requests answered", ["route", "status"], registry=registry)
        # Observed when a request is answered: from its headers' arrival on.
        self.request_seconds = Histogram(
            "etl_http_request_seconds", "Time to answer a request", ["route"], buckets=_SECONDS, registry=registry
        )
        # Moves for each event that an answer rejects, and once for each body that is refused whole.
        self.rejected = Counter("etl_rejected_events", "Events rejected", ["code"], registry=registry)
        # Moves for each event whose sender is told to send it again.
        self.retry = Counter("etl_retry_events", "Events to be sent again", ["code"], registry=registry)
        # Moves when senders' keys were read again from their secrets: read, or failed, and then the former stay.
        self.key_reads = Counter(
            "etl_sender_key_reads", "Secrets of senders read again", ["outcome"], registry=registry
        )
        # Read when scraped.
        requests = Gauge("etl_in_flight_requests", "Requests being answered", registry=registry)
        requests.set_function(lambda: admission.requests)
        events = Gauge("etl_in_flight_events", "Events on their way to Kinesis", registry=registry)
        events.set_function(lambda: admission.events)
        size = Gauge("etl_in_flight_bytes", "Bytes of bodies held", registry=registry)
        size.set_function(lambda: admission.size)
