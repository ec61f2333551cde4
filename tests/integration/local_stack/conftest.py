"""The parts of the local stack, each as a real process."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NoReturn

import pytest
import pytest_asyncio

from local_aws import ministack
from local_aws.commands import CommandFailed
from local_aws.ministack import MinistackSettings
from local_aws.opensearch_jars import JarsUnavailable, jars_in, locked_jars
from local_aws.ports import free_ports
from local_aws.processes import Supervisor
from local_aws.programs import Program
from local_aws.progress import Silent

ROOT = Path(__file__).parents[3]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streaming-etl"


@pytest.fixture(scope="session")
def cache() -> Path:
    """What all stacks of the machine share."""
    return CACHE


@pytest.fixture(scope="session")
def ministack_lock() -> Path:
    return ROOT / "requirements" / "ministack.lock"


@pytest.fixture(scope="session")
def jars(missing: Callable[[str], NoReturn]) -> list[Path]:
    """OpenSearch's jars."""
    try:
        return asyncio.run(jars_in(CACHE / "opensearch" / "jars", locked_jars(), Silent()))
    except JarsUnavailable as problem:
        missing(f"OpenSearch's jars: {problem}")


@pytest.fixture(scope="session")
def ministack_command(ministack_lock: Path, missing: Callable[[str], NoReturn]) -> Path:
    """ministack, installed."""
    settings = MinistackSettings(0, Path(), CACHE, ministack_lock)
    try:
        return asyncio.run(ministack.installed(settings, os.environ, Silent()))
    except CommandFailed as problem:
        missing(f"ministack could not be installed: {problem}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def s3_url(
    ministack_command: Path, ministack_lock: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    """An S3 of ministack."""
    assert ministack_command.name == ministack.NAME
    settings = MinistackSettings(free_ports(1)[0], tmp_path_factory.mktemp("ministack"), CACHE, ministack_lock)
    async with Supervisor() as supervisor:
        await supervisor.start([await ministack.program(settings, os.environ, Silent())])
        yield settings.url


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    async with Supervisor() as running:
        yield running


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., Program]:
    """Makes a program of a few lines of Python."""

    def make(name: str, code: str, **more: object) -> Program:
        argv = [sys.executable, "-I", "-u", "-c", code]
        return Program(name, argv, tmp_path / f"{name}.log", dict(os.environ), **more)  # type: ignore[arg-type]

    return make
