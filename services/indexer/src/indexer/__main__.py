"""The indexer as a process: one consumer group for each stream, one OpenSearch sink for all."""

import asyncio
import os
import socket
import sys
import time
import uuid
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from aiobotocore.session import get_session
from opensearchpy import AsyncOpenSearch

from delivery import (
    BulkLimits,
    DataPlane,
    DeadLetterSink,
    FirehoseSink,
    KinesisSink,
    Limits,
    OpenSearchSink,
    OriginalStore,
)
from indexer import plain_rows
from indexer.documents import Kind
from indexer.metrics import IndexerMetrics
from indexer.pipeline import Pipeline
from indexer.search import apply_templates, keep_retention, open_search
from indexer.settings import Settings
from indexer.templates import IndexSettings
from service_runtime import Runtime, aws, run
from service_runtime.metrics import StageMetrics
from shardline import ConsumerGroup, DynamoDBLeaseTable, GroupSettings


async def serve(settings: Settings, runtime: Runtime) -> None:
    """Index until `runtime.stop`, then drain and hand the shards over."""
    metrics = IndexerMetrics(runtime.registry)
    async with AsyncExitStack() as stack:
        search = await stack.enter_async_context(open_search(settings))
        if not await _templates_or_stop(search, settings, runtime):
            return
        clients = await _clients(stack, settings)
        async with asyncio.TaskGroup() as tasks:
            retention = (
                tasks.create_task(keep_retention(search, settings.retention_days, _now_ms))
                if settings.retention_days
                else None
            )
            runtime.ready(True)
            try:
                await _index_streams(settings, runtime, metrics, search, clients)
            finally:
                if retention is not None:
                    retention.cancel()


def main() -> int:
    """Entry point: run the service and return its exit code."""
    return run(
        Settings,
        serve,
        name="indexer",
        description="Makes events, windows, alerts, late events and dead letters searchable in OpenSearch.",
    )


async def _templates_or_stop(search: AsyncOpenSearch, settings: Settings, runtime: Runtime) -> bool:
    """Whether the templates are in force; False when the service is told to stop before OpenSearch is up."""
    chosen = IndexSettings(
        shards=settings.index_shards, replicas=settings.index_replicas, refresh_interval=settings.refresh_interval
    )
    async with asyncio.TaskGroup() as tasks:
        applied = tasks.create_task(apply_templates(search, list(settings.stream_names), chosen))
        stopped = tasks.create_task(runtime.stop.wait())
        await asyncio.wait({applied, stopped}, return_when=asyncio.FIRST_COMPLETED)
        done = applied.done()
        applied.cancel()
        stopped.cancel()
    return done


async def _clients(stack: AsyncExitStack, settings: Settings) -> dict[str, Any]:
    """A client for each service, and "puts", the data plane for records."""
    session = get_session()
    clients: dict[str, Any] = {
        service: await stack.enter_async_context(
            aws.client(
                session,
                service,
                settings.aws_region,
                max_connections=settings.max_connections,
                attempts=3 if service == "dynamodb" else 1,
            )
        )
        for service in ("kinesis", "firehose", "dynamodb", "s3")
    }
    clients["puts"] = await stack.enter_async_context(DataPlane.of(clients["kinesis"]))
    return clients


async def _index_streams(
    settings: Settings, runtime: Runtime, metrics: IndexerMetrics, search: AsyncOpenSearch, clients: Mapping[str, Any]
) -> None:
    """One consumer group a stream, side by side, until stop."""
    request = Limits(settings.bulk_documents, settings.bulk_bytes)
    sink = OpenSearchSink(
        search,
        rate_per_second=settings.calls_per_second,
        limits=BulkLimits(request, document=settings.bulk_bytes),
        parallel=settings.parallel_bulks,
        observer=metrics.stage.observer("opensearch"),
    )
    worker = settings.worker_id or f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    reader = plain_rows.reader(plain_rows.load(settings.plain_rows))
    async with asyncio.TaskGroup() as tasks:
        for kind, stream in settings.stream_names.items():
            letters = _dead_letters(settings, metrics.stage, clients, kind)
            pipeline = Pipeline(kind, sink, letters, metrics, _now_ms, reader)
            group = _group(settings, clients, kind, stream, worker)
            metrics.stage.watch_group(stream, group.snapshot)
            tasks.create_task(group.run(pipeline, runtime.stop))


def _group(settings: Settings, clients: Mapping[str, Any], kind: Kind, stream: str, worker: str) -> ConsumerGroup:
    return ConsumerGroup(
        stream=stream,
        application=settings.application,
        kinesis=clients["kinesis"],
        lease_table=DynamoDBLeaseTable(
            dynamodb=clients["dynamodb"],
            table=f"{settings.lease_table}-{kind}",
            create_missing=settings.create_lease_table,
        ),
        worker_id=worker,
        settings=GroupSettings(
            initial_position=settings.initial_position,
            reading=settings.reading,
            drain_seconds=0.8 * settings.drain_seconds,
        ),
    )


def _dead_letters(settings: Settings, stage: StageMetrics, clients: Mapping[str, Any], kind: Kind) -> DeadLetterSink:
    """Where the kind's dead letters go. Those of the dead-letter stream itself go to the archive alone: no loop."""
    stream = "" if kind == "dead-letters" else settings.dead_letter_stream
    archive = settings.dead_letter_delivery_stream
    rate = settings.calls_per_second
    return DeadLetterSink(
        KinesisSink(
            clients["puts"],
            stream,
            rate_per_second=rate,
            aggregate=False,
            observer=stage.observer(f"kinesis:{stream}"),
        )
        if stream
        else None,
        FirehoseSink(
            clients["firehose"],
            archive,
            rate_per_second=rate,
            record_bytes=settings.firehose_record_bytes,
            observer=stage.observer(f"firehose:{archive}"),
        ),
        originals=OriginalStore(clients["s3"], settings.dead_letter_bucket) if settings.dead_letter_bucket else None,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    sys.exit(main())
