"""Records of AWS's own sources through the enricher as a process."""

from collections import defaultdict
from typing import Any

import orjson
import pytest
from source_records import DMS_CREATE_TABLE, LOG_CONTROL, dms_change, iot_message, log_event, log_record

pytestmark = pytest.mark.integration

DEBEZIUM = {
    "before": None,
    "after": {"id": 7, "name": "Jane"},
    "source": {"connector": "postgresql", "name": "etl-cdc", "db": "shop", "table": "orders", "lsn": 24023128},
    "op": "c",
    "ts_ms": 1_700_000_000_100,
}


def lines(record: int, count: int) -> list[dict[str, Any]]:
    """Log events of which every tenth is no JSON."""
    numbers = range(record * count, (record + 1) * count)
    return [log_event(n, f"line {n}" if n % 10 == 0 else orjson.dumps({"n": n}).decode()) for n in numbers]


def number_of(event: dict[str, Any]) -> int:
    payload = event["payload"]
    return int(payload["n"] if "n" in payload else payload["message"].removeprefix("line "))


async def test_each_source_comes_through(stack: Any) -> None:
    """Log events, changes of DMS and Debezium and an IoT message are events; what is bad of them is set aside alone."""
    stack.environment["ENRICHER_RAW_FORMATS"] = "cloudwatch-logs,dms"
    bad = {**log_event(2, "b"), "timestamp": "later"}
    await stack.put(
        [
            ("random", LOG_CONTROL),
            ("random", log_record(log_event(1, '{"level":"error"}'), bad, log_event(3, "c"))),
            ("random", log_record(log_event(4, "cut"))[:-3]),
            ("task", orjson.dumps(DMS_CREATE_TABLE)),
            ("public.orders.46", orjson.dumps(dms_change("insert", {"id": 46}))),
            ("7", orjson.dumps(DEBEZIUM)),
            ("d7", orjson.dumps(iot_message("d7", temperature=21.5))),
        ]
    )
    await stack.start()

    async def all_there() -> bool:
        return len(await stack.read("enriched")) >= 5 and len(await stack.read("dead-letters")) >= 2

    await stack.until(all_there)
    assert await stack.terminate() == 0
    events = await stack.read("enriched")
    types = sorted((event["type"], event["key"]) for event in events)
    assert types == [
        ("cdc.orders", "orders:7"),
        ("cdc.orders", "public.orders.46"),
        ("iot.telemetry", "d7"),
        ("log", "/ecs/shop:web/6f3a"),
        ("log", "/ecs/shop:web/6f3a"),
    ]
    letters = await stack.read("dead-letters")
    assert sorted((letter["code"], letter.get("part")) for letter in letters) == [
        ("corrupt_gzip", None),
        ("wrong_type", 1),
    ]
    assert len(stack.firehose.lines["enriched"]) == 5


async def test_a_task_killed_amid_records_of_many_events_loses_none(stack: Any) -> None:
    """SIGKILL while Firehose refuses half: every log event of every record arrives, repeats have the id they had."""
    stack.environment["ENRICHER_RAW_FORMATS"] = "cloudwatch-logs,dms"
    stack.firehose.throttled = True
    count, records = 200, 12
    for record in range(records // 2):
        await stack.put([(f"random-{record}", log_record(*lines(record, count)))])
    await stack.start()

    async def refused() -> bool:
        return bool(stack.firehose.refusals >= 5)

    await stack.until(refused)
    await stack.kill()
    for record in range(records // 2, records):
        await stack.put([(f"random-{record}", log_record(*lines(record, count)))])
    changes = [dms_change("insert", {"id": n}, record=n) for n in range(300)]
    await stack.put([(f"public.orders.{n % 7}", orjson.dumps(change)) for n, change in enumerate(changes)])
    await stack.start()
    stack.firehose.throttled = False
    expected = records * count + len(changes)

    async def all_there() -> bool:
        archived = {orjson.loads(line)["id"] for line in stack.firehose.lines.get("enriched", [])}
        return len(archived) == expected and len({event["id"] for event in await stack.read("enriched")}) == expected

    await stack.until(all_there)
    assert await stack.terminate() == 0
    ids: dict[int, set[str]] = defaultdict(set)
    rows: set[int] = set()
    for event in await stack.read("enriched"):
        if event["type"] == "log":
            ids[number_of(event)].add(event["id"])
        else:
            rows.add(event["payload"]["after"]["id"])
    assert sorted(ids) == list(range(records * count))
    assert all(len(of_a_line) == 1 for of_a_line in ids.values())
    assert rows == set(range(300))
    assert await stack.read("dead-letters") == []
