"""The aggregator killed between every two of its steps: the final tables are those of a plain recomputation."""

import json
import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from killed_aggregator import Worker, World, named, run_until_done, survives

from aggregator.pipelines import load_pipelines
from shardline import Checkpoint

SEEDS = (1, 2, 3, 4)
DELAY, SIZE, SLIDE, SPAN = 2_000, 10_000, 5_000, 15_000
TABLE = """
CREATE TABLE events (`id` STRING, `time` BIGINT, payload ROW<card STRING, amount DECIMAL(12, 2)>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'enriched');
"""
SCRIPTS = {
    "spend.sql": TABLE
    + """CREATE TABLE spend (card STRING, n BIGINT, total DECIMAL(38, 2), ids BIGINT)
WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO spend SELECT payload.card, COUNT(*), SUM(payload.amount), COUNT(DISTINCT id)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, payload.card;""",
    "velocity.sql": TABLE
    + """CREATE TABLE velocity (card STRING, n BIGINT)
WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'severity' = 'high');
INSERT INTO velocity SELECT payload.card, COUNT(*)
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '15' SECOND))
GROUP BY window_start, window_end, payload.card HAVING COUNT(*) >= 3;""",
    "burst.sql": TABLE
    + """CREATE TABLE burst (card STRING, n BIGINT)
WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'severity' = 'low', 'alert.resolve-after' = '7 s',
  'alert.dedup-window' = '20 s', 'alert.cool-down' = '3 s');
INSERT INTO burst SELECT payload.card, COUNT(*)
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '15' SECOND))
GROUP BY window_start, window_end, payload.card HAVING COUNT(*) >= 2;""",
}
RESOLVE, DEDUP, COOL_DOWN = 7_000, 20_000, 3_000
PROGRAM = load_pipelines(SCRIPTS)
CHILDREN = {"a": ("a1", "a2")}
PARENT = {"a1": "a", "a2": "a"}
Event = dict[str, Any]
Tables = dict[str, dict[str, dict[str, Any]]]


def generate(seed: int) -> dict[str, list[Event]]:
    """Events by shard, out of order, some too late, some twice; shard a splits into a1 and a2."""
    rng = random.Random(seed)
    shards: dict[str, list[Event]] = {}
    for shard, begin in (("a", 0), ("b", 0), ("a1", 20_000), ("a2", 20_000)):
        events, now = [], begin
        for number in range(rng.randrange(6, 13)):
            now += rng.randrange(0, 5_000)
            time = max(0, now - rng.choice((0, 0, 500, 1_900, 6_000, 14_000)))
            payload = {"card": rng.choice("xyz"), "amount": rng.randrange(1, 99_999) / 100}
            events.append({"id": f"{shard}-{number}", "time": time, "payload": payload})
            if rng.random() < 0.3:
                events.append(rng.choice(events))
        shards[shard] = events
    return shards


def recompute(shards: dict[str, list[Event]]) -> Tables:
    """The same tables without an engine: every event into every window that its shard's watermark has not passed."""
    groups: dict[tuple[str, int, int, str], list[Event]] = defaultdict(list)
    late: dict[str, dict[str, Any]] = {}
    watermarks: dict[str, int] = {}
    seen: set[str] = set()
    for shard in ("a", "b", "a1", "a2"):
        watermark = watermarks.get(PARENT.get(shard, ""), -(10**15))
        for event in shards[shard]:
            if event["id"] in seen:
                continue
            seen.add(event["id"])
            for query, size, slide in (("spend", SIZE, SIZE), ("velocity", SPAN, SLIDE), ("burst", SPAN, SLIDE)):
                first = event["time"] // slide * slide + slide
                for end in range(first, first + size, slide):
                    if end - 1 <= watermark:
                        late[f"{event['id']}|{query}"] = {"window_end": end, "watermark": watermark, "shard": shard}
                    else:
                        groups[query, end - size, end, event["payload"]["card"]].append(event)
            watermark = max(watermark, event["time"] - DELAY)
        watermarks[shard] = watermark
    tables: Tables = {"aggregates": {}, "alerts": {}, "late": late}
    bursts: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for (query, start, end, card), events in groups.items():
        identity = f'{query}|{start}|{end}|{{"card":"{card}"}}'
        if query == "spend":
            total = sum(Decimal(str(event["payload"]["amount"])) for event in events)
            values = {"n": len(events), "total": total, "ids": len({event["id"] for event in events})}
            tables["aggregates"][identity] = values
        elif query == "velocity" and len(events) >= 3:
            tables["alerts"][identity] = {"n": len(events)}
        elif query == "burst" and len(events) >= 2:
            bursts[card].append((end, len(events)))
    for card, held in bursts.items():
        tables["alerts"] |= alerts_of(card, sorted(held))
    return tables


