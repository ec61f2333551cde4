"""What the aggregator works with, however its work is distributed."""

from __future__ import annotations

import asyncio
import os
import socket
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aggregator.deliver import Delivery
from aggregator.durable import Time
from aggregator.metrics import AggregatorMetrics
from aggregator.pipeline import Pace
from aggregator.rows import SOURCE
from aggregator.scripts import Pipelines
from aggregator.settings import Settings
from aggregator.silence import Policy
from aggregator.state_store import StateStore
from aggregator.unit import Running, UnitState
from service_runtime import Runtime
from shardline import Budget, ConsumerGroup, DynamoDBLeaseTable, GroupSettings
from streaming_sql.operators.shelf import Bound

TIME = Time(time.monotonic, lambda: time.time_ns() // 1_000_000, asyncio.sleep)


@dataclass(frozen=True)
class Around:
    """The settings, and everything that they name."""

    settings: Settings
    runtime: Runtime
    metrics: AggregatorMetrics
    pipelines: Pipelines
    store: StateStore
    delivery: Delivery
    clients: Mapping[str, Any]
    bound: Bound | None = None
    budget: Budget = field(
        default_factory=lambda: Budget(GroupSettings().max_process_records, GroupSettings().max_process_bytes)
    )

    @property
    def pace(self) -> Pace:
        """When to commit."""
        settings = self.settings
        policy = Policy(settings.idle_seconds, settings.flush_seconds or None)
        return Pace(settings.commit_seconds, settings.pending_records, policy)

    @property
    def running(self) -> Running:
        """What the SQL files say now."""
        program, seconds = self.pipelines.program, self.settings.duplicate_seconds
        remember_ms = program.horizon_ms + round(seconds * 1000) if seconds else 0
        return Running(program, remember_ms, self.pipelines.references.after_restart, self.bound)

    def leases(self, table: str) -> DynamoDBLeaseTable:
        """A lease table."""
        return DynamoDBLeaseTable(
            dynamodb=self.clients["dynamodb"], table=table, create_missing=self.settings.create_tables
        )

    def group(
        self, stream: str, application: str, leases: DynamoDBLeaseTable, settings: GroupSettings
    ) -> ConsumerGroup:
        """The part of this task in the group that reads a stream."""
        group = ConsumerGroup(
            stream=stream,
            application=application,
            kinesis=self.clients["kinesis"],
            lease_table=leases,
            worker_id=self.settings.worker_id or f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}",
            settings=settings,
            budget=self.budget,
        )
        self.metrics.stage.watch_losses(stream, lambda: group.snapshot().data_losses)
        return group

    def tell(self) -> None:
        """Log what runs."""
        queries = [query.query for query in self.pipelines.program.queries]
        self.runtime.log.info("pipelines", queries=queries, version=self.pipelines.version, stream=SOURCE)

    async def watch(
        self, run_instead: Callable[[Running], Awaitable[None]], states: Callable[[], Iterable[UnitState]]
    ) -> None:
        """Run what the SQL files say, whenever they have changed, until cancelled."""
        while self.settings.pipelines_seconds:
            await asyncio.sleep(self.settings.pipelines_seconds)
            program = await self.pipelines.changed()
            self.metrics.pipelines_refused.set(self.pipelines.is_refused)
            if program is not None:
                await run_instead(self.running)
                self.tell()
            await self.pipelines.refresh_references()
            for state in states():
                for looking in state.lookups:
                    self.pipelines.references.give(looking)


async def set_after(waiting: Awaitable[object], event: asyncio.Event) -> None:
    """Set the event once the awaitable returns."""
    await waiting
    event.set()
