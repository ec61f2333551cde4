"""One delivery stream at work: it holds what it acknowledged until the object is in S3."""

from __future__ import annotations

import asyncio
import gzip
import logging
import random
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from local_aws.firehose.buffers import Batch, Buffer
from local_aws.firehose.definitions import Definition
from local_aws.firehose.journal import Journal
from local_aws.firehose.prefixes import ObjectName
from local_aws.firehose.settings import FirehoseSettings

_log = logging.getLogger(__name__)

Write = Callable[[str, str, bytes], Awaitable[None]]
"""Writes (bucket, key, body) to S3, or raises `S3Unavailable`."""


class S3Unavailable(Exception):
    """S3 did not take the object. Try again."""


def _new_id() -> str:
    return str(uuid.uuid4())


class DeliveryStream:
    """Takes records and delivers them in batches.

    `clock` gives milliseconds since the epoch. `journal` None: what is held is lost with the process.
    """

    def __init__(
        self, definition: Definition, settings: FirehoseSettings, clock: Callable[[], int], journal: Journal | None
    ) -> None:
        self.definition = definition
        self._settings = settings
        self._clock = clock
        self._journal = journal
        self._buffer = Buffer(definition.destination.hints(settings.longest_interval_seconds), _new_id)
        self._closed: deque[Batch] = deque(journal.batches(definition.name) if journal else ())
        self._wake = asyncio.Event()
        self._draining = False
        self.held = sum(batch.size for batch in self._closed)
        """Bytes acknowledged and not yet in S3."""
        self.held_records = sum(len(batch.records) for batch in self._closed)
        self.delivered_records = 0
        self.delivered_objects = 0

    def redefine(self, definition: Definition) -> None:
        """Deliver by another definition from now on, also what is held."""
        self.definition = definition
        self._buffer.hints = definition.destination.hints(self._settings.longest_interval_seconds)
        self._wake.set()

    def put(self, records: Sequence[bytes]) -> int:
        """Take records in their order, as many as there is room for; give how many were taken."""
        taken = 0
        while taken < len(records):
            group = self._next_group(records, taken)
            if not group or not self._store(group):
                break
            taken += len(group)
        return taken

    def _next_group(self, records: Sequence[bytes], start: int) -> Sequence[bytes]:
        """Give the records that go into the open batch: up to the one that fills it, or to the end of the room."""
        filled = self._buffer.open.size if self._buffer.open else 0
        room = self._settings.max_held_bytes - self.held
        end = start
        while end < len(records) and filled < self._buffer.hints.size and len(records[end]) <= room:
            filled += len(records[end])
            room -= len(records[end])
            end += 1
        return records[start:end]

    def _store(self, group: Sequence[bytes]) -> bool:
        now = self._clock()
        batch = self._buffer.opened(now)
        if self._journal:
            try:
                self._journal.append(self.definition.name, batch, group)
            except OSError:
                _log.exception("the journal of %s cannot be written", self.definition.name)
                if not batch.records and (empty := self._buffer.close()):
                    self._journal.remove(self.definition.name, empty)
                return False
        opened = not batch.records
        self.held += sum(map(len, group))
        self.held_records += len(group)
        for record in group:
            if closed := self._buffer.add(record, now):
                self._close(closed)
        if opened:
            self._wake.set()
        return True

    def _close(self, batch: Batch) -> None:
        self._closed.append(batch)
        if self._journal:
            self._journal.close(batch)
        self._wake.set()

    def drain(self) -> None:
        """Have `run` deliver what is held and end."""
        self._draining = True
        self._wake.set()

    async def run(self, write: Write) -> None:
        """Deliver batch after batch, each until S3 takes it, and return once drained."""
        while (batch := await self._next_batch()) is not None:
            await self._deliver(batch, write)

    async def _next_batch(self) -> Batch | None:
        while True:
            self._wake.clear()
            now = self._clock()
            if (closed := self._buffer.close() if self._draining else self._buffer.due(now)) and closed.records:
                self._close(closed)
            if self._closed:
                return self._closed[0]
            if self._draining:
                return None
            due_at = self._buffer.due_at
            try:
                async with asyncio.timeout(None if due_at is None else max(0.001, (due_at - now) / 1000)):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _deliver(self, batch: Batch, write: Write) -> None:
        definition, attempt = self.definition, 0
        destination = definition.destination
        name = ObjectName(definition.name, definition.version, batch.arrived, batch.id)
        body = batch.contents()
        if destination.compression == "GZIP":
            body = await asyncio.to_thread(gzip.compress, body, 6)
        while True:
            try:
                await write(destination.bucket, destination.key(name), body)
                break
            except S3Unavailable as problem:
                _log.warning("%s: S3 refused an object, trying again: %s", definition.name, problem)
            cap = min(self._settings.retry_cap_seconds, self._settings.retry_base_seconds * 2 ** min(attempt, 20))
            await asyncio.sleep(random.uniform(0, cap))  # noqa: S311 - jitter
            attempt += 1
        self._forget(batch)

    def _forget(self, batch: Batch) -> None:
        self._closed.popleft()
        if self._journal:
            self._journal.remove(self.definition.name, batch)
        self.held -= batch.size
        self.held_records -= len(batch.records)
        self.delivered_records += len(batch.records)
        self.delivered_objects += 1
