"""What the container tests share: an engine, a base image, OpenSearch's jars, the stack's images; kept between runs."""

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from compose_project import CommandFailed, ComposeProject, compose_command, run

from etl_cli.layout import cache_folder
from local_aws.opensearch import write_launcher
from local_aws.opensearch_jars import JarsUnavailable, jars_in, locked_jars
from local_aws.ports import free_ports
from local_aws.progress import Silent

ROOT = Path(__file__).resolve().parents[2]
BASE_IMAGE = "python:3.11-slim-bookworm"
IMAGE_PREFIX = "etl-test"

_ENGINE_SECONDS = 400.0  # from nothing: packages, an engine, and a base image made from packages
_BUILD_SECONDS = 400.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.docker)
            # The first test of a cold engine waits for the base image, the builds and the stack.
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def engine(missing: Callable[[str], NoReturn]) -> None:
    """A Docker engine that answers, and the base image in it."""
    try:
        answers = run(["docker", "info"], check=False).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        answers = False
    if not answers and os.environ.get("CI") != "true":
        missing(
            "no Docker engine answers: start it, or get one at https://docs.docker.com/engine/install; "
            "on Debian and Ubuntu `make compose-test` as root installs and starts it"
        )
    try:
        run([str(ROOT / "tests" / "docker" / "base-image"), BASE_IMAGE], seconds=_ENGINE_SECONDS)
    except (CommandFailed, subprocess.TimeoutExpired) as error:
        missing(f"no Docker engine with {BASE_IMAGE}: {error}")


@pytest.fixture(scope="session")
def jars(missing: Callable[[str], NoReturn]) -> Path:
    """The folder of OpenSearch's jars, in the cache that local stacks use too."""
    folder = cache_folder(os.environ) / "opensearch" / "jars"
    print(f"OpenSearch's jars: in {folder}, or fetched into it", flush=True)
    try:
        asyncio.run(jars_in(folder, locked_jars(), Silent()))
    except JarsUnavailable as error:
        missing(str(error))
    write_launcher(folder)
    return folder


@pytest.fixture(scope="session")
def project(engine: None, jars: Path, missing: Callable[[str], NoReturn]) -> ComposeProject:
    """A Compose project of a name and ports of its own; nothing of it runs yet."""
    command = compose_command() or missing(
        "Docker Compose is missing: see https://docs.docker.com/compose/install, or apt install docker-compose"
    )
    names = ("INGEST_PORT", "CONSOLE_PORT", "KINESIS_PORT", "MINISTACK_PORT", "OPENSEARCH_PORT")
    ports = {name: str(port) for name, port in zip(names, free_ports(len(names)), strict=True)}
    variables = {**ports, "JARS": str(jars), "IMAGE_PREFIX": IMAGE_PREFIX, "PYTHON_IMAGE": BASE_IMAGE}
    return ComposeProject(command, ROOT, f"etl-test-{os.getpid()}", variables)


@pytest.fixture(scope="session")
def images(project: ComposeProject) -> str:
    """The prefix of the stack's images, built from this checkout as `docker compose build` does it."""
    print("images: building", flush=True)
    started = time.monotonic()
    project.compose("build", "--quiet", seconds=_BUILD_SECONDS)
    print(f"images: built in {time.monotonic() - started:.0f} s")
    return IMAGE_PREFIX
