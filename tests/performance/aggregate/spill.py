"""What a bound on the keys in memory costs and saves: events a CPU-second, memory, disk.

`python spill.py [--keys 100000] [--memory-keys 10000] [--events 200000] [--only QUERY …]` counts events of so many
keys into operators whose state stays open: once with all keys in memory, once with the bound and the others on disk;
of keys drawn evenly, which is the worst, and with nine of ten events from one key of twenty. What changed is captured
after each 5,000 events, as the aggregator's commits do. Then all of it is captured and encoded, and all that is open
fires; in another process the state is restored. Each run is a process of its own.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from aggregator.disk import DiskStates
from streaming_sql import Engine, load_program
from streaming_sql.operators.shelf import Bound
from streaming_sql.state import EngineState

_PAGE = os.sysconf("SC_PAGE_SIZE")
_SCRIPT = """CREATE TABLE events (id STRING, `time` BIGINT, user_id STRING, cents INT,
ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'events');
CREATE TABLE found ({columns}) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO found {query};"""
_GROUPED = (
    "window_start TIMESTAMP(3), window_end TIMESTAMP(3), user_id STRING, n BIGINT, total BIGINT",
    "SELECT window_start, window_end, user_id, COUNT(*), SUM(CAST(cents AS BIGINT)) FROM TABLE({window}) "
    "GROUP BY window_start, window_end, user_id",
)
QUERIES = {
    "tumble": (_GROUPED[0], _GROUPED[1].format(window="TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' DAY)")),
    "session": (
        _GROUPED[0],
        _GROUPED[1].format(window="SESSION(TABLE events PARTITION BY user_id, DESCRIPTOR(ts), INTERVAL '1' HOUR)"),
    ),
    "over": (
        "user_id STRING, n BIGINT, total BIGINT",
        "SELECT user_id, COUNT(*) OVER w, SUM(CAST(cents AS BIGINT)) OVER w FROM events WINDOW w AS "
        "(PARTITION BY user_id ORDER BY ts ROWS BETWEEN 9 PRECEDING AND CURRENT ROW)",
    ),
    "last row": (
        "id STRING, user_id STRING, cents INT",
        "SELECT id, user_id, cents FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY ts DESC) AS place "
        "FROM events) WHERE place = 1",
    ),
}
_decode = msgspec.json.Decoder(EngineState).decode
_LABELS = {
    "tumble": "TUMBLE 1 day, COUNT and SUM",
    "session": "SESSION 1 h, COUNT and SUM",
    "over": "OVER the last 10 rows, COUNT and SUM",
    "last row": "the last row of each key",
}


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


class _Peak:
    """The greatest resident set while it runs; events themselves are made as they are needed."""

    def __init__(self) -> None:
        self._before = self._most = _resident()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ends.wait(0.05):
            self._most = max(self._most, _resident())

    def end(self) -> int:
        """Bytes above those at the start."""
        self._ends.set()
        self._thread.join()
        return max(self._most, _resident()) - self._before


def _batches(keys: int, events: int, *, skewed: bool) -> Any:
    rng = random.Random(1)
    for start in range(0, events, 5_000):
        chosen = [
            rng.randrange(keys // 20) if skewed and rng.random() < 0.9 else rng.randrange(keys) for _ in range(5_000)
        ]
        yield [
            b'{"id":"%012x","time":%d,"user_id":"user-%08d","cents":%d}'
            % (start + place, start + place, key, key % 999)
            for place, key in enumerate(chosen)
        ]


def run(name: str, keys: int, memory_keys: int, events: int, *, skewed: bool, snapshot: Path | None) -> dict[str, Any]:
    """One run, in this process."""
    columns, query = QUERIES[name]
    program = load_program({"q.sql": _SCRIPT.format(columns=columns, query=query)}, single_shard=True)
    with DiskStates() as disk:
        bound: Bound | None = disk.bound(memory_keys) if memory_keys else None
        engine = Engine(program, bound=bound)
        gc.collect()
        report: dict[str, Any] = {}
        if snapshot is not None and snapshot.exists():
            peak, started = _Peak(), time.process_time()
            state: Any = _decode(snapshot.read_bytes())
            engine.restore(state)
            return {"restore_s": time.process_time() - started, "restore_bytes": peak.end()}
        engine.open_shard("0")
        peak, used = _Peak(), 0.0
        for batch in _batches(keys, events, skewed=skewed):
            started = time.process_time()
            engine.apply("0", batch)
            engine.advance()
            engine.capture(changes=True).encode()
            used += time.process_time() - started
        gc.collect()
        report = {"events_s": events / used, "bytes": peak.end(), "held": engine.group_count, "disk": disk.size}
        started = time.process_time()
        captured = engine.capture()
        report["pause_ms"] = (time.process_time() - started) * 1000
        if snapshot is not None:
            data = captured.encode()
            report["snapshot_bytes"] = len(data)
            snapshot.write_bytes(data)
            del data
        del captured
        peak, started, rows = _Peak(), time.process_time(), 0
        while engine.finish():
            rows += len(engine.advance())
        return {**report, "fire_s": time.process_time() - started, "fire_bytes": peak.end(), "rows": rows}


def _measured(name: str, given: argparse.Namespace, memory_keys: int, *, skewed: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--one", name, "--keys", str(given.keys), "--events", str(given.events)]
        command += ["--memory-keys", str(memory_keys), "--snapshot", f"{folder}/snapshot", *["--skewed"] * skewed]
        made = [json.loads(subprocess.check_output(command)) for _ in range(2)]
        return {**made[0], **made[1]}


def main() -> None:
    """Run all, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--memory-keys", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--only", nargs="+", choices=list(QUERIES), default=list(QUERIES))
    parser.add_argument("--one", choices=list(QUERIES), help=argparse.SUPPRESS)
    parser.add_argument("--snapshot", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--skewed", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one = run(given.one, given.keys, given.memory_keys, given.events, skewed=given.skewed, snapshot=given.snapshot)
        print(json.dumps(one))
        return
    print(f"{given.keys:,} keys, {given.events:,} events, bound {given.memory_keys:,} keys\n")
    heads = "events/s", "memory", "disk", "pause", "snapshot", "restart", "its memory", "all fire", "its memory"
    print(f"| query | keys | in memory | {' | '.join(heads)} |")
    print(f"|---|---|--:|{'--:|' * len(heads)}")
    for name in given.only:
        for skewed in (False, True):
            for memory_keys in (0, given.memory_keys):
                found = _measured(name, given, memory_keys, skewed=skewed)
                cells = [
                    f"{found['events_s']:,.0f}",
                    *(f"{found[what] / 1e6:,.0f} MB" for what in ("bytes", "disk")),
                    f"{found['pause_ms']:,.0f} ms",
                    f"{found['snapshot_bytes'] / 1e6:,.0f} MB",
                    f"{found['restore_s']:.1f} s",
                    f"{found['restore_bytes'] / 1e6:,.0f} MB",
                    f"{found['fire_s']:.1f} s",
                    f"{found['fire_bytes'] / 1e6:,.0f} MB",
                ]
                drawn, held = "skewed" if skewed else "even", f"{memory_keys:,}" if memory_keys else "all"
                print(f"| {_LABELS[name]} | {drawn} | {held} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
