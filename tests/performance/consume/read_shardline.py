"""Ours: a shardline worker with leases and checkpoints in DynamoDB, as a service runs it."""

from __future__ import annotations

import argparse
import asyncio
import logging
from contextlib import suppress

import uvloop
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from progress import Progress, stop_at_sigterm

from shardline import Batch, ConsumerGroup, DynamoDBLeaseTable, GroupSettings, each_batch

CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


async def read(options: argparse.Namespace) -> None:
    """Count what the group gives until SIGTERM."""
    progress, stop = Progress(options.output), stop_at_sigterm()

    async def count(batch: Batch) -> None:
        records = batch.records
        if records:
            progress.add(len(records))
            if records[0].data[:1] == b"@":
                progress.stamped([record.data for record in records])

    session = get_session()
    config = AioConfig(max_pool_connections=50, retries={"total_max_attempts": 1})
    async with (
        session.create_client("kinesis", endpoint_url=options.kinesis, config=config, **CREDENTIALS) as kinesis,
        session.create_client("dynamodb", endpoint_url=options.dynamodb, **CREDENTIALS) as dynamodb,
    ):
        group = ConsumerGroup(
            stream=options.stream,
            application=options.application,
            kinesis=kinesis,
            lease_table=DynamoDBLeaseTable(dynamodb=dynamodb, table=options.application, create_missing=True),
            worker_id=options.worker,
            settings=GroupSettings(transport=options.transport, reading=options.reading),
        )
        reporting = asyncio.ensure_future(progress.report())
        await group.run(each_batch(count), stop)
        reporting.cancel()
        with suppress(asyncio.CancelledError):
            await reporting


def main() -> None:
    """Read the command line and consume."""
    logging.basicConfig(level=logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("stream", "application", "worker", "kinesis", "dynamodb", "output"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--transport", default="auto")
    parser.add_argument("--reading", default="fan_out")
    uvloop.run(read(parser.parse_args()))


if __name__ == "__main__":
    main()
