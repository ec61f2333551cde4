"""AGGREGATOR_DISTRIBUTION=single: one task has all shards, others stand by."""

from __future__ import annotations

import asyncio

from aggregator.around import TIME, Around, set_after
from aggregator.durable import Durable
from aggregator.one_owner import OneOwner
from aggregator.pipeline import Pipeline
from aggregator.unit import UnitState
from aggregator.windows import Windows
from shardline import GroupSettings


async def work_alone(around: Around) -> None:
    """Take part in the group until the stop; whenever another worker has taken over, stand by again."""
    while not around.runtime.stop.is_set():
        await _own(around)


async def _own(around: Around) -> None:
    """Take part in the group until the stop, or until another worker has taken over."""
    settings, runtime = around.settings, around.runtime
    leases = around.leases(settings.lease_table)
    durable = Durable(around.store, around.metrics, TIME)
    pipeline = Pipeline(
        around.running,
        OneOwner(leases.list_leases),
        durable,
        around.delivery,
        around.metrics,
        around.pace,
        TIME,
    )

    def states() -> list[UnitState]:
        return [] if pipeline.state is None else [pipeline.state]

    runtime.pages["windows"] = Windows(lambda: around.pipelines.program.queries, states).page
    group_settings = GroupSettings(
        initial_position=settings.initial_position,
        assignment="single_owner",
        drain_seconds=0.8 * settings.drain_seconds,
        reading=settings.reading,
    )
    group = around.group(settings.enriched_stream, settings.application, leases, group_settings)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        ends = [
            tasks.create_task(set_after(runtime.stop.wait(), stop)),
            tasks.create_task(set_after(pipeline.until_stale(), stop)),
        ]
        committing = tasks.create_task(pipeline.run())
        ends.append(tasks.create_task(around.watch(pipeline.run_instead, states)))
        runtime.ready(True)
        await group.run(pipeline, stop)
        for task in (*ends, committing):
            task.cancel()
