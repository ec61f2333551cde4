"""A consumer group on many streams: one table of leases, one processor, one set of bounds."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from shardline.clock import Clock, LoopClock
from shardline.group import ConsumerGroup
from shardline.leases.table import LeaseTable
from shardline.processor import Processor
from shardline.reading.budget import Budget
from shardline.reading.loss import DataLoss
from shardline.reading.reader import Reader
from shardline.reading.stream import Source
from shardline.settings import GroupSettings
from shardline.snapshot import GroupSnapshot
from shardline.streams.many_streams import KinesisSources, ListStreams, ManyStreams, Sources
from shardline.streams.table import MultiStreamTable
from shardline.work.batches import Batches
from shardline.work.offers import Offers

_log = logging.getLogger(__name__)


class MultiStreamGroup:
    """One worker of the group that `application` forms on several streams of an account and region.

    `streams` are their names, or an async function that returns them and is asked again at every listing of
    shards (`shard_sync_interval_seconds`). The shards of all are shared out together, and a batch tells its
    stream by `batch.lease.stream`. The lease table has one item a shard under the keys of KCL's multi-stream
    mode, `account:stream:creation epoch:shard`, so that a stream made anew under its name starts afresh.

    A stream that is no longer named, or is deleted, is given up; its leases are deleted when nobody has
    written them for `former_stream_grace_seconds`. If it is named again before, reading goes on where it was.
    A stream that is not there (yet), or cannot be read, holds up none of the others, and keeps its leases.
    The rest is as for ConsumerGroup.
    """

    def __init__(
        self,
        *,
        streams: Iterable[str] | ListStreams,
        application: str,
        kinesis: Any,
        lease_table: LeaseTable,
        worker_id: str = "",
        settings: GroupSettings | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        former_stream_grace_seconds: float = 3600.0,
        budget: Budget | None = None,
        sources: Sources | None = None,
    ) -> None:
        self._settings = settings or GroupSettings()
        self._clock = clock or LoopClock()
        self._rng = rng or random.Random()  # noqa: S311 - jitter needs no secrecy
        self._grace = max(former_stream_grace_seconds, 3 * self._settings.lease_duration_seconds)
        consumer_name = self._settings.consumer_name or application
        self._sources = sources or KinesisSources(kinesis, consumer_name, self._settings, self._clock)
        wanted = streams if callable(streams) else _always(tuple(streams))
        self._streams = ManyStreams(wanted, self._sources, self._reader, self._after_refresh)
        self._table = MultiStreamTable(lease_table, self._streams.has, self._clock.monotonic)
        self._group = ConsumerGroup(
            stream=self._streams.name,
            application=application,
            kinesis=kinesis,
            lease_table=self._table,
            worker_id=worker_id,
            settings=self._settings,
            clock=self._clock,
            rng=self._rng,
            streams=self._streams,
            budget=budget,
        )

    @property
    def worker_id(self) -> str:
        """By what name this worker holds leases."""
        return self._group.worker_id

    async def run(self, processor: Processor, stop: asyncio.Event) -> None:
        """Work until `stop` is set; see ConsumerGroup.run."""
        try:
            await self._group.run(processor, stop)
        finally:
            await self._sources.aclose()

    def batches(self, stop: asyncio.Event | None = None, *, empty: bool = False, in_turn: bool = False) -> Batches:
        """Return the batches of every stream as an asynchronous iterator; see ConsumerGroup.batches."""
        return Batches(self.run, stop, Offers(empty=empty, in_turn=in_turn))

    def snapshot(self) -> GroupSnapshot:
        """Return what this worker is doing now; its `stream` is "*", each shard tells its own."""
        return self._group.snapshot()

    def _reader(self, prefix: str, source: Source) -> Reader:
        def on_loss(loss: DataLoss) -> None:
            self._group.note_loss(replace(loss, shard_id=prefix + loss.shard_id))

        return Reader(source, self._settings, self._clock, self._rng.random, on_loss)

    async def _after_refresh(self) -> None:
        """Give up the shards of streams that are gone, and clean up after those that are gone for long."""
        self._group.give_up(lambda lease_key: not self._streams.has(lease_key))
        for lease in self._table.former(self._grace):
            if not self._streams.is_former(lease.shard_id):
                continue
            _log.info("deleting the lease %s: its stream is no longer read", lease.shard_id)
            await self._table.remove(lease)


def _always(names: tuple[str, ...]) -> ListStreams:
    async def wanted() -> tuple[str, ...]:
        return names

    return wanted
