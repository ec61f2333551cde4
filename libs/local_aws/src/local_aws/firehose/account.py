"""The delivery streams of one account, and a task for each that delivers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from local_aws.firehose import errors
from local_aws.firehose.definitions import Definition, Destination, restore
from local_aws.firehose.delivery import DeliveryStream, Write
from local_aws.firehose.faults import Faults
from local_aws.firehose.journal import Journal
from local_aws.firehose.settings import FirehoseSettings

_log = logging.getLogger(__name__)


class Account:
    """Creates, finds and deletes delivery streams; `start` before, `stop` after. `clock` gives ms since the epoch."""

    def __init__(
        self, settings: FirehoseSettings, clock: Callable[[], int], write: Write, data_dir: Path | None
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.faults = Faults()
        self._write = write
        self._journal = Journal(data_dir) if data_dir else None
        self._streams: dict[str, DeliveryStream] = {}
        self._tasks: dict[asyncio.Task[None], DeliveryStream] = {}

    def start(self) -> None:
        """Bring back what a former process left, and deliver it."""
        for state in self._journal.load_streams() if self._journal else []:
            self._run(restore(state))

    def _run(self, definition: Definition) -> None:
        stream = DeliveryStream(definition, self.settings, self.clock, self._journal)
        self._streams[definition.name] = stream
        task = asyncio.create_task(stream.run(self._write), name=f"deliver {definition.name}")
        self._tasks[task] = stream
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        stream = self._tasks.pop(task)
        if not task.cancelled() and (problem := task.exception()):
            _log.error("delivery of %s ended: its records stay held", stream.definition.name, exc_info=problem)

    async def stop(self) -> None:
        """Deliver all that is held, within the settings' flush time; what is left stays in the journal, if any."""
        for stream in self._tasks.values():
            stream.drain()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=self.settings.flush_seconds)
        left = list(self._tasks.items())
        for task, stream in left:
            task.cancel()
            fate = "stay in the journal" if self._journal else "are lost"
            _log.error("%s: %d records %s", stream.definition.name, stream.held_records, fate)
        await asyncio.gather(*(task for task, _ in left), return_exceptions=True)
        if self._journal:
            self._journal.close_all()

    def create(self, name: str, destination: Destination) -> Definition:
        """Create a delivery stream, CREATING for the settings' time."""
        settings, now = self.settings, self.clock()
        if name in self._streams:
            raise errors.in_use(name, settings.account_id)
        if len(self._streams) >= settings.max_streams:
            raise errors.invalid_argument(f"the account has {settings.max_streams} delivery streams already")
        arn = f"arn:aws:firehose:{settings.region}:{settings.account_id}:deliverystream/{name}"
        definition = Definition(name, arn, now, now, 1, destination)
        self._run(definition)
        self._save()
        return definition

    def update(self, name: str, destination: Destination) -> None:
        """Give a delivery stream another destination."""
        stream = self.stream(name)
        stream.redefine(stream.definition.with_destination(destination, self.clock()))
        self._save()

    def delete(self, name: str) -> None:
        """Delete a delivery stream; what it holds is still delivered."""
        self.stream(name).drain()
        del self._streams[name]
        self._save()

    def stream(self, name: str) -> DeliveryStream:
        """Give a delivery stream by name."""
        if name not in self._streams:
            raise errors.not_found(name, self.settings.account_id)
        return self._streams[name]

    def active_stream(self, name: str) -> DeliveryStream:
        """Give a delivery stream that takes records."""
        stream = self.stream(name)
        if self.status(stream) != "ACTIVE":
            raise errors.not_found(name, self.settings.account_id)
        return stream

    def status(self, stream: DeliveryStream) -> str:
        """Give CREATING or ACTIVE."""
        age = self.clock() - stream.definition.created
        return "CREATING" if age < self.settings.create_seconds * 1000 else "ACTIVE"

    def names(self) -> list[str]:
        """Give all delivery streams' names in order."""
        return sorted(self._streams)

    def _save(self) -> None:
        if self._journal:
            self._journal.save_streams(stream.definition.state() for stream in self._streams.values())
