"""The lease tables that must behave alike: in memory, and in DynamoDB as ministack serves it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import NoReturn

import pytest
from aiobotocore.session import get_session

from shardline import DynamoDBLeaseTable, LeaseTable
from shardline.testing import MemoryLeaseTable


@pytest.fixture(scope="session")
def dynamodb_endpoint(missing: Callable[[str], NoReturn]) -> Iterator[str]:
    program = os.environ.get("MINISTACK") or shutil.which("ministack")
    if program is None:
        missing("ministack is not installed: pip install ministack==1.5.33, or name it in MINISTACK")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "SERVICES": "dynamodb"}
    off = {"IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
    server = subprocess.Popen(
        [program], env={**os.environ, **settings, **off}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _wait_for(f"{endpoint}/_ministack/health")
        yield endpoint
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(address: str) -> None:
    for _ in range(100):
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(address)


@pytest.fixture(params=["memory", "dynamodb"])
async def table(request: pytest.FixtureRequest) -> AsyncIterator[LeaseTable]:
    """An open, empty table of each kind."""
    if request.param == "memory":
        memory = MemoryLeaseTable()
        await memory.open("app/stream")
        yield memory
        return
    endpoint = request.getfixturevalue("dynamodb_endpoint")
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    async with get_session().create_client("dynamodb", endpoint_url=endpoint, **credentials) as client:
        dynamodb = DynamoDBLeaseTable(dynamodb=client, table=f"leases-{uuid.uuid4().hex}", create_missing=True)
        await dynamodb.open("app/stream")
        yield dynamodb
