"""A consumer as its own process that tells when: each record it is given becomes a line of its file before it is done.

A line is a JSON list: worker, shard, epoch, key, data, and seconds on the machine's monotonic clock, which all
processes share. Arguments: Kinesis endpoint, DynamoDB endpoint, stream, worker id, file, and settings of the group as
JSON. SIGTERM stops it in good order.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import time

import uvloop
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from shardline import Batch, ConsumerGroup, DynamoDBLeaseTable, GroupSettings, each_batch

CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


async def main(kinesis_endpoint: str, ministack_url: str, stream: str, worker: str, path: str, settings: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def note(batch: Batch) -> None:
        shard, epoch, now = batch.lease.shard_id, batch.lease.epoch, time.monotonic()
        lines = [
            json.dumps([worker, shard, epoch, record.partition_key, record.data.decode(), now]) + "\n"
            for record in batch.records
        ]
        if lines:
            os.write(output, "".join(lines).encode())

    config = AioConfig(max_pool_connections=50, retries={"total_max_attempts": 1})
    session = get_session()
    async with (
        session.create_client("kinesis", endpoint_url=kinesis_endpoint, config=config, **CREDENTIALS) as kinesis,
        session.create_client("dynamodb", endpoint_url=ministack_url, **CREDENTIALS) as dynamodb,
    ):
        group = ConsumerGroup(
            stream=stream,
            application="rolling",
            kinesis=kinesis,
            lease_table=DynamoDBLeaseTable(dynamodb=dynamodb, table=f"{stream}-leases", create_missing=True),
            worker_id=worker,
            settings=GroupSettings(**json.loads(settings)),
        )
        await group.run(each_batch(note), stop)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s.%(msecs)03d %(name)s %(message)s", datefmt="%H:%M:%S")
    uvloop.run(main(*sys.argv[1:]))
