"""Aggregators that share shards, as real processes on the Kinesis double: killed, resharded, their rows stay exact."""

import asyncio
import json
import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

pytestmark = pytest.mark.integration
BEGIN = 1_700_000_000_000
TABLE = """
CREATE TABLE events (`id` STRING, `time` BIGINT, payload ROW<card STRING, shop STRING, amount DECIMAL(12, 2)>,
  `key` STRING, ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'partition-key' = 'key');
"""
SINK = "CREATE TABLE {name} ({columns}) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');\n"
WINDOW = "FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end"
QUERIES = {
    "by_key": ("`key` STRING, n BIGINT", f"SELECT `key`, COUNT(*) {WINDOW}, `key`"),
    "by_shop": (
        "shop STRING, n BIGINT, total DECIMAL(38, 2)",
        f"SELECT payload.shop, COUNT(*), SUM(payload.amount) {WINDOW}, payload.shop",
    ),
    "of_all": ("n BIGINT, total DECIMAL(38, 2)", f"SELECT COUNT(*), SUM(payload.amount) {WINDOW}"),
    "running": (
        "id STRING, n BIGINT",
        "SELECT id, COUNT(*) OVER (PARTITION BY payload.shop ORDER BY ts RANGE BETWEEN INTERVAL '2' SECOND PRECEDING "
        "AND CURRENT ROW) FROM events",
    ),
}


def payments(first: int, count: int) -> list[dict[str, Any]]:
    """Payments in order of time, 20 ms apart, on 40 cards and in 25 shops."""
    rng = random.Random(first)
    return [
        {
            "id": f"p{place}",
            "key": f"card{place % 40}",
            "time": BEGIN + place * 20,
            "payload": {
                "card": f"card{place % 40}",
                "shop": f"shop{rng.randrange(25)}",
                "amount": rng.randrange(1, 30_000) / 100,
            },
        }
        for place in range(first, first + count)
    ]


