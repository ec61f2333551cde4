"""What the indexer counts beside the standard stage metrics."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from service_runtime.metrics import StageMetrics

_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 30, 60, 120, 300, 900, 3600)


class IndexerMetrics:
    """The indexer's metrics. Register them once, on the service's own registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.stage = StageMetrics(registry)
        # Observed once OpenSearch has acknowledged a document: the time since the event was received, or the window
        # or alert emitted. It is searchable at the index's next refresh, up to refresh_interval later.
        self.searchable_seconds = Histogram(
            "etl_searchable_seconds", "From received to indexed", ["kind"], buckets=_SECONDS, registry=registry
        )
        # Moves when a document was older than the one in the index, which stays.
        self.superseded = Counter("etl_superseded", "Documents older than what is indexed", ["kind"], registry=registry)
