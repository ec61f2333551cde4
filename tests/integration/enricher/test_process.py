"""The enricher as a process: what comes out of it, and that faults cost nothing."""

from collections import defaultdict
from typing import Any

import orjson
import pytest

pytestmark = pytest.mark.integration


def transaction(number: int, account: str) -> tuple[str, bytes]:
    event = {
        "id": f"e{number}",
        "source": "test",
        "type": "transaction",
        "key": account,
        "time": 1_700_000_000_000,
        "received": 1_700_000_000_100,
        "tenant": "default",
        "payload": {"card": f"99990000000{account}", "amount": number, "merchant": "alder-books"},
    }
    return account, orjson.dumps(event)


def transactions(first: int, count: int) -> list[tuple[str, bytes]]:
    return [transaction(number, f"a{number % 17:04}") for number in range(first, first + count)]


def first_of_each_by_key(events: list[dict[str, Any]]) -> dict[str, list[int]]:
    """The numbers of a key's events in the order in which each first arrived."""
    order: dict[str, dict[int, None]] = defaultdict(dict)
    for event in events:
        order[event["key"]].setdefault(event["payload"]["amount"])
    return {key: list(numbers) for key, numbers in order.items()}


async def test_every_record_is_enriched_in_order_or_a_dead_letter(stack: Any) -> None:
    """Both sinks have each event once, a key's in order, masked; poison is set aside; SIGTERM ends it with 0."""
    poison = [("p", b"not json"), ("p", b"\x00\xff"), ("p", b"{}")]
    records = transactions(0, 800)
    await stack.put([*records[:400], *poison, *records[400:]])
    await stack.start()

    async def all_there() -> bool:
        return len(await stack.read("enriched")) >= 800 and len(await stack.read("dead-letters")) >= 3

    await stack.until(all_there)
    assert await stack.terminate() == 0
    events = await stack.read("enriched")
    assert sorted(event["id"] for event in events) == sorted(f"e{n}" for n in range(800))
    assert first_of_each_by_key(events) == {f"a{k:04}": list(range(k, 800, 17)) for k in range(17)}
    assert all(event["enrichment"]["reference"]["merchant"]["category"] == "books" for event in events)
    assert not any(b"99990000000" in line for line in stack.firehose.lines["enriched"])
    assert len(stack.firehose.lines["enriched"]) == 800
    letters = await stack.read("dead-letters")
    assert {letter["code"] for letter in letters} == {"malformed_json", "invalid_utf8", "unrecognised"}
    assert all(letter["stage"] == "enricher" and letter["stream"] == "raw" for letter in letters)
    assert len(stack.firehose.lines["dead-letters"]) == 3


async def test_a_throttled_firehose_and_a_killed_task_lose_nothing(stack: Any) -> None:
    """While Firehose refuses records nothing is skipped, and kill -9 in the midst repeats at most, never loses."""
    stack.firehose.throttled = True
    await stack.put(transactions(0, 600))
    await stack.start()

    async def refused() -> bool:
        return bool(stack.firehose.refusals >= 5)

    await stack.until(refused)
    await stack.kill()
    await stack.put(transactions(600, 600))
    await stack.start()
    stack.firehose.throttled = False
    expected = {f"e{n}" for n in range(1200)}

    async def all_there() -> bool:
        archived = {orjson.loads(line)["id"] for line in stack.firehose.lines.get("enriched", [])}
        return archived == expected and {event["id"] for event in await stack.read("enriched")} == expected

    await stack.until(all_there)
    assert await stack.terminate() == 0
    events = await stack.read("enriched")
    assert first_of_each_by_key(events) == {f"a{k:04}": list(range(k, 1200, 17)) for k in range(17)}
    assert await stack.read("dead-letters") == []


async def test_a_group_that_is_to_poll_registers_no_consumer(stack: Any) -> None:
    """With ENRICHER_READING=polling every event comes through, and no enhanced fan-out consumer is there to be paid."""
    stack.environment["ENRICHER_READING"] = "polling"
    await stack.put(transactions(0, 100))
    await stack.start()

    async def all_there() -> bool:
        return len(await stack.read("enriched")) >= 100

    await stack.until(all_there)
    assert await stack.terminate() == 0
    summary = await stack.kinesis.describe_stream_summary(StreamName="raw")
    arn = summary["StreamDescriptionSummary"]["StreamARN"]
    assert (await stack.kinesis.list_stream_consumers(StreamARN=arn))["Consumers"] == []
