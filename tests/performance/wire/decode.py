"""How many records a second one core decodes from a subscription: aiobotocore beside the data plane, in one run.

`python tests/performance/wire/decode.py [--records 500] [--size 300] [--seconds 3]`. "bytes" decodes frames that are
in memory; "sockets" reads a subscription from another process. Rates are records a CPU-second of this process, so
that the sender's share of the machine does not count.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import botocore.session
import uvloop
from aiobotocore.eventstream import AioEventStream
from aiobotocore.parsers import AioResponseParserFactory
from aiobotocore.session import get_session
from replay import event_frame

from aws_wire.data_plane import DataPlane, Transport
from aws_wire.data_plane.subscription import SubscriptionDecoder

_PIECE_BYTES = 64 * 1024


def botocore_events(pieces: AsyncIterator[bytes]) -> Any:
    """What aiobotocore makes of the pieces of a subscription's body."""
    shape, parser = _shape_and_parser()

    async def iter_chunks() -> AsyncIterator[tuple[bytes, bool]]:
        async for piece in pieces:
            yield piece, True

    raw = SimpleNamespace(content=SimpleNamespace(iter_chunks=iter_chunks))
    return AioEventStream(raw, shape, parser, "SubscribeToShard")


@cache
def _shape_and_parser() -> tuple[Any, Any]:
    model = botocore.session.get_session().get_service_model("kinesis").operation_model("SubscribeToShard")
    parser = AioResponseParserFactory().create_parser("json")
    return model.output_shape.members["EventStream"], parser._event_stream_parser


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _PIECE_BYTES):
        yield body[start : start + _PIECE_BYTES]


async def naive_bytes(body: bytes) -> int:
    """Records that aiobotocore decodes."""
    count = 0
    async for event in botocore_events(_pieces(body)):
        count += len(event["SubscribeToShardEvent"]["Records"])
    return count


async def our_bytes(body: bytes) -> int:
    """Records that the data plane decodes."""
    count = 0
    decoder = SubscriptionDecoder()
    async for piece in _pieces(body):
        for event in decoder.feed(piece):
            count += len(event.records)
    return count


async def naive_sockets(client: Any) -> int:
    """Records of one subscription through aiobotocore."""
    answer = await client.subscribe_to_shard(ConsumerARN="arn", ShardId="s", StartingPosition={"Type": "LATEST"})
    count = 0
    async for event in answer["EventStream"]:
        count += len(event["SubscribeToShardEvent"]["Records"])
    return count


async def our_sockets(plane: DataPlane) -> int:
    """Records of one subscription through the data plane."""
    return sum([len(event.records) async for event in plane.subscribe_to_shard("arn", "s", {"Type": "LATEST"})])


async def rate(read: Callable[[], Awaitable[int]], seconds: float) -> float:
    """Records a CPU-second of this process, over `seconds` of it."""
    await read()
    started = time.process_time()
    count = 0
    while time.process_time() - started < seconds:
        count += await read()
    return count / (time.process_time() - started)


def show(name: str, naive: float, ours: dict[str, float]) -> None:
    """One line a way, each with its ratio to the naive one."""
    print(f"{name}: aiobotocore {naive:,.0f} records/s a core", flush=True)
    for way, value in ours.items():
        print(f"{name}: data plane {way} {value:,.0f} records/s a core, {value / naive:.1f} x", flush=True)


@contextmanager
def replaying(*arguments: int) -> Any:
    """The address of a replaying server in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name("replay.py")), *(str(each) for each in arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def run(records: int, size: int, seconds: float) -> None:
    """Measure both, from memory and over sockets."""
    frame = event_frame(records, size)
    short, long = frame * 4, frame * 40
    naive = await rate(lambda: naive_bytes(short), seconds)
    show("bytes", naive, {"": await rate(lambda: our_bytes(long), seconds)})
    with replaying(records, size, 40) as url:
        async with get_session().create_client(
            "kinesis", "us-east-1", endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b"
        ) as client:
            naive = await rate(lambda: naive_sockets(client), seconds)
            ours: dict[str, float] = {}
            transports: tuple[Transport, ...] = ("http1", "http2")
            for transport in transports:
                async with DataPlane.of(client, transport) as plane:
                    ours[transport] = await rate(lambda plane=plane: our_sockets(plane), seconds)  # type: ignore[misc]
    show("sockets", naive, ours)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=500)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(options.records, options.size, options.seconds))


if __name__ == "__main__":
    main()
