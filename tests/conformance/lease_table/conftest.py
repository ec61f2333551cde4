"""The lease tables that must behave alike: in memory, and in DynamoDB as ministack serves it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
import urllib.request
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from aiobotocore.session import get_session

from local_aws.commands import CommandFailed, clean
from local_aws.ministack import MinistackSettings, installed, variables
from local_aws.ports import free_ports
from local_aws.progress import Silent
from shardline import DynamoDBLeaseTable, LeaseTable
from shardline.testing import MemoryLeaseTable


@pytest.fixture(scope="session")
def dynamodb_endpoint(missing: Callable[[str], NoReturn], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """DynamoDB as ministack serves it."""
    root = Path(__file__).parents[3]
    settings = MinistackSettings(
        port=free_ports(1)[0],
        directory=tmp_path_factory.mktemp("ministack"),
        cache=Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streaming-etl",
        lock=root / "requirements" / "ministack.lock",
        services=("dynamodb",),
    )
    try:
        command = asyncio.run(installed(settings, os.environ, Silent()))
    except CommandFailed as problem:
        missing(f"ministack could not be installed: {problem}")
    with (settings.directory / "log").open("wb") as log:
        server = subprocess.Popen([command], env={**clean(os.environ), **variables(settings)}, stdout=log, stderr=log)
    try:
        wait_for(f"{settings.url}/_ministack/health")
        yield settings.url
    finally:
        server.terminate()
        server.wait(10)


def wait_for(address: str) -> None:
    for _ in range(100):
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(address)


@pytest.fixture(params=["memory", "dynamodb"])
def endpoint(request: pytest.FixtureRequest) -> str | None:
    """Where the table is served; None for the one in memory."""
    return None if request.param == "memory" else str(request.getfixturevalue("dynamodb_endpoint"))


@pytest.fixture
async def table(endpoint: str | None) -> AsyncIterator[LeaseTable]:
    """An open, empty table of each kind."""
    if endpoint is None:
        memory = MemoryLeaseTable()
        await memory.open("app/stream")
        yield memory
        return
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    async with get_session().create_client("dynamodb", endpoint_url=endpoint, **credentials) as client:
        name = f"leases-{uuid.uuid4().hex}"
        dynamodb = DynamoDBLeaseTable(dynamodb=client, table=name, create_missing=True)
        await dynamodb.open("app/stream")
        yield dynamodb
