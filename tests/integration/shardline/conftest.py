"""Real processes: the Kinesis double, DynamoDB as ministack serves it, and consumers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.session import get_session

CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


def wait_for(address: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(address)


class Double:
    """A running Kinesis double."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def fault(self, **fault: object) -> None:
        """Put a fault in force."""
        body = json.dumps(fault).encode()
        urllib.request.urlopen(f"{self.endpoint}/_local/faults", data=body, timeout=60).close()

    def faults_left(self) -> int:
        """How often the faults in force still strike."""
        with urllib.request.urlopen(f"{self.endpoint}/_local/faults", timeout=60) as answer:
            return sum(fault["count"] for fault in json.load(answer)["faults"])


@pytest.fixture
def double() -> Callable[..., AbstractContextManager[Double]]:
    """Start the Kinesis double with the given options."""

    @contextmanager
    def start(*options: str) -> Iterator[Double]:
        command = [sys.executable, "-m", "local_aws", "--port", "0", "--log-level", "error", *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            try:
                yield Double(server.stdout.readline().strip())
            finally:
                server.terminate()
                server.wait(60)

    return start


class Consumers:
    """Consumer processes of one stream and what they were given."""

    def __init__(self, kinesis: str, dynamodb: str, stream: str, folder: Path) -> None:
        self.addresses, self.folder = (kinesis, dynamodb, stream), folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, **settings: Any) -> subprocess.Popen[bytes]:
        """Start a worker with settings of the group; its log and its records are files of its name."""
        program = str(Path(__file__).with_name("consumer.py"))
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [
                    *(sys.executable, program, *self.addresses),
                    *(name, str(self.folder / f"{name}.records"), json.dumps(settings)),
                ],
                stderr=log,
            )
        return self.processes[name]

    def records(self) -> list[list[Any]]:
        """All whole lines of all workers, in the order of each: worker, shard, epoch, key, data."""
        lines = []
        for path in sorted(self.folder.glob("*.records")):
            lines += [json.loads(line) for line in path.read_text().split("\n")[:-1]]
        return lines

    def by_shard_of(self, worker: str) -> dict[str, int]:
        """How many records of each shard a worker was given."""
        counts: dict[str, int] = defaultdict(int)
        for name, shard_id, *_ in self.records():
            counts[shard_id] += name == worker
        return {shard_id: count for shard_id, count in counts.items() if count}

    def stop(self) -> None:
        """Stop all that still run, in good order."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(90)


@pytest.fixture
def consumers(ministack_url: str, tmp_path: Path) -> Iterator[Callable[[str, str], Consumers]]:
    """Make a set of consumers of a stream; they are stopped at the end."""
    made: list[Consumers] = []

    def make(kinesis: str, stream: str) -> Consumers:
        made.append(Consumers(kinesis, ministack_url, stream, tmp_path))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture
async def kinesis_client() -> AsyncIterator[Callable[[str], Any]]:
    """Make a client; it is closed at the end."""
    async with AsyncExitStack() as stack:

        async def make(endpoint: str) -> Any:
            client = get_session().create_client("kinesis", endpoint_url=endpoint, **CREDENTIALS)
            return await stack.enter_async_context(client)

        yield make
