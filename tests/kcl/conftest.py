"""A stream, a lease table, and workers of both libraries that share it, as real processes."""

from __future__ import annotations

import random
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NoReturn

import pytest
from kcl_java import command
from kinesis_double import KinesisStream, serving_kinesis

from aws_wire import aggregation

Kind = Literal["kcl3", "kcl2", "shardline"]

_STOP_SECONDS = 60
_STOPPED = {"shardline": 0, "kcl3": 143, "kcl2": 143}
"""Exit statuses of a stop in good order: the JVM ends with 128 + SIGTERM after its hooks, however well they went."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A record as a worker noted it."""

    worker: str
    shard: str
    sequence_number: int
    sub_sequence_number: int
    key: str
    data: int


@dataclass
class Producer:
    """Puts numbered records under keys, half of them aggregated, each key's in order."""

    stream: KinesisStream
    put: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    rng: random.Random = field(default_factory=lambda: random.Random(11))

    def send(self, count: int) -> None:
        """Put so many Kinesis records, more user records."""
        self.stream.put([self._entry() for _ in range(count)])

    @property
    def total(self) -> int:
        """How many user records were put."""
        return sum(self.put.values())

    def _entry(self) -> dict[str, object]:
        key = f"key-{self.rng.randrange(40)}"
        if self.rng.random() < 0.5:
            return {"PartitionKey": key, "Data": self._next(key)}
        users = [aggregation.UserRecord(key, self._next(key), None) for _ in range(self.rng.randint(2, 6))]
        return {"PartitionKey": key, "Data": aggregation.encode(users)}

    def _next(self, key: str) -> bytes:
        self.put[key] += 1
        return str(self.put[key]).encode()


class Fleet:
    """Workers of one application on one stream, and what they were given."""

    def __init__(self, kinesis: str, dynamodb: str, folder: Path, missing: Callable[[str], NoReturn]) -> None:
        self.kinesis, self.dynamodb, self.folder, self._missing = kinesis, dynamodb, folder, missing
        self.application = f"app-{uuid.uuid4().hex[:8]}"
        self.stream = KinesisStream(kinesis, f"stream-{uuid.uuid4().hex[:8]}", 2)
        self.producer = Producer(self.stream)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._kinds: dict[str, Kind] = {}

    def start(self, kind: Kind, name: str, **options: object) -> subprocess.Popen[bytes]:
        """Start a worker; its log and its records are files of its name."""
        given = {
            "stream": self.stream.name,
            "application": self.application,
            "worker": name,
            "kinesis": self.kinesis,
            "dynamodb": self.dynamodb,
            "output": self.folder / f"{name}.records",
            "failover_millis": 4000,
            **options,
        }
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(self._command(kind, given), stdout=log, stderr=log)
        self._kinds[name] = kind
        return self.processes[name]

    def _command(self, kind: Kind, options: dict[str, object]) -> list[str]:
        if kind != "shardline":
            # The library's own waits are long; these are its settings, and none changes what it writes.
            quick = {"shard_sync_millis": 200, "parent_poll_millis": 500, "checkpoint_millis": 300}
            return command("3" if kind == "kcl3" else "2", {**options, **quick}, self._missing)
        arguments = [part for key, value in options.items() for part in (f"--{key.replace('_', '-')}", str(value))]
        return [sys.executable, str(Path(__file__).with_name("shardline_consumer.py")), *arguments]

    def stop(self, name: str) -> None:
        """Stop a worker in good order and check that it was."""
        process = self.processes.pop(name)
        process.terminate()
        assert process.wait(_STOP_SECONDS) == _STOPPED[self._kinds[name]], self.log(name)

    def until_stopped(self, name: str, seconds: float) -> None:
        """Wait until a worker with a limit has stopped of itself."""
        assert self.processes.pop(name).wait(seconds) == 0, self.log(name)

    def records(self) -> list[Noted]:
        """All whole lines of all workers, in the order of each."""
        noted = []
        for path in sorted(self.folder.glob("*.records")):
            for line in path.read_text().split("\n")[:-1]:
                shard, number, sub, key, data = line.split("\t")
                noted.append(Noted(path.stem, shard, int(number), int(sub), key, int(data)))
        return noted

    def until_all(self, seconds: float) -> list[Noted]:
        """Wait until each record put was given to some worker; returns all that was given."""
        expected = {(key, number) for key, last in self.producer.put.items() for number in range(1, last + 1)}
        deadline = time.monotonic() + seconds
        while True:
            records = self.records()
            absent = expected - {(record.key, record.data) for record in records}
            if not absent:
                return records
            assert self._all_run(), self.logs()
            assert time.monotonic() < deadline, f"{len(absent)} of {len(expected)} missing\n{self.logs()}"
            time.sleep(0.3)

    def until_given(self, name: str, count: int, seconds: float) -> None:
        """Wait until a worker was given so many records."""
        deadline = time.monotonic() + seconds
        while sum(record.worker == name for record in self.records()) < count:
            assert self._all_run(), self.logs()
            assert time.monotonic() < deadline, self.log(name)
            time.sleep(0.3)

    def _all_run(self) -> bool:
        return all(process.poll() is None for process in self.processes.values())

    def log(self, name: str) -> str:
        """The last lines that a worker logged."""
        lines = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(line[:300] for line in lines[-40:])

    def logs(self) -> str:
        """The last lines of all."""
        return "\n".join(f"--- {path.stem}\n{self.log(path.stem)}" for path in sorted(self.folder.glob("*.log")))

    def close(self) -> None:
        """End what still runs."""
        for process in self.processes.values():
            process.kill()
            process.wait(10)


@pytest.fixture
def fleet(ministack_url: str, missing: Callable[[str], NoReturn], tmp_path: Path) -> Iterator[Fleet]:
    """An application of its own on a stream of two shards."""
    with serving_kinesis("--state-seconds", "0.1", "--no-write-limits") as kinesis:
        made = Fleet(kinesis, ministack_url, tmp_path, missing)
        try:
            yield made
        finally:
            made.close()
