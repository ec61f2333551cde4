"""The Kinesis double and ingest-api as real processes."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
from aiobotocore.session import get_session

from aws_wire import aggregation

KEY = "integration-key"


@dataclass
class Stream:
    url: str
    name: str
    client: Any
    http: aiohttp.ClientSession

    async def fault(self, **fault: object) -> None:
        async with self.http.post(f"{self.url}/_local/faults", json=fault) as response:
            assert response.status < 300, await response.text()

    async def clear_faults(self) -> None:
        async with self.http.delete(f"{self.url}/_local/faults") as response:
            assert response.status < 300

    async def events(self) -> list[dict[str, Any]]:
        """Every event in the stream, aggregates taken apart, shard by shard in order."""
        found = []
        shards = await self.client.list_shards(StreamName=self.name)
        for shard in shards["Shards"]:
            start = await self.client.get_shard_iterator(
                StreamName=self.name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )
            iterator = start["ShardIterator"]
            while True:
                page = await self.client.get_records(ShardIterator=iterator, Limit=10_000)
                for record in page["Records"]:
                    parts = aggregation.decode(record["Data"])
                    found += [orjson.loads(part.data) for part in parts] if parts else [orjson.loads(record["Data"])]
                if page["MillisBehindLatest"] == 0:
                    break
                iterator = page["NextShardIterator"]
        return found


@dataclass
class Process:
    process: asyncio.subprocess.Process
    url: str
    log: Path

    def kill(self) -> None:
        self.process.kill()

    async def terminate(self) -> int:
        """The exit code after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 20)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


@pytest_asyncio.fixture
async def stream() -> AsyncIterator[Stream]:
    """A stream `raw` of two shards on a Kinesis double of its own."""
    options = ("--port", "0", "--state-seconds", "0", "--no-read-limits", "--no-write-limits")
    double = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "local_aws", *options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert double.stdout is not None
        url = (await asyncio.wait_for(double.stdout.readline(), 30)).decode().strip()
        credentials = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
        async with (
            get_session().create_client("kinesis", "us-east-1", endpoint_url=url, **credentials) as client,
            aiohttp.ClientSession() as http,
        ):
            await client.create_stream(StreamName="raw", ShardCount=2)
            await client.get_waiter("stream_exists").wait(StreamName="raw", WaiterConfig={"Delay": 1})
            yield Stream(url, "raw", client, http)
    finally:
        await _end(double)


Serve = Callable[..., AbstractAsyncContextManager[Process]]


@pytest.fixture
def serve(stream: Stream, tmp_path: Path) -> Serve:
    """A way to start ingest-api on the double with further settings. Its key is `KEY`."""

    @asynccontextmanager
    async def run(**settings: str) -> AsyncIterator[Process]:
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL_KINESIS": stream.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "INGEST_PORT": "0",
            "INGEST_LOG_FORMAT": "json",
            "INGEST_API_KEYS": f"test:acme:{hashlib.sha256(KEY.encode()).hexdigest()}",
            **settings,
        }
        log = tmp_path / "ingest.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "ingest_api", env=environment, stdout=output, stderr=output
            )
        try:
            yield Process(process, await _address(process, log), log)
        finally:
            await _end(process)

    return run


async def _address(process: asyncio.subprocess.Process, log: Path) -> str:
    async with asyncio.timeout(30):
        while process.returncode is None:
            url = _announced(log)
            if url is not None:
                return url
            await asyncio.sleep(0.05)  # a start-up of a real process, waited for
    raise AssertionError(f"ingest-api did not start: {_text(log)}")


def _announced(log: Path) -> str | None:
    for line in log.read_bytes().splitlines():
        if b'"listening"' in line and line.endswith(b"}"):
            return str(orjson.loads(line)["url"])
    return None


def _text(log: Path) -> str:
    return log.read_text()
