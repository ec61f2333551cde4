"""Contenders as processes of their own: what each one's loop took, and what its whole process did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a contender.

    Attributes:
        loop_cpu: CPU seconds from the first event's bytes to the last row's.
        process_cpu: CPU seconds of the whole process and of what it started, from start to end.
        peak_megabytes: the largest resident set, 10^6 bytes.

    """

    events: float
    rows: float
    loop_cpu: float
    process_cpu: float
    peak_megabytes: float

    @property
    def rate(self) -> float:
        """Events a CPU-second of the loop."""
        return self.events / self.loop_cpu


class ContenderFailed(Exception):
    """A contender's process failed. The message has its last lines."""


def run(command: Sequence[str | Path], log: Path) -> Run:
    """Run a contender that reports one JSON object on its last line. Raises ContenderFailed."""
    report = measured(command, log)
    return Run(
        report["events"],
        report["rows"],
        report["cpu"],
        report.get("process_cpu", report["self_cpu"]),
        report["peak_megabytes"],
    )


def measured(command: Sequence[str | Path], log: Path) -> dict[str, float]:
    """The report of a process, with the CPU seconds and the peak that the system counted. Raises ContenderFailed."""
    with log.open("wb") as errors:
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=errors)
        assert process.stdout is not None
        output = process.stdout.read()
        process.stdout.close()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ContenderFailed(log.read_text(errors="replace")[-2000:])
    report: dict[str, float] = json.loads(output.splitlines()[-1])
    return {
        "self_cpu": used.ru_utime + used.ru_stime,
        "peak_megabytes": used.ru_maxrss * 1024 / 1e6,
        **report,
    }


def python(script: str, *arguments: str | Path) -> list[str | Path]:
    """The command that runs a script of this folder."""
    return [sys.executable, Path(__file__).with_name(script), *arguments]


def median_of(runs: Sequence[Run]) -> Run:
    """The median of each figure by itself."""
    return Run(**{name: median(getattr(run, name) for run in runs) for name in Run.__slots__})
