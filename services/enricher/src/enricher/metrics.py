"""What the enricher counts beside the standard stage metrics."""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

from service_runtime.metrics import StageMetrics


class EnricherMetrics:
    """The enricher's metrics. Register them once, on the service's own registry; `clock` is monotonic, in seconds."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        self.stage = StageMetrics(registry, clock)
        # Moves once an event is enriched, for each part that it was given: geo, device, reference, masked, quality.
        self.parts = Counter("etl_enriched_parts", "Parts added to events", ["part"], registry=registry)
        # Moves for each record of a source about itself, without an event: CloudWatch Logs' health checks, DMS's DDL.
        self.passed_over = Counter("etl_records_passed_over", "Records without an event", ["format"], registry=registry)
        # Set whenever a reference file was read.
        self.reference_rows = Gauge("etl_reference_rows", "Rows in force", ["table"], registry=registry)
        # Moves when a changed reference file could not be read, so that the rows of before stay in force.
        self.reference_failures = Counter(
            "etl_reference_failures", "Reference files that could not be read", ["table"], registry=registry
        )
