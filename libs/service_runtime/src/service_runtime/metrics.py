"""The metrics that every stage of the pipeline has, under the same names, so that one dashboard fits all."""

import time
from collections.abc import Callable
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# From half a millisecond to a minute: a put takes single milliseconds, an outage takes the rest.
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_EVENTS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000)


class SinkObserver:
    """Counts what one sink does. It fits the `observer` argument of the `delivery` sinks."""

    def __init__(self, metrics: "StageMetrics", sink: str) -> None:
        self._metrics = metrics
        self._sink = sink

    def on_call(self, seconds: float, items: int, size: int) -> None:
        """One request of `items` items and `size` bytes was answered after `seconds`, whatever the answer."""
        self._metrics.sink_seconds.labels(self._sink).observe(seconds)
        self._metrics.sink_batch_events.labels(self._sink).observe(items)
        self._metrics.bytes_out.labels(self._sink).inc(size)

    def on_retry(self, count: int, reason: str) -> None:
        """`count` items will be sent again because of `reason`, a short code from a closed set."""
        self._metrics.retries.labels(self._sink, reason).inc(count)


class GroupCounts(Protocol):
    """What a consumer group counts since it began."""

    @property
    def data_losses(self) -> int:
        """Stretches of a shard found to have expired unread."""

    @property
    def restarts(self) -> int:
        """Shards that began again because the work on them had failed."""


class StageMetrics:
    """The standard metrics of one service. Register them once, on the service's own registry.

    `clock` is monotonic, in seconds.
    """

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._readings: dict[tuple[str, str], _Reading] = {}
        # Moves when a batch arrives, before anything is done with it.
        self.events_in = Counter("etl_events_in", "Events received", ["stream"], registry=registry)
        self.bytes_in = Counter("etl_bytes_in", "Bytes of events received", ["stream"], registry=registry)
        self.batch_events = Histogram(
            "etl_batch_events", "Events in a received batch", ["stream"], buckets=_EVENTS, registry=registry
        )
        # Moves when a sink has acknowledged the events.
        self.events_out = Counter("etl_events_out", "Events acknowledged by a sink", ["sink"], registry=registry)
        # Move at each call of a sink, whatever its answer.
        self.bytes_out = Counter("etl_bytes_out", "Bytes sent to a sink", ["sink"], registry=registry)
        self.sink_seconds = Histogram(
            "etl_sink_seconds", "Time of one call of a sink", ["sink"], buckets=_SECONDS, registry=registry
        )
        self.sink_batch_events = Histogram(
            "etl_sink_batch_events",
            "Items in one call of a sink",
            ["sink"],
            buckets=_EVENTS,
            registry=registry,
        )
        # Moves when items are about to be sent again.
        self.retries = Counter("etl_retries", "Items sent again", ["sink", "reason"], registry=registry)
        # Moves once the dead letter is durable.
        self.dead_letters = Counter(
            "etl_dead_letters", "Records set aside with their cause", ["code"], registry=registry
        )
        # How far behind the newest record of the shard this service is: what the shard said with the latest batch, idle
        # ones included, and, while that batch is being worked on, the time since it came.
        self.lag_seconds = Gauge(
            "etl_lag_seconds", "Time behind the tip of the shard", ["stream", "shard"], registry=registry
        )
        self.shards_owned = Gauge(
            "etl_shards_owned", "Shards whose lease this task holds", ["stream"], registry=registry
        )
        # Anything but 0 means that events are lost: the stream let them expire before they were read.
        self.data_losses = Gauge(
            "etl_data_losses",
            "Stretches of a shard that expired unread, found by this task",
            ["stream"],
            registry=registry,
        )
        # Moves when work on a batch fails, so that its shard starts again from the checkpoint.
        self.shard_restarts = Gauge(
            "etl_shard_restarts", "Shards begun again after a failure, by this task", ["stream"], registry=registry
        )
        # Observed once a batch: the time of one step of the pipeline.
        self.stage_seconds = Histogram(
            "etl_stage_seconds",
            "Time of one step over a batch",
            ["step"],
            buckets=_SECONDS,
            registry=registry,
        )

    def observer(self, sink: str) -> SinkObserver:
        """An observer that counts under the label `sink`."""
        return SinkObserver(self, sink)

    def received(self, stream: str, shard: str, events: int, size: int, millis_behind: int) -> None:
        """One batch of a shard came in (a heartbeat has no events). Until `worked`, the shard's lag grows."""
        reading = self._readings.get((stream, shard))
        if reading is None:
            reading = self._readings[stream, shard] = _Reading(self._clock)
            self.lag_seconds.labels(stream, shard).set_function(reading.lag_seconds)
        reading.begin(millis_behind / 1000)
        if events:
            self.events_in.labels(stream).inc(events)
            self.bytes_in.labels(stream).inc(size)
            self.batch_events.labels(stream).observe(events)

    def watch_group(self, stream: str, snapshot: Callable[[], "GroupCounts"]) -> None:
        """Tell the counts of `snapshot()`, a consumer group's own, whenever metrics are collected."""
        self.watch_losses(stream, lambda: snapshot().data_losses)
        self.shard_restarts.labels(stream).set_function(lambda: snapshot().restarts)

    def watch_losses(self, stream: str, count: Callable[[], int]) -> None:
        """Tell `count()`, how often the stream's reader found records gone unread, whenever metrics are collected."""
        self.data_losses.labels(stream).set_function(count)

    def worked(self, stream: str, shard: str) -> None:
        """The latest batch of the shard is worked through."""
        if reading := self._readings.get((stream, shard)):
            reading.end()

    def shard_left(self, stream: str, shard: str) -> None:
        """The shard is no longer read here, so its lag is no longer this task's to report."""
        if self._readings.pop((stream, shard), None):
            self.lag_seconds.remove(stream, shard)


class _Reading:
    """How far behind the tip of one shard this task is; `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._behind = 0.0
        self._since: float | None = None

    def begin(self, seconds_behind: float) -> None:
        """A batch came that was so far behind."""
        self._behind = seconds_behind
        self._since = self._clock()

    def end(self) -> None:
        """The batch is worked through."""
        self._since = None

    def lag_seconds(self) -> float:
        """The lag of this moment."""
        return self._behind + (self._clock() - self._since if self._since is not None else 0.0)
