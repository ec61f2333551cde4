"""ministack as a process of a test: installed once a machine, on a free port, gone at the end."""

import asyncio
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from local_aws.commands import CommandFailed, clean
from local_aws.ministack import SERVICES, MinistackSettings, installed, variables
from local_aws.ports import free_ports
from local_aws.progress import Silent

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streaming-etl"
LOCK = Path(__file__).parents[2] / "requirements" / "ministack.lock"
_START_SECONDS = 120.0


@contextmanager
def serving(directory: Path, missing: Callable[[str], NoReturn], services: tuple[str, ...] = SERVICES) -> Iterator[str]:
    """Gives its address; where it cannot be installed, `missing` says so."""
    settings = MinistackSettings(port=free_ports(1)[0], directory=directory, cache=CACHE, lock=LOCK, services=services)
    try:
        command = asyncio.run(installed(settings, os.environ, Silent()))
    except CommandFailed as problem:
        missing(f"ministack could not be installed: {problem}")
    for name in ("state", "s3", "tmp"):
        (directory / name).mkdir()
    with (directory / "ministack.log").open("wb") as log:
        server = subprocess.Popen([command], env={**clean(os.environ), **variables(settings)}, stdout=log, stderr=log)
    try:
        _wait_for(f"{settings.url}/_ministack/health", server)
        yield settings.url
    finally:
        server.terminate()
        server.wait(60)


def _wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"no ministack at {address}")
