"""One suite for every Kinesis endpoint, through the SDKs over HTTP/1.1 and through HTTP/2.

The double is started for the suite unless an endpoint is named by `--kinesis-endpoint` or `KINESIS_ENDPOINT`: an
address, or `aws` for Amazon's own with the surroundings' credentials and region. Streams have unique names and are
deleted after their test. Each test's docstring names the page of the API reference that states its fact.
"""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kinesis_clients import CLIENTS, Kinesis, kinesis_client

DOUBLE_OPTIONS = (
    *("--port", "0", "--state-seconds", "0.05", "--idle-event-seconds", "0.3", "--resubscribe-seconds", "1"),
)
_SOURCE = re.compile(r"\(API_[A-Za-z]+\)|https://docs\.aws\.amazon\.com/")


@dataclass(frozen=True)
class Endpoint:
    """Where Kinesis is, how long it refuses a second subscription, and how long its changes of state may take.

    `url` is None for AWS itself. `is_double` says that its clock and its faults can be moved.
    """

    url: str | None
    resubscribe_seconds: float
    patience: float
    is_double: bool


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kinesis-endpoint", help="run the Kinesis suite against this address (or aws), not the double")
    parser.addoption("--kinesis-clients", default="", help="clients to run it through: boto3,aiobotocore,http2")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """No fact without its source; and with some hundred cases through four clients the suite is a long one."""
    for item in items:
        if not item.path.is_relative_to(Path(__file__).parent):
            continue
        item.add_marker(pytest.mark.long)
        documented = getattr(getattr(item, "function", None), "__doc__", None) or ""
        if not _SOURCE.search(documented):
            raise pytest.UsageError(f"{item.nodeid} names no page of AWS")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every fact through each client; against AWS through one, for the sake of its cost."""
    if "kinesis" in metafunc.fixturenames:
        named = metafunc.config.getoption("--kinesis-clients", default="") or os.environ.get("KINESIS_CLIENTS", "")
        default = ("aiobotocore",) if _named_endpoint(metafunc.config) == "aws" else CLIENTS
        metafunc.parametrize("kinesis", named.split(",") if named else default, indirect=True)


def _named_endpoint(config: pytest.Config) -> str:
    return config.getoption("--kinesis-endpoint", default=None) or os.environ.get("KINESIS_ENDPOINT", "")


@pytest.fixture(scope="session")
def endpoint(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    named = _named_endpoint(request.config)
    if named:
        is_aws = named == "aws"
        yield Endpoint(None if is_aws else named, 5.0, patience=300 if is_aws else 30, is_double=False)
        return
    command = [sys.executable, "-m", "local_aws", *DOUBLE_OPTIONS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Endpoint(process.stdout.readline().strip(), 1.0, patience=30, is_double=True)
        process.terminate()


@pytest.fixture
def double(endpoint: Endpoint) -> str:
    """The double's address; elsewhere the test is skipped: it needs faults on demand."""
    if not endpoint.is_double or endpoint.url is None:
        pytest.skip("needs the double's faults")
    return endpoint.url


@pytest.fixture
async def kinesis(request: pytest.FixtureRequest, endpoint: Endpoint) -> AsyncIterator[Kinesis]:
    async with kinesis_client(request.param, endpoint.url, patience=endpoint.patience) as client:
        yield client


@pytest.fixture
def collect() -> Callable[..., Any]:
    """Takes events from a subscription until a condition on them holds, then closes it."""

    async def take(events: Any, until: Callable[[list[dict[str, Any]]], bool]) -> Any:
        taken: list[dict[str, Any]] = []
        async with asyncio.timeout(30), aclosing(events):
            async for event in events:
                taken.append(event)
                if until(taken):
                    break
        return taken

    return take
