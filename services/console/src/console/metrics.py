"""What the console counts about itself."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class ConsoleMetrics:
    """The console's metrics. Register them once, on the service's own registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        # Set when a page connects or leaves.
        self.clients = Gauge("etl_console_clients", "Pages that are connected", registry=registry)
        # Moves after each poll of a backend: answered or unreachable.
        self.polls = Counter("etl_console_polls", "Polls of backends", ["backend", "outcome"], registry=registry)
        # Observed after each round of polls of one kind.
        self.poll_seconds = Histogram(
            "etl_console_poll_seconds", "Time of a round of polls", ["kind"], registry=registry
        )
        # Moves when a page reads too slowly and is given everything afresh.
        self.resyncs = Counter("etl_console_resyncs", "Pages that fell behind", registry=registry)
        # Moves at each search of a user: answered, refused or unreachable.
        self.searches = Counter("etl_console_searches", "Searches by users", ["outcome"], registry=registry)

    def polled(self, backend: str, error: str) -> None:
        """One backend was asked; an empty error means that it answered."""
        self.polls.labels(backend, "unreachable" if error else "answered").inc()
