"""What a service says about itself over the last seconds, added up over its processes. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from console.scrape import Bucket, Scrape, buckets, increases, merge, quantile, rates

EVENTS_KIND: Final = "enriched"
EVENTS_ROUTE: Final = "/v1/events"


@dataclass(frozen=True, slots=True)
class Latency:
    """Quantiles in seconds; None where nothing was observed."""

    p50: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Scrapes of one process: its newest, one some seconds older for rates, one about a minute older for latencies."""

    now: Scrape
    rate_from: Scrape
    latency_from: Scrape


@dataclass(frozen=True, slots=True)
class Reading:
    """One service. Rates are events a second, lags seconds; totals count since the processes started.

    `has_rates` is false until some process was scraped twice: rates are then not zero but unknown.
    """

    service: str
    processes: int = 0
    reachable: int = 0
    error: str = ""
    has_rates: bool = False
    received: Mapping[str, float] = field(default_factory=dict)
    sent: Mapping[str, float] = field(default_factory=dict)
    lag: Mapping[tuple[str, str], float] = field(default_factory=dict)
    step_latency: Mapping[str, Latency] = field(default_factory=dict)
    sink_latency: Mapping[str, Latency] = field(default_factory=dict)
    indexed: Latency = Latency()
    request: Latency = Latency()
    retries: Mapping[str, float] = field(default_factory=dict)
    dead_letters: Mapping[str, float] = field(default_factory=dict)
    dead_letter_rate: float = 0.0
    late: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_up(self) -> bool:
        """Whether at least one of its processes answers."""
        return self.reachable > 0

    def stream_lag(self, stream: str) -> float | None:
        """The lag of the stream's slowest shard; None if no shard of it is read."""
        return max((lag for (name, _), lag in self.lag.items() if name == stream), default=None)


def read(service: str, windows: Sequence[Window], processes: int, error: str) -> Reading:
    """The service as its reachable processes tell it; `error` says what is wrong with the others."""
    return Reading(
        service=service,
        processes=processes,
        reachable=len(windows),
        error=error,
        has_rates=any(window.now.at > window.rate_from.at for window in windows),
        received=_rates(windows, "etl_events_in_total", "stream"),
        sent=_rates(windows, "etl_events_out_total", "sink"),
        lag=_lags(windows),
        step_latency=_latencies(windows, "etl_stage_seconds", "step"),
        sink_latency=_latencies(windows, "etl_sink_seconds", "sink"),
        indexed=_latencies(windows, "etl_searchable_seconds", "kind").get(EVENTS_KIND, Latency()),
        request=_latencies(windows, "etl_http_request_seconds", "route").get(EVENTS_ROUTE, Latency()),
        retries=_rates(windows, "etl_retries_total", "sink"),
        dead_letters=_totals(windows, "etl_dead_letters_total", "code"),
        dead_letter_rate=sum(_rates(windows, "etl_dead_letters_total", "code").values()),
        late=_totals(windows, "etl_late_events_total", "query"),
    )


def _add(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in parts:
        for name, value in part.items():
            total[name] = total.get(name, 0.0) + value
    return total


def _rates(windows: Sequence[Window], name: str, by: str) -> dict[str, float]:
    return _add(rates(window.rate_from, window.now, name, by) for window in windows)


def _totals(windows: Sequence[Window], name: str, by: str) -> dict[str, float]:
    nothing = Scrape(0.0, {})
    return _add(
        {series.label(by): value}
        for window in windows
        for series, value in increases(nothing, window.now, name).items()
    )


def _lags(windows: Sequence[Window]) -> dict[tuple[str, str], float]:
    lags: dict[tuple[str, str], float] = {}
    for window in windows:
        for series, value in window.now.gauges("etl_lag_seconds"):
            place = (series.label("stream"), series.label("shard"))
            lags[place] = max(value, lags.get(place, 0.0))
    return lags


def _latencies(windows: Sequence[Window], name: str, by: str) -> dict[str, Latency]:
    observed: dict[str, list[list[Bucket]]] = {}
    for window in windows:
        for label, cumulative in buckets(window.latency_from, window.now, name, by).items():
            observed.setdefault(label, []).append(cumulative)
    merged = {label: merge(many) for label, many in observed.items()}
    return {label: Latency(quantile(one, 0.5), quantile(one, 0.99)) for label, one in merged.items()}
