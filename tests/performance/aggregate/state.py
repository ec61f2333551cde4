"""What the state of many keys costs: how long a snapshot pauses the stream, and memory a key.

`python state.py KEYS` holds one open window of so many keys, COUNT and SUM, captures all, counts 5,000 events in and
captures what they changed. The stream waits for a capture alone; it is encoded in another thread. It prints one JSON
object.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from run_engine import engine_of
from workloads import START_MS

_PAGE = os.sysconf("SC_PAGE_SIZE")
_DIRTY = 5_000


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def _event(key: int) -> bytes:
    return b'{"id":"%032x","time":%d,"user":"user-%06d","country":"DE","cents":%d}' % (key, START_MS, key, key)


def _timed(work: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return (time.perf_counter() - started) * 1000, result


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
    pause_ms, captured = _timed(engine.capture)
    encode_ms, data = _timed(captured.encode)
    engine.apply("0", [_event(key) for key in range(_DIRTY)])
    dirty_ms, captured = _timed(lambda: engine.capture(changes=True))
    changes = captured.encode()
    report = {
        "keys": keys,
        "bytes_a_key": held / keys,
        "pause_ms": pause_ms,
        "encode_ms": encode_ms,
        "snapshot_bytes": len(data),
        "dirty": _DIRTY,
        "dirty_pause_ms": dirty_ms,
        "dirty_bytes": len(changes),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
