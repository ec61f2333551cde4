"""What the state of many keys costs: how long a snapshot holds the stream up, and memory a key.

`python state.py KEYS` holds one open window of so many keys, COUNT and SUM, and captures all; the capture is encoded in
another thread while events go on being counted in, 500 at a turn as the aggregator does. Then it captures what the last
5,000 events changed. It prints one JSON object.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from run_engine import engine_of
from workloads import START_MS

from streaming_sql import Engine

_PAGE = os.sysconf("SC_PAGE_SIZE")
_DIRTY = 5_000
_TURNS = 100


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def _event(key: int) -> bytes:
    return b'{"id":"%032x","time":%d,"user":"user-%06d","country":"DE","cents":%d}' % (key, START_MS, key, key)


def _timed(work: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return (time.perf_counter() - started) * 1000, result


def _turns(engine: Engine, go_on: Callable[[int], bool]) -> list[float]:
    """Milliseconds of each turn of 500 events."""
    events = [_event(key) for key in range(500)]
    turns: list[float] = []
    while go_on(len(turns)):
        turns.append(_timed(lambda: engine.apply("0", events))[0])
    return turns


def main() -> None:
    """Measure once and report."""
    keys = int(sys.argv[1])
    engine = engine_of("tumble")
    engine.apply("0", [_event(0)])
    gc.collect()
    before = _resident()
    for start in range(0, keys, 1000):
        engine.apply("0", [_event(key) for key in range(start, min(start + 1000, keys))])
    gc.collect()
    held = _resident() - before
    cpu = time.thread_time()
    pause_ms, captured = _timed(engine.capture)
    pause_cpu_ms = (time.thread_time() - cpu) * 1000
    alone_ms = max(_turns(engine, lambda turn: turn < _TURNS))
    encoded: list[bytes] = []
    encoding = threading.Thread(target=lambda: encoded.append(captured.encode()))
    started = time.perf_counter()
    encoding.start()
    beside = _turns(engine, lambda turn: encoding.is_alive())
    encoding.join()
    encode_ms = (time.perf_counter() - started) * 1000
    engine.capture(changes=True).encode()
    engine.apply("0", [_event(key) for key in range(_DIRTY)])
    dirty_ms, captured = _timed(lambda: engine.capture(changes=True))
    changes = captured.encode()
    report = {
        "keys": keys,
        "bytes_a_key": held / keys,
        "pause_ms": pause_ms,
        "pause_cpu_ms": pause_cpu_ms,
        "encode_ms": encode_ms,
        "turn_ms": alone_ms,
        "turn_beside_ms": max(beside, default=0.0),
        "snapshot_bytes": len(encoded[0]),
        "dirty": _DIRTY,
        "dirty_pause_ms": dirty_ms,
        "dirty_bytes": len(changes),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
