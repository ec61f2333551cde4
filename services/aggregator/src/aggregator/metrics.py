"""What the aggregator counts beside the standard stage metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from aggregator.unit import Counted, Held
from service_runtime.metrics import StageMetrics
from streaming_sql import ResultRow


class AggregatorMetrics:
    """The aggregator's metrics. Register them once, on the service's own registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.stage = StageMetrics(registry)
        # Moves when an event comes too late for a window of the query, once a query.
        self.late_events = Counter("etl_late_events", "Events too late for a window", ["query"], registry=registry)
        # Moves when an event comes that was counted in before: the stage before this one had delivered it twice.
        self.duplicates = Counter("etl_duplicate_events", "Events counted in before, left out", registry=registry)
        # Moves when a query's window fires, once for each of its groups.
        self.windows = Counter("etl_windows", "Rows of fired windows", ["query"], registry=registry)
        # Moves when an alert is opened or resolved; of a rule without alert options, with every row.
        self.alerts = Counter("etl_alerts", "Alerts opened and resolved", ["rule", "status"], registry=registry)
        # Moves when a field has not the type that the table declares, and so is NULL.
        self.null_fields = Counter("etl_null_fields", "Fields of a wrong type, taken as NULL", registry=registry)
        # Moves when an event has no event time, and so belongs to no window.
        self.without_time = Counter("etl_events_without_time", "Events without event time", registry=registry)
        # 1 while the newest SQL files make no program, and the former ones go on.
        self.pipelines_refused = Gauge("etl_pipelines_refused", "Whether the SQL files are refused", registry=registry)
        # Moves when a state is committed.
        self.commits = Counter("etl_commits", "Committed states", registry=registry)
        # Moves when S3 or DynamoDB did not take a state, which is then tried again.
        self.commit_retries = Counter("etl_commit_retries", "Commits tried again", registry=registry)
        self.commit_seconds = Histogram("etl_commit_seconds", "Time to make a state durable", registry=registry)
        # Set at each commit: the sum over the units of this task.
        self.state_bytes = Gauge("etl_state_bytes", "Size of the state before compression", registry=registry)
        self.open_groups = Gauge("etl_open_groups", "Groups held in open windows", registry=registry)
        self.remembered_events = Gauge("etl_remembered_events", "Events known again if they recur", registry=registry)
        self.outbox_rows = Gauge("etl_outbox_rows", "Rows decided and not known to be delivered", registry=registry)

        self._units: dict[object, tuple[Held, int, int]] = {}

    def counted(self, counted: Counted) -> None:
        """Count what came of records."""
        self.duplicates.inc(counted.duplicates)
        self.null_fields.inc(counted.null_fields)
        self.without_time.inc(counted.without_time)
        for query in counted.late:
            self.late_events.labels(query).inc()

    def measure(self, unit: object, held: Held, outbox_rows: int, size: int) -> None:
        """Have the gauges hold what a unit holds after a commit of so many bytes."""
        self._units[unit] = held, outbox_rows, size
        self._sum()

    def forget(self, unit: object) -> None:
        """The unit is no longer this task's."""
        if self._units.pop(unit, None) is not None:
            self._sum()

    def _sum(self) -> None:
        units = self._units.values()
        self.open_groups.set(sum(held.groups for held, _, _ in units))
        self.remembered_events.set(sum(held.remembered for held, _, _ in units))
        self.outbox_rows.set(sum(rows for _, rows, _ in units))
        self.state_bytes.set(sum(size for _, _, size in units))

    def fired(self, row: ResultRow) -> None:
        """Count a row of a result."""
        if row.alert is None:
            self.windows.labels(row.query).inc()
        if "severity" in row.sink_options:
            self.alerts.labels(row.query, "open" if row.alert is None else row.alert.status).inc()
