"""PutRecords: packing, partial failures, refusals, deadlines."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ParamValidationError

from aws_wire import aggregation
from aws_wire.aggregation import UserRecord
from delivery import Item, KinesisLimits, KinesisSink, Limits, Outcome, RetryPolicy
from delivery.batch import Unit
from delivery.outcome import Refused, Retry, Verdict


def stored(arguments: dict[str, Any]) -> dict[str, Any]:
    records = [{"ShardId": "shard-0", "SequenceNumber": str(at)} for at, _ in enumerate(arguments["Records"])]
    return {"FailedRecordCount": 0, "Records": records}


def failing(*positions: int, code: str = "ProvisionedThroughputExceededException") -> Callable[[Any], Any]:
    def answer(arguments: dict[str, Any]) -> dict[str, Any]:
        response = stored(arguments)
        for position in positions:
            response["Records"][position] = {"ErrorCode": code, "ErrorMessage": "slow down"}
        return response

    return answer


def put_keys(call: dict[str, Any]) -> list[str]:
    return [record["PartitionKey"] for record in call["Records"]]


async def test_items_of_a_key_share_a_record_and_its_place(scripted, at_once):
    """Items of one key become one aggregate of that key; each gets the record's shard and sequence number."""
    client = scripted(stored)
    items = [Item(b"1", "a"), Item(b"2", "b"), Item(b"3", "a")]
    outcomes = await KinesisSink(client, "raw", at_once).deliver(items)
    [call] = client.calls
    assert call["StreamName"] == "raw"
    assert put_keys(call) == ["a", "b"]
    assert aggregation.decode(call["Records"][0]["Data"]) == [UserRecord("a", b"1"), UserRecord("a", b"3")]
    assert call["Records"][1]["Data"] == b"2"
    assert outcomes == [Outcome("delivered", "", "", "shard-0", number) for number in ("0", "1", "0")]


async def test_without_aggregation_each_item_is_a_record_and_a_key_goes_one_by_one(scripted, at_once):
    """No request holds two records of a key, since PutRecords promises no order."""
    client = scripted(stored)
    items = [Item(b"1", "a"), Item(b"2", "b"), Item(b"3", "a")]
    await KinesisSink(client, "raw", at_once, aggregate=False, parallel=1).deliver(items)
    assert [put_keys(call) for call in client.calls] == [["a", "b"], ["a"]]


async def test_only_what_failed_is_sent_again(scripted, at_once, observer):
    """A partial failure resends its records alone, and counts their items."""
    client = scripted(stored, failing(0))
    items = [Item(b"1", "a"), Item(b"2", "a"), Item(b"3", "b")]
    outcomes = await KinesisSink(client, "raw", at_once, observer=observer).deliver(items)
    assert [put_keys(call) for call in client.calls] == [["a", "b"], ["a"]]
    assert {outcome.status for outcome in outcomes} == {"delivered"}
    assert observer.retries == [(2, "ProvisionedThroughputExceededException")]
    assert [items for items, _ in observer.calls] == [3, 2]


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://x"),
        ConnectionResetError("gone"),
        TimeoutError("slow"),
    ],
)
async def test_a_lost_connection_is_retried(scripted, at_once, error):
    """Network failures never reach the caller."""
    outcomes = await KinesisSink(scripted(stored, error, error), "raw", at_once).deliver([Item(b"1", "a")])
    assert outcomes[0].status == "delivered"


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "AccessDeniedException", "500"])
async def test_an_error_that_is_no_fault_of_the_records_is_retried(scripted, at_once, aws_error, code):
    """Throttles, outages and what an operator can mend keep the records."""
    outcomes = await KinesisSink(scripted(stored, aws_error(code)), "raw", at_once).deliver([Item(b"1", "a")])
    assert outcomes[0].status == "delivered"


async def test_an_answer_that_does_not_align_is_retried(scripted, at_once):
    """A 200 is not trusted: too few answers are no answer."""
    client = scripted(stored, lambda _: {"FailedRecordCount": 0, "Records": []})
    outcomes = await KinesisSink(client, "raw", at_once).deliver([Item(b"1", "a")])
    assert outcomes[0].status == "delivered"
    assert len(client.calls) == 2


async def test_a_refused_request_is_halved_until_the_culprit_is_alone(scripted, at_once, aws_error):
    """One invalid record is rejected; its neighbours are delivered."""

    def answer(arguments: dict[str, Any]) -> dict[str, Any]:
        if "bad" in put_keys(arguments):
            raise aws_error("InvalidArgumentException")
        return stored(arguments)

    items = [Item(b"1", key) for key in ("a", "b", "bad", "c", "d")]
    outcomes = await KinesisSink(scripted(answer), "raw", at_once).deliver(items)
    assert [outcome.status for outcome in outcomes] == ["delivered"] * 2 + ["rejected"] + ["delivered"] * 2
    assert outcomes[2].code == "InvalidArgumentException"


async def test_what_botocore_itself_refuses_is_rejected(scripted, at_once):
    """A parameter that fails botocore's validation can never be sent."""
    client = scripted(ParamValidationError(report="bad"))
    outcomes = await KinesisSink(client, "raw", at_once).deliver([Item(b"1", "a")])
    assert (outcomes[0].status, outcomes[0].code) == ("rejected", "ValidationException")


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (Item(b"1", ""), "InvalidPartitionKey"),
        (Item(b"1", "k" * 257), "InvalidPartitionKey"),
        (Item(b"1", "\ud800"), "InvalidPartitionKey"),
        (Item(b"x" * (1024 * 1024), "k"), "RecordTooLarge"),
    ],
)
async def test_what_can_never_succeed_is_rejected_without_a_call(scripted, at_once, item, code):
    """Such an item does not keep its neighbours either."""
    client = scripted(stored)
    outcomes = await KinesisSink(client, "raw", at_once).deliver([item, Item(b"2", "good")])
    assert (outcomes[0].status, outcomes[0].code) == ("rejected", code)
    assert outcomes[1].status == "delivered"
    assert [put_keys(call) for call in client.calls] == [["good"]]


