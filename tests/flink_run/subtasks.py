"""What Flink counts of two shards of one half hour, read by one subtask, one shard after the other, and by two.

The watermark is one a source subtask. `PYTHONPATH=tests/oracle .venv/bin/python tests/flink_run/subtasks.py` shows what
that means where there are fewer subtasks than shards; files stand for shards.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import application

from streaming_sql.flink import Files, render

EVENTS = 20_000
SCRIPT = """CREATE TABLE events (
  `time` BIGINT, ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'enriched');
CREATE TABLE counts (window_start TIMESTAMP(3), window_end TIMESTAMP(3), n BIGINT)
WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO counts SELECT window_start, window_end, COUNT(*)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;"""


def main() -> None:
    for subtasks in (1, 2):
        with tempfile.TemporaryDirectory() as name:
            print(f"parallelism {subtasks}: {_counted(Path(name), subtasks):,} of {2 * EVENTS:,} events", flush=True)


def _counted(folder: Path, subtasks: int) -> int:
    shards = folder / "shards"
    shards.mkdir()
    for shard in range(2):
        events = (json.dumps({"time": 100 * number}) for number in range(EVENTS))
        (shards / f"{shard}.jsonl").write_text("\n".join(events))
    rendered = render({"counts.sql": SCRIPT}, Files({"enriched": str(shards)}, f"{folder}/rows"), "1.20")
    application.run(rendered.texts, "1.20", folder, subtasks)
    lines = [line for part in (folder / "rows" / "counts").glob("part-*") for line in part.read_text().splitlines()]
    return sum(int(json.loads(line)["n"]) for line in lines)


if __name__ == "__main__":
    main()
