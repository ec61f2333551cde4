"""A real OpenSearch: the one that OPENSEARCH_URL names, or a node of this machine started for these tests."""

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NoReturn

import pytest
import pytest_asyncio
from opensearchpy import AsyncOpenSearch

from local_aws.java import JavaMissing
from local_aws.opensearch import OpenSearch, OpenSearchSettings
from local_aws.opensearch_jars import JarsUnavailable
from local_aws.ports import free_ports
from local_aws.processes import Supervisor
from local_aws.progress import Silent

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streaming-etl"


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
