"""The aggregator as a process: joins the SQL, the consumer groups, the state and the sinks."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import Any

from aiobotocore.session import AioSession, get_session

from aggregator.alert_sinks import notify
from aggregator.around import Around
from aggregator.disk import DiskStates
from aggregator.metrics import AggregatorMetrics
from aggregator.references import References
from aggregator.scripts import Pipelines, scripts_at
from aggregator.settings import Settings
from aggregator.shared import work_together
from aggregator.single import work_alone
from aggregator.sinks import make_dead_letters, make_delivery
from aggregator.state_store import StateStore, StoreUnavailable
from delivery import DataPlane
from service_runtime import Runtime, aws, run

_WATCH_SECONDS = 1.0


async def serve(settings: Settings, runtime: Runtime) -> None:
    """Aggregate until `runtime.stop`, then commit, deliver and hand the shards over."""
    metrics = AggregatorMetrics(runtime.registry)
    session = get_session()
    async with AsyncExitStack() as stack:
        services = ("kinesis", "firehose", "dynamodb", "s3", *(("sns",) if settings.alert_sns_topic else ()))
        clients = {
            service: await stack.enter_async_context(_client(session, service, settings)) for service in services
        }
        store = StateStore(
            clients["s3"],
            clients["dynamodb"],
            bucket=settings.state_bucket,
            table=settings.state_table,
            application=settings.application,
        )
        await _open(store, settings, runtime)
        clients["puts"] = await stack.enter_async_context(DataPlane.of(clients["kinesis"]))
        letters = make_dead_letters(settings, metrics, clients)
        delivery = make_delivery(settings, metrics, clients, letters)
        pipelines = await Pipelines.load(scripts_at(settings.pipelines, clients["s3"]), References(clients["s3"]))
        disk = stack.enter_context(DiskStates(settings.spill_folder)) if settings.memory_keys else None
        bound = None if disk is None else disk.bound(settings.memory_keys)
        around = Around(settings, runtime, metrics, pipelines, store, delivery, clients, bound)
        around.tell()
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch(disk))
            tasks.create_task(notify(settings, runtime, metrics.stage, letters, clients))
            await (work_together(around) if settings.distribution == "shards" else work_alone(around))
            watching.cancel()


async def watch(disk: DiskStates | None) -> None:
    """End the process once states on disk are lost: shards that were begun again would go on without them.

    Raises:
        ShelfFailed: naming the setting and the fix. No state has been committed since it happened.

    """
    while disk is not None:
        disk.check()
        await asyncio.sleep(_WATCH_SECONDS)


async def _open(store: StateStore, settings: Settings, runtime: Runtime) -> None:
    """Have the state table, with what it says of the distribution.

    Raises:
        DistributionMismatch: when the application's state is of another.

    """
    while not runtime.stop.is_set():
        try:
            if settings.create_tables:
                await store.create_table()
            await store.settle(settings.distribution)
        except StoreUnavailable as error:
            runtime.log.warning("the state table is not usable, trying again", error=str(error))
            await asyncio.sleep(1)
        else:
            return


def _client(session: AioSession, service: str, settings: Settings) -> Any:
    attempts = 3 if service in {"dynamodb", "s3"} else 1
    return aws.client(
        session, service, settings.aws_region, max_connections=settings.max_connections, attempts=attempts
    )


def main() -> int:
    """Entry point: run the service and return its exit code."""
    return run(
        Settings,
        serve,
        name="aggregator",
        description="Runs streaming SQL over enriched events: windows, alerts, late events.",
    )


if __name__ == "__main__":
    sys.exit(main())
