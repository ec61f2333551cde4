"""One suite for every Kinesis endpoint, through both SDKs.

The double is started for the suite unless an endpoint is named by `--kinesis-endpoint` or `KINESIS_ENDPOINT`; the
tests then run against that one, with AWS's own times.
"""

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Any

import aiobotocore.session
import boto3
import pytest
from aiobotocore.config import AioConfig
from botocore.config import Config

CREDENTIALS = {"region_name": "us-east-1", "aws_access_key_id": "local", "aws_secret_access_key": "local"}
DOUBLE_OPTIONS = (
    *("--port", "0", "--state-seconds", "0.05", "--idle-event-seconds", "0.3", "--resubscribe-seconds", "1"),
)


@dataclass(frozen=True)
class Endpoint:
    """Where Kinesis is, and how long it refuses a second subscription."""

    url: str
    resubscribe_seconds: float


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kinesis-endpoint", help="run the Kinesis suite against this address, not the double")


@pytest.fixture(scope="session")
def endpoint(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    named = request.config.getoption("--kinesis-endpoint", default=None) or os.environ.get("KINESIS_ENDPOINT")
    if named:
        yield Endpoint(named, 5.0)
        return
    command = [sys.executable, "-m", "local_aws", *DOUBLE_OPTIONS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Endpoint(process.stdout.readline().strip(), 1.0)
        process.terminate()


class Events:
    """The events of one subscription, which ends when they are closed, read or not."""

    def __init__(self, stream: Any, *, is_async: bool) -> None:
        self._stream = stream
        self._iterator = aiter(stream) if is_async else iter(stream)
        self._is_async = is_async

    def __aiter__(self) -> "Events":
        return self

    async def __anext__(self) -> dict[str, Any]:
        if self._is_async:
            event = await anext(self._iterator)
        elif (event := await asyncio.to_thread(next, self._iterator, None)) is None:
            raise StopAsyncIteration
        found: dict[str, Any] = event["SubscribeToShardEvent"]
        return found

    async def aclose(self) -> None:
        """End the subscription."""
        closing = self._stream.close()
        if closing is not None:
            await closing


class Kinesis:
    """One SDK's client, its calls awaitable whichever it is."""

    def __init__(self, client: Any, *, is_async: bool) -> None:
        self._client = client
        self._is_async = is_async

    async def __call__(self, operation: str, **arguments: Any) -> Any:
        """The answer of an operation, named as the SDK's method."""
        method = getattr(self._client, operation)
        return await method(**arguments) if self._is_async else await asyncio.to_thread(method, **arguments)

    async def subscribe(self, consumer_arn: str, shard_id: str, **position: Any) -> "Events":
        """The events of a subscription."""
        answer = await self("subscribe_to_shard", ConsumerARN=consumer_arn, ShardId=shard_id, StartingPosition=position)
        return Events(answer["EventStream"], is_async=self._is_async)

    async def active_stream(self, shards: int = 1, **options: Any) -> str:
        """The name of a new stream that is ACTIVE."""
        name = f"conformance-{uuid.uuid4().hex[:12]}"
        await self("create_stream", StreamName=name, ShardCount=shards, **options)
        await self.until_active(name)
        return name

    async def until_active(self, stream: str) -> None:
        """Wait until a change of the stream is over."""
        await self._until(lambda: self._is_active(stream))

    async def active_consumer(self, stream: str) -> str:
        """The ARN of a new consumer that is ACTIVE."""
        arn = await self.stream_arn(stream)
        name = f"consumer-{uuid.uuid4().hex[:8]}"
        answer = await self("register_stream_consumer", StreamARN=arn, ConsumerName=name)
        consumer: str = answer["Consumer"]["ConsumerARN"]

        async def is_active() -> bool:
            found = await self("describe_stream_consumer", ConsumerARN=consumer)
            return bool(found["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE")

        await self._until(is_active)
        return consumer

    async def stream_arn(self, stream: str) -> str:
        """The ARN of a stream."""
        answer = await self("describe_stream_summary", StreamName=stream)
        return str(answer["StreamDescriptionSummary"]["StreamARN"])

    async def shards(self, stream: str) -> list[dict[str, Any]]:
        """All shards of a stream."""
        answer = await self("list_shards", StreamName=stream)
        return list(answer["Shards"])

    async def read(self, stream: str, shard_id: str, kind: str = "TRIM_HORIZON", **position: Any) -> Any:
        """One GetRecords from that position on."""
        answer = await self(
            "get_shard_iterator", StreamName=stream, ShardId=shard_id, ShardIteratorType=kind, **position
        )
        return await self("get_records", ShardIterator=answer["ShardIterator"])

    async def _is_active(self, stream: str) -> bool:
        answer = await self("describe_stream_summary", StreamName=stream)
        return bool(answer["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")

    async def _until(self, holds: Callable[[], Any]) -> None:
        async with asyncio.timeout(60):
            while not await holds():
                await asyncio.sleep(0.02)


@pytest.fixture(params=["boto3", "aiobotocore"])
async def kinesis(request: pytest.FixtureRequest, endpoint: Endpoint) -> AsyncIterator[Kinesis]:
    options = {"endpoint_url": endpoint.url, **CREDENTIALS}
    behaviour: Any = {"retries": {"total_max_attempts": 1}, "read_timeout": 30}
    async with AsyncExitStack() as stack:
        if request.param == "aiobotocore":
            session = aiobotocore.session.get_session()
            client = await stack.enter_async_context(
                session.create_client("kinesis", config=AioConfig(**behaviour), **options)
            )
            yield Kinesis(client, is_async=True)
        else:
            client = boto3.client("kinesis", config=Config(**behaviour), **options)
            stack.callback(client.close)
            yield Kinesis(client, is_async=False)


@pytest.fixture
def collect() -> Callable[..., Any]:
    """Takes events from a subscription until a condition on them holds, then closes it."""

    async def take(events: Events, until: Callable[[list[dict[str, Any]]], bool]) -> Any:
        taken: list[dict[str, Any]] = []
        async with asyncio.timeout(30), aclosing(events):
            async for event in events:
                taken.append(event)
                if until(taken):
                    break
        return taken

    return take
