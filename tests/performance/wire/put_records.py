"""How many records a second one core puts: the sink over aiobotocore beside the data plane, in one run.

`python tests/performance/wire/put_records.py [--size 300] [--seconds 3]`. The double answers from a process of its own
(write limits off, a new stream for each line, on-demand, so that nothing throttles); rates are items a CPU-second of
this process. "alone": every item is a record of its own, 500 a call. "aggregated": 100 keys of 25 items each.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import uvloop
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from delivery import Item, KinesisSink
from delivery.kinesis_calls import Transport


@contextmanager
def doubled() -> Iterator[str]:
    """The address of a Kinesis double without write limits."""
    command = [sys.executable, "-m", "local_aws", "--port", "0", "--no-write-limits", "--state-seconds", "0.05"]
    with subprocess.Popen([*command, "--log-level", "warning"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def rate(client: Any, transport: Transport, items: list[Item], aggregate: bool, seconds: float) -> float:
    """Items a CPU-second of this process."""
    stream = f"{transport}-{'aggregated' if aggregate else 'alone'}"
    await client.create_stream(StreamName=stream, ShardCount=4)
    await asyncio.sleep(0.2)
    async with KinesisSink(client, stream, aggregate=aggregate, transport=transport) as sink:
        await sink.deliver(items)
        count = 0
        started = time.process_time()
        while (taken := time.process_time() - started) < seconds:
            outcomes = await sink.deliver(items)
            count += sum(outcome.status == "delivered" for outcome in outcomes)
    return count / taken


async def run(size: int, seconds: float) -> None:
    """Each way of putting over each transport."""
    chance = random.Random(1)
    alone = [Item(chance.randbytes(size), f"user-{number}") for number in range(2000)]
    shared = [Item(chance.randbytes(size), f"user-{number % 100}") for number in range(2500)]
    with doubled() as url:
        async with get_session().create_client(
            *("kinesis", "us-east-1"),
            endpoint_url=url,
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=AioConfig(retries={"total_max_attempts": 1}),
        ) as client:
            for name, items, aggregate in (("alone", alone, False), ("aggregated", shared, True)):
                naive = await rate(client, "aiobotocore", items, aggregate, seconds)
                print(f"{name}: aiobotocore {naive:,.0f} items/s a core", flush=True)
                for transport in get_args(Transport):
                    if transport in ("http1", "http2"):
                        ours = await rate(client, transport, items, aggregate, seconds)
                        print(f"{name}: {transport} {ours:,.0f} items/s a core, {ours / naive:.1f} x", flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(options.size, options.seconds))


if __name__ == "__main__":
    main()
