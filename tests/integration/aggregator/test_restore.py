"""Leases and states are put back from a copy, or rewound, by the command that the runbook names; no event is lost."""

import asyncio
import random
import sys
from collections import defaultdict
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.long]
BEGIN = 1_700_000_000_000
TABLES = ("aggregator-leases", "aggregator-state")


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


async def rows(stack: Any) -> dict[str, list[dict[str, Any]]]:
    """Every row of the query that was ever delivered, by id, as they came."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in await stack.read("aggregates"):
        if row["query"] == "revenue":
            found[row["id"]].append(row)
    return found


async def newest(stack: Any) -> dict[int, tuple[int, Decimal]]:
    """The windows as OpenSearch would hold them: of each id the row of the highest epoch and revision."""
    kept = [max(each, key=lambda row: (row["epoch"], row["revision"])) for each in (await rows(stack)).values()]
    return {
        row["window_start"]: (row["values"]["transactions"], Decimal(str(row["values"]["revenue"]))) for row in kept
    }


async def etl(stack: Any, *arguments: str, expect: int = 0) -> str:
    """Run `etl state …` in the stack's environment; its output."""
    command = (sys.executable, "-m", "etl_cli", "state", *arguments)
    process = await asyncio.create_subprocess_exec(
        *command, env=stack.environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == expect, output.decode()
    return output.decode()


def tables(*more: str) -> list[str]:
    return [argument for name in TABLES for argument in ("--table", name)] + list(more)


async def commits(stack: Any) -> int:
    """Of all units of state together."""
    with suppress(stack.dynamodb.exceptions.ResourceNotFoundException):
        items = (await stack.dynamodb.scan(TableName="aggregator-state"))["Items"]
        return sum(int(item.get("generation", {"N": "0"})["N"]) for item in items)
    return 0


async def work(stack: Any, events: list[dict[str, Any]]) -> None:
    """Start an aggregator, have it commit some of these events, and stop it.

    It does not let event time go on by itself meanwhile: what comes afterwards would be late.
    """
    stack.environment |= {"AGGREGATOR_IDLE_SECONDS": "300"}
    process = await stack.start()
    before = await commits(stack)
    await stack.put(events)

    async def committed() -> bool:
        return await commits(stack) > before

    await stack.until(committed)
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 40) == 0


async def wipe(stack: Any) -> None:
    """All tables are gone, and every object of the state."""
    for table in (await stack.dynamodb.list_tables())["TableNames"]:
        await stack.dynamodb.delete_table(TableName=table)
    for entry in (await stack.s3.list_objects_v2(Bucket="etl-state")).get("Contents", []):
        await stack.s3.delete_object(Bucket="etl-state", Key=entry["Key"])


async def finish(stack: Any, events: list[dict[str, Any]], expected: dict[int, Any]) -> None:
    """Start again, with the rest of the events; every window comes out as a plain loop has it."""
    stack.environment |= {"AGGREGATOR_IDLE_SECONDS": "5", "AGGREGATOR_FLUSH_SECONDS": "8"}
    await stack.start()
    await stack.put(events)

    async def complete() -> bool:
        return await newest(stack) == expected

    await stack.until(complete)
    assert await stack.read("late") == []


@pytest.mark.parametrize("distribution", ["single", "shards"])
async def test_a_wiped_aggregator_goes_on_from_its_copy(stack: Any, distribution: str) -> None:
    """Stop, copy, wipe, put back, go on: lost 0, and nothing was counted twice."""
    stack.environment |= {"AGGREGATOR_DISTRIBUTION": distribution}
    events = payments(0, 4_000)
    await work(stack, events[:2_000])
    folder = str(stack.folder / "copy")
    more = ("--table", "aggregator-exchange-leases") if distribution == "shards" else ()
    await etl(stack, "save", folder, *tables("--bucket", "etl-state", *more))
    await wipe(stack)
    await etl(stack, "load", folder)
    await finish(stack, events[2_000:], revenue(events))
    # A row that is there twice is the one row, delivered again.
    assert all(each == found[0] for found in (await rows(stack)).values() for each in found)


async def test_from_an_old_copy_what_came_since_is_worked_through_again(stack: Any) -> None:
    """Rows are delivered again with higher epochs than any before, so that they win over those of before."""
    events = payments(0, 6_000)
    await work(stack, events[:2_000])
    folder = str(stack.folder / "copy")
    await etl(stack, "save", folder, *tables("--bucket", "etl-state"))
    await work(stack, events[2_000:4_000])
    before = {name: found[-1] for name, found in (await rows(stack)).items()}
    assert before, "some windows had fired by then"
    highest = max(row["epoch"] for row in before.values())
    await wipe(stack)
    await etl(stack, "load", folder)
    await finish(stack, events[4_000:], revenue(events))
    after = await rows(stack)
    again = [found for found in after.values() if len({row["epoch"] for row in found}) > 1]
    assert again, "windows of between the copy and the loss were worked out again"
    for found in again:
        assert found[-1]["epoch"] > highest
        assert found[-1]["values"] == found[0]["values"]


async def test_a_state_is_rewound_with_the_objects_that_it_names(stack: Any) -> None:
    """Deleted snapshots come back from the bucket's noncurrent versions, the tables by point-in-time recovery."""
    await stack.s3.put_bucket_versioning(Bucket="etl-state", VersioningConfiguration={"Status": "Enabled"})
    events = payments(0, 3_000)
    await work(stack, events[:2_000])
    named = await stack.named_snapshots()
    for key in named:
        await stack.s3.delete_object(Bucket="etl-state", Key=key)
    told = await etl(stack, "rewind", *tables("--bucket", "etl-state", "--settle-seconds", "0.5"))
    assert f"{len(named)} of {len(named)} objects of states brought back" in told
    left = (await stack.dynamodb.list_tables())["TableNames"]
    assert not [name for name in left if "-restored-" in name], "what was recovered into is not needed any more"
    await finish(stack, events[2_000:], revenue(events))


async def test_nothing_is_put_back_under_a_running_service(stack: Any) -> None:
    """It would write over what was put back, or fail at its next commit."""
    await work(stack, payments(0, 500))
    folder = str(stack.folder / "copy")
    await etl(stack, "save", folder, *tables("--bucket", "etl-state"))
    await stack.start()

    async def owns() -> bool:
        items = (await stack.dynamodb.scan(TableName="aggregator-leases"))["Items"]
        return any("leaseOwner" in item for item in items)

    await stack.until(owns)
    told = await etl(stack, "load", folder, "--settle-seconds", "20", expect=1)
    assert "is in use" in told
