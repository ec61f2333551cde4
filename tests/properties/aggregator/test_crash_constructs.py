"""Sessions, OVER, joins and patterns in an aggregator that is killed: the tables are those of a run without crashes.

The inputs have no late records, so that one shard read in one go gives what several must, in whatever order.
"""

import json
import random
from typing import Any

import pytest
from killed_aggregator import Event, Worker, World, named, run_until_done, survives

from aggregator.pipelines import load_pipelines
from aggregator.rows import Stamp, window_row
from streaming_sql import run_script

TABLE = """
CREATE TABLE events (`id` STRING, `time` BIGINT, `type` STRING, card STRING, amount INT,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'enriched');
"""
QUERIES = {
    "sessions": (
        "card STRING, n BIGINT, total INT, ids BIGINT",
        "SELECT card, COUNT(*), SUM(amount), COUNT(DISTINCT id) FROM TABLE(SESSION(TABLE events PARTITION BY card, "
        "DESCRIPTOR(ts), INTERVAL '4' SECOND)) GROUP BY window_start, window_end, card",
    ),
    "trailing": (
        "id STRING, n BIGINT, mean INT",
        "SELECT id, COUNT(*) OVER w, AVG(amount) OVER w FROM events WINDOW w AS (PARTITION BY card ORDER BY ts "
        "RANGE BETWEEN INTERVAL '8' SECOND PRECEDING AND CURRENT ROW)",
    ),
    "last_three": (
        "id STRING, total INT",
        "SELECT id, SUM(amount) OVER (PARTITION BY card ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) "
        "FROM events",
    ),
    "paid_after_login": (
        "pay STRING, login STRING",
        "SELECT p.id, l.id FROM (SELECT * FROM events WHERE `type` = 'pay') p LEFT JOIN (SELECT * FROM events "
        "WHERE `type` = 'login') l ON p.card = l.card AND p.ts BETWEEN l.ts AND l.ts + INTERVAL '6' SECOND",
    ),
    "busiest": (
        "window_start TIMESTAMP(3), window_end TIMESTAMP(3), most BIGINT",
        "SELECT window_start, window_end, MAX(n) FROM (SELECT window_start, window_end, card, COUNT(*) AS n FROM "
        "TABLE(CUMULATE(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '15' SECOND)) "
        "GROUP BY window_start, window_end, card) GROUP BY window_start, window_end",
    ),
    "small_then_large": (
        "card STRING, first_id STRING, last_id STRING",
        "SELECT card, first_id, last_id FROM events MATCH_RECOGNIZE (PARTITION BY card ORDER BY ts "
        "MEASURES FIRST(S.id) AS first_id, B.id AS last_id AFTER MATCH SKIP PAST LAST ROW "
        "PATTERN (S+ B) WITHIN INTERVAL '25' SECOND DEFINE S AS S.amount < 50, B AS B.amount > 50)",
    ),
    "largest": (
        "window_start TIMESTAMP(3), window_end TIMESTAMP(3), id STRING, place BIGINT",
        "SELECT window_start, window_end, id, place FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, "
        "window_end ORDER BY amount DESC, id) AS place FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), "
        "INTERVAL '10' SECOND))) WHERE place <= 2",
    ),
}
SINK = "CREATE TABLE {name} ({columns}) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');\n"
SCRIPTS = {
    f"{name}.sql": TABLE + SINK.format(name=name, columns=columns) + f"INSERT INTO {name} {query};"
    for name, (columns, query) in QUERIES.items()
}
PROGRAM = load_pipelines(SCRIPTS)
CHILDREN = {"a": ("a1", "a2")}
Table = dict[str, dict[str, Any]]


