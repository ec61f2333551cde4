"""How many DynamoDB requests a shard-hour costs: ours beside the Java KCL 3, each with its default settings.

`python tests/performance/consume/lease_requests.py [--seconds 120]`. Each reads a stream of its own on one double,
alone in its group, with ministack behind a proxy that counts: first while records come (both checkpoint once a second),
then while nothing does. Starting and stopping are not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NoReturn

sys.path.append(str(Path(__file__).parents[2] / "support"))

from consumers import CONSUMERS
from counting_proxy import CountingProxy, counting
from kinesis_double import KinesisStream, serving_kinesis
from local_ministack import serving
from measuring import ProgressFile, samples_until

_NAMES = ("shardline", "kcl")
_START_SECONDS = 180.0
_READS = ("GetItem", "Query", "Scan", "BatchGetItem", "DescribeTable", "ListTables")


def _missing(reason: str) -> NoReturn:
    raise SystemExit(reason)


class Watched:
    """A consumer on a stream of its own, and the proxy that counts its requests."""

    def __init__(self, name: str, shards: int, kinesis: str, proxy: CountingProxy, folder: Path) -> None:
        self.name, self.proxy = name, proxy
        self.stream = KinesisStream(kinesis, f"stream-{name}", shards)
        output = folder / name
        options = {
            "stream": self.stream.name,
            "application": name,
            "worker": f"{name}-worker",
            "kinesis": kinesis,
            "dynamodb": proxy.url,
            "output": output,
        }
        self.progress = ProgressFile(output)
        with Path(f"{output}.log").open("wb") as log:
            self.process = subprocess.Popen(CONSUMERS[name].command(options), stdout=log, stderr=log)

    def put(self, number: int) -> None:
        """Put records into every shard."""
        self.stream.put([{"PartitionKey": f"{number}-{key}", "Data": b"x" * 300} for key in range(40)])


async def _count(watched: list[Watched], seconds: float, *, busy: bool) -> dict[str, Counter[str]]:
    for each in watched:
        each.proxy.reset()
    end = asyncio.get_running_loop().time() + seconds
    number = 0
    while asyncio.get_running_loop().time() < end:
        number += 1
        for each in watched if busy else ():
            await asyncio.to_thread(each.put, number)
        await asyncio.sleep(0.25)
    return {each.name: Counter(each.proxy.requests) for each in watched}


async def measure(options: argparse.Namespace, kinesis: str, dynamodb: str, folder: Path) -> dict[str, object]:
    """Requests a shard-hour of each consumer, busy and idle, by operation."""
    result: dict[str, object] = {}
    async with AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(counting(dynamodb)) for _ in _NAMES]
        watched = [
            Watched(name, options.shards, kinesis, proxy, folder) for name, proxy in zip(_NAMES, proxies, strict=True)
        ]
        try:
            for each in watched:
                each.put(0)
                await asyncio.to_thread(samples_until, each.process, each.progress, 40, _START_SECONDS)
            await asyncio.sleep(options.settle)
            for what in ("busy", "idle"):
                counted = await _count(watched, options.seconds, busy=what == "busy")
                await asyncio.sleep(options.settle)
                for name, requests in counted.items():
                    result[f"{name}, {what}"] = _a_shard_hour(requests, options)
        finally:
            for each in watched:
                each.process.terminate()
            for each in watched:
                await asyncio.to_thread(each.process.wait, 60)
    return result


def _a_shard_hour(requests: Counter[str], options: argparse.Namespace) -> dict[str, float]:
    scale = 3600 / options.seconds / options.shards
    reads = sum(count for name, count in requests.items() if name in _READS)
    every = {name: round(count * scale, 1) for name, count in requests.most_common()}
    total = requests.total()
    return {
        "all": round(total * scale),
        "reads": round(reads * scale),
        "writes": round((total - reads) * scale),
        **every,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--settle", type=float, default=10.0)
    parser.add_argument("--shards", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, serving_kinesis("--state-seconds", "0.1") as kinesis:
        folder = Path(name)
        (folder / "runs").mkdir()
        with serving(folder, _missing) as dynamodb:
            result = asyncio.run(measure(options, kinesis, dynamodb, folder / "runs"))
    for case, figures in result.items():
        print(f"{case:<18}{json.dumps(figures)}")


if __name__ == "__main__":
    main()
