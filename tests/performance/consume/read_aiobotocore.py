"""The naive way: aiobotocore's subscribe_to_shard in a loop for each shard, no leases, no checkpoints."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

import uvloop
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from progress import Progress, stop_at_sigterm

CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


async def registered(kinesis: Any, stream: str, name: str) -> str:
    """The ARN of the consumer of this name, once it is ACTIVE."""
    summary = await kinesis.describe_stream_summary(StreamName=stream)
    arn = summary["StreamDescriptionSummary"]["StreamARN"]
    made = await kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=name)
    consumer: str = made["Consumer"]["ConsumerARN"]
    while True:
        found = await kinesis.describe_stream_consumer(ConsumerARN=consumer)
        if found["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE":
            return consumer
        await asyncio.sleep(0.1)


async def follow(kinesis: Any, consumer: str, shard: str, progress: Progress) -> None:
    """Read a shard for ever, one subscription after the other."""
    position = {"Type": "TRIM_HORIZON"}
    while True:
        answer = await kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId=shard, StartingPosition=position)
        async for event in answer["EventStream"]:
            pushed = event["SubscribeToShardEvent"]
            records = pushed["Records"]
            position = {"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": pushed["ContinuationSequenceNumber"]}
            if records:
                progress.add(len(records))
                if records[0]["Data"][:1] == b"@":
                    progress.stamped([record["Data"] for record in records])


async def read(options: argparse.Namespace) -> None:
    """Count what the subscriptions give until SIGTERM."""
    progress, stop = Progress(options.output), stop_at_sigterm()
    config = AioConfig(max_pool_connections=50)
    async with get_session().create_client(
        "kinesis", endpoint_url=options.kinesis, config=config, **CREDENTIALS
    ) as kinesis:
        consumer = await registered(kinesis, options.stream, options.application)
        shards = (await kinesis.list_shards(StreamName=options.stream))["Shards"]
        work = [asyncio.ensure_future(follow(kinesis, consumer, shard["ShardId"], progress)) for shard in shards]
        work.append(asyncio.ensure_future(progress.report()))
        await stop.wait()
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


def main() -> None:
    """Read the command line and consume."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("stream", "application", "kinesis", "output"):
        parser.add_argument(f"--{name}", required=True)
    uvloop.run(read(parser.parse_known_args()[0]))


if __name__ == "__main__":
    main()
