"""The backends of the sinks: the AWS double as a process, and a real OpenSearch (OPENSEARCH_URL, or one of our own)."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
import pytest_asyncio
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from aiohttp import web
from opensearchpy import AsyncOpenSearch

from local_aws.java import JavaMissing
from local_aws.opensearch import OpenSearch, OpenSearchSettings
from local_aws.opensearch_jars import JarsUnavailable
from local_aws.ports import free_ports
from local_aws.processes import Supervisor
from local_aws.progress import Silent

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streaming-etl" / "opensearch"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def opensearch_url(
    tmp_path_factory: pytest.TempPathFactory, missing: Callable[[str], NoReturn]
) -> AsyncIterator[str]:
    """The node's address."""
    if url := os.environ.get("OPENSEARCH_URL"):
        yield url
        return
    http_port, transport_port = free_ports(2)
    directory = tmp_path_factory.mktemp("opensearch")
    small = {"http.max_content_length": "6mb"}
    settings = OpenSearchSettings(http_port, transport_port, directory, _CACHE, extra=small)
    node = OpenSearch(settings, dict(os.environ), Silent())
    try:
        program = await node.program()
    except (JavaMissing, JarsUnavailable) as error:
        missing(f"OpenSearch: {error}")
    async with Supervisor() as supervisor:
        await supervisor.start([program])
        yield settings.url
        await supervisor.stop()
    node.stopped(orderly=supervisor.last_status(program.name) in (0, 143))


@pytest.fixture
async def search(opensearch_url: str) -> AsyncIterator[AsyncOpenSearch]:
    """A client that makes no retries of its own."""
    async with AsyncOpenSearch(hosts=[opensearch_url], max_retries=0, timeout=30) as client:
        yield client


@dataclass
class ObjectStore:
    """An S3 that takes objects by path and keeps them in memory."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)

    async def put(self, request: web.Request) -> web.Response:
        self.objects[request.path.lstrip("/")] = await request.read()
        return web.Response(headers={"ETag": '"0"'})


@pytest.fixture
async def objects() -> AsyncIterator[ObjectStore]:
    store = ObjectStore()
    app = web.Application(client_max_size=2**26)
    app.router.add_put("/{path:.*}", store.put)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    store.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield store
    await runner.cleanup()


@pytest.fixture
async def endpoint(objects: ObjectStore) -> AsyncIterator[str]:
    """The address of a double that enforces write limits and takes records of 200 kB at most."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local_aws", "--port", "0", "--state-seconds", "0.05"),
        *("--write-limits", "--max-record-bytes", "200000", "--log-level", "warning"),
        *("--firehose-s3-endpoint", objects.url),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


def client(service: str, endpoint_url: str) -> Any:
    return get_session().create_client(
        service,
        region_name="us-east-1",
        endpoint_url=endpoint_url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=AioConfig(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


@pytest.fixture
async def kinesis(endpoint: str) -> AsyncIterator[Any]:
    async with client("kinesis", endpoint) as made:
        yield made


@pytest.fixture
async def firehose(endpoint: str) -> AsyncIterator[Any]:
    async with client("firehose", endpoint) as made:
        yield made


@pytest.fixture
async def s3(objects: ObjectStore) -> AsyncIterator[Any]:
    async with client("s3", objects.url) as made:
        yield made
