"""The aggregator as real processes: killed, replaced and resharded under load, its windows stay exact."""

import asyncio
import json
import random
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aggregator.state_store import Pointer, SnapshotMissing, StaleOwner, StateStore

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.integration
BEGIN = 1_700_000_000_000


def payments(first: int, count: int) -> list[dict[str, Any]]:
    """Payments in order of time, 20 ms apart, on 40 cards."""
    rng = random.Random(first)
    return [
        {
            "id": f"p{place}",
            "type": "transaction",
            "key": f"card{place % 40}",
            "time": BEGIN + place * 20,
            "payload": {"card": f"card{place % 40}", "amount": rng.randrange(1, 30_000) / 100, "currency": "EUR"},
        }
        for place in range(first, first + count)
    ]


def revenue(events: list[dict[str, Any]]) -> dict[int, tuple[int, Decimal]]:
    """Count and sum by window start."""
    windows: dict[int, tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
    for event in events:
        start = event["time"] // 10_000 * 10_000
        count, total = windows[start]
        windows[start] = count + 1, total + Decimal(str(event["payload"]["amount"]))
    return dict(windows)


async def found(stack: Any, query: str = "revenue") -> dict[int, tuple[int, Decimal]]:
    """The query's windows as they stand in `aggregates`; a row that is there twice must be the same."""
    rows: dict[str, dict[str, Any]] = {}
    for row in await stack.read("aggregates"):
        assert rows.setdefault(row["id"], row) == row
    return {
        row["window_start"]: (row["values"]["transactions"], Decimal(str(row["values"]["revenue"])))
        for row in rows.values()
        if row["query"] == query
    }


@pytest.mark.parametrize("memory_keys", [0, 2])
async def test_windows_are_exact_through_kill_standby_and_split(stack: Any, memory_keys: int, tmp_path: Path) -> None:
    """Kill -9 of the owner under load, a standby that takes over, a shard split midway, and a drain at the end.

    With all keys in memory, and with most of them on disk, where a drained task leaves nothing behind.
    """
    stack.environment |= {"AGGREGATOR_IDLE_SECONDS": "5", "AGGREGATOR_FLUSH_SECONDS": "8"}
    spilled = tmp_path / "spilled"
    spilled.mkdir()
    stack.environment |= {"AGGREGATOR_MEMORY_KEYS": str(memory_keys), "AGGREGATOR_SPILL_FOLDER": str(spilled)}
    events = payments(0, 6_000)
    owner = await stack.start()
    await stack.put(events[:2_000])

    async def committed() -> bool:
        return bool(await stack.generation() >= 2)

    await stack.until(committed)
    standby = await stack.start()
    await stack.put(events[2_000:3_000])
    await asyncio.sleep(0.5)
    owner.kill()
    shard = (await stack.kinesis.list_shards(StreamName="enriched"))["Shards"][0]
    low, high = (int(shard["HashKeyRange"][end]) for end in ("StartingHashKey", "EndingHashKey"))
    await stack.kinesis.split_shard(
        StreamName="enriched", ShardToSplit=shard["ShardId"], NewStartingHashKey=str((low + high) // 2)
    )
    await stack.put(events[3_000:])

    async def complete() -> bool:
        return await found(stack) == revenue(events)

    await stack.until(complete)
    assert bool(list(spilled.rglob("*.sqlite"))) is bool(memory_keys)
    assert await stack.read("late") == []
    assert await stack.read("dead-letters") == []
    assert await stack.read("alerts") != []
    standby.terminate()
    assert await asyncio.wait_for(standby.wait(), 40) == 0
    assert list(spilled.iterdir()) == [], "what the killed task left was removed by the next one"
    windows, alerts = await stack.read("aggregates"), await stack.read("alerts")
    assert {row["id"] for row in stack.archived} == {row["id"] for row in windows + alerts}
    kept = (await stack.s3.list_objects_v2(Bucket="etl-state", Prefix="aggregator/aggregator/"))["Contents"]
    assert {item["Key"] for item in kept} == await stack.named_snapshots()


async def test_a_drained_owner_hands_its_open_windows_over(stack: Any) -> None:
    """SIGTERM fires nothing early: the next owner adds to the same windows and fires them whole."""
    events = payments(0, 1_200)
    owner = await stack.start()
    await stack.put(events[:700])

    async def committed() -> bool:
        return bool(await stack.generation() >= 1)

    await stack.until(committed)
    owner.terminate()
    assert await asyncio.wait_for(owner.wait(), 40) == 0
    assert await found(stack) == {}
    stack.environment |= {"AGGREGATOR_IDLE_SECONDS": "2", "AGGREGATOR_FLUSH_SECONDS": "4"}
    await stack.put(events[700:])
    await stack.start()

    async def complete() -> bool:
        return await found(stack) == revenue(events)

    await stack.until(complete)


@pytest.mark.parametrize("place", ["s3", "folder"])
async def test_sql_that_changes_runs_without_a_restart(stack: Any, place: str, tmp_path: Path) -> None:
    """An added query counts from then on, one that stays keeps its open windows, and wrong SQL changes nothing."""
    pipelines = ROOT / "services" / "aggregator" / "pipelines"
    revenue_sql = (pipelines / "revenue.sql").read_bytes()
    folder = tmp_path / "sql"
    folder.mkdir()

    async def write(name: str, text: bytes) -> None:
        if place == "folder":
            (folder / name).write_bytes(text)
        else:
            await stack.s3.put_object(Bucket="etl-state", Key=f"sql/{name}", Body=text)

    async def remove(name: str) -> None:
        if place == "folder":
            (folder / name).unlink()
        else:
            await stack.s3.delete_object(Bucket="etl-state", Key=f"sql/{name}")

    await write("revenue.sql", revenue_sql)
    stack.environment |= {
        "AGGREGATOR_PIPELINES": str(folder) if place == "folder" else "s3://etl-state/sql",
        "AGGREGATOR_PIPELINES_SECONDS": "0.3",
        "AGGREGATOR_IDLE_SECONDS": "3",
        "AGGREGATOR_FLUSH_SECONDS": "5",
    }
    events = payments(0, 1_000)
    await stack.start()
    await stack.put(events[:500])

    async def committed() -> bool:
        return bool(await stack.generation() >= 1)

    await stack.until(committed)
    await write("wrong.sql", b"SELECT oops")
    await stack.until(lambda: stack.logged("wrong.sql:1:"))
    await remove("wrong.sql")
    more = revenue_sql.replace(b"revenue (", b"more (").replace(b"INTO revenue", b"INTO more")
    await write("more.sql", more)
    await stack.until(lambda: stack.logged('"more"'))
    await stack.put(events[500:])

    async def complete() -> bool:
        return await found(stack) == revenue(events) and bool(await found(stack, "more"))

    await stack.until(complete)
    counted = sum(count for count, _ in (await found(stack, "more")).values())
    assert 500 <= counted < 1_000


async def test_the_state_store_keeps_its_promises_on_dynamodb_and_s3(stack: Any) -> None:
    """What the clients in memory promise holds on ministack too: fencing, lost answers, sweeping."""
    store = StateStore(stack.s3, stack.dynamodb, bucket="etl-state", table="pointers", application="app")
    await store.create_table()
    await store.create_table()
    pointer = await store.claim(1)
    assert pointer == Pointer()
    key = await store.save(1, 1, b"one")
    first = await store.commit(pointer, pointer.after(key, whole=True), 1)
    assert await store.commit(pointer, pointer.after(key, whole=True), 1) == first
    change = await store.save(2, 1, json.dumps({"n": 2}).encode())
    second = await store.commit(first, first.after(change, whole=False), 1)
    assert await store.load(second) == [b"one", b'{"n": 2}']
    assert await store.claim(3) == second
    with pytest.raises(StaleOwner):
        await store.commit(second, second.after(await store.save(3, 1, b"zombie"), whole=True), 1)
    with pytest.raises(StaleOwner):
        await store.claim(2)
    assert await store.sweep(second, 3) == 1
    renewed = await store.commit(second, second.after(await store.save(3, 3, b"three"), whole=True), 3)
    assert (await store.claim(3), await store.load(renewed)) == (renewed, [b"three"])
    with pytest.raises(SnapshotMissing):
        await store.load(Pointer(1, ("aggregator/app/none",)))


async def test_reading_every_shard_leaves_connections_to_deliver(stack: Any) -> None:
    """Subscriptions hold their connections for minutes: with as many shards as connections, rows still leave."""
    await stack.kinesis.update_shard_count(StreamName="enriched", TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    stack.environment |= {
        "AGGREGATOR_MAX_CONNECTIONS": "4",
        "AGGREGATOR_IDLE_SECONDS": "2",
        "AGGREGATOR_FLUSH_SECONDS": "4",
    }
    events = payments(0, 600)
    await stack.put(events)
    await stack.start()

    async def complete() -> bool:
        return await found(stack) == revenue(events)

    await stack.until(complete, 40)
