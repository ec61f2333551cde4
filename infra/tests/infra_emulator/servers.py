"""The emulators as processes: ministack for most of AWS, moto for what it lacks, each in an environment of its own."""

import asyncio
import fcntl
import hashlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from etl_cli.layout import cache_folder
from local_aws import ministack
from local_aws.commands import CommandFailed, clean
from local_aws.ports import free_ports
from local_aws.progress import Silent

ACCOUNT = "000000000000"
# moto is the better or the only one in these: https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints-table.html
_MOTO = ("APPLICATION_AUTO_SCALING", "CLOUDWATCH", "EC2", "FIREHOSE", "GLUE")
_START_SECONDS = 90.0


class EmulatorMissing(Exception):
    """An emulator could not be installed or did not start. Its packages come from PyPI; see the message."""


@contextmanager
def emulators(project: Path, scratch: Path) -> Iterator[dict[str, str]]:
    """Both running on loopback; gives the variables by which an SDK finds them. Raises EmulatorMissing."""
    first, second = free_ports(2)
    settings = ministack.MinistackSettings(
        port=first,
        directory=scratch / "ministack",
        cache=cache_folder(os.environ),
        lock=project / "requirements" / "ministack.lock",
    )
    try:
        command = asyncio.run(ministack.installed(settings, os.environ, Silent()))
        moto = installed(project / "requirements" / "moto.lock", cache_folder(os.environ) / "moto")
    except (CommandFailed, subprocess.CalledProcessError, OSError) as error:
        raise EmulatorMissing(f"{EmulatorMissing.__doc__} {error}") from error
    variables = ministack.variables(settings)
    # All of its services, not those that the local stack uses.
    del variables["SERVICES"]
    for name in ("state", "s3", "tmp"):
        (settings.directory / name).mkdir(parents=True)
    server = [str(moto), str(Path(__file__).with_name("moto_server.py")), "-H", "127.0.0.1", "-p", str(second)]
    closing = [str(command.with_name("python")), str(Path(__file__).with_name("ministack_server.py"))]
    urls = f"http://127.0.0.1:{first}", f"http://127.0.0.1:{second}"
    with ExitStack() as stack:
        stack.enter_context(_running(closing, variables, scratch / "ministack.log", f"{urls[0]}/_ministack/health"))
        stack.enter_context(
            _running(server, {"MOTO_ACCOUNT_ID": ACCOUNT}, scratch / "moto.log", f"{urls[1]}/moto-api/")
        )
        yield {
            "AWS_ENDPOINT_URL": urls[0],
            **{f"AWS_ENDPOINT_URL_{service}": urls[1] for service in _MOTO},
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }


def installed(lock: Path, cache: Path) -> Path:
    """The Python of an environment with the packages of a hashed lock, which is made first if it is not there."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    key = hashlib.sha256(lock.read_bytes() + python.encode() + sys.prefix.encode()).hexdigest()[:16]
    folder = cache / key
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{key}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            environment = clean(os.environ)
            _call([sys.executable, "-m", "venv", "--clear", str(folder)], environment)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            _call([*pip, "--require-hashes", "--no-deps", "--no-input", "-r", str(lock)], environment)
            (folder / "complete").touch()
    return folder / "bin" / "python"


def _call(command: list[str], environment: Mapping[str, str]) -> None:
    subprocess.run(command, env=dict(environment), check=True, stdout=subprocess.DEVNULL)  # noqa: S603  our own


@contextmanager
def _running(command: list[str], variables: Mapping[str, str], log: Path, health: str) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  our own
            command, env={**clean(os.environ), **variables}, cwd=log.parent, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _wait(process, health, log)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], health: str, log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(health, timeout=2):  # noqa: S310  a loopback address of our own
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise EmulatorMissing(f"{health} does not answer: {log.read_text(errors='replace')[-2000:]}")
