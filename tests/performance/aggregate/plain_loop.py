"""What one would write by hand: json.loads and a dict, COUNT and SUM by user over one-minute buckets.

`python plain_loop.py EVENTS OUTPUT` prints one JSON object: the events, rows, and CPU and wall seconds of the loop.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

_BUCKET_MS = 60_000
_DELAY_MS = 5_000


def aggregate(lines: list[bytes]) -> list[bytes]:
    """The rows of every bucket as JSON, each bucket once no event older than its end is awaited."""
    buckets: dict[int, dict[str, list[int]]] = {}
    rows: list[bytes] = []
    due = 0
    for line in lines:
        event = json.loads(line)
        time_ms = event["time"]
        start = time_ms - time_ms % _BUCKET_MS
        bucket = buckets.get(start)
        if bucket is None:
            bucket = buckets[start] = {}
        group = bucket.get(event["user"])
        if group is None:
            bucket[event["user"]] = [1, event["cents"]]
        else:
            group[0] += 1
            group[1] += event["cents"]
        if time_ms >= due:
            for done in [start for start in buckets if start + _BUCKET_MS + _DELAY_MS <= time_ms]:
                rows.extend(_rows(done, buckets.pop(done)))
            due = min(buckets) + _BUCKET_MS + _DELAY_MS
    for start in sorted(buckets):
        rows.extend(_rows(start, buckets[start]))
    return rows


def _rows(start: int, bucket: dict[str, list[int]]) -> list[bytes]:
    return [
        json.dumps(
            {
                "window_start": start,
                "window_end": start + _BUCKET_MS,
                "user": user,
                "events": count,
                "cents": cents,
            }
        ).encode()
        for user, (count, cents) in bucket.items()
    ]


def main() -> None:
    """Run once and report."""
    lines = Path(sys.argv[1]).read_bytes().splitlines()
    wall, cpu = time.perf_counter(), time.process_time()
    rows = aggregate(lines)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    Path(sys.argv[2]).write_bytes(b"\n".join(rows) + b"\n")
    print(json.dumps({"events": len(lines), "rows": len(rows), "cpu": cpu, "wall": wall}))


if __name__ == "__main__":
    main()
