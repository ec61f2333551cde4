"""What the double takes and gives a second on one core, and whether that holds as its storage grows.

`python tests/performance/double/throughput.py [--records 400000] [--shards 4]` starts the double as a process of its
own, puts batches of 500 records of 300 bytes, then reads them all by SubscribeToShard, without pacing and as a replay,
over HTTP/1.1 and HTTP/2. A rate is records a CPU-second of the double's process: the client's cost is not in it.
"""

import argparse
import asyncio
import base64
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import psutil

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "..", "support"))
from http2_client import http2_client

BATCH = 500
RECORD_BYTES = 300
WINDOW = 16 * 1024 * 1024
STREAM = "throughput"
OPTIONS = ("--port", "0", "--no-write-limits", "--no-pacing", "--state-seconds", "0", "--resubscribe-seconds", "0")


@dataclass
class Double:
    """The process under test."""

    url: str
    process: psutil.Process

    def cpu_seconds(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def megabytes(self) -> float:
        return float(self.process.memory_info().rss) / 1e6


@asynccontextmanager
async def running() -> AsyncIterator[Double]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "local_aws", *OPTIONS, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        url = (await process.stdout.readline()).decode().strip()
        yield Double(url, psutil.Process(process.pid))
    finally:
        process.terminate()
        await process.communicate()


class Clock:
    """Wall and CPU seconds since it was made."""

    def __init__(self, double: Double) -> None:
        self._double = double
        self._wall, self._cpu = time.perf_counter(), double.cpu_seconds()

    def report(self, what: str, records: int) -> None:
        wall, cpu = time.perf_counter() - self._wall, self._double.cpu_seconds() - self._cpu
        print(
            f"{what:<34}{records / cpu:>12,.0f} records a CPU-second {records / wall:>12,.0f} a second "
            f"{self._double.megabytes():>8,.0f} MB",
            flush=True,
        )


async def call(session: aiohttp.ClientSession, double: Double, operation: str, body: bytes) -> Any:
    headers = {"X-Amz-Target": f"Kinesis_20131202.{operation}"}
    async with session.post(double.url, data=body, headers=headers) as answer:
        content = await answer.read()
        assert answer.status == 200, content
        return orjson.loads(content or b"{}")


def batch(number: int) -> bytes:
    data = base64.b64encode(os.urandom(RECORD_BYTES)).decode()
    return orjson.dumps(
        {
            "StreamName": STREAM,
            "Records": [{"Data": data, "PartitionKey": f"key-{number}-{index}"} for index in range(BATCH)],
        }
    )


async def put(session: aiohttp.ClientSession, double: Double, records: int) -> None:
    """Put the records, and report every quarter: the rate must not fall as storage grows."""
    batches = [batch(number) for number in range(64)]
    quarter = records // BATCH // 4
    for part in range(4):
        clock = Clock(double)
        for number in range(quarter):
            answer = await call(session, double, "PutRecords", batches[number % 64])
            assert answer["FailedRecordCount"] == 0
        clock.report(f"put, {part * quarter * BATCH:,} stored", quarter * BATCH)


def subscription(consumer: str, shard: int) -> bytes:
    position = {"Type": "TRIM_HORIZON"}
    return orjson.dumps({"ConsumerARN": consumer, "ShardId": f"shardId-{shard:012d}", "StartingPosition": position})


async def read_http1(session: aiohttp.ClientSession, double: Double, consumer: str, shards: int, total: int) -> None:
    """Read every shard on a connection of its own until all records came."""
    counted = Counted(total)

    async def one(shard: int) -> None:
        headers = {"X-Amz-Target": "Kinesis_20131202.SubscribeToShard"}
        async with session.post(double.url, data=subscription(consumer, shard), headers=headers) as answer:
            async for data in answer.content.iter_any():
                if counted.take(shard, data):
                    break

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(shard)) for shard in range(shards)]
        await counted.all.wait()
        for task in tasks:
            task.cancel()


async def read_http2(double: Double, consumer: str, shards: int, total: int) -> None:
    """Read every shard as a stream of one connection until all records came."""
    counted = Counted(total)
    async with http2_client(double.url, window=WINDOW) as client:
        client.give_room(WINDOW)
        target = {"x-amz-target": "Kinesis_20131202.SubscribeToShard"}
        numbers = [client.request(subscription(consumer, shard), headers=target) for shard in range(shards)]
        client.on_data = lambda number, data: counted.take(number, data)
        assert numbers
        await counted.all.wait()


class Counted:
    """Counts records by the one word that each has, also where it is cut in two."""

    WORD = b'"PartitionKey"'

    def __init__(self, total: int) -> None:
        self.all = asyncio.Event()
        self._left = total
        self._ends: dict[int, bytes] = {}

    def take(self, source: int, data: bytes) -> bool:
        """Whether all have come."""
        whole = self._ends.get(source, b"") + data
        self._left -= whole.count(self.WORD)
        self._ends[source] = whole[-len(self.WORD) + 1 :]
        if self._left <= 0:
            self.all.set()
        return self.all.is_set()


async def main(records: int, shards: int) -> None:
    async with running() as double, aiohttp.ClientSession() as session:
        await call(session, double, "CreateStream", orjson.dumps({"StreamName": STREAM, "ShardCount": shards}))
        summary = await call(session, double, "DescribeStreamSummary", orjson.dumps({"StreamName": STREAM}))
        arn = summary["StreamDescriptionSummary"]["StreamARN"]
        registration = orjson.dumps({"StreamARN": arn, "ConsumerName": "reader"})
        consumer = (await call(session, double, "RegisterStreamConsumer", registration))["Consumer"]["ConsumerARN"]
        await put(session, double, records)
        for mode in ("first read", "read again", "replay"):
            if mode == "replay":
                async with session.post(f"{double.url}/_local/replay", data=orjson.dumps({"stream": STREAM})) as answer:
                    assert answer.status == 201
            for name in ("HTTP/1.1", "HTTP/2"):
                await asyncio.sleep(1.1)  # one SubscribeToShard a second
                clock = Clock(double)
                if name == "HTTP/1.1":
                    await read_http1(session, double, consumer, shards, records)
                else:
                    await read_http2(double, consumer, shards, records)
                clock.report(f"{mode}, {name}", records)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=400_000)
    parser.add_argument("--shards", type=int, default=4)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.records, arguments.shards))
