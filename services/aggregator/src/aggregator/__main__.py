"""The aggregator as a process: joins the SQL, the consumer group, the state and the sinks."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
import uuid
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from aiobotocore.session import AioSession, get_session

from aggregator.alert_sinks import notify
from aggregator.deliver import Delivery, Destination
from aggregator.durable import Durable
from aggregator.metrics import AggregatorMetrics
from aggregator.one_owner import OneOwner
from aggregator.pipeline import Pace, Pipeline, Time
from aggregator.pipelines import SOURCE
from aggregator.references import References
from aggregator.rows import Kind
from aggregator.scripts import Pipelines, scripts_at
from aggregator.settings import Settings
from aggregator.silence import Policy
from aggregator.state_store import StateStore, StoreUnavailable
from aggregator.unit import Running
from aggregator.windows import Windows
from delivery import DataPlane, DeadLetterSink, FirehoseSink, KinesisSink, OriginalStore
from service_runtime import Runtime, aws, run
from shardline import ConsumerGroup, DynamoDBLeaseTable, GroupSettings

_TIME = Time(time.monotonic, lambda: time.time_ns() // 1_000_000, asyncio.sleep)


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
        if settings.create_tables:
            await _create_table(store, runtime)
        clients["puts"] = await stack.enter_async_context(DataPlane.of(clients["kinesis"]))
        letters = _dead_letters(settings, metrics, clients)
        delivery = _delivery(settings, metrics, clients, letters)
        pipelines = await Pipelines.load(scripts_at(settings.pipelines, clients["s3"]), References(clients["s3"]))
        _tell(runtime, pipelines)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(notify(settings, runtime, metrics.stage, letters, clients))
            while not runtime.stop.is_set():
                await _own(settings, runtime, pipelines, store, delivery, metrics, clients)


async def _own(
    settings: Settings,
    runtime: Runtime,
    pipelines: Pipelines,
    store: StateStore,
    delivery: Delivery,
    metrics: AggregatorMetrics,
    clients: Mapping[str, Any],
) -> None:
    """Take part in the group until the stop, or until another worker has taken over; stand by again then."""
    table = DynamoDBLeaseTable(
        dynamodb=clients["dynamodb"], table=settings.lease_table, create_missing=settings.create_tables
    )
    policy = Policy(settings.idle_seconds, settings.flush_seconds or None)
    pace = Pace(settings.commit_seconds, settings.pending_records, policy)
    durable = Durable(store, metrics, _TIME)
    pipeline = Pipeline(
        _running(settings, pipelines), OneOwner(table.list_leases), durable, delivery, metrics, pace, _TIME
    )
    runtime.pages["windows"] = Windows(lambda: next(iter(pipeline.engines), None)).page
    group = ConsumerGroup(
        stream=settings.enriched_stream,
        application=settings.application,
        kinesis=clients["kinesis"],
        lease_table=table,
        worker_id=settings.worker_id or f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}",
        settings=GroupSettings(
            initial_position=settings.initial_position,
            assignment="single_owner",
            drain_seconds=0.8 * settings.drain_seconds,
        ),
    )
    metrics.stage.watch_group(settings.enriched_stream, group.snapshot)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        ends = [
            tasks.create_task(_set_after(runtime.stop.wait(), stop)),
            tasks.create_task(_set_after(pipeline.until_stale(), stop)),
        ]
        committing = tasks.create_task(pipeline.run())
        ends.append(tasks.create_task(_watch(settings, runtime, pipelines, pipeline, metrics)))
        runtime.ready(True)
        await group.run(pipeline, stop)
        for task in (*ends, committing):
            task.cancel()


async def _watch(
    settings: Settings, runtime: Runtime, pipelines: Pipelines, pipeline: Pipeline, metrics: AggregatorMetrics
) -> None:
    """Run what the SQL files say, whenever they have changed."""
    while settings.pipelines_seconds:
        await asyncio.sleep(settings.pipelines_seconds)
        program = await pipelines.changed()
        metrics.pipelines_refused.set(pipelines.is_refused)
        if program is not None:
            await pipeline.run_instead(_running(settings, pipelines))
            _tell(runtime, pipelines)
        await pipelines.refresh_references()
        for engine in pipeline.engines:
            pipelines.references.give(engine)


def _running(settings: Settings, pipelines: Pipelines) -> Running:
    program, seconds = pipelines.program, settings.duplicate_seconds
    remember_ms = program.horizon_ms + round(seconds * 1000) if seconds else 0
    return Running(program, remember_ms, pipelines.references.after_restart)


def _tell(runtime: Runtime, pipelines: Pipelines) -> None:
    queries = [query.query for query in pipelines.program.queries]
    runtime.log.info("pipelines", queries=queries, version=pipelines.version, stream=SOURCE)


async def _set_after(waiting: Any, event: asyncio.Event) -> None:
    await waiting
    event.set()


async def _create_table(store: StateStore, runtime: Runtime) -> None:
    while not runtime.stop.is_set():
        try:
            await store.create_table()
        except StoreUnavailable as error:
            runtime.log.warning("cannot create the state table, trying again", error=str(error))
            await asyncio.sleep(1)
        else:
            return


def _delivery(
    settings: Settings, metrics: AggregatorMetrics, clients: Mapping[str, Any], letters: DeadLetterSink
) -> Delivery:
    streams: dict[Kind, str] = {
        "window": settings.aggregates_stream,
        "alert": settings.alerts_stream,
        "late": settings.late_stream,
    }
    destinations = [
        Destination(f"kinesis:{name}", frozenset({kind}), _stream(settings, metrics, clients, name))
        for kind, name in streams.items()
    ]
    if settings.archive_delivery_stream:
        name = settings.archive_delivery_stream
        archive = _archive(settings, metrics, clients, name)
        destinations.append(Destination(f"firehose:{name}", frozenset({"window", "alert"}), archive))
    return Delivery(destinations, letters, metrics)


def _dead_letters(settings: Settings, metrics: AggregatorMetrics, clients: Mapping[str, Any]) -> DeadLetterSink:
    stream, archive = settings.dead_letter_stream, settings.dead_letter_delivery_stream
    return DeadLetterSink(
        _stream(settings, metrics, clients, stream, aggregate=False) if stream else None,
        _archive(settings, metrics, clients, archive) if archive else None,
        originals=OriginalStore(clients["s3"], settings.dead_letter_bucket) if settings.dead_letter_bucket else None,
    )


def _stream(
    settings: Settings, metrics: AggregatorMetrics, clients: Mapping[str, Any], name: str, *, aggregate: bool = True
) -> KinesisSink:
    observer, rate = metrics.stage.observer(f"kinesis:{name}"), settings.calls_per_second
    return KinesisSink(clients["puts"], name, rate_per_second=rate, aggregate=aggregate, observer=observer)


def _archive(settings: Settings, metrics: AggregatorMetrics, clients: Mapping[str, Any], name: str) -> FirehoseSink:
    observer, rate = metrics.stage.observer(f"firehose:{name}"), settings.calls_per_second
    return FirehoseSink(clients["firehose"], name, rate_per_second=rate, observer=observer)


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