def alerts_of(card: str, held: list[tuple[int, int]]) -> dict[str, dict[str, Any]]:
    """The openings and resolutions of a card whose windows held at these ends, with these counts."""
    rows: dict[str, dict[str, Any]] = {}
    quiet_until = 0
    while held:
        opened, n = held.pop(0)
        if opened < quiet_until:
            continue
        identity = f'burst|{{"card":"{card}"}}|{opened}'
        rows[f"{identity}|open"] = {"n": n, "count": 1, "last": opened, "resolved": None}
        last, count = opened, 1
        while held and held[0][0] <= last + RESOLVE:
            (last, n), count = held.pop(0), count + 1
        rows[f"{identity}|resolved"] = {"n": n, "count": count, "last": last, "resolved": last + RESOLVE}
        quiet_until = max(opened + DEDUP, last + RESOLVE + COOL_DOWN)
    return rows


def tables(world: World) -> Tables:
    """The final tables, each id once; a row delivered twice must be the same to the byte."""
    found: Tables = {"aggregates": {}, "alerts": {}, "late": {}}
    for stream, rows in world.rows.items():
        for identity, versions in rows.items():
            assert len(versions) == 1, f"{identity} was delivered in {len(versions)} versions"
            row = json.loads(next(iter(versions)), parse_float=Decimal)
            names = ("window_end", "watermark", "shard")
            found[stream][identity] = row.get("values") or {name: row[name] for name in names}
            if "status" in row:
                found[stream][identity] |= {name: row.get(name) for name in ("count", "last", "resolved")}
    return found


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_kill_between_any_two_steps_changes_no_table(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    """For every step of an uncrashed run: die there, start again, and the tables equal the recomputation."""
    shards = generate(seed)
    expected = recompute(shards)
    undisturbed = World(PROGRAM, CHILDREN, shards, random.Random(seed))
    assert await run_until_done(undisturbed) == 0
    assert tables(undisturbed) == expected
    for shard in ("b", "a1", "a2"):
        assert undisturbed.leases[shard].checkpoint == Checkpoint(str(len(shards[shard]))), "everything is done"
    assert all(expected.values()), "the input must exercise windows, alerts and late events"
    assert any("resolved" in identity for identity in expected["alerts"]), "and alerts that end"
    for kill_at in range(1, undisturbed.steps + 1):
        world = World(PROGRAM, CHILDREN, shards, random.Random(seed), kill_at=kill_at)
        assert await run_until_done(world) == 1, f"seed {seed}, step {kill_at}"
        assert tables(world) == expected, f"seed {seed}, step {kill_at}"
        assert set(world.objects.objects) == named(world), "what no pointer names is deleted"
    with capsys.disabled():
        print(f" [seed {seed}: {undisturbed.steps} crash schedules]", end="")


@pytest.mark.parametrize("seed", range(100, 140))
async def test_repeated_kills_change_no_table(seed: int) -> None:
    """Three workers die at random steps of one run, and the tables still equal the recomputation."""
    shards, rng = generate(seed), random.Random(seed)
    world = World(PROGRAM, CHILDREN, shards, rng)
    for _ in range(3):
        world.kill_at = world.steps + rng.randrange(1, 80)
        await survives(Worker(world))
    world.kill_at = 0
    await run_until_done(world)
    assert tables(world) == recompute(shards)
