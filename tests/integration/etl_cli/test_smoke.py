"""`etl aws smoke` as a process, against the Kinesis double and ministack: its code works; AWS itself is not proved."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.session import get_session

pytestmark = [pytest.mark.integration, pytest.mark.long]


@pytest.fixture(scope="module")
def kinesis_url() -> Iterator[str]:
    """The double with AWS's limits and delays, but quick changes of state."""
    command = [sys.executable, "-m", "local_aws", "--port", "0", "--log-level", "error", "--state-seconds", "0.3"]
    with subprocess.Popen([*command, "--idle-event-seconds", "1"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()
        server.wait(10)


@pytest.fixture
def environment(kinesis_url: str, ministack_url: str) -> dict[str, str]:
    """A local AWS, as a person sets it."""
    return {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": ministack_url,
        "AWS_ENDPOINT_URL_KINESIS": kinesis_url,
    }


async def started(environment: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "etl_cli", "aws", "smoke", *arguments),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def ended(process: asyncio.subprocess.Process, seconds: float = 120) -> tuple[int, str, str]:
    out, err = await asyncio.wait_for(process.communicate(), seconds)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def clients(environment: dict[str, str]) -> AsyncIterator[tuple[Any, Any]]:
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    session = get_session()
    async with (
        session.create_client(
            "kinesis", endpoint_url=environment["AWS_ENDPOINT_URL_KINESIS"], **credentials
        ) as kinesis,
        session.create_client("dynamodb", endpoint_url=environment["AWS_ENDPOINT_URL"], **credentials) as dynamodb,
    ):
        yield kinesis, dynamodb


async def resources(environment: dict[str, str]) -> list[str]:
    """The streams that are not being deleted, and the tables, of smoke runs."""
    async with clients(environment) as (kinesis, dynamodb):
        await asyncio.sleep(0.5)
        streams = (await kinesis.list_streams())["StreamNames"]
        tables = (await dynamodb.list_tables())["TableNames"]
    return [name for name in [*streams, *tables] if name.startswith("etl-smoke-")]


async def test_every_check_passes_on_the_local_stack(environment: dict[str, str], tmp_path: Path) -> None:
    """And nothing is left afterwards."""
    report = tmp_path / "report.json"
    status, out, err = await ended(await started(environment, "--yes", "--report", str(report)))
    assert status == 0, out + err
    results = json.loads(report.read_text())
    assert len(results) == 14
    assert all(result["state"] == "pass" for result in results)
    assert "14 passed, 0 failed, 0 left out" in out
    assert re.search(r"costs at most 0\.\d\d USD", out)
    assert await resources(environment) == []


async def test_without_a_yes_nothing_is_made(environment: dict[str, str]) -> None:
    status, out, _ = await ended(await started(environment))
    assert status in (1, 2)
    assert "This creates" in out
    assert await resources(environment) == []


async def test_an_interrupted_run_cleans_up(environment: dict[str, str]) -> None:
    """Ctrl-C in the middle of a check: the stream and the table go, and the exit status says so."""
    process = await started(environment, "--yes")
    assert process.stdout is not None
    while b"register" not in await asyncio.wait_for(process.stdout.readline(), 30):
        pass
    process.send_signal(signal.SIGINT)
    status, out, _ = await ended(process)
    assert status == 130
    assert "deleted the stream" in out
    assert await resources(environment) == []


async def test_what_is_kept_is_found_and_deleted(environment: dict[str, str]) -> None:
    """By name and tag: a stream of another's making with such a prefix stays."""
    async with clients(environment) as (kinesis, _):
        await kinesis.create_stream(StreamName="etl-smoke-cafecafe", ShardCount=1)
    status, out, _ = await ended(await started(environment, "--yes", "--keep", "--deadline", "1.5"))
    assert status == 1
    assert "left out" in out
    assert len(await resources(environment)) == 3
    status, out, err = await ended(await started(environment, "--cleanup", "--yes"))
    assert (status, err) == (0, "")
    assert await resources(environment) == ["etl-smoke-cafecafe"]
