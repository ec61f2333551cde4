"""The enricher's pipeline, read downwards: decode → enrich → deliver to both sinks → dead letters → done."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import structlog

from delivery import DeadLetter, Item, Outcome, Sink
from enricher.enrich import Enriched, Lookups, enrich
from enricher.metrics import EnricherMetrics
from enricher.raw_formats import EVENTS_ALONE, Formats, Part, PassedOver, events_of
from event_contract import DEFAULT_LIMITS, Event, Limits, Rejected
from shardline import Batch, Checkpoint, Record, ShardLease

STAGE = "enricher"
_EVENTS_A_TURN = 250
"""Events enriched before other tasks get their turn: about 5 ms of work."""
_UNPACKED_BYTES_AT_ONCE = 8 * 1024 * 1024
"""Bytes of enriched events out of records that hold many, delivered before more are taken out."""
_LETTER_BYTES = 1024


class Undelivered(Exception):
    """A sink gave up on events that it may still take. The shard starts again from its checkpoint; nothing is lost."""


class DeadLetterStore(Protocol):
    """Where dead letters go: durable once `deliver` returns."""

    async def deliver(self, letters: Sequence[DeadLetter], /) -> None:
        """Store all letters or raise."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """A record on its way, or a part of one: what it became, and the id of its event where it is one."""

    record: Record
    result: Enriched | Rejected
    event_id: str | None
    part: Part | None = None

    @property
    def unpacked_bytes(self) -> int:
        """What a part holds beside its record."""
        return len(self.result.data) if isinstance(self.result, Enriched) else _LETTER_BYTES


Turn = tuple[list[Work], int]
"""Works, and the bytes that parts of records hold among them."""


class Pipeline:
    """Enriches the batches of every shard that this task owns; a `shardline.Processor`.

    A batch is done only when each of its events, all those of a record that holds many, is in all sinks or is a durable
    dead letter. Batches of a shard follow one another and a sink keeps the order within a batch, so the order of a key
    is that of `raw`.
    """

    def __init__(
        self,
        lookups: Lookups,
        sinks: Mapping[str, Sink[Item]],
        dead_letters: DeadLetterStore,
        metrics: EnricherMetrics,
        limits: Limits = DEFAULT_LIMITS,
        formats: Formats = EVENTS_ALONE,
    ) -> None:
        self._lookups = lookups
        self._limits = limits
        self._formats = formats
        self._sinks = sinks
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._owned: dict[str, set[str]] = {}
        self._log = structlog.get_logger(STAGE)

    async def process(self, batch: Batch) -> None:
        """Work a batch through to the end, however long the sinks take. Raises where the work must be done again."""
        self._count_in(batch)
        turns = self._turns(batch)
        while taken := await self._take(turns):
            await self._settle(taken, batch.lease)
        batch.done()
        self._metrics.stage.worked(batch.lease.stream, batch.lease.shard_id)

    async def start(self, lease: ShardLease) -> Checkpoint | None:
        """Read on from the group's checkpoint: the pipeline keeps no position of its own."""
        self._owned.setdefault(lease.stream, set()).add(lease.shard_id)
        self._count_shards(lease)
        return None

    async def drain(self, lease: ShardLease) -> None:
        """Nothing is in flight between two calls of `process`."""
        self._leave(lease)

    async def lost(self, lease: ShardLease) -> None:
        """Nothing is kept of a shard."""
        self._leave(lease)

    async def _take(self, turns: Iterator[Turn]) -> list[Work]:
        """The next works, all of them unless records hold more than may lie in memory at once; none at the end."""
        taken: list[Work] = []
        unpacked, started = 0, perf_counter()
        for works, unpacked_bytes in turns:
            taken += works
            unpacked += unpacked_bytes
            if unpacked >= _UNPACKED_BYTES_AT_ONCE:
                break
            await asyncio.sleep(0)
        if taken:
            self._metrics.stage.stage_seconds.labels("enrich").observe(perf_counter() - started)
        return taken

    async def _settle(self, works: Sequence[Work], lease: ShardLease) -> None:
        outcomes = await self._deliver([work for work in works if isinstance(work.result, Enriched)])
        letters = [letter for work in works if (letter := _letter(work, outcomes, lease)) is not None]
        if letters:
            await self._dead_letters.deliver(letters)
            for letter in letters:
                self._metrics.stage.dead_letters.labels(letter.code).inc()

    def _turns(self, batch: Batch) -> Iterator[Turn]:
        """The batch's works in order, in portions after which other tasks get their turn."""
        works: list[Work] = []
        unpacked = 0
        for record in batch.records:
            found = self._read(record, batch.lease)
            if isinstance(found, Work):
                works.append(found)
            elif isinstance(found, PassedOver):
                self._metrics.passed_over.labels(found.format).inc()
            else:
                for work in self._works_of(record, found):
                    works.append(work)
                    unpacked += work.unpacked_bytes
                    if len(works) >= _EVENTS_A_TURN or unpacked >= _UNPACKED_BYTES_AT_ONCE:
                        yield works, unpacked
                        works, unpacked = [], 0
            if len(works) >= _EVENTS_A_TURN:
                yield works, unpacked
                works, unpacked = [], 0
        if works:
            yield works, unpacked

    def _works_of(self, record: Record, parts: Iterable[Part]) -> Iterator[Work]:
        try:
            for part in parts:
                yield self._work(record, part.result, part)
        except Exception as error:
            yield Work(record, self._failed(record, error), None)

    def _read(self, record: Record, lease: ShardLease) -> Work | PassedOver | Iterable[Part]:
        try:
            position = f"{lease.shard_id}/{record.sequence_number}/{record.sub_sequence_number}"
            found = events_of(record, position, self._formats, self._limits)
        except Exception as error:
            return Work(record, self._failed(record, error), None)
        return self._work(record, found) if isinstance(found, (Event, Rejected)) else found

    def _work(self, record: Record, event: Event | Rejected, part: Part | None = None) -> Work:
        if isinstance(event, Rejected):
            return Work(record, event, None, part)
        try:
            return Work(record, enrich(event, self._lookups), event.id, part)
        except Exception as error:
            return Work(record, self._failed(record, error), event.id, part)

    def _failed(self, record: Record, error: Exception) -> Rejected:
        """Pure code over one record: whatever it raised, it is this record's, and the shard goes on."""
        self._log.error("record not enriched", sequence_number=record.sequence_number, exc_info=error)
        return Rejected("enrichment_failed", f"{type(error).__name__}: {error}")

    async def _deliver(self, works: Sequence[Work]) -> dict[int, Outcome]:
        """The rejections of the sinks, by the identity of the work; all others are in every sink."""
        items = [Item(work.result.data, work.result.key) for work in works if isinstance(work.result, Enriched)]
        if not items:
            return {}
        with self._step("deliver"):
            async with asyncio.TaskGroup() as group:
                tasks = {name: group.create_task(sink.deliver(items)) for name, sink in self._sinks.items()}
        rejections: dict[int, Outcome] = {}
        for name, task in tasks.items():
            outcomes = task.result()
            self._metrics.stage.events_out.labels(name).inc(sum(o.status == "delivered" for o in outcomes))
            for work, outcome in zip(works, outcomes, strict=True):
                if outcome.status == "undelivered":
                    raise Undelivered(f"{name}: {outcome.code}: {outcome.message}")
                if outcome.status == "rejected":
                    rejections.setdefault(id(work), outcome)
        for work in works:
            if isinstance(work.result, Enriched) and id(work) not in rejections:
                for part in work.result.parts:
                    self._metrics.parts.labels(part).inc()
        return rejections

    def _count_in(self, batch: Batch) -> None:
        size = sum(len(record.data) for record in batch.records)
        self._metrics.stage.received(
            batch.lease.stream, batch.lease.shard_id, len(batch.records), size, batch.millis_behind_latest
        )

    def _leave(self, lease: ShardLease) -> None:
        self._owned.setdefault(lease.stream, set()).discard(lease.shard_id)
        self._count_shards(lease)
        self._metrics.stage.shard_left(lease.stream, lease.shard_id)

    def _count_shards(self, lease: ShardLease) -> None:
        self._metrics.stage.shards_owned.labels(lease.stream).set(len(self._owned[lease.stream]))

    @contextmanager
    def _step(self, step: str) -> Iterator[None]:
        started = perf_counter()
        try:
            yield
        finally:
            self._metrics.stage.stage_seconds.labels(step).observe(perf_counter() - started)


def _letter(work: Work, rejections: Mapping[int, Outcome], lease: ShardLease) -> DeadLetter | None:
    """The dead letter of a record that is no event or that a sink refused; None for what was delivered."""
    if isinstance(work.result, Rejected):
        code, message, field = work.result.code, work.result.message, work.result.field
    elif (outcome := rejections.get(id(work))) is not None:
        code, message, field = outcome.code, outcome.message, None
    else:
        return None
    return DeadLetter(
        stage=STAGE,
        stream=lease.stream,
        shard=lease.shard_id,
        sequence_number=work.record.sequence_number,
        sub_sequence_number=work.record.sub_sequence_number,
        code=code,
        message=message,
        field=field,
        event_id=work.event_id,
        original=work.record.data if work.part is None else work.part.original(),
        first_seen=work.record.arrived,
        part=None if work.part is None else work.part.place,
    )