def generate(seed: int) -> dict[str, list[Event]]:
    """Events by shard, each in order of time, no two at one time; shard a splits into a1 and a2 at 20 s."""
    rng = random.Random(seed)
    times = rng.sample(range(20_000), 16) + rng.sample(range(20_000, 40_000), 16)
    shards: dict[str, list[Event]] = {"a": [], "b": [], "a1": [], "a2": []}
    for number, time in enumerate(sorted(times)):
        shard = rng.choice(("a", "b") if time < 20_000 else ("a1", "a2", "b"))
        event = {"id": f"e{number}", "time": time, "type": rng.choice(("pay", "pay", "login"))}
        shards[shard].append(event | {"card": rng.choice("xy"), "amount": rng.randrange(100)})
    for shard, time in (("a", 19_999), ("b", 39_999), ("a1", 39_998), ("a2", 39_997)):
        event = {"id": f"last-{shard}", "time": time, "type": "pay", "card": "x", "amount": 7}
        shards[shard].append(event)
    return shards


def undisturbed(shards: dict[str, list[Event]]) -> Table:
    """Every row by its id, of all events in order of time in one shard, without a crash."""
    events = sorted((event for records in shards.values() for event in records), key=lambda event: event["time"])
    records = [json.dumps(event).encode() for event in events]
    rows: Table = {}
    for script in SCRIPTS.values():
        for results in run_script(script, {"enriched": records}).values():
            for result in results:
                row = json.loads(window_row(result, Stamp(0, 0, 0)).data)
                rows[row["id"]] = row["values"]
    return rows


def delivered(world: World) -> Table:
    """Every row by its id; one that was delivered twice must be the same to the byte."""
    assert not world.rows["late"], "nothing is late"
    found: Table = {}
    for identity, versions in world.rows["aggregates"].items():
        assert len(versions) == 1, f"{identity} was delivered in {len(versions)} versions"
        found[identity] = json.loads(next(iter(versions)))["values"]
    return found


async def killed_everywhere(seed: int, *, every: int) -> int:
    """One run for each `every`-th step of an uncrashed one, killed there; returns how many."""
    shards = generate(seed)
    expected = undisturbed(shards)
    queries = {identity.split("|")[0] for identity in expected}
    assert queries >= QUERIES.keys() - {"small_then_large"}, "the input must exercise every query"
    calm = World(PROGRAM, CHILDREN, shards, random.Random(seed))
    assert await run_until_done(calm) == 0
    assert delivered(calm) == expected, f"seed {seed}, without a crash"
    killed = range(1 + seed % every, calm.steps + 1, every)
    for kill_at in killed:
        world = World(PROGRAM, CHILDREN, shards, random.Random(seed), kill_at=kill_at)
        assert await run_until_done(world) == 1, f"seed {seed}, step {kill_at}"
        assert delivered(world) == expected, f"seed {seed}, step {kill_at}"
        assert set(world.objects.objects) == named(world), "what no pointer names is deleted"
    return len(killed)


async def test_a_kill_changes_no_row(capsys: pytest.CaptureFixture[str]) -> None:
    """Every fifth step of one run."""
    count = await killed_everywhere(1, every=5)
    with capsys.disabled():
        print(f" [{count} crash schedules]", end="")


@pytest.mark.parametrize("seed", range(200, 215))
async def test_repeated_kills_change_no_row(seed: int) -> None:
    """Three workers die at random steps of one run."""
    shards, rng = generate(seed), random.Random(seed)
    world = World(PROGRAM, CHILDREN, shards, rng)
    for _ in range(3):
        world.kill_at = world.steps + rng.randrange(1, 120)
        await survives(Worker(world))
    world.kill_at = 0
    await run_until_done(world)
    assert delivered(world) == undisturbed(shards)


@pytest.mark.long
async def test_a_thousand_crash_schedules_change_no_row(capsys: pytest.CaptureFixture[str]) -> None:
    """Every step of as many runs as it takes, each with another input."""
    count = seed = 0
    while count < 1_000:
        seed += 1
        count += await killed_everywhere(seed, every=1)
    with capsys.disabled():
        print(f" [{seed} seeds, {count} crash schedules, 0 rows wrong]", end="")
