"""How many events a second one aggregator works through, and two that share the shards: real processes, on the double.

    make bench-share BENCH="--events 200000 --tasks 1 2 --only partials"

The events lie in `enriched` (four shards, one record an event) before the aggregators start. The time goes from the
first event counted in to the last row fired, as their metrics tell; CPU-seconds are those of the aggregators alone, in
that time. The Kinesis double and ministack, which hold streams, states and leases, want their part of the same cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiobotocore.session import get_session
from local_ministack import serving
from workloads import WORKLOADS, Workload, events

from aggregator.pipelines import load_pipelines
from aws_wire.data_plane import DataPlane
from delivery import Item, KinesisSink
from local_aws.ports import free_ports
from streaming_sql import Engine
from streaming_sql.partition import HASH_KEYS, hash_key

SHARDS = 4
_A_SECOND, _USERS = 1_000, 1_000
"""Events a second of event time, and users: a user is there once a second, so that sessions of 3 s end now and then."""
KEYS = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
SINK = "'connector' = 'kinesis', 'stream' = 'aggregates'"
SOURCE = "'connector' = 'kinesis', 'stream' = 'enriched'"


@dataclass(frozen=True)
class Case:
    """What is run, and what of it crosses between tasks."""

    name: str
    workload: Workload
    is_local: bool = False

    @property
    def script(self) -> str:
        """The SQL."""
        return self.workload.script(SOURCE + (", 'partition-key' = 'user'" if self.is_local else ""), SINK)


CASES = {
    case.name: case
    for case in (
        Case("local", WORKLOADS["tumble"], is_local=True),
        Case("partials", WORKLOADS["tumble"]),
        Case("rows", WORKLOADS["session"]),
    )
}


@dataclass(frozen=True)
class Measured:
    """One run."""

    case: str
    distribution: str
    tasks: int
    seconds: float
    cpu_seconds: float
    events: int

    def line(self) -> str:
        """As a row of a table."""
        rate, cost = self.events / self.seconds, self.events / self.cpu_seconds
        return (
            f"| {self.case:<8} | {self.distribution:<6} | {self.tasks:>5} | {self.seconds:>7.1f} | {rate:>8,.0f} "
            f"| {self.cpu_seconds:>5.1f} | {cost:>16,.0f} |"
        )


def expected_rows(case: Case, lines: Sequence[bytes], *, is_shared: bool) -> int:
    """How many rows have fired when all is counted in, without a flush; local windows fire at each shard."""
    shards: dict[str, list[bytes]] = {str(shard): [] for shard in range(SHARDS)}
    for line in lines:
        shards[str(hash_key(json.loads(line)["user"]) * SHARDS // HASH_KEYS)].append(line)
    program = load_pipelines({"bench.sql": case.script})
    together = [[shard] for shard in shards] if is_shared and case.is_local else [list(shards)]
    rows = 0
    for group in together:
        engine = Engine(program)
        for shard in group:
            engine.open_shard(shard)
        for shard in group:
            engine.apply(shard, shards[shard])
        rows += len(engine.advance())
    return rows


class Task:
    """One aggregator process."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self._url = f"http://127.0.0.1:{port}/metrics"

    async def metrics(self) -> dict[str, float]:
        """Its metrics, summed over labels but those of streams; nothing until it answers."""
        with suppress(OSError):
            text = await asyncio.to_thread(lambda: urllib.request.urlopen(self._url, timeout=2).read().decode())
            return dict(_metrics(text))
        return {}


def _metrics(text: str) -> Iterator[tuple[str, float]]:
    totals: dict[str, float] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            plain = name if 'stream="enriched"' in name else name.split("{")[0]
            totals[plain] = totals.get(plain, 0.0) + float(value)
    yield from totals.items()