def recomputed(events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every row by its id, without an engine."""
    rows: dict[str, dict[str, Any]] = {}
    windows: dict[tuple[str, int, str], list[Decimal]] = defaultdict(list)
    times: dict[str, list[int]] = defaultdict(list)
    for event in events:
        start, payload = event["time"] // 10_000 * 10_000, event["payload"]
        amount = Decimal(str(payload["amount"]))
        windows["by_key", start, json.dumps({"key": event["key"]}, separators=(",", ":"))].append(amount)
        windows["by_shop", start, json.dumps({"shop": payload["shop"]}, separators=(",", ":"))].append(amount)
        windows["of_all", start, "{}"].append(amount)
        times[payload["shop"]].append(event["time"])
        near = sum(event["time"] - time <= 2_000 for time in times[payload["shop"]])
        rows[event["id"]] = {"n": near}
    for (query, start, key), amounts in windows.items():
        values: dict[str, Any] = {"n": len(amounts)}
        if query != "by_key":
            values["total"] = sum(amounts)
        rows[f"{query}|{start}|{start + 10_000}|{key}"] = values
    return rows


async def found(stack: Any, *, but: str = "") -> dict[str, dict[str, Any]]:
    """The rows as they stand in `aggregates`, those of a query left out; one that is there twice must be the same."""
    rows: dict[str, dict[str, Any]] = {}
    for row in await stack.read("aggregates"):
        assert rows.setdefault(row["id"], row) == row
    answer = {}
    for identity, row in rows.items():
        if row["query"] == but:
            continue
        values = dict(row["values"])
        if "total" in values:
            values["total"] = Decimal(str(values["total"]))
        answer[values.pop("id") if row["query"] == "running" else identity] = values
    return answer


async def shared(stack: Any, folder: Any) -> None:
    """Have the stack's aggregators share these queries."""
    folder.mkdir()
    for name, (columns, query) in QUERIES.items():
        script = TABLE + SINK.format(name=name, columns=columns) + f"INSERT INTO {name} {query};"
        (folder / f"{name}.sql").write_text(script)
    stack.environment |= {
        "AGGREGATOR_PIPELINES": str(folder),
        "AGGREGATOR_DISTRIBUTION": "shards",
        "AGGREGATOR_IDLE_SECONDS": "6",
        "AGGREGATOR_FLUSH_SECONDS": "8",
    }


async def split(stack: Any, stream: str) -> None:
    shard = (await stack.kinesis.list_shards(StreamName=stream))["Shards"][0]
    low, high = (int(shard["HashKeyRange"][end]) for end in ("StartingHashKey", "EndingHashKey"))
    await stack.kinesis.split_shard(
        StreamName=stream, ShardToSplit=shard["ShardId"], NewStartingHashKey=str((low + high) // 2)
    )


async def some_rows(stack: Any) -> bool:
    return bool(await stack.read("aggregates"))


async def test_two_aggregators_share_shards_through_a_split_of_either_stream(stack: Any, tmp_path: Any) -> None:
    """Each works, what they send one another is counted once, and every row is that of a recomputation."""
    await shared(stack, tmp_path / "sql")
    events = payments(0, 3_000)
    first, second = await stack.start(), await stack.start()
    await stack.put(events[:1_500])
    await stack.until(lambda: some_rows(stack))
    for stream in ("enriched", "exchange"):
        await split(stack, stream)
    await stack.put(events[1_500:])
    expected = recomputed(events)

    async def complete() -> bool:
        return await found(stack) == expected

    await stack.until(complete)
    assert await stack.read("late") == []
    assert await stack.read("dead-letters") == []
    for process in (first, second):
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 40) == 0


@pytest.mark.long
async def test_rows_are_exact_through_a_kill_and_splits(stack: Any, tmp_path: Any) -> None:
    """Kill -9 of one of three, both streams split while its leases expire, and a newcomer: no row differs."""
    await shared(stack, tmp_path / "sql")
    stack.environment |= {"AGGREGATOR_IDLE_SECONDS": "25", "AGGREGATOR_FLUSH_SECONDS": "28"}
    events = payments(0, 9_000)
    victim, *others = [await stack.start() for _ in range(3)]
    await stack.put(events[:3_000])
    await stack.until(lambda: some_rows(stack))
    await stack.put(events[3_000:4_000])
    await asyncio.sleep(0.3)
    victim.kill()
    for stream in ("enriched", "exchange"):
        await split(stack, stream)
    await stack.put(events[4_000:7_000])
    others.append(await stack.start())
    await stack.put(events[7_000:])
    expected = recomputed(events)

    async def complete() -> bool:
        return await found(stack) == expected

    await stack.until(complete, 150)
    assert await stack.read("late") == []
    assert await stack.read("dead-letters") == []
    for process in others:
        process.terminate()
    assert [await asyncio.wait_for(process.wait(), 40) for process in others] == [0, 0, 0]


@pytest.mark.long
async def test_sql_that_changes_runs_in_every_task(stack: Any, tmp_path: Any) -> None:
    """An added query counts from then on, wherever its keys are; those that stay keep their open windows."""
    folder = tmp_path / "sql"
    await shared(stack, folder)
    stack.environment |= {"AGGREGATOR_PIPELINES_SECONDS": "0.5"}
    events = payments(0, 3_000)
    for _ in range(2):
        await stack.start()
    await stack.put(events[:1_500])
    await stack.until(lambda: some_rows(stack))
    script = (folder / "by_shop.sql").read_text()
    (folder / "more.sql").write_text(script.replace("by_shop", "more"))

    async def told() -> bool:
        log = await asyncio.to_thread((stack.folder / "aggregator.log").read_text)
        return log.count('"more"') >= 2

    await stack.until(told)
    await stack.put(events[1_500:])
    expected = recomputed(events)

    async def complete() -> bool:
        return await found(stack, but="more") == expected

    await stack.until(complete, 120)
    more = {row["id"]: row["values"]["n"] for row in await stack.read("aggregates") if row["query"] == "more"}
    assert 1_500 <= sum(more.values()) < 3_000
    assert await stack.read("late") == []
