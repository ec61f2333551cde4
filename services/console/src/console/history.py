"""The last minutes in memory: scrapes of each process, and figures of each hop for the sparklines. Pure."""

from collections import deque
from collections.abc import Mapping

from console.readings import Window
from console.scrape import Scrape


class ScrapeHistory:
    """Scrapes of one process, newest last, kept for `keep_seconds`. A gap in the answers starts it afresh."""

    def __init__(self, rate_seconds: float, keep_seconds: float) -> None:
        self._rate_seconds = rate_seconds
        self._keep_seconds = keep_seconds
        self._scrapes: deque[Scrape] = deque()

    def add(self, scrape: Scrape) -> None:
        """Keeps a scrape and forgets those that are too old."""
        self._scrapes.append(scrape)
        while self._scrapes[0].at < scrape.at - self._keep_seconds:
            self._scrapes.popleft()

    def clear(self) -> None:
        """Forgets everything: after an outage a rate over the gap would mislead."""
        self._scrapes.clear()

    def window(self) -> Window | None:
        """The newest scrape with the older ones that rates and latencies compare it to; None before the first."""
        if not self._scrapes:
            return None
        now = self._scrapes[-1]
        oldest = self._scrapes[0]
        rate_from = next((one for one in reversed(self._scrapes) if one.at <= now.at - self._rate_seconds), oldest)
        return Window(now, rate_from, oldest)


class HopHistory:
    """For each hop the last `points` rates and lags, oldest first; None marks a poll without an answer."""

    def __init__(self, points: int) -> None:
        self._points = points
        self._figures: dict[str, deque[tuple[float | None, float | None]]] = {}
        self._polls = 0

    def add(self, figures: Mapping[str, tuple[float | None, float | None]]) -> None:
        """One poll: (events a second, lag seconds) by hop. A hop that is missing gets a gap."""
        for hop in figures.keys() - self._figures.keys():
            gaps = min(self._polls, self._points)
            self._figures[hop] = deque([(None, None)] * gaps, maxlen=self._points)
        for hop, kept in self._figures.items():
            kept.append(figures.get(hop, (None, None)))
        self._polls += 1

    def as_json(self) -> dict[str, dict[str, list[float | None]]]:
        """`{hop: {"rate": […], "lag": […]}}`."""
        return {
            hop: {"rate": [rate for rate, _ in kept], "lag": [lag for _, lag in kept]}
            for hop, kept in self._figures.items()
        }
