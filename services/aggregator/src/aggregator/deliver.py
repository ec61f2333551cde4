"""Where rows go: windows, alerts and late events to their streams, windows and alerts to the archive too."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from aggregator.metrics import AggregatorMetrics
from aggregator.rows import STAGE, Kind, Row, letter_of, rejected_row
from delivery import DeadLetter, Item, Outcome, Sink


class Undelivered(Exception):
    """A sink gave up on rows that it may still take. End the process: the outbox is durable and is delivered again."""


class DeadLetterStore(Protocol):
    """Where dead letters go: durable once `deliver` returns."""

    async def deliver(self, letters: Sequence[DeadLetter], /) -> None:
        """Store all letters or raise."""


@dataclass(frozen=True)
class Destination:
    """A sink, what to call it, and which kinds of rows it takes."""

    name: str
    kinds: frozenset[Kind]
    sink: Sink[Item]


class Delivery:
    """Delivers rows to every destination that takes their kind, all destinations at once, in order in each."""

    def __init__(
        self, destinations: Sequence[Destination], dead_letters: DeadLetterStore, metrics: AggregatorMetrics
    ) -> None:
        self._destinations = destinations
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._log = structlog.get_logger(STAGE)

    async def deliver(self, rows: Sequence[Row], now_ms: int) -> list[Row]:
        """Return once all rows are delivered, however long it takes. What a sink refuses comes back as dead letters.

        Raises:
            Undelivered: when a sink with a deadline gave up, or the exchange stream refuses a message.
            NotDurable: when a dead letter could not be stored.

        """
        if not rows:
            return []
        async with asyncio.TaskGroup() as tasks:
            sent = {
                to.name: tasks.create_task(self._send(to, [row for row in rows if row.kind in to.kinds]))
                for to in self._destinations
            }
            letters = [letter_of(row) for row in rows if row.kind == "dead_letter"]
            tasks.create_task(self._store(letters))
        return self._refused({name: task.result() for name, task in sent.items()}, now_ms)

    async def _send(self, to: Destination, rows: Sequence[Row]) -> list[tuple[Row, Outcome]]:
        if not rows:
            return []
        outcomes = await to.sink.deliver([row.item for row in rows])
        delivered = sum(outcome.status == "delivered" for outcome in outcomes)
        self._metrics.stage.events_out.labels(to.name).inc(delivered)
        return list(zip(rows, outcomes, strict=True))

    async def _store(self, letters: Sequence[DeadLetter]) -> None:
        if letters:
            await self._dead_letters.deliver(letters)
            for letter in letters:
                self._metrics.stage.dead_letters.labels(letter.code).inc()

    def _refused(self, sent: Mapping[str, list[tuple[Row, Outcome]]], now_ms: int) -> list[Row]:
        letters = []
        for name, results in sent.items():
            for row, outcome in results:
                if outcome.status == "undelivered" or (outcome.status == "rejected" and row.kind == "exchange"):
                    raise Undelivered(f"{name}: {outcome.code}: {outcome.message}")
                if outcome.status == "rejected":
                    self._log.error("row refused", sink=name, code=outcome.code, message=outcome.message)
                    letters.append(rejected_row(row, name, outcome.code, outcome.message, now_ms))
        return letters
