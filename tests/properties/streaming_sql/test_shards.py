"""What every construct owes to shards: one result, however records interleave, in whatever batches and restarts."""

import json
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_sql import Engine, Program, load_program, merged_state

TABLES = """
CREATE TABLE pays (`id` STRING, `time` BIGINT, card STRING, amount INT,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'pays'{key});
CREATE TABLE logins (`id` STRING, `time` BIGINT, card STRING,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND,
  PRIMARY KEY (card) NOT ENFORCED)
WITH ('connector' = 'kinesis', 'stream' = 'logins'{key});
"""
SINK = "CREATE TABLE found ({columns}) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');\n"
WINDOW = "window_start TIMESTAMP(3), window_end TIMESTAMP(3), card STRING, n BIGINT, total INT"
GROUPED = (
    "SELECT window_start, window_end, card, COUNT(*), SUM(amount) FROM TABLE({0}(TABLE pays {1}, DESCRIPTOR(ts), {2})) "
    "GROUP BY window_start, window_end, card"
)
QUERIES = {
    "tumble": (WINDOW, GROUPED.format("TUMBLE", "", "INTERVAL '10' SECOND")),
    "hop": (WINDOW, GROUPED.format("HOP", "", "INTERVAL '4' SECOND, INTERVAL '12' SECOND")),
    "cumulate": (WINDOW, GROUPED.format("CUMULATE", "", "INTERVAL '3' SECOND, INTERVAL '12' SECOND")),
    "session": (WINDOW, GROUPED.format("SESSION", "PARTITION BY card", "INTERVAL '3' SECOND")),
    "window of windows": (
        "window_start TIMESTAMP(3), window_end TIMESTAMP(3), n BIGINT, most INT",
        "SELECT window_start, window_end, COUNT(*), MAX(total) FROM (SELECT window_start, window_end, card, "
        "SUM(amount) AS total FROM TABLE(TUMBLE(TABLE pays, DESCRIPTOR(ts), INTERVAL '10' SECOND)) "
        "GROUP BY window_start, window_end, card) GROUP BY window_start, window_end",
    ),
    "over range": (
        "id STRING, n BIGINT, total INT, most INT",
        "SELECT id, COUNT(*) OVER w, SUM(amount) OVER w, MAX(amount) OVER w FROM pays WINDOW w AS (PARTITION BY card "
        "ORDER BY ts RANGE BETWEEN INTERVAL '5' SECOND PRECEDING AND CURRENT ROW)",
    ),
    "over rows": (
        "id STRING, total INT",
        "SELECT id, SUM(amount) OVER (PARTITION BY card ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) "
        "FROM pays",
    ),
    "lag": ("id STRING, before INT", "SELECT id, LAG(amount) OVER (PARTITION BY card ORDER BY ts) FROM pays"),
    "interval join": (
        "id STRING, login STRING",
        "SELECT p.id, l.id FROM pays p LEFT JOIN logins l ON p.card = l.card "
        "AND p.ts BETWEEN l.ts AND l.ts + INTERVAL '6' SECOND",
    ),
    "full interval join": (
        "id STRING, login STRING",
        "SELECT p.id, l.id FROM pays p FULL JOIN logins l ON p.card = l.card "
        "AND l.ts BETWEEN p.ts - INTERVAL '3' SECOND AND p.ts + INTERVAL '2' SECOND",
    ),
    "windows of a join": (
        "window_start TIMESTAMP(3), window_end TIMESTAMP(3), card STRING, n BIGINT",
        "WITH joined AS (SELECT p.card AS card, p.ts AS ts FROM pays p JOIN logins l ON p.card = l.card "
        "AND p.ts BETWEEN l.ts AND l.ts + INTERVAL '6' SECOND) SELECT window_start, window_end, card, COUNT(*) "
        "FROM TABLE(TUMBLE(TABLE joined, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY window_start, window_end, card",
    ),
    "match": (
        "card STRING, first_id STRING, last_id STRING",
        "SELECT card, first_id, last_id FROM pays MATCH_RECOGNIZE (PARTITION BY card ORDER BY ts "
        "MEASURES FIRST(S.id) AS first_id, B.id AS last_id AFTER MATCH SKIP PAST LAST ROW "
        "PATTERN (S{2,} B) WITHIN INTERVAL '20' SECOND DEFINE S AS S.amount < 40, B AS B.amount > 60)",
    ),
    "top 2": (
        "window_start TIMESTAMP(3), window_end TIMESTAMP(3), id STRING, place BIGINT",
        "SELECT window_start, window_end, id, place FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, "
        "window_end ORDER BY amount DESC, id) AS place FROM TABLE(TUMBLE(TABLE pays, DESCRIPTOR(ts), "
        "INTERVAL '10' SECOND))) WHERE place <= 2",
    ),
    "first of each": (
        "card STRING, id STRING",
        "SELECT card, id FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY card ORDER BY ts) AS place FROM pays) "
        "WHERE place = 1",
    ),
    "window join": (
        "window_start TIMESTAMP(3), window_end TIMESTAMP(3), id STRING, login STRING",
        "SELECT p.window_start, p.window_end, p.id, l.id FROM (SELECT * FROM TABLE(TUMBLE(TABLE pays, DESCRIPTOR(ts), "
        "INTERVAL '10' SECOND))) p LEFT JOIN (SELECT * FROM TABLE(TUMBLE(TABLE logins, DESCRIPTOR(ts), "
        "INTERVAL '10' SECOND))) l ON p.card = l.card AND p.window_start = l.window_start "
        "AND p.window_end = l.window_end",
    ),
    "window anti join": (
        "window_start TIMESTAMP(3), window_end TIMESTAMP(3), id STRING",
        "SELECT window_start, window_end, id FROM (SELECT * FROM TABLE(HOP(TABLE pays, DESCRIPTOR(ts), "
        "INTERVAL '5' SECOND, INTERVAL '10' SECOND))) p WHERE NOT EXISTS (SELECT * FROM (SELECT * FROM "
        "TABLE(HOP(TABLE logins, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND))) l "
        "WHERE p.card = l.card AND p.window_start = l.window_start AND p.window_end = l.window_end)",
    ),
    "versions": (
        "id STRING, login STRING",
        "SELECT p.id, l.id FROM pays p LEFT JOIN logins FOR SYSTEM_TIME AS OF p.ts AS l ON p.card = l.card",
    ),
    "union": (
        "window_start TIMESTAMP(3), window_end TIMESTAMP(3), card STRING, n BIGINT",
        "WITH both_of_them AS (SELECT card, ts FROM pays UNION ALL SELECT card, ts FROM logins) SELECT window_start, "
        "window_end, card, COUNT(*) FROM TABLE(TUMBLE(TABLE both_of_them, DESCRIPTOR(ts), INTERVAL '10' SECOND)) "
        "GROUP BY window_start, window_end, card",
    ),
}
Shards = dict[str, list[dict[str, Any]]]


