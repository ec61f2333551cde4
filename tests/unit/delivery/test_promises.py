"""What every sink promises, the one in memory as well as the real ones."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from delivery import Document, FirehoseSink, Item, KinesisSink, OpenSearchSink, RetryPolicy
from delivery.outcome import DELIVERED, rejected
from delivery.testing import MemorySink

BAD = b"x" * (6 * 1024 * 1024)


def kinesis(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"Records": [{"ShardId": "s", "SequenceNumber": "1"} for _ in arguments["Records"]]}


def firehose(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"RequestResponses": [{"RecordId": "1"} for _ in arguments["Records"]]}


def opensearch(arguments: dict[str, Any]) -> dict[str, Any]:
    actions = [orjson.loads(line) for line in arguments["body"].splitlines()[::2]]
    return {"items": [{"index": {"status": 201}} for _ in actions]}


def in_memory() -> MemorySink[Any]:
    return MemorySink(lambda item: rejected("TooLarge", "") if BAD in _bytes(item) else DELIVERED)


def _bytes(item: Item | Document) -> bytes:
    return item.data if isinstance(item, Item) else item.body


@pytest.fixture(params=["memory", "kinesis", "firehose", "opensearch"])
def sink(request: pytest.FixtureRequest, scripted: Callable[..., Any], at_once: RetryPolicy) -> Any:
    match request.param:
        case "kinesis":
            return KinesisSink(scripted(kinesis), "raw", at_once)
        case "firehose":
            return FirehoseSink(scripted(firehose), "raw", at_once)
        case "opensearch":
            return OpenSearchSink(scripted(opensearch), at_once)
        case _:
            return in_memory()


def item_of(sink: Any, data: bytes, key: str = "k") -> Item | Document:
    return Document("i", key, data) if isinstance(sink, OpenSearchSink) else Item(data, key)


async def test_there_is_an_outcome_for_each_item_in_order(sink: Any):
    """A rejected item among good ones has its own outcome at its own place."""
    items = [item_of(sink, data, f"k{at % 2}") for at, data in enumerate([b"{}", BAD, b"{}", b"{}", BAD])]
    outcomes = await sink.deliver(items)
    assert [outcome.status for outcome in outcomes] == ["delivered", "rejected", "delivered", "delivered", "rejected"]
    assert all(outcome.code for outcome in outcomes if outcome.status == "rejected")


async def test_nothing_has_no_outcomes(sink: Any):
    """An empty batch is delivered at once."""
    assert await sink.deliver([]) == []


async def test_a_sink_is_used_again(sink: Any):
    """One batch leaves nothing behind for the next."""
    for _ in range(3):
        assert [outcome.status for outcome in await sink.deliver([item_of(sink, b"{}")])] == ["delivered"]