@asynccontextmanager
async def process(*command: str, environment: dict[str, str], log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process, killed at the end."""
    with log.open("ab") as errors:
        started = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdout=asyncio.subprocess.PIPE if "local_aws" in command else errors,
            stderr=errors,
        )
    try:
        yield started
    finally:
        with suppress(ProcessLookupError):
            started.terminate()
        await started.wait()


async def measure(case: Case, distribution: str, tasks: int, lines: Sequence[bytes], aws: str) -> Measured:
    """One run over streams of its own."""
    async with AsyncExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory()))
        (folder / "sql").mkdir()
        (folder / "sql" / "bench.sql").write_text(case.script)
        options = ("--port", "0", "--no-read-limits", "--no-write-limits", "--state-seconds", "0")
        command = (sys.executable, "-m", "local_aws", *options)
        double = await exits.enter_async_context(process(*command, environment=dict(os.environ), log=folder / "log"))
        assert double.stdout is not None
        kinesis = (await double.stdout.readline()).decode().strip()
        await fill(kinesis, aws, lines)
        application = f"bench-{time.time_ns()}"
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_ENDPOINT_URL": aws,
            "AWS_ENDPOINT_URL_KINESIS": kinesis,
            "AGGREGATOR_PIPELINES": str(folder / "sql"),
            "AGGREGATOR_DISTRIBUTION": distribution,
            "AGGREGATOR_APPLICATION": application,
            "AGGREGATOR_LEASE_TABLE": f"{application}-leases",
            "AGGREGATOR_EXCHANGE_LEASE_TABLE": f"{application}-exchange-leases",
            "AGGREGATOR_ARCHIVE_DELIVERY_STREAM": "",
            "AGGREGATOR_DEAD_LETTER_DELIVERY_STREAM": "",
            "AGGREGATOR_IDLE_SECONDS": "600",
        }
        rows = expected_rows(case, lines, is_shared=distribution == "shards")
        running = []
        for port in free_ports(tasks):
            own = environment | {"AGGREGATOR_PROBE_PORT": str(port)}
            started = process(sys.executable, "-m", "aggregator", environment=own, log=folder / "log")
            running.append(Task(await exits.enter_async_context(started), port))
        seconds, cpu = await watch(running, len(lines), rows, folder / "log")
        return Measured(case.name, distribution, tasks, seconds, cpu, len(lines))


async def fill(kinesis: str, aws: str, lines: Sequence[bytes]) -> None:
    """Make the streams and the bucket, and put every event by its user."""
    async with (
        get_session().create_client("kinesis", endpoint_url=kinesis, **KEYS) as client,
        get_session().create_client("s3", endpoint_url=aws, **KEYS) as s3,
    ):
        for stream, shards in (("enriched", SHARDS), ("exchange", 4), ("aggregates", 2)):
            await client.create_stream(StreamName=stream, ShardCount=shards)
        for stream in ("alerts", "late", "dead-letters"):
            await client.create_stream(StreamName=stream, ShardCount=1)
        await s3.create_bucket(Bucket="etl-state")
        while (await client.describe_stream_summary(StreamName="dead-letters"))["StreamDescriptionSummary"][
            "StreamStatus"
        ] != "ACTIVE":
            await asyncio.sleep(0.1)
        async with DataPlane.of(client) as puts:
            sink = KinesisSink(puts, "enriched", aggregate=False)
            for start in range(0, len(lines), 5_000):
                part = lines[start : start + 5_000]
                outcomes = await sink.deliver([Item(line, json.loads(line)["user"]) for line in part])
                assert all(outcome.status == "delivered" for outcome in outcomes)


async def watch(tasks: Sequence[Task], events_in: int, rows: int, log: Path) -> tuple[float, float]:
    """Seconds and CPU-seconds from the first event in to the last row fired."""
    began, cpu_before = 0.0, 0.0
    async with asyncio.timeout(600):
        while True:
            found = [await task.metrics() for task in tasks]
            now = time.monotonic()
            if any(task.process.returncode is not None for task in tasks):
                raise SystemExit(f"an aggregator ended:\n{log.read_text()[-3000:]}")
            counted = sum(each.get('etl_events_in_total{stream="enriched"}', 0.0) for each in found)
            cpu = sum(each.get("process_cpu_seconds_total", 0.0) for each in found)
            if not counted:
                began, cpu_before = now, cpu
            elif counted >= events_in and sum(each.get("etl_windows_total", 0.0) for each in found) >= rows:
                return now - began, cpu - cpu_before
            await asyncio.sleep(0.05)


@contextmanager
def cloud() -> Iterator[str]:
    """ministack: DynamoDB and S3."""

    def missing(why: str) -> Any:
        raise SystemExit(why)

    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), missing) as url:
        yield url


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--tasks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", nargs="+", choices=sorted(CASES), default=sorted(CASES))
    options = parser.parse_args()
    lines = list(events(options.events, _A_SECOND, _USERS))
    print("| query    | distr. | tasks | seconds | events/s | CPU-s | events a CPU-s   |")
    print("|----------|--------|------:|--------:|---------:|------:|-----------------:|")
    with cloud() as aws:
        for name in options.only:
            runs = [("single", 1), *(("shards", tasks) for tasks in options.tasks)]
            for distribution, tasks in runs:
                measured = asyncio.run(measure(CASES[name], distribution, tasks, lines, aws))
                print(measured.line(), flush=True)


if __name__ == "__main__":
    main()
