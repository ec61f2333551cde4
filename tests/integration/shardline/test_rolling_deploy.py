"""Four worker processes under a steady load, replaced one after the other; one killed; one started again."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kinesis_double import KinesisStream

from aws_wire import aggregation

pytestmark = [pytest.mark.integration, pytest.mark.long]

SHARDS = 8
PUTS_PER_SECOND = 20
RECORDS_A_PUT = 16
KEYS = 64
SETTINGS = {
    "lease_duration_seconds": 4.0,
    "scan_interval_seconds": 0.5,
    "rebalance_seconds": 1.5,
    "resubscribe_seconds": 1.0,
    "checkpoint_interval_seconds": 0.5,
}
"""All times that Kinesis and the group count are shorter, in about the same proportion to each other."""
SLACK_SECONDS = 2.0
"""What a busy machine of two cores may take beyond the leases' own times."""


def slowdown() -> float:
    """How many times longer work takes now than on a core of its own: 1 on a machine that does nothing else."""
    wall, cpu = time.perf_counter(), time.process_time()
    while time.process_time() - cpu < 0.3:
        pass
    return max(1.0, (time.perf_counter() - wall) / 0.3)


@dataclass(frozen=True, slots=True)
class Given:
    """A record as a worker was given it; `at` is on the machine's monotonic clock."""

    worker: str
    shard: str
    epoch: int
    key: str
    data: int
    at: float


@dataclass
class Load:
    """A producer on a thread of its own: keys in turn, each key's records numbered, a part of them aggregated."""

    stream: KinesisStream
    put: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    rng: random.Random = field(default_factory=lambda: random.Random(3))

    @property
    def total(self) -> int:
        """How many user records were put."""
        return sum(self.put.values())

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Put records steadily for as long as the block lasts. Raises at its end what stopped the producer."""
        stop = threading.Event()

        def work() -> None:
            while not stop.wait(1 / PUTS_PER_SECOND):
                self.send(RECORDS_A_PUT)

        with ThreadPoolExecutor(1) as pool:
            putting = pool.submit(work)
            try:
                yield
            finally:
                stop.set()
                putting.result(30)

    def send(self, count: int) -> None:
        """Put so many Kinesis records, more user records."""
        self.stream.put([self._entry() for _ in range(count)])

    def _entry(self) -> dict[str, Any]:
        key = f"key-{self.rng.randrange(KEYS)}"
        if self.rng.random() < 0.8:
            return {"PartitionKey": key, "Data": self._next(key)}
        users = [aggregation.UserRecord(key, self._next(key), None) for _ in range(self.rng.randint(2, 5))]
        return {"PartitionKey": key, "Data": aggregation.encode(users)}

    def _next(self, key: str) -> bytes:
        self.put[key] += 1
        return str(self.put[key]).encode()


@dataclass
class Workers:
    """Worker processes of one group, and what they were given."""

    addresses: tuple[str, str, str]
    folder: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start a worker; its log and its records are files of its name."""
        program = str(Path(__file__).with_name("timed_consumer.py"))
        arguments = [*self.addresses, name, str(self.folder / f"{name}.records"), json.dumps(SETTINGS)]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen([sys.executable, program, *arguments], stderr=log)

    def stop(self, name: str) -> None:
        """Stop a worker as a deploy does."""
        process = self.running.pop(name)
        process.terminate()
        assert process.wait(40) == 0

    def kill(self, name: str) -> None:
        """End a worker without its knowing."""
        process = self.running.pop(name)
        process.kill()
        process.wait(10)

    def given(self) -> list[Given]:
        """All whole lines of all workers, by time; a worker's in its order."""
        lines = []
        for path in self.folder.glob("*.records"):
            lines += [Given(*json.loads(line)) for line in path.read_text().split("\n")[:-1]]
        made = [Given(each.worker, each.shard, each.epoch, each.key, int(each.data), each.at) for each in lines]
        return sorted(made, key=lambda each: each.at)

    def until(self, holds: Callable[[list[Given]], bool], seconds: float, what: str) -> list[Given]:
        """Wait until something holds of what was given."""
        deadline = time.monotonic() + seconds * slowdown()
        while not holds(given := self.given()):
            assert time.monotonic() < deadline, f"not after {seconds} s: {what}"
            time.sleep(0.1)
        return given

    def until_all_work(self, since: float) -> None:
        """Wait until each running worker was given records after a moment."""
        names = set(self.running)
        self.until(lambda given: names <= {each.worker for each in given if each.at > since}, 20, f"{names} all work")

    def until_everything(self, load: Load) -> list[Given]:
        """Wait until each record put was given to some worker."""
        expected = {(key, number) for key, last in load.put.items() for number in range(1, last + 1)}
        return self.until(lambda given: expected <= {(each.key, each.data) for each in given}, 20, "nothing is lost")


