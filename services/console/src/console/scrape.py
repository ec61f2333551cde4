"""Reads a service's `/metrics` and turns two readings into rates and latencies.

Everything but `fetch` is pure: the time of a reading is an argument. The text format is Prometheus'
(https://prometheus.io/docs/instrumenting/exposition_formats/).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

_PREFIX: Final = "etl_"
_MAX_BYTES: Final = 4 * 1024 * 1024

Labels = tuple[tuple[str, str], ...]
Bucket = tuple[float, float]


class Unreachable(Exception):
    """A backend did not give a usable answer. Show it as down with this reason, and ask again at the next poll."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line's identity: the sample's name and its labels, sorted by name."""

    name: str
    labels: Labels = ()

    def label(self, name: str) -> str:
        """The label's value, or the empty string."""
        return next((value for key, value in self.labels if key == name), "")


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one process said at `at`, in seconds of any clock that only grows."""

    at: float
    samples: Mapping[Series, float]

    def gauges(self, name: str) -> Iterator[tuple[Series, float]]:
        """Every series of this name with its value; values that are not numbers are left out."""
        return ((series, value) for series, value in self.samples.items() if series.name == name and value == value)


def parse(text: str, at: float) -> Scrape:
    """The pipeline's own series (`etl_…`) of a `/metrics` page. Raises `Unreachable` if it is not one."""
    ours = "\n".join(line for line in text.splitlines() if line.startswith(_PREFIX)) + "\n"
    try:
        samples = {
            Series(sample.name, tuple(sorted(sample.labels.items()))): float(sample.value)
            for family in text_string_to_metric_families(ours)
            for sample in family.samples
        }
    except (ValueError, KeyError, IndexError) as error:
        raise Unreachable(f"its /metrics is not Prometheus text: {error}") from error
    return Scrape(at, samples)


async def fetch(session: aiohttp.ClientSession, url: str, at: float, timeout_seconds: float = 3.0) -> Scrape:
    """Scrapes one address. Raises `Unreachable` for every way in which that can fail."""
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=timeout_seconds)) as response:
            if response.status != 200:
                raise Unreachable(f"HTTP {response.status}")
            body = await response.content.read(_MAX_BYTES + 1)
            while len(body) <= _MAX_BYTES and (more := await response.content.read(_MAX_BYTES)):
                body += more
    except TimeoutError as error:
        raise Unreachable(f"no answer within {timeout_seconds:g} s") from error
    except aiohttp.ClientError as error:
        raise Unreachable(_reason(error)) from error
    if len(body) > _MAX_BYTES:
        raise Unreachable(f"its /metrics is larger than {_MAX_BYTES} bytes")
    return parse(body.decode("utf-8", "replace"), at)


def _reason(error: aiohttp.ClientError) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect: {error.os_error.strerror or 'connection failed'}"
    return "it hung up" if isinstance(error, aiohttp.ServerDisconnectedError) else type(error).__name__


def increases(before: Scrape, after: Scrape, name: str) -> dict[Series, float]:
    """How much each counter of this name grew between two scrapes of one process.

    A counter that fell was reset by a restart, so all of its new value is growth; one that is new began at 0.
    """
    grown: dict[Series, float] = {}
    for series, value in after.gauges(name):
        former = before.samples.get(series, 0.0)
        grown[series] = value - former if value >= former else value
    return grown


def rates(before: Scrape, after: Scrape, name: str, by: str) -> dict[str, float]:
    """Growth a second of the counters of this name, added up by the label `by`. Empty if no time has passed."""
    seconds = after.at - before.at
    if seconds <= 0:
        return {}
    total: dict[str, float] = {}
    for series, grown in increases(before, after, name).items():
        total[series.label(by)] = total.get(series.label(by), 0.0) + grown / seconds
    return total


def buckets(before: Scrape, after: Scrape, name: str, by: str) -> dict[str, list[Bucket]]:
    """The observations made between two scrapes: cumulative counts by upper bound, for each value of the label `by`."""
    counts: dict[str, dict[float, float]] = {}
    for series, grown in increases(before, after, f"{name}_bucket").items():
        bounds = counts.setdefault(series.label(by), {})
        bound = _bound(series.label("le"))
        bounds[bound] = bounds.get(bound, 0.0) + grown
    return {label: sorted(bounds.items()) for label, bounds in counts.items()}


def _bound(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.inf


def merge(many: Sequence[Sequence[Bucket]]) -> list[Bucket]:
    """The buckets of several processes as if one had observed everything; they must share their bounds."""
    total: dict[float, float] = {}
    for one in many:
        for bound, count in one:
            total[bound] = total.get(bound, 0.0) + count
    return sorted(total.items())


def quantile(cumulative: Sequence[Bucket], q: float) -> float | None:
    """The q-quantile in the histogram's unit, linear within its bucket; None without observations.

    Beyond the last finite bound the answer is that bound, as in Prometheus' `histogram_quantile`.
    """
    if not cumulative or cumulative[-1][1] <= 0:
        return None
    rank = q * cumulative[-1][1]
    lower, below = 0.0, 0.0
    for bound, count in cumulative:
        if count >= rank and count > below:
            return lower if math.isinf(bound) else lower + (bound - lower) * (rank - below) / (count - below)
        lower, below = bound, count
    return None
