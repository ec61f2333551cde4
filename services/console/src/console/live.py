"""The one poll loop behind all pages: asks every backend, puts the answers on the board, publishes what changed."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import aiohttp
import structlog

from console import aws
from console.addresses import Resolve, expand, ipv4_addresses
from console.aws import ShardSource
from console.board import Board, to_json
from console.fan_out import FanOut
from console.metrics import ConsoleMetrics
from console.scrape import Scrape, Unreachable, fetch
from console.settings import Settings, Target
from console.views import Views

_log = structlog.get_logger(__name__)


class ViewSource(Protocol):
    """Where windows, alerts and dead letters come from."""

    async def look(self) -> Views:
        """The page's part of OpenSearch as it is now. Raises `Unreachable`."""
        ...


class Live:
    """Polls until stopped. Metrics are read all the time, for the history; the rest only while a page is open."""

    def __init__(
        self,
        settings: Settings,
        http: aiohttp.ClientSession,
        shard_source: ShardSource,
        view_source: ViewSource,
        metrics: ConsoleMetrics,
        resolve: Resolve = ipv4_addresses,
    ) -> None:
        self._settings = settings
        self._http = http
        self._shard_source = shard_source
        self._view_source = view_source
        self._metrics = metrics
        self._resolve = resolve
        self._down: dict[str, str] = {}
        self.fan_out = FanOut(settings.max_clients)
        self.board = Board(
            settings.stream_names,
            settings.all_streams,
            settings.groups,
            poll_seconds=settings.poll_seconds,
            lag_limit=settings.lag_limit_seconds,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Polls until `stop` is set; then every page's stream ends."""
        loops = [
            self._every(self._settings.poll_seconds, self.poll_metrics),
            self._every(self._settings.shards_seconds, self.poll_shards, when_watched=True),
            self._every(self._settings.views_seconds, self.poll_views, when_watched=True),
        ]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(loop) for loop in loops]
            await stop.wait()
            for task in tasks:
                task.cancel()
        self.fan_out.wake_all()

    async def _every(self, seconds: float, poll: Callable[[], Awaitable[None]], *, when_watched: bool = False) -> None:
        while True:
            if when_watched:
                await self.fan_out.watched.wait()
            try:
                await poll()
            except Exception:  # an answer of a shape that nobody foresaw must not take the page away
                _log.exception("poll failed", retrying=True)
            await asyncio.sleep(seconds)

    async def poll_metrics(self) -> None:
        """Scrapes every process once, all at a time, and publishes a pulse."""
        async with self._timed("metrics"):
            targets = await expand(self._settings.services, self._resolve)
            found = dict(zip(targets, await asyncio.gather(*map(self._scrape, targets)), strict=True))
            errors = {target.service: "" for target in targets}
            errors |= {target.service: scrape for target, scrape in found.items() if isinstance(scrape, str)}
            for service, error in errors.items():
                self._note(service, error)
            self.board.take_metrics(found, int(time.time() * 1000))
            self._publish("pulse", to_json(self.board.pulse()))

    async def _scrape(self, target: Target) -> Scrape | str:
        try:
            return await fetch(self._http, target.url, time.monotonic())
        except Unreachable as reason:
            return str(reason)

    async def poll_shards(self) -> None:
        """Asks Kinesis and the lease tables once."""
        async with self._timed("shards"):
            answer = await aws.ask(self._shard_source, self._settings.all_streams, self._settings.groups)
            self._note("kinesis", next(iter(answer.stream_errors.values()), ""))
            self._note("dynamodb", next(iter(answer.lease_errors.values()), ""))
            self.board.take_shards(answer)
            self._publish("shards", to_json(self.board.shards()))

    async def poll_views(self) -> None:
        """Asks OpenSearch once."""
        async with self._timed("views"):
            try:
                found: Views | str = await self._view_source.look()
            except Unreachable as reason:
                found = str(reason)
            self._note("opensearch", found if isinstance(found, str) else "")
            self.board.take_views(found)
            self._publish("views", to_json(self.board.views()))

    def _publish(self, event: str, data: bytes) -> None:
        too_slow = self.fan_out.publish(event, data)
        if too_slow:
            self._metrics.resyncs.inc(too_slow)

    @asynccontextmanager
    async def _timed(self, kind: str) -> AsyncIterator[None]:
        with self._metrics.poll_seconds.labels(kind).time():
            yield

    def _note(self, backend: str, error: str) -> None:
        """Counts a poll, and logs when a backend goes away or comes back: not at every poll."""
        self._metrics.polled(backend, error)
        if error and backend not in self._down:
            _log.warning("unreachable", backend=backend, reason=error, retrying=True)
        if not error and self._down.pop(backend, ""):
            _log.info("reachable again", backend=backend)
        if error:
            self._down[backend] = error
