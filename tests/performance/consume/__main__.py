"""Consumers of Kinesis side by side: ours, aiobotocore's plain loop, async-kinesis and the Java KCL.

`python tests/performance/consume [--records 800000] [--repeats 3] [--only shardline kcl] [--output FOLDER]`. One double
and one ministack serve all. Each run is a process of its own under a new application: it reads what the stream holds
(the double replays frames made once, so that the consumer is the limit; GetRecords and CBOR are served live), then
stamped records as they are put, then is stopped, and those that remember are started again. A rate is counted after
the first quarter of the records. The CPU time is the consumer's alone. Each figure is the median of the repeats.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

sys.path.append(str(Path(__file__).parents[2] / "support"))

from consumers import CONSUMERS, Consumer, Options
from kinesis_double import serving_kinesis
from local_ministack import serving
from measuring import (
    ProgressFile,
    Run,
    median_of,
    peak_megabytes,
    percentiles,
    samples_until,
    steady,
)
from streams import BenchStream
from table import rendered

_DOUBLE = (
    "--no-write-limits",
    "--no-read-limits",
    "--no-pacing",
    "--state-seconds",
    "0.1",
    "--resubscribe-seconds",
    "0",
)
_STOP_SECONDS = 60
_SETTLE_SECONDS = 0.5
_RESTART_SECONDS = 150.0


class Bench:
    """The double's stream, and what is asked of every consumer."""

    def __init__(self, stream: BenchStream, dynamodb: str, folder: Path, records: int, latency_seconds: float) -> None:
        self._stream, self._dynamodb, self._folder = stream, dynamodb, folder
        self._replayed = self._stored = records
        self._latency_seconds = latency_seconds
        self._number = 0

    async def run(self, consumer: Consumer) -> Run:
        """Measure one consumer once. Raises NotConsumed."""
        self._number += 1
        options: Options = {
            "stream": self._stream.name,
            "application": f"{consumer.name}-{self._number}",
            "worker": "one",
            "kinesis": self._stream.endpoint,
            "dynamodb": self._dynamodb,
            "output": self._folder / f"{consumer.name}-{self._number}",
        }
        progress = ProgressFile(Path(str(options["output"])))
        process, started = self._start(consumer, options)
        try:
            samples = await asyncio.to_thread(
                samples_until, process, progress, self._stored, consumer.start_seconds + 60
            )
            rate, cpu, cores = steady(samples, self._replayed // 4, self._replayed)
            first = progress.first_record() - started
            await asyncio.sleep(_SETTLE_SECONDS)
            earlier = len(progress.latencies())  # of records that others were fed
            self._stored += await self._stream.feed(self._latency_seconds)
            await asyncio.to_thread(samples_until, process, progress, self._stored, 60)
            await asyncio.sleep(_SETTLE_SECONDS)
            repeated = progress.last()[1] - self._stored
            p50, p99 = percentiles(progress.latencies()[earlier:])
            peak = peak_megabytes(process.pid)
        finally:
            _stop(process)
        restart = await self._restart(consumer, options) if consumer.remembers else None
        return Run(rate, cpu, peak, first, restart, p50, p99, cores, repeated)

    async def _restart(self, consumer: Consumer, options: Options) -> float:
        """Seconds from the start to the first record of one that stopped in good order, with records waiting."""
        self._stored += await self._stream.feed(0.1)
        again = {**options, "output": f"{options['output']}-again"}
        process, started = self._start(consumer, again)
        try:
            progress = ProgressFile(Path(str(again["output"])))
            await asyncio.to_thread(samples_until, process, progress, 1, _RESTART_SECONDS)
            return progress.first_record() - started
        finally:
            _stop(process)

    def _start(self, consumer: Consumer, options: Options) -> tuple[subprocess.Popen[bytes], float]:
        command = consumer.command(options)
        with Path(f"{options['output']}.log").open("wb") as log:
            started = time.time()
            return subprocess.Popen(command, stdout=log, stderr=log), started


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _missing(reason: str) -> NoReturn:
    raise SystemExit(reason)


async def measure(options: argparse.Namespace, kinesis: str, dynamodb: str, folder: Path) -> dict[str, list[Run]]:
    """Every consumer in turn, as often as asked, so that a slow minute of the machine strikes all of them."""
    stream = BenchStream(kinesis, "bench", options.bytes)
    await stream.fill(options.shards, options.records)
    bench = Bench(stream, dynamodb, folder, options.records, options.latency_seconds)
    runs: dict[str, list[Run]] = {name: [] for name in options.only}
    for _ in range(options.repeats):
        for name, made in runs.items():
            made.append(await bench.run(CONSUMERS[name]))
            print(rendered({name: made[-1]}).splitlines()[-1], flush=True)
    return runs


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=800_000)
    parser.add_argument("--bytes", type=int, default=300)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--latency-seconds", type=float, default=8.0)
    parser.add_argument("--only", nargs="+", choices=list(CONSUMERS), default=list(CONSUMERS))
    parser.add_argument("--output", type=Path, default=Path("artifacts"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, serving_kinesis(*_DOUBLE) as kinesis:
        folder = Path(name)
        (folder / "runs").mkdir()
        with serving(folder, _missing) as dynamodb:
            runs = asyncio.run(measure(options, kinesis, dynamodb, folder / "runs"))
    table = rendered({CONSUMERS[name].description: median_of(made) for name, made in runs.items()})
    print(table)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "consume-benchmark.txt").write_text(table + "\n")
    content = {name: [asdict(run) for run in made] for name, made in runs.items()}
    (options.output / "consume-benchmark.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
