"""The doubles as a process of their own."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiobotocore.session
import pytest
from aiobotocore.config import AioConfig

QUICK = ("--port", "0", "--state-seconds", "0.02", "--idle-event-seconds", "0.2", "--resubscribe-seconds", "0")


@dataclass
class Doubles:
    """A running process, its address, and a Kinesis client for it."""

    process: asyncio.subprocess.Process
    url: str
    kinesis: Any

    async def active_stream(self, name: str = "raw", shards: int = 1) -> str:
        """Create a stream and wait until it is ACTIVE; its ARN."""
        await self.kinesis.create_stream(StreamName=name, ShardCount=shards)
        return await self.until_active(name)

    async def until_active(self, name: str) -> str:
        """Wait until the stream is ACTIVE; its ARN."""
        async with asyncio.timeout(30):
            while True:
                summary = (await self.kinesis.describe_stream_summary(StreamName=name))["StreamDescriptionSummary"]
                if summary["StreamStatus"] == "ACTIVE":
                    return str(summary["StreamARN"])
                await asyncio.sleep(0.02)

    async def active_consumer(self, stream_arn: str, name: str = "reader") -> str:
        """Register a consumer and wait until it is ACTIVE; its ARN."""
        answer = await self.kinesis.register_stream_consumer(StreamARN=stream_arn, ConsumerName=name)
        arn = str(answer["Consumer"]["ConsumerARN"])
        async with asyncio.timeout(30):
            while True:
                found = await self.kinesis.describe_stream_consumer(ConsumerARN=arn)
                if found["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE":
                    return arn
                await asyncio.sleep(0.02)


@asynccontextmanager
async def run_doubles(*options: str) -> AsyncIterator[Doubles]:
    """Start them, and stop them if they still run."""
    command = [sys.executable, "-m", "local_aws", *QUICK, *options]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        url = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()
        client = aiobotocore.session.get_session().create_client(
            "kinesis",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=AioConfig(retries={"total_max_attempts": 1}, read_timeout=30),
        )
        async with client as kinesis:
            yield Doubles(process, url, kinesis)
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.communicate(), 30)


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Any]]:
    """Starts the doubles with more options; they are stopped at the end of the test."""
    async with AsyncExitStack() as running:

        async def begin(*options: str) -> Doubles:
            return await running.enter_async_context(run_doubles(*options))

        yield begin
