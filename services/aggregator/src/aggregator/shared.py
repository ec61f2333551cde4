"""AGGREGATOR_DISTRIBUTION=shards: tasks share the source's shards, and those of the exchange stream.

A task is in two groups. Of `enriched` it reads shards, runs what needs no other shard, and sends the rest on as rows or
partial aggregates, by key group. Of the exchange stream it reads shards, each with some of the key groups, and fires
their windows. Nothing but the leases says who has which: see docs/decisions/0007-aggregator-over-many-tasks.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aggregator.ancestry import Ancestry, ReceiverOrigin, SourceOrigin
from aggregator.around import TIME, Around
from aggregator.durable import Durable
from aggregator.pipeline import Pipeline
from aggregator.unit import Origin, Running, UnitState
from aggregator.units import Units
from aggregator.windows import Windows
from shardline import GroupSettings, ShardLease

_TIDY_SECONDS = 60.0


async def work_together(around: Around) -> None:
    """Take part in both groups until the stop, then hand every shard over."""
    settings, runtime = around.settings, around.runtime
    source_leases, exchange_leases = (
        around.leases(table) for table in (settings.lease_table, settings.exchange_lease_table)
    )
    application = settings.application
    read = Ancestry(around.store, "source", source_leases.list_leases)
    received = Ancestry(around.store, "exchange", exchange_leases.list_leases)
    drain_seconds = 0.8 * settings.drain_seconds
    readers = around.group(
        settings.enriched_stream,
        application,
        source_leases,
        GroupSettings(
            initial_position=settings.initial_position, drain_seconds=drain_seconds, reading=settings.reading
        ),
    )
    receivers = around.group(
        settings.exchange_stream,
        f"{application}-exchange",
        exchange_leases,
        GroupSettings(drain_seconds=drain_seconds, reading=settings.reading),
    )
    async with (
        _units(around, received, lambda: ReceiverOrigin(received, application, source_leases.list_leases)) as exchange,
        _units(around, read, lambda: SourceOrigin(read, application)) as sources,
    ):

        def states() -> list[UnitState]:
            return [*sources.states, *exchange.states]

        async def run_instead(running: Running) -> None:
            for units in (exchange, sources):
                await units.run_instead(running)

        runtime.pages["windows"] = Windows(lambda: around.pipelines.program.queries, states).page
        async with asyncio.TaskGroup() as tasks:
            beside = [
                tasks.create_task(around.watch(run_instead, states)),
                tasks.create_task(_tidy(sources, exchange)),
            ]
            runtime.ready(True)
            async with asyncio.TaskGroup() as reading:
                reading.create_task(readers.run(sources, runtime.stop))
                reading.create_task(receivers.run(exchange, runtime.stop))
            for task in beside:
                task.cancel()


def _units(around: Around, ancestry: Ancestry, origin: Callable[[], Origin]) -> Units:
    def make(running: Running, lease: ShardLease) -> Pipeline:
        durable = Durable(ancestry.of(lease.shard_id), around.metrics, TIME)
        return Pipeline(running, origin(), durable, around.delivery, around.metrics, around.pace, TIME)

    return Units(make, around.running, around.metrics)


async def _tidy(*units: Units) -> None:
    while True:
        await asyncio.sleep(_TIDY_SECONDS)
        for each in units:
            await each.tidy()
