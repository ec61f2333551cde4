"""The Kinesis double as a process: what it acknowledged outlives it."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from botocore.exceptions import BotoCoreError

pytestmark = pytest.mark.integration

SHARD = "shardId-000000000000"


async def stored(kinesis: Any, shard: str = SHARD) -> dict[str, bytes]:
    """All records of a shard, data by sequence number."""
    answer = await kinesis.get_shard_iterator(StreamName="raw", ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    found: dict[str, bytes] = {}
    token = answer["ShardIterator"]
    while True:
        page = await kinesis.get_records(ShardIterator=token)
        if not page["Records"]:
            return found
        found |= {record["SequenceNumber"]: record["Data"] for record in page["Records"]}
        token = page["NextShardIterator"]


async def test_acknowledged_puts_survive_kill_9(start: Any, tmp_path: Path) -> None:
    """Of puts that are under way when the process is killed, every acknowledged one is there afterwards."""
    options = ("--data-dir", str(tmp_path), "--no-write-limits", "--no-read-limits")
    first = await start(*options)
    await first.active_stream()
    acknowledged: dict[str, bytes] = {}

    async def write(writer: int) -> None:
        for number in range(100_000):
            data = [f"{writer}-{number}-{n}".encode() for n in range(20)]
            records = [{"Data": item, "PartitionKey": "k"} for item in data]
            try:
                answer = await first.kinesis.put_records(StreamName="raw", Records=records)
            except (BotoCoreError, aiohttp.ClientError):
                return
            for put, item in zip(answer["Records"], data, strict=True):
                acknowledged[put["SequenceNumber"]] = item

    writers = [asyncio.create_task(write(writer)) for writer in range(4)]
    async with asyncio.timeout(30):
        while len(acknowledged) < 1000:
            await asyncio.sleep(0.01)
    first.process.send_signal(signal.SIGKILL)
    await asyncio.gather(*writers)
    second = await start(*options)
    found = await stored(second.kinesis)
    assert len(acknowledged) >= 1000
    assert acknowledged.items() <= found.items()


async def test_resharded_stream_survives_a_stop(start: Any, tmp_path: Path) -> None:
    """After SIGTERM and a new start, streams, lineage, records and consumers are as before; the exit status is 0."""
    options = ("--data-dir", str(tmp_path))
    first = await start(*options)
    arn = await first.active_stream()
    await first.active_consumer(arn)
    await first.kinesis.put_record(StreamName="raw", Data=b"before", PartitionKey="k")
    await first.kinesis.split_shard(StreamName="raw", ShardToSplit=SHARD, NewStartingHashKey=str(2**127))
    await first.until_active("raw")
    shards = (await first.kinesis.list_shards(StreamName="raw"))["Shards"]
    consumers = (await first.kinesis.list_stream_consumers(StreamARN=arn))["Consumers"]
    first.process.terminate()
    assert await asyncio.wait_for(first.process.wait(), 10) == 0
    second = await start(*options)
    assert (await second.kinesis.list_shards(StreamName="raw"))["Shards"] == shards
    assert (await second.kinesis.list_stream_consumers(StreamARN=arn))["Consumers"] == consumers
    assert list((await stored_once(second.kinesis)).values()) == [b"before"]


async def stored_once(kinesis: Any) -> dict[str, bytes]:
    """The first page of the first shard, data by sequence number."""
    answer = await kinesis.get_shard_iterator(StreamName="raw", ShardId=SHARD, ShardIteratorType="TRIM_HORIZON")
    page = await kinesis.get_records(ShardIterator=answer["ShardIterator"])
    return {record["SequenceNumber"]: record["Data"] for record in page["Records"]}


async def test_stop_ends_open_subscriptions(start: Any) -> None:
    """SIGTERM ends every subscription cleanly, so that the process stops at once."""
    doubles = await start("--idle-event-seconds", "60")
    consumer = await doubles.active_consumer(await doubles.active_stream())
    answer = await doubles.kinesis.subscribe_to_shard(
        ConsumerARN=consumer, ShardId=SHARD, StartingPosition={"Type": "LATEST"}
    )
    doubles.process.terminate()
    events = [event async for event in answer["EventStream"]]
    assert len(events) <= 1
    assert await asyncio.wait_for(doubles.process.wait(), 10) == 0


async def test_without_a_directory_nothing_is_kept(start: Any) -> None:
    """Without `--data-dir` a new process has no streams."""
    first = await start()
    await first.active_stream()
    second = await start()
    assert (await second.kinesis.list_streams())["StreamNames"] == []


async def test_health_says_what_is_served(start: Any) -> None:
    """`GET /_local/health` answers with the services at this address."""
    doubles = await start()
    async with aiohttp.ClientSession() as session, session.get(f"{doubles.url}/_local/health") as response:
        assert response.status == 200
        assert "Kinesis_20131202" in (await response.json())["services"]
