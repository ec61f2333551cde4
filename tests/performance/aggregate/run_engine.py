"""One workload on the engine: JSON bytes in, result rows as JSON bytes out.

`python run_engine.py WORKLOAD EVENTS OUTPUT [--profile FILE]` prints one JSON object: the events, rows, and CPU and
wall seconds from the first event's bytes to the last row's.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
from workloads import WORKLOADS

from streaming_sql import Engine, ResultRow, load_program

_SOURCE = "'connector' = 'kinesis', 'stream' = 'events'"
_SINK = "'connector' = 'kinesis', 'stream' = 'aggregates'"
_EVENTS_A_BATCH = 5_000
"""The aggregator commits, and so fires, at the latest after so many."""
_encode = msgspec.json.Encoder(decimal_format="number").encode


def engine_of(workload: str) -> Engine:
    """An engine that runs the workload over one shard."""
    program = load_program({"bench.sql": WORKLOADS[workload].script(_SOURCE, _SINK)}, single_shard=True)
    engine = Engine(program)
    engine.open_shard("0")
    return engine


def aggregate(engine: Engine, lines: list[bytes]) -> list[bytes]:
    """The rows of all windows as JSON."""
    rows: list[bytes] = []
    for start in range(0, len(lines), _EVENTS_A_BATCH):
        engine.apply("0", lines[start : start + _EVENTS_A_BATCH])
        rows.extend(_encoded(engine.advance()))
    while engine.finish():
        rows.extend(_encoded(engine.advance()))
    return rows


def _encoded(rows: Iterable[ResultRow]) -> list[bytes]:
    return [
        _encode({"window_start": row.window_start, "window_end": row.window_end, **row.key, **row.values})
        for row in rows
    ]


def main() -> None:
    """Run once and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=list(WORKLOADS))
    parser.add_argument("events", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--profile", type=Path)
    options = parser.parse_args()
    engine = engine_of(options.workload)
    lines = options.events.read_bytes().splitlines()
    profile = cProfile.Profile()
    if options.profile:
        profile.enable()
    wall, cpu = time.perf_counter(), time.process_time()
    rows = aggregate(engine, lines)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    profile.disable()
    if options.profile:
        profile.dump_stats(options.profile)
    options.output.write_bytes(b"\n".join(rows) + b"\n")
    print(json.dumps({"events": len(lines), "rows": len(rows), "cpu": cpu, "wall": wall}))


if __name__ == "__main__":
    main()
