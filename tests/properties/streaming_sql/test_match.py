"""MATCH_RECOGNIZE over shards: one result whatever the interleaving, the batches and the restarts."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_sql import Engine, load_program

SCRIPT = """
CREATE TABLE events (device STRING, `time` BIGINT, level INT, amount DECIMAL(8, 2),
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'enriched');
CREATE TABLE dips (device STRING, began TIMESTAMP_LTZ(3), at TIMESTAMP(3), falls BIGINT, total DECIMAL(38, 2),
  mean INT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
CREATE TABLE flat (device STRING, rows_seen BIGINT, level INT)
WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
CREATE TABLE summed (window_end TIMESTAMP(3), dips_seen BIGINT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
CREATE VIEW found AS SELECT * FROM events MATCH_RECOGNIZE (
  PARTITION BY device ORDER BY ts, level DESC
  MEASURES FIRST(ts) AS began, MATCH_ROWTIME() AS at, COUNT(d.level) AS falls, SUM(amount) AS total,
    AVG(d.level) AS mean
  AFTER MATCH SKIP TO LAST u
  PATTERN (s d+? u) WITHIN INTERVAL '8' SECOND
  DEFINE d AS d.level < LAST(level, 1) AND SUM(d.amount) < 30, u AS u.level > LAST(d.level));
INSERT INTO dips SELECT * FROM found;
INSERT INTO summed SELECT window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE found, DESCRIPTOR(at), INTERVAL '10' SECOND))
GROUP BY window_start, window_end;
INSERT INTO flat SELECT * FROM events MATCH_RECOGNIZE (
  PARTITION BY device ORDER BY ts MEASURES COUNT(*) AS rows_seen, LAST(a.level) AS level
  AFTER MATCH SKIP PAST LAST ROW PATTERN (a{2,} b)
  DEFINE a AS LAST(a.level, 1) IS NULL OR a.level = LAST(a.level, 1), b AS b.level <> LAST(a.level));
"""
PROGRAM = load_program({"match.sql": SCRIPT})
Event = dict[str, Any]

_events = st.fixed_dictionaries(
    {
        "device": st.sampled_from(["a", "a", "b", None]),
        "time": st.integers(0, 40).map(lambda step: step * 500),
        "level": st.none() | st.integers(0, 3),
        "amount": st.none() | st.integers(0, 15),
    }
)
_shards = st.lists(st.lists(_events, max_size=15), min_size=1, max_size=3)


def run(shards: list[list[Event]], rng: random.Random, *, restarts: bool = False) -> tuple[Counter[str], int]:
    """The rows of all sinks, and how many events came late, under one random interleaving."""
    engine = Engine(PROGRAM)
    names = [f"shard-{number}" for number in range(len(shards))]
    for name in names:
        engine.open_shard(name)
    left = {name: [json.dumps(event).encode() for event in events] for name, events in zip(names, shards, strict=True)}
    rows: Counter[str] = Counter()
    late = 0
    while any(left.values()):
        name = rng.choice([name for name, records in left.items() if records])
        count = rng.randrange(1, 5)
        late += len(engine.apply(name, left[name][:count]).late)
        left[name] = left[name][count:]
        if rng.random() < 0.4:
            collect(engine, rows)
        if restarts and rng.random() < 0.4:
            collect(engine, rows)
            snapshot = json.loads(json.dumps(engine.snapshot()))
            engine = Engine(PROGRAM)
            assert engine.restore(snapshot) == []
    collect(engine, rows)
    while engine.finish():
        collect(engine, rows)
    return rows, late


def collect(engine: Engine, rows: Counter[str]) -> None:
    for row in engine.advance():
        rows[str((row.query, row.time, row.window_end, *row.key.values(), *row.values.values(), row.identity))] += 1


@settings(max_examples=80, deadline=None)
@given(_shards, st.integers(0, 2**32))
def test_any_interleaving_and_batches_give_one_result(shards: list[list[Event]], seed: int) -> None:
    """For a fixed assignment of records to shards the matches, what reads them and the late rows are the same."""
    assert run(shards, random.Random(seed)) == run(shards, random.Random(0))


@settings(max_examples=80, deadline=None)
@given(_shards, st.integers(0, 2**32))
def test_restoring_any_snapshot_changes_nothing(shards: list[list[Event]], seed: int) -> None:
    """An engine restored from its own snapshot, as often as may be, gives the rows of one that never stopped."""
    assert run(shards, random.Random(seed), restarts=True) == run(shards, random.Random(seed))


@settings(max_examples=60, deadline=None)
@given(st.lists(_events, max_size=25), st.integers(1, 4), st.integers(0, 2**32))
def test_without_late_records_the_assignment_does_not_matter(events: list[Event], count: int, seed: int) -> None:
    """Records of different times in order give the same matches on one shard as dealt out over any number."""
    ordered = [{**event, "time": place * 700} for place, event in enumerate(events)]
    rng = random.Random(seed)
    dealt: list[list[Event]] = [[] for _ in range(count)]
    for event in ordered:
        rng.choice(dealt).append(event)
    assert run(dealt, rng) == run([ordered], rng)
