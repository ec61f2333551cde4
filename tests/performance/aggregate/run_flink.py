"""One workload on Flink, through PyFlink's Table API. Runs in PyFlink's own environment; imports nothing of ours.

`python run_flink.py SCRIPT OUTPUT` runs the script's statements, the last of which is an INSERT, with parallelism 1 and
Flink's own defaults. It prints one JSON object: the rows, the wall seconds of the job, and the CPU seconds of this
process and its JVM from their start to the job's end.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

from pyflink.table import EnvironmentSettings, TableEnvironment

_TICKS = os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    """The processes that a process started, and those that they did."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = [child for child, parent in parents.items() if parent == pid]
    for child in found:
        found.extend(deeper for deeper, parent in parents.items() if parent == child)
    return found


def _used(pid: int) -> tuple[float, float]:
    """CPU seconds and the largest resident set in 10^6 bytes."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return (int(fields[11]) + int(fields[12])) / _TICKS, peak * 1024 / 1e6


def main() -> None:
    """Run once and report."""
    statements = [part for part in Path(sys.argv[1]).read_text().split(";") if part.strip()]
    tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    tables.get_config().set("parallelism.default", "1")
    tables.get_config().set("table.local-time-zone", "UTC")
    for statement in statements[:-1]:
        tables.execute_sql(statement)
    wall = time.perf_counter()
    tables.execute_sql(statements[-1]).wait()
    wall = time.perf_counter() - wall
    own = resource.getrusage(resource.RUSAGE_SELF)
    used = [_used(pid) for pid in _children(os.getpid())]
    rows = sum(len(part.read_bytes().splitlines()) for part in Path(sys.argv[2]).rglob("part-*"))
    report = {
        "rows": rows,
        "wall": wall,
        "process_cpu": own.ru_utime + own.ru_stime + sum(cpu for cpu, _ in used),
        "peak_megabytes": own.ru_maxrss * 1024 / 1e6 + sum(peak for _, peak in used),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
