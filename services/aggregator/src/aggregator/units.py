"""A unit a lease: what the aggregator runs with AGGREGATOR_DISTRIBUTION=shards, for either of its streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aggregator.metrics import AggregatorMetrics
from aggregator.pipeline import Pipeline
from aggregator.unit import Running, UnitState
from shardline import Batch, Checkpoint, ShardLease


class Units:
    """Pipelines by shard, each with a commit loop of its own; a `shardline.Processor`.

    What a pipeline cannot go on after ends the `async with` block by its exception, and so the process.
    """

    def __init__(
        self, make: Callable[[Running, ShardLease], Pipeline], running: Running, metrics: AggregatorMetrics
    ) -> None:
        """`make` gives a new pipeline for a shard's unit."""
        self._make = make
        self._running = running
        self._metrics = metrics
        self._pipelines: dict[str, Pipeline] = {}
        self._commits: dict[str, asyncio.Task[None]] = {}
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._commits.values():
            task.cancel()
        await self._tasks.__aexit__(kind, error, trace)

    @property
    def states(self) -> list[UnitState]:
        """The states at work."""
        return [pipeline.state for pipeline in self._pipelines.values() if pipeline.state is not None]

    async def tidy(self) -> None:
        """Delete the states of shards that are over and followed by others."""
        for pipeline in list(self._pipelines.values()):
            await pipeline.tidy()

    async def start(self, lease: ShardLease) -> Checkpoint | None:
        """Claim and load the shard's unit."""
        await self._end(lease.shard_id)
        pipeline = self._make(self._running, lease)
        running = self._running
        position = await pipeline.start(lease)
        if running is not self._running:  # it changed meanwhile
            await pipeline.run_instead(self._running)
        self._pipelines[lease.shard_id] = pipeline
        self._commits[lease.shard_id] = self._tasks.create_task(pipeline.run())
        return position

    async def process(self, batch: Batch) -> None:
        """Count a batch in, in its unit."""
        await self._pipelines[batch.lease.shard_id].process(batch)

    async def drain(self, lease: ShardLease) -> None:
        """Commit and deliver what is decided, and let go of the unit."""
        await self._pipelines[lease.shard_id].drain(lease)
        await self._end(lease.shard_id)

    async def lost(self, lease: ShardLease) -> None:
        """Let go of the unit: who owns the shard next begins with what is committed."""
        if pipeline := self._pipelines.get(lease.shard_id):
            await pipeline.lost(lease)
        await self._end(lease.shard_id)

    async def run_instead(self, running: Running) -> None:
        """Go on with another program in every unit."""
        self._running = running
        for pipeline in list(self._pipelines.values()):
            await pipeline.run_instead(running)

    async def _end(self, shard: str) -> None:
        if pipeline := self._pipelines.pop(shard, None):
            self._metrics.forget(pipeline)
        if task := self._commits.pop(shard, None):
            task.cancel()
            await asyncio.wait([task])
