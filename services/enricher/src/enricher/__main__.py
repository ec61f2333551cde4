"""The enricher as a process: joins the consumer group, the lookups and the sinks."""

import asyncio
import os
import socket
import sys
import uuid
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from aiobotocore.session import AioSession, get_session

from delivery import DataPlane, DeadLetterSink, FirehoseSink, KinesisSink, OriginalStore
from delivery.kinesis_units import Aggregation
from enricher.enrich import Lookups
from enricher.metrics import EnricherMetrics
from enricher.pipeline import Pipeline
from enricher.raw_formats import Formats, parse_formats
from enricher.settings import Settings
from enricher.sources import keep_fresh, open_lookups
from event_contract import Limits
from service_runtime import Runtime, aws, run
from shardline import ConsumerGroup, DynamoDBLeaseTable, GroupSettings


async def serve(settings: Settings, runtime: Runtime) -> None:
    """Enrich until `runtime.stop`, then drain and hand the shards over."""
    metrics = EnricherMetrics(runtime.registry)
    lookups = open_lookups(settings, metrics)
    session = get_session()
    async with AsyncExitStack() as stack:
        clients = {
            service: await stack.enter_async_context(_client(session, service, settings))
            for service in ("kinesis", "firehose", "dynamodb", "s3")
        }
        clients["puts"] = await stack.enter_async_context(DataPlane.of(clients["kinesis"]))
        pipeline = _pipeline(settings, metrics, lookups, clients)
        group = ConsumerGroup(
            stream=settings.raw_stream,
            application=settings.application,
            kinesis=clients["kinesis"],
            lease_table=DynamoDBLeaseTable(
                dynamodb=clients["dynamodb"], table=settings.lease_table, create_missing=settings.create_lease_table
            ),
            worker_id=settings.worker_id or f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}",
            settings=GroupSettings(
                initial_position=settings.initial_position,
                reading=settings.reading,
                drain_seconds=0.8 * settings.drain_seconds,
            ),
        )
        metrics.stage.watch_group(settings.raw_stream, group.snapshot)
        async with asyncio.TaskGroup() as tasks:
            fresh = tasks.create_task(keep_fresh(lookups.references, metrics, settings.reference_refresh_seconds))
            runtime.ready(True)
            try:
                await group.run(pipeline, runtime.stop)
            finally:
                fresh.cancel()


def main() -> int:
    """Entry point: run the service and return its exit code."""
    return run(
        Settings,
        serve,
        name="enricher",
        description="Reads raw events, adds geography, device and reference data, masks, and delivers them.",
    )


def _pipeline(settings: Settings, metrics: EnricherMetrics, lookups: Lookups, clients: Mapping[str, Any]) -> Pipeline:
    puts, firehose, stage = clients["puts"], clients["firehose"], metrics.stage
    rate = settings.calls_per_second

    def stream(name: str, aggregate: Aggregation) -> KinesisSink:
        observer = stage.observer(f"kinesis:{name}")
        return KinesisSink(puts, name, rate_per_second=rate, aggregate=aggregate, observer=observer)

    def archive(name: str) -> FirehoseSink:
        observer, record_bytes = stage.observer(f"firehose:{name}"), settings.firehose_record_bytes
        return FirehoseSink(firehose, name, rate_per_second=rate, record_bytes=record_bytes, observer=observer)

    letters_stream, letters_archive = settings.dead_letter_stream, settings.dead_letter_delivery_stream
    return Pipeline(
        lookups,
        {
            f"kinesis:{settings.enriched_stream}": stream(settings.enriched_stream, settings.aggregate),
            f"firehose:{settings.archive_delivery_stream}": archive(settings.archive_delivery_stream),
        },
        DeadLetterSink(
            stream(letters_stream, "off") if letters_stream else None,
            archive(letters_archive) if letters_archive else None,
            originals=OriginalStore(clients["s3"], settings.dead_letter_bucket)
            if settings.dead_letter_bucket
            else None,
        ),
        metrics,
        Limits(max_future_seconds=settings.max_future_seconds),
        Formats(parse_formats(settings.raw_formats), settings.max_unpacked_bytes),
    )


def _client(session: AioSession, service: str, settings: Settings) -> Any:
    attempts = 3 if service == "dynamodb" else 1
    return aws.client(
        session, service, settings.aws_region, max_connections=settings.max_connections, attempts=attempts
    )


if __name__ == "__main__":
    sys.exit(main())
