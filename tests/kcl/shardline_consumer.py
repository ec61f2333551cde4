"""A shardline worker as its own process: each record it is given becomes a line of its file before it is done.

A line is shard, sequence number, sub-sequence number, partition key, data, with tabs between: the same as the Java
consumer writes. SIGTERM, or the batch that reaches `--limit`, stops it in good order.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from shardline import Batch, ConsumerGroup, DynamoDBLeaseTable, GroupSettings, Record, each_batch

CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


def line_of(shard: str, record: Record) -> str:
    """A record as a line of the file."""
    number, sub = record.sequence_number, record.sub_sequence_number
    return f"{shard}\t{number}\t{sub}\t{record.partition_key}\t{record.data.decode()}\n"


async def consume(options: argparse.Namespace) -> None:
    """Run a worker until it is told to stop."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    output = os.open(options.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    total = 0

    async def note(batch: Batch) -> None:
        nonlocal total
        if batch.records:
            os.write(output, "".join(line_of(batch.lease.shard_id, record) for record in batch.records).encode())
        total += len(batch.records)
        if total >= options.limit:
            stop.set()

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
            lease_table=DynamoDBLeaseTable(
                dynamodb=dynamodb, table=options.application, create_missing=True, beside_kcl=options.beside_kcl
            ),
            worker_id=options.worker,
            settings=GroupSettings(
                lease_duration_seconds=options.failover_millis / 1000,
                scan_interval_seconds=1.0,
                shard_sync_interval_seconds=5.0,
                checkpoint_interval_seconds=0.3,
            ),
        )
        await group.run(each_batch(note), stop)


def main() -> None:
    """Read the command line and consume."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("stream", "application", "worker", "kinesis", "dynamodb", "output"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--limit", type=int, default=1 << 60)
    parser.add_argument("--failover-millis", type=int, default=10_000)
    parser.add_argument("--beside-kcl", type=bool, default=False)
    asyncio.run(consume(parser.parse_args()))


if __name__ == "__main__":
    main()
