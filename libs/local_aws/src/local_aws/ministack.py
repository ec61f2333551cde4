"""ministack, the emulator of S3, DynamoDB and the rest, in a virtual environment of its own (it pins botocore)."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local_aws.commands import clean, locked, run_command
from local_aws.probes import answers
from local_aws.programs import Program
from local_aws.progress import Progress

NAME = "ministack"
SERVICES = ("s3", "dynamodb", "sqs", "sns", "sts", "iam", "kms", "secretsmanager", "cloudwatch")
_PACKAGE = re.compile(r"^Collecting ([A-Za-z0-9_.-]+)")


@dataclass(frozen=True, slots=True)
class MinistackSettings:
    """One ministack: its port on the loopback interface, its folder, the shared cache, and the lock it installs from.

    With `keep`, its state is on disk after an orderly stop and back at the next start.
    """

    port: int
    directory: Path
    cache: Path
    lock: Path
    services: tuple[str, ...] = SERVICES
    region: str = "us-east-1"
    keep: bool = False

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"


def variables(settings: MinistackSettings) -> dict[str, str]:
    """Give the environment variables that make ministack what the settings say."""
    keep = "1" if settings.keep else "0"
    return {
        "GATEWAY_PORT": str(settings.port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": settings.region,
        "SERVICES": ",".join(settings.services),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": keep,
        "S3_PERSIST": keep,
        "STATE_DIR": str(settings.directory / "state"),
        "S3_DATA_DIR": str(settings.directory / "s3"),
        "TMPDIR": str(settings.directory / "tmp"),
    }


def environment_folder(lock: bytes, cache: Path) -> Path:
    """Give where the virtual environment for this lock lies; another lock or Python has another one."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    key = hashlib.sha256(lock + python.encode() + sys.prefix.encode()).hexdigest()[:16]
    return cache / "ministack" / key


async def installed(settings: MinistackSettings, environment: Mapping[str, str], progress: Progress) -> Path:
    """Give ministack's command, installing it from the hashed lock first if it is not there.

    Raises `CommandFailed`, or `OSError` if the lock cannot be read.
    """
    lock = await asyncio.to_thread(settings.lock.read_bytes)
    folder = environment_folder(lock, settings.cache)
    await asyncio.to_thread(folder.parent.mkdir, parents=True, exist_ok=True)
    complete, command = folder / "complete", folder / "bin" / "ministack"
    async with locked(folder.with_suffix(".lock"), progress, NAME):
        if not await asyncio.to_thread(complete.exists):
            await _install(folder, settings.lock, clean(environment), progress)
            await asyncio.to_thread(complete.touch)
    return command


async def _install(folder: Path, lock: Path, environment: Mapping[str, str], progress: Progress) -> None:
    progress.started(NAME, "making its virtual environment")
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    python = str(folder / "bin" / "python")
    # This environment's own pip can install into the new one, and saves it the seconds of getting a pip first.
    own_pip = importlib.util.find_spec("pip") is not None
    await run_command([sys.executable, "-m", "venv", *(["--without-pip"] if own_pip else []), str(folder)], environment)
    pip = [sys.executable, "-m", "pip", "--python", python] if own_pip else [python, "-m", "pip"]
    packages = (await asyncio.to_thread(lock.read_text)).count("==")
    seen: set[str] = set()

    def tell(line: str) -> None:
        if found := _PACKAGE.match(line):
            seen.add(found.group(1))
            progress.updated(NAME, f"fetching {len(seen)} of {packages} packages", len(seen), packages)
        elif line.startswith("Installing"):
            progress.updated(NAME, f"installing {packages} packages", packages, packages)

    hashed = ["install", "--require-hashes", "--no-deps", "--disable-pip-version-check", "--no-input", "-r", str(lock)]
    await run_command([*pip, *hashed], environment, tell)
    progress.done(NAME, f"{packages} packages installed, hashes checked")


async def program(settings: MinistackSettings, environment: Mapping[str, str], progress: Progress) -> Program:
    """Install what is missing and give the process to start; raises as `installed` does."""
    command = await installed(settings, environment, progress)
    for name in ("state", "s3", "tmp"):
        (settings.directory / name).mkdir(parents=True, exist_ok=True)
    return Program(
        name=NAME,
        argv=[str(command)],
        log=settings.directory / "ministack.log",
        environment={**clean(environment), **variables(settings)},
        directory=settings.directory,
        ready=answers(f"{settings.url}/_ministack/health"),
        stop_seconds=20.0,
    )
