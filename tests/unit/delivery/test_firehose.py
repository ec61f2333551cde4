"""PutRecordBatch: lines, limits, partial failures."""

from typing import Any

import pytest

from delivery import FirehoseLimits, FirehoseSink, Item, Limits


def stored(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "1"} for _ in arguments["Records"]]}


async def test_each_item_is_one_line(scripted, at_once):
    """A line end is added, and one inside an item becomes a space, so that a reader of lines sees one value."""
    client = scripted(stored)
    await FirehoseSink(client, "enriched", at_once).deliver([Item(b'{"a":1}'), Item(b'{\n"b": 2}')])
    [call] = client.calls
    assert call["DeliveryStreamName"] == "enriched"
    assert [record["Data"] for record in call["Records"]] == [b'{"a":1}\n', b'{ "b": 2}\n']


async def test_only_what_failed_is_sent_again(scripted, at_once, observer):
    """FailedPutCount comes with a 200; each record is judged by itself."""

    def partly(arguments: dict[str, Any]) -> dict[str, Any]:
        response = stored(arguments)
        response["RequestResponses"][1] = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "slow"}
        return response

    client = scripted(stored, partly)
    sink = FirehoseSink(client, "enriched", at_once, observer=observer)
    outcomes = await sink.deliver([Item(b"1"), Item(b"2"), Item(b"3")])
    assert [outcome.status for outcome in outcomes] == ["delivered"] * 3
    assert [record["Data"] for record in client.calls[1]["Records"]] == [b"2\n"]
    assert observer.retries == [(1, "ServiceUnavailableException")]


async def test_requests_keep_the_limits(scripted, at_once):
    """Neither 500 records nor 4 MiB are passed."""
    client = scripted(stored)
    sink = FirehoseSink(client, "enriched", at_once)
    await sink.deliver([Item(b"x")] * 1001)
    assert sorted(len(call["Records"]) for call in client.calls) == [1, 500, 500]
    client.calls.clear()
    await sink.deliver([Item(b"x" * 900_000)] * 6)
    assert sorted(len(call["Records"]) for call in client.calls) == [2, 4]


async def test_a_line_beyond_the_record_limit_is_rejected(scripted, at_once):
    """The line end counts."""
    limits = FirehoseLimits(request=Limits(10, 100), record=10)
    sink = FirehoseSink(scripted(stored), "enriched", at_once, limits=limits)
    outcomes = await sink.deliver([Item(b"x" * 10), Item(b"x" * 9)])
    assert [outcome.status for outcome in outcomes] == ["rejected", "delivered"]


@pytest.mark.parametrize("answer", [{}, {"RequestResponses": [{}]}])
async def test_an_answer_that_says_nothing_of_a_record_acknowledges_nothing(scripted, at_once, observer, answer):
    """Delivered is only what has a record id."""
    client = scripted(stored, lambda _: answer)
    [outcome] = await FirehoseSink(client, "enriched", at_once, observer=observer).deliver([Item(b"1")])
    assert outcome.status == "delivered"
    assert len(client.calls) == 2
    assert observer.retries == [(1, "MalformedResponse")]


async def test_lines_share_records_up_to_a_size(scripted, at_once):
    """Firehose bills each record by 5 KB begun: consecutive lines go together, and a longer one goes alone."""
    client = scripted(stored)
    sink = FirehoseSink(client, "enriched", at_once, record_bytes=8)
    await sink.deliver([Item(b"1"), Item(b"22"), Item(b"333"), Item(b"4" * 20), Item(b"5")])
    [call] = client.calls
    assert [record["Data"] for record in call["Records"]] == [b"1\n22\n", b"333\n", b"4" * 20 + b"\n", b"5\n"]


async def test_lines_of_one_record_fail_and_are_sent_again_together(scripted, at_once):
    """The record is what Firehose answers for: all its lines wait for the second try, and no other line does."""

    def partly(arguments: dict[str, Any]) -> dict[str, Any]:
        response = stored(arguments)
        response["RequestResponses"][0] = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "slow"}
        return response

    client = scripted(stored, partly)
    outcomes = await FirehoseSink(client, "enriched", at_once, record_bytes=4).deliver(
        [Item(b"1"), Item(b"2"), Item(b"3")]
    )
    assert [outcome.status for outcome in outcomes] == ["delivered"] * 3
    assert [[record["Data"] for record in call["Records"]] for call in client.calls] == [
        [b"1\n2\n", b"3\n"],
        [b"1\n2\n"],
    ]


async def test_a_rejected_line_does_not_shift_the_outcomes_of_its_neighbours(scripted, at_once):
    """Outcomes stay at their items' places, with lines before and after that share a record."""
    limits = FirehoseLimits(record=10)
    sink = FirehoseSink(scripted(stored), "enriched", at_once, limits=limits, record_bytes=10)
    outcomes = await sink.deliver([Item(b"1"), Item(b"x" * 10), Item(b"3")])
    assert [outcome.status for outcome in outcomes] == ["delivered", "rejected", "delivered"]