async def test_a_record_of_exactly_the_limit_is_sent(scripted, at_once):
    """The limit itself is allowed, the key counted."""
    client = scripted(stored)
    outcomes = await KinesisSink(client, "raw", at_once).deliver([Item(b"x" * (1024 * 1024 - 1), "k")])
    assert outcomes[0].status == "delivered"


async def test_data_that_looks_like_an_aggregate_arrives_as_it_is(scripted, at_once):
    """A consumer that takes aggregates apart gives the producer's bytes back."""
    data = aggregation.encode([UserRecord("x", b"y")])
    client = scripted(stored)
    await KinesisSink(client, "raw", at_once).deliver([Item(data, "a")])
    assert aggregation.decode(client.calls[0]["Records"][0]["Data"]) == [UserRecord("a", data)]


async def test_at_the_deadline_the_rest_is_undelivered_with_the_last_reason(scripted):
    """A deadline ends a retry, and what follows in the key's order is not sent before it."""
    client = scripted(failing(0))
    policy = RetryPolicy(base_seconds=0.001, cap_seconds=0.005, deadline_seconds=0.05)
    sink = KinesisSink(client, "raw", policy, aggregate=False)
    outcomes = await sink.deliver([Item(b"1", "a"), Item(b"2", "a")])
    assert [outcome.status for outcome in outcomes] == ["undelivered"] * 2
    assert outcomes[0].code == "ProvisionedThroughputExceededException"
    assert all(call["Records"][0]["Data"] == b"1" for call in client.calls)


async def test_a_call_that_hangs_ends_at_the_deadline():
    """No answer at all is undelivered too."""

    class Hanging:
        async def put_records(self, **_: Any) -> None:
            await asyncio.Event().wait()

    policy = RetryPolicy(deadline_seconds=0.02)
    outcomes = await KinesisSink(Hanging(), "raw", policy).deliver([Item(b"1", "a")])
    assert (outcomes[0].status, outcomes[0].code) == ("undelivered", "DeadlineExceeded")


async def test_no_items_make_no_call(scripted, at_once):
    """An empty batch is delivered."""
    client = scripted(stored)
    assert await KinesisSink(client, "raw", at_once).deliver([]) == []
    assert client.calls == []


async def test_parallel_calls_are_bounded():
    """Calls of all batches together never pass the bound."""
    running = most = 0

    class Slow:
        async def put_records(self, **arguments: Any) -> dict[str, Any]:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1
            return stored(arguments)

    sink = KinesisSink(Slow(), "raw", parallel=2, limits=KinesisLimits(request=Limits(3, 1000)))
    items = [Item(b"1", str(key)) for key in range(20)]
    await asyncio.gather(*(sink.deliver(items) for _ in range(3)))
    assert most == 2


@pytest.mark.parametrize("count", [1, 2000])
async def test_a_programming_error_is_not_hidden(scripted, at_once, count):
    """Only known failures are retried; the error is the same whether one request was under way or several."""
    items = [Item(b"1", str(number)) for number in range(count)]
    with pytest.raises(KeyError):
        await KinesisSink(scripted(KeyError("bug")), "raw", at_once).deliver(items)


@pytest.mark.parametrize("answer", [{}, {"Records": None}, {"Records": []}, {"Records": [{}]}])
async def test_an_answer_that_says_nothing_of_a_record_acknowledges_nothing(scripted, at_once, observer, answer):
    """Delivered is only what has a sequence number; all else is sent again, and the caller sees no error."""
    client = scripted(stored, lambda _: answer)
    [outcome] = await KinesisSink(client, "raw", at_once, observer=observer).deliver([Item(b"1", "a")])
    assert (outcome.status, outcome.sequence_number) == ("delivered", "0")
    assert len(client.calls) == 2
    assert observer.retries == [(1, "MalformedResponse")]


async def test_a_sink_that_is_closed_opens_nothing_more(monkeypatch: pytest.MonkeyPatch, at_once: RetryPolicy) -> None:
    """A delivery under way ends with an error, and leaves no connection that nobody would close."""
    opened: list[str] = []

    class Failing:
        async def put(self, stream: str, units: list[Unit]) -> list[Verdict] | Refused:
            await asyncio.sleep(0)
            return [Retry("ConnectionLost")] * len(units)

        async def aclose(self) -> None:
            opened.append("closed")

    def open_calls(client: object, transport: str) -> Failing:
        opened.append("opened")
        return Failing()

    monkeypatch.setattr("delivery.kinesis.calls_of", open_calls)
    sink = KinesisSink(object(), "orders", at_once)
    delivering = asyncio.ensure_future(sink.deliver([Item(b"x", "k")]))
    await asyncio.sleep(0.01)
    await sink.aclose()
    with pytest.raises(RuntimeError, match="the sink of orders is closed"):
        await delivering
    with pytest.raises(RuntimeError, match="closed"):
        await sink.deliver([Item(b"x", "k")])
    assert opened == ["opened", "closed"]
