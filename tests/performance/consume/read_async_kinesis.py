"""async-kinesis (PyPI), which polls, with checkpoints in memory; in an environment of its own.

Its defaults, but for what would throttle a measurement: a shard is fetched five times a second, as Kinesis allows, not
once, and data is given as text rather than parsed as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import os

import uvloop
from kinesis import Consumer, StringProcessor
from progress import Progress, stop_at_sigterm

_CALLS_PER_SECOND = 5


async def follow(options: argparse.Namespace, progress: Progress) -> None:
    """Read the stream for ever."""
    consumer = Consumer(
        options.stream,
        endpoint_url=options.kinesis,
        region_name="us-east-1",
        processor=StringProcessor(),
        shard_fetch_rate=_CALLS_PER_SECOND,
        use_list_shards=True,
    )
    async with consumer:
        while True:  # its iteration ends when nothing came for two seconds
            async for item in consumer:
                progress.add(1)
                if item[:1] == "@":
                    progress.stamped([item.encode()])


async def read(options: argparse.Namespace) -> None:
    """Count what the consumer gives until SIGTERM."""
    progress, stop = Progress(options.output), stop_at_sigterm()
    work = [asyncio.ensure_future(follow(options, progress)), asyncio.ensure_future(progress.report())]
    await asyncio.wait([asyncio.ensure_future(stop.wait()), *work], return_when=asyncio.FIRST_COMPLETED)
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)


def main() -> None:
    """Read the command line and consume."""
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("stream", "kinesis", "output"):
        parser.add_argument(f"--{name}", required=True)
    uvloop.run(read(parser.parse_known_args()[0]))


if __name__ == "__main__":
    main()
