"""The indexer's pipeline, read downwards: decode → document → bulk → dead letters → done."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import structlog

from delivery import DeadLetter, Document, Outcome, Sink
from event_contract import Rejected
from indexer.documents import Indexable, Kind, Reader, read
from indexer.metrics import IndexerMetrics
from shardline import Batch, Checkpoint, Record, ShardLease

STAGE = "indexer"
_RECORDS_A_TURN = 1000
"""Records decoded before other tasks get their turn: about 5 ms of work."""


class Undelivered(Exception):
    """OpenSearch's sink gave up on documents it may still take. The shard starts again from its checkpoint."""


class DeadLetterStore(Protocol):
    """Where dead letters go: durable once `deliver` returns."""

    async def deliver(self, letters: Sequence[DeadLetter], /) -> None:
        """Store all letters or raise."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """A record on its way: the document it became, or why it became none."""

    record: Record
    result: Indexable | Rejected


class Pipeline:
    """Indexes the batches of one kind of stream, all shards that this task owns; a `shardline.Processor`.

    A batch is done only when each of its records is a document that OpenSearch acknowledged or a durable dead letter.
    `now_ms` gives the time in ms since the epoch, `reader` what a record is.
    """

    def __init__(
        self,
        kind: Kind,
        sink: Sink[Document],
        dead_letters: DeadLetterStore,
        metrics: IndexerMetrics,
        now_ms: Callable[[], int],
        reader: Reader = read,
    ) -> None:
        self._kind = kind
        self._read = reader
        self._sink = sink
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._now_ms = now_ms
        self._owned: set[str] = set()
        self._log = structlog.get_logger(STAGE)

    async def process(self, batch: Batch) -> None:
        """Work a batch through to the end, however long OpenSearch takes. Raises where it must be done again."""
        self._count_in(batch)
        works = await self._decode(batch)
        outcomes = await self._index([work.result for work in works if isinstance(work.result, Indexable)])
        letters = list(_letters(works, outcomes, batch.lease))
        if letters:
            await self._dead_letters.deliver(letters)
            for letter in letters:
                self._metrics.stage.dead_letters.labels(letter.code).inc()
        batch.done()
        self._metrics.stage.worked(batch.lease.stream, batch.lease.shard_id)

    async def start(self, lease: ShardLease) -> Checkpoint | None:
        """Read on from the group's checkpoint: OpenSearch holds no position."""
        self._owned.add(lease.shard_id)
        self._count_shards(lease)
        return None

    async def drain(self, lease: ShardLease) -> None:
        """Nothing is in flight between two calls of `process`."""
        self._leave(lease)

    async def lost(self, lease: ShardLease) -> None:
        """Nothing is kept of a shard."""
        self._leave(lease)

    async def _decode(self, batch: Batch) -> list[Work]:
        works: list[Work] = []
        with self._step("decode"):
            for start in range(0, len(batch.records), _RECORDS_A_TURN):
                works += [self._work(record, batch.lease) for record in batch.records[start : start + _RECORDS_A_TURN]]
                await asyncio.sleep(0)
        return works

    def _work(self, record: Record, lease: ShardLease) -> Work:
        try:
            return Work(record, self._read(self._kind, record.data))
        except Exception as error:  # pure code over one record: the fault is the record's, and the shard goes on
            self._log.exception("record not decoded", shard=lease.shard_id, sequence_number=record.sequence_number)
            return Work(record, Rejected("indexing_failed", f"{type(error).__name__}: {error}"))

    async def _index(self, indexables: Sequence[Indexable]) -> list[Outcome]:
        """What became of each document; all of them have ended."""
        if not indexables:
            return []
        with self._step("bulk"):
            outcomes = await self._sink.deliver([indexable.document for indexable in indexables])
        failed = next((outcome for outcome in outcomes if outcome.status == "undelivered"), None)
        if failed is not None:
            raise Undelivered(f"{failed.code}: {failed.message}")
        self._count_out(indexables, outcomes)
        return outcomes

    def _count_in(self, batch: Batch) -> None:
        size = sum(len(record.data) for record in batch.records)
        self._metrics.stage.received(
            batch.lease.stream, batch.lease.shard_id, len(batch.records), size, batch.millis_behind_latest
        )

    def _count_out(self, indexables: Sequence[Indexable], outcomes: Sequence[Outcome]) -> None:
        now = self._now_ms()
        fresh = self._metrics.searchable_seconds.labels(self._kind)
        delivered = superseded = 0
        for indexable, outcome in zip(indexables, outcomes, strict=True):
            if outcome.status != "delivered":
                continue
            delivered += 1
            superseded += outcome.code == "superseded"
            if indexable.since is not None:
                fresh.observe(max(0, now - indexable.since) / 1000)
        self._metrics.stage.events_out.labels(f"opensearch:{self._kind}").inc(delivered)
        self._metrics.superseded.labels(self._kind).inc(superseded)

    def _leave(self, lease: ShardLease) -> None:
        self._owned.discard(lease.shard_id)
        self._count_shards(lease)
        self._metrics.stage.shard_left(lease.stream, lease.shard_id)

    def _count_shards(self, lease: ShardLease) -> None:
        self._metrics.stage.shards_owned.labels(lease.stream).set(len(self._owned))

    @contextmanager
    def _step(self, step: str) -> Iterator[None]:
        started = perf_counter()
        try:
            yield
        finally:
            self._metrics.stage.stage_seconds.labels(step).observe(perf_counter() - started)


def _letters(works: Sequence[Work], outcomes: Sequence[Outcome], lease: ShardLease) -> Iterator[DeadLetter]:
    """Dead letters for the records that made no document and for the documents that OpenSearch refused, in order."""
    remaining = iter(outcomes)
    for work in works:
        if isinstance(work.result, Rejected):
            cause, event_id = work.result, None
        else:
            outcome = next(remaining)
            if outcome.status != "rejected":
                continue
            cause, event_id = Rejected(outcome.code, outcome.message), work.result.source_id
        yield DeadLetter(
            stage=STAGE,
            stream=lease.stream,
            shard=lease.shard_id,
            sequence_number=work.record.sequence_number,
            sub_sequence_number=work.record.sub_sequence_number,
            code=cause.code,
            message=cause.message,
            field=cause.field,
            event_id=event_id,
            original=work.record.data,
            first_seen=work.record.arrived,
        )
