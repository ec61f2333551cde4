"""Measures what a user feels: the time from the 202 until a search finds the event."""

import asyncio
import itertools
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from etl_cli.report.reconcile import Freshness

_SAMPLE_EVERY_SECONDS = 0.5
_POLL_SECONDS = 0.05
_GIVE_UP_SECONDS = 60.0
_TAIL_BYTES = 1 << 20


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank). `values` is not empty."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class FreshnessSampler:
    """Follows the newest accepted event of a ledger, one every half second, until a search finds it."""

    def __init__(self, opensearch: Any, alias: str) -> None:
        self._opensearch = opensearch
        self._alias = alias
        self._seconds: list[float] = []
        self._sampled: set[str] = set()

    async def run(self, ledgers: Sequence[Path], stop: asyncio.Event) -> None:
        """Samples until `stop` is set, then waits for the samples that are under way."""
        async with asyncio.TaskGroup() as group:
            for turn in itertools.count():
                if stop.is_set():
                    return
                newest = await asyncio.to_thread(newest_entry, ledgers[turn % len(ledgers)])
                if newest is not None and newest["id"] not in self._sampled:
                    self._sampled.add(newest["id"])
                    group.create_task(self._follow(newest["id"], newest["accepted_at"] / 1000))
                await asyncio.sleep(_SAMPLE_EVERY_SECONDS)

    def result(self) -> Freshness | None:
        """The quantiles so far; None before the first sampled event was found."""
        if not self._seconds:
            return None
        return Freshness(len(self._seconds), quantile(self._seconds, 0.5), quantile(self._seconds, 0.99))

    async def _follow(self, event_id: str, accepted: float) -> None:
        query = {"size": 0, "query": {"term": {"id": event_id}}}
        while time.time() - accepted < _GIVE_UP_SECONDS:
            try:
                answer = await self._opensearch.search(index=self._alias, body=query)
            except Exception:  # a search that fails has not found the event; the report's own reading is exact
                answer = None
            if answer is not None and answer["hits"]["total"]["value"]:
                self._seconds.append(time.time() - accepted)
                return
            await asyncio.sleep(_POLL_SECONDS)


def newest_entry(ledger: Path) -> Any | None:
    """The last whole line of a ledger file, parsed; None while there is none."""
    if not ledger.exists():
        return None
    with ledger.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _TAIL_BYTES))
        lines = file.read().split(b"\n")
    return orjson.loads(lines[-2]) if len(lines) > 1 and lines[-2] else None