@pytest.fixture
def fleet(double: Any, ministack_url: str, tmp_path: Path) -> Iterator[tuple[Workers, Load]]:
    """A stream of eight shards, nobody on it yet; whoever works at the end is stopped."""
    with double("--state-seconds", "0.1", "--resubscribe-seconds", str(SETTINGS["resubscribe_seconds"])) as kinesis:
        stream = KinesisStream(kinesis.endpoint, f"rolling-{uuid.uuid4().hex[:8]}", SHARDS)
        workers = Workers((kinesis.endpoint, ministack_url, stream.name), tmp_path)
        try:
            yield workers, Load(stream)
        finally:
            for process in workers.running.values():
                process.terminate()
            for process in workers.running.values():
                process.wait(20)


def check_order(given: list[Given]) -> None:
    """Under one epoch a key's records only go on, and what is new of a key comes in the order in which it was put."""
    last: dict[tuple[str, int, str], int] = {}
    newest: dict[str, int] = {}
    for each in given:
        place = (each.shard, each.epoch, each.key)
        assert each.data > last.get(place, 0), f"{place}: {each.data} after {last[place]}"
        last[place] = each.data
        assert each.data <= newest.get(each.key, 0) + 1, f"{each.key}: {each.data} after {newest.get(each.key)}"
        newest[each.key] = max(newest.get(each.key, 0), each.data)


def pauses(given: list[Given], since: float) -> dict[str, float]:
    """The longest time that each shard gave nothing, after a moment."""
    longest: dict[str, float] = {}
    before: dict[str, float] = {}
    for each in given:
        if each.at > since and each.shard in before:
            longest[each.shard] = max(longest.get(each.shard, 0.0), each.at - before[each.shard])
        before[each.shard] = each.at
    return longest


def tell(what: str, given: list[Given], load: Load, since: float) -> None:
    """Print the measures of a run: what repeated, and each shard's longest pause."""
    longest = sorted(pauses(given, since).values())
    print(f"\n{what}: {load.total} records put, {len(given) - load.total} given again")
    print(f"longest pause of each shard: {', '.join(f'{pause:.2f}' for pause in longest)} s")


@pytest.mark.timeout(150)
def test_a_rolling_deploy_loses_and_repeats_nothing(fleet: tuple[Workers, Load]) -> None:
    """Each of four workers is stopped and replaced under load: nothing lost, order kept, below 0.1 % repeated.

    No shard pauses for as long as a lease lasts: leases are handed over, not left to expire.
    """
    workers, load = fleet
    for number in range(4):
        workers.start(f"old-{number}")
    with load.flowing():
        workers.until_all_work(0.0)
        started = time.monotonic()
        for number in range(4):
            workers.stop(f"old-{number}")
            workers.start(f"new-{number}")
            workers.until_all_work(time.monotonic())
    given = workers.until_everything(load)
    tell("rolling deploy", given, load, started)
    check_order(given)
    assert len(given) - load.total < load.total / 1000
    assert max(pauses(given, started).values()) < SETTINGS["lease_duration_seconds"] * slowdown()


@pytest.mark.timeout(150)
def test_a_killed_workers_shards_pause_for_a_lease_and_a_look(fleet: tuple[Workers, Load]) -> None:
    """`kill -9` under load: nothing lost, order kept; its shards go on once their leases ran out and were seen."""
    workers, load = fleet
    for number in range(4):
        workers.start(f"old-{number}")
    with load.flowing():
        workers.until_all_work(0.0)
        killed_at = time.monotonic()
        workers.kill("old-1")
        limit = (
            SETTINGS["lease_duration_seconds"] + 1.2 * SETTINGS["scan_interval_seconds"] + SLACK_SECONDS * slowdown()
        )
        time.sleep(limit)
        workers.start("new-1")
        workers.until_all_work(time.monotonic())
    given = workers.until_everything(load)
    tell("kill -9", given, load, killed_at)
    check_order(given)
    assert max(pauses(given, killed_at).values()) < limit


@pytest.mark.timeout(150)
def test_a_restarted_worker_has_its_first_record_within_two_seconds(fleet: tuple[Workers, Load]) -> None:
    """From the start of the process to the first record, interpreter and imports included, after a stop in good order.

    The quickest of three, in times of a core of one's own: a busy machine slows the start of any interpreter.
    """
    workers, load = fleet
    took = []
    workers.start("only")
    load.send(200)
    workers.until_everything(load)
    for _ in range(3):
        time.sleep(1.2 * SETTINGS["resubscribe_seconds"])  # Kinesis refuses a subscription that follows sooner
        workers.stop("only")
        load.send(200)
        started = time.monotonic()
        workers.start("only")
        given = workers.until_everything(load)
        took.append((min(each.at for each in given if each.at > started) - started) / slowdown())
    print(f"\nfirst record after a restart: {', '.join(f'{each:.2f}' for each in took)} s")
    assert len(given) == load.total
    assert min(took) < 2.0
