"""A consumer as its own process: each record it is given becomes a line of its file before it is done.

Arguments: Kinesis endpoint, DynamoDB endpoint, stream, worker id, file, and settings of the group as JSON. SIGTERM
stops it in good order.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from shardline import Batch, ConsumerGroup, DynamoDBLeaseTable, GroupSettings, each_batch

CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


async def main(kinesis_endpoint: str, ministack_url: str, stream: str, worker: str, path: str, settings: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def note(batch: Batch) -> None:
        lines = [
            json.dumps([worker, batch.lease.shard_id, batch.lease.epoch, record.partition_key, record.data.decode()])
            for record in batch.records
        ]
        if lines:
            os.write(output, ("\n".join(lines) + "\n").encode())

    config = AioConfig(max_pool_connections=50, retries={"total_max_attempts": 1})
    session = get_session()
    async with (
        session.create_client("kinesis", endpoint_url=kinesis_endpoint, config=config, **CREDENTIALS) as kinesis,
        session.create_client("dynamodb", endpoint_url=ministack_url, **CREDENTIALS) as dynamodb,
    ):
        group = ConsumerGroup(
            stream=stream,
            application="reader",
            kinesis=kinesis,
            lease_table=DynamoDBLeaseTable(dynamodb=dynamodb, table=f"{stream}-leases", create_missing=True),
            worker_id=worker,
            settings=GroupSettings(
                lease_duration_seconds=3,
                scan_interval_seconds=0.5,
                shard_sync_interval_seconds=5,
                checkpoint_interval_seconds=0.3,
                stall_seconds=3,
                backoff_cap_seconds=1.0,
                **json.loads(settings),
            ),
        )
        await group.run(each_batch(note), stop)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(main(*sys.argv[1:]))
