"""What a process used and what it reported, as the operating system and its progress file tell it."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_USER_TICKS, _SYSTEM_TICKS = 11, 12  # places in /proc/PID/stat after the command's name: proc(5)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])) / _TICKS_PER_SECOND


def peak_megabytes(pid: int) -> float:
    """The largest resident set that a process had, 10^6 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"no VmHWM of {pid}")


@dataclass(frozen=True, slots=True)
class Sample:
    """A moment of a consumer: epoch seconds, records so far, CPU seconds so far."""

    at: float
    total: int
    cpu: float


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run of a consumer. Latencies are None where none was measured, restart where it has no memory."""

    rate: float
    cpu_seconds_a_million: float
    peak_megabytes: float
    first_record_seconds: float
    restart_seconds: float | None
    p50_millis: float | None
    p99_millis: float | None
    cores: float
    repeated: float

    @property
    def rate_a_core(self) -> float:
        """Records a CPU-second."""
        return 1e6 / self.cpu_seconds_a_million


class ProgressFile:
    """The totals and latencies that a consumer under measurement writes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def last(self) -> tuple[float, int]:
        """Epoch seconds and records of its last whole line; zero before there is one."""
        try:
            with self._path.open("rb") as file:
                file.seek(max(0, self._path.stat().st_size - 200))
                lines = file.read().split(b"\n")[:-1]
        except FileNotFoundError:
            return 0.0, 0
        if not lines:
            return 0.0, 0
        at, total = lines[-1].split()
        return int(at) / 1e9, int(total)

    def first_record(self) -> float:
        """Epoch seconds of the first line that counts a record."""
        for line in self._path.read_text().splitlines():
            at, total = line.split()
            if int(total):
                return int(at) / 1e9
        raise ValueError("no record")

    def log(self) -> str:
        """The last lines that the process logged."""
        return "\n".join(Path(f"{self._path}.log").read_text(errors="replace").splitlines()[-20:])

    def latencies(self) -> list[float]:
        """Milliseconds from put to processed."""
        text = Path(f"{self._path}.latency").read_text()
        return [int(line) / 1000 for line in text.split("\n")[:-1]]


class NotConsumed(Exception):
    """A consumer did not take its records in time, or ended. The message has the last lines that it logged."""


def samples_until(process: subprocess.Popen[bytes], progress: ProgressFile, total: int, seconds: float) -> list[Sample]:
    """Watch a consumer until it took so many records. Raises NotConsumed."""
    samples: list[Sample] = []
    deadline = time.monotonic() + seconds
    while True:
        at, count = progress.last()
        if count and (not samples or count > samples[-1].total):
            samples.append(Sample(at, count, cpu_seconds(process.pid)))
        if count >= total:
            return samples
        if time.monotonic() > deadline or process.poll() is not None:
            raise NotConsumed(f"{count} of {total} records in {seconds:.0f} s\n{progress.log()}")
        time.sleep(0.01)


def steady(samples: list[Sample], warm: int, until: int) -> tuple[float, float, float]:
    """Records a second, CPU-seconds a million records and cores used, from `warm` records on to `until`."""
    start, end = (next(sample for sample in samples if sample.total >= total) for total in (warm, until))
    records, wall, cpu = end.total - start.total, end.at - start.at, end.cpu - start.cpu
    return records / wall, cpu / records * 1e6, cpu / wall


def percentiles(latencies: list[float]) -> tuple[float, float]:
    """The median and the 99th percentile."""
    cuts = quantiles(latencies, n=100)
    return cuts[49], cuts[98]


def median_of(runs: list[Run]) -> Run:
    """The median of each figure by itself."""

    def middle(name: str) -> float | None:
        values = [value for run in runs if (value := getattr(run, name)) is not None]
        return median(values) if values else None

    return Run(**{name: middle(name) for name in Run.__slots__})  # type: ignore[arg-type]