def program(name: str, key: str = "") -> Program:
    columns, query = QUERIES[name]
    option = f", 'partition-key' = '{key}'" if key else ""
    return load_program(
        {"q.sql": TABLES.format(key=option) + SINK.format(columns=columns) + f"INSERT INTO found {query};"}
    )


def events(prefix: str, rng: random.Random, count: int, disorder: int) -> list[dict[str, Any]]:
    """Events whose times all differ, by more than shards could disagree about."""
    made = []
    for number in range(count):
        time = max(0, number * 900 - rng.randrange(disorder + 1)) * 10 + rng.randrange(10) if disorder else number * 900
        made.append({"id": f"{prefix}{number}", "time": time, "card": rng.choice("xyz"), "amount": rng.randrange(100)})
    return made


def run(made: Program, shards: Shards, rng: random.Random, *, restarts: bool = True) -> Counter[str]:
    """The rows under one random interleaving, with random batches, firings, restarts from changes."""
    read = {scan.stream for scan in made.sources}
    shards = {name: records for name, records in shards.items() if name.split("-")[0] in read}
    engine = Engine(made)
    for name in shards:
        engine.open_shard(name, name.split("-")[0])
    left = {name: [json.dumps(event).encode() for event in records] for name, records in shards.items()}
    rows: Counter[str] = Counter()
    chain = [engine.snapshot()]
    while any(left.values()):
        name = rng.choice([name for name, records in left.items() if records])
        count = rng.randrange(1, 6)
        engine.apply(name, left[name][:count])
        left[name] = left[name][count:]
        if rng.random() < 0.4:
            take(engine, rows)
        if restarts and rng.random() < 0.3:
            take(engine, rows)
            chain.append(json.loads(engine.capture(changes=True).encode()))
            if rng.random() < 0.5:
                engine = Engine(made)
                assert engine.restore(merged_state(chain)) == []
                chain = [engine.snapshot()]
    while True:
        take(engine, rows)
        if not engine.finish():
            return rows


def take(engine: Engine, rows: Counter[str]) -> None:
    """Add what came out to the table so far; a row that replaces or goes takes the former one of its key away."""
    for row in engine.advance():
        place = json.dumps([row.window_start, row.window_end, row.key], sort_keys=True)
        text = f"{place} {json.dumps(row.values, default=str, sort_keys=True)}"
        if row.change != "+I":
            former = [known for known in rows if known.startswith(f"{place} ")]
            assert len(former) == 1, "what is replaced is there once"
            del rows[former[0]]
        if row.change != "-D":
            rows[text] += 1


def dealt(name: str, made: list[dict[str, Any]], count: int, rng: random.Random, *, by_card: bool) -> Shards:
    shards: Shards = {f"{name}-{number}": [] for number in range(count)}
    for event in made:
        number = "xyz".index(event["card"]) % count if by_card else rng.randrange(count)
        shards[f"{name}-{number}"].append(event)
    return shards


@pytest.mark.parametrize("name", QUERIES)
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 3), st.booleans())
def test_interleavings_batches_and_restarts_change_nothing(name: str, seed: int, count: int, local: bool) -> None:
    """For a fixed assignment of records to shards, late records among them, whether keys are local to shards or not."""
    rng = random.Random(seed)
    made = program(name, "card" if local else "")
    shards = dealt("pays", events("p", rng, 24, 700), count, rng, by_card=local)
    shards |= dealt("logins", events("l", rng, 12, 700), count, rng, by_card=local)
    expected = run(made, shards, random.Random(1), restarts=False)
    assert expected or name in {"match", "interval join", "windows of a join"}
    for turn in range(3):
        assert run(made, shards, random.Random(seed + turn)) == expected


@pytest.mark.parametrize("name", QUERIES)
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_without_late_records_the_assignment_changes_nothing(name: str, seed: int) -> None:
    """Records in order of time give the same rows on one shard as dealt out over two or four."""
    rng = random.Random(seed)
    made = program(name)
    pays, logins = events("p", rng, 24, 0), events("l", rng, 12, 0)
    results = []
    for count in (1, 2, 4):
        shards = dealt("pays", pays, count, rng, by_card=False) | dealt("logins", logins, count, rng, by_card=False)
        results.append(run(made, shards, random.Random(seed + count)))
    assert results[0] == results[1] == results[2]
