"""Tells people of alerts: reads `alerts` for one topic, webhook or log, delivers, and sets aside what is not taken.

Each has a consumer group of its own. So a dead webhook stops neither windows nor other webhooks; it only falls behind,
by the time that its alerts are tried again before they become dead letters.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from aggregator.deliver import DeadLetterStore
from aggregator.notices import Notice, headline, item_of, read_notice
from aggregator.rows import STAGE
from delivery import DeadLetter, Item, Outcome, Sink
from service_runtime.metrics import StageMetrics
from shardline import Batch, Checkpoint, Record, ShardLease

MALFORMED = "malformed_alert"


class LogSink:
    """Writes each alert to the log as one line."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("alerts")

    async def deliver(self, items: Sequence[Item], /) -> list[Outcome]:
        """Everything is delivered."""
        for item in items:
            notice = read_notice(item.data)
            if notice is not None:
                more = {"link": notice.link} if notice.link else {}
                self._log.warning(headline(notice), alert=notice.id, count=notice.count, **more)
        return [Outcome("delivered")] * len(items)


class Notifier:
    """Delivers the alerts of each batch to one sink; a `shardline.Processor`.

    The sink needs a deadline. An alert that it refuses, or does not take by then, becomes a dead letter with the cause
    and the sink's name; the batch is done once those are durable. After a crash a batch comes again, under the ids that
    receivers know its alerts by.
    """

    def __init__(self, name: str, sink: Sink[Item], dead_letters: DeadLetterStore, metrics: StageMetrics) -> None:
        self._name = name
        self._sink = sink
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._log = structlog.get_logger(STAGE)

    async def start(self, lease: ShardLease) -> Checkpoint | None:
        """Read on from the checkpoint."""
        return None

    async def process(self, batch: Batch) -> None:
        """Deliver a batch, and mark it done. Its lag counts under the stream's name and the sink's."""
        stream, shard = self._stream(batch.lease), batch.lease.shard_id
        size = sum(len(record.data) for record in batch.records)
        self._metrics.received(stream, shard, len(batch.records), size, batch.millis_behind_latest)
        await self.deliver(batch)
        batch.done()
        self._metrics.worked(stream, shard)

    async def drain(self, lease: ShardLease) -> None:
        """Nothing is under way."""
        self._metrics.shard_left(self._stream(lease), lease.shard_id)

    async def lost(self, lease: ShardLease) -> None:
        """Nothing to forget."""
        self._metrics.shard_left(self._stream(lease), lease.shard_id)

    def _stream(self, lease: ShardLease) -> str:
        return f"{lease.stream}:{self._name}"

    async def deliver(self, batch: Batch) -> None:
        """Return once each alert of the batch is delivered or set aside. Raises NotDurable."""
        sent: list[tuple[Record, Notice]] = []
        letters: list[DeadLetter] = []
        for record in batch.records:
            notice = read_notice(record.data)
            if notice is None:
                letters.append(self._letter(batch, record, None, MALFORMED, "the record is no alert"))
            else:
                sent.append((record, notice))
        if sent:
            outcomes = await self._sink.deliver([item_of(notice, record.data) for record, notice in sent])
            for (record, notice), outcome in zip(sent, outcomes, strict=True):
                if outcome.status == "delivered":
                    self._metrics.events_out.labels(self._name).inc()
                else:
                    letters.append(self._letter(batch, record, notice, outcome.code, outcome.message))
        if letters:
            await self._dead_letters.deliver(letters)
            for letter in letters:
                self._metrics.dead_letters.labels(letter.code).inc()
                self._log.error(
                    "alert not delivered",
                    sink=self._name,
                    code=letter.code,
                    message=letter.message,
                    alert=letter.event_id,
                )

    def _letter(self, batch: Batch, record: Record, notice: Notice | None, code: str, message: str) -> DeadLetter:
        return DeadLetter(
            stage=f"{STAGE}:{self._name}",
            stream=batch.lease.stream,
            shard=batch.lease.shard_id,
            sequence_number=record.sequence_number,
            sub_sequence_number=record.sub_sequence_number,
            code=code,
            message=message,
            field=None,
            event_id=None if notice is None else notice.id,
            original=record.data,
            first_seen=record.arrived,
        )
