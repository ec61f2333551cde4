"""The comparison with Flink can fail: a row, a value or an id that differs is told."""

import json

import pytest
import sample_events
import sink_verdicts

from indexer.plain_rows import PlainRows
from streaming_sql import run_script
from streaming_sql.flink import KinesisStreams, OwnStreams, describe_rows, render

SCRIPT = """CREATE TABLE events (
  `user` STRING, `time` BIGINT, ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts)
WITH ('connector' = 'kinesis', 'stream' = 'enriched');
CREATE TABLE totals (window_start TIMESTAMP(3), window_end TIMESTAMP(3), `user` STRING, n BIGINT)
WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO totals SELECT window_start, window_end, `user`, COUNT(*)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, `user`;"""
ROWS = [
    {"window_start": "1970-01-01 00:00:00", "window_end": "1970-01-01 00:01:00", "user": user, "n": n}
    for user, n in (("a", 2), ("b", 1))
]


@pytest.fixture
def judge(tmp_path):
    """The verdict on what Flink is said to have written."""
    (sink,) = render({"a.sql": SCRIPT}, OwnStreams(), "1.20").rows
    plain = PlainRows(describe_rows(render({"a.sql": SCRIPT}, KinesisStreams(), "1.20").rows).encode())
    events = [b'{"user":"a","time":1}', b'{"user":"a","time":2}', b'{"user":"b","time":3}']
    ours = run_script(SCRIPT, {"enriched": events})["totals"]

    def judged(rows):
        (tmp_path / "totals").mkdir()
        (tmp_path / "totals" / "part-0").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return sink_verdicts.verdict(sink, tmp_path, ours, plain)

    return judged


def test_the_same_rows_are_the_same(judge):
    """In any order, with every document under the aggregator's id."""
    found = judge(ROWS[::-1])
    assert (found.rows, found.difference, found.ids) == (2, "", 2)


@pytest.mark.parametrize(
    "rows",
    [ROWS[:1], [*ROWS, ROWS[0]], [ROWS[0], {**ROWS[1], "n": 2}], [ROWS[0], {**ROWS[1], "user": None}], []],
    ids=["missing", "twice", "another value", "another key", "none"],
)
def test_any_difference_is_told(judge, rows):
    """A row too few or too many, or one that says something else."""
    assert judge(rows).difference


def test_the_events_are_those_of_the_seed():
    """And hold every example's, its broken lines too."""
    lines = sample_events.lines()
    assert lines == sample_events.lines()
    assert lines != sample_events.lines(2)
    given = [line for file in sample_events.DATA.glob("*.jsonl") for line in file.read_bytes().splitlines()]
    assert set(given) < set(lines)
