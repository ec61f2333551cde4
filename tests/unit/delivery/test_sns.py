"""PublishBatch: entries, order, per-entry answers."""

from typing import Any

from delivery import Item, Outcome, SnsMessage, SnsSink

TOPIC = "arn:aws:sns:us-east-1:000000000000:alerts"


def published(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"Successful": [{"Id": entry["Id"]} for entry in arguments["PublishBatchRequestEntries"]]}


def described(item: Item) -> SnsMessage:
    return SnsMessage("[HIGH] vel\u00f6city\nopen", {"severity": "high", "tenant": ""}, f"once {item.key}")


async def test_an_entry_has_subject_and_attributes_that_sns_takes(scripted, at_once):
    """ASCII without line ends, beginning with a letter or digit; an empty attribute would be refused."""
    client = scripted(published)
    assert await SnsSink(client, TOPIC, described, at_once).deliver([Item('{"é":1}'.encode(), "a")]) == [
        Outcome("delivered")
    ]
    [call] = client.calls
    assert call == {
        "TopicArn": TOPIC,
        "PublishBatchRequestEntries": [
            {
                "Id": "0",
                "Message": '{"é":1}',
                "MessageAttributes": {"severity": {"DataType": "String", "StringValue": "high"}},
                "Subject": "HIGH] vel?city?open",
            }
        ],
    }


async def test_a_fifo_topic_keeps_a_keys_order_and_knows_repeats(scripted, at_once):
    """The key is the message group, and the id of a repeat is the same."""
    client = scripted(published)
    await SnsSink(client, f"{TOPIC}.fifo", described, at_once).deliver([Item(b"1", "a")])
    [entry] = client.calls[0]["PublishBatchRequestEntries"]
    assert (entry["MessageGroupId"], entry["MessageDeduplicationId"]) == ("a", "once a")


async def test_ten_go_at_once_but_one_of_a_key(scripted, at_once):
    """An opening is published before its resolution, on a standard topic too."""
    client = scripted(published)
    items = [Item(b"%d" % place, f"k{place % 12}") for place in range(24)]
    outcomes = await SnsSink(client, TOPIC, described, at_once, parallel=1).deliver(items)
    assert {outcome.status for outcome in outcomes} == {"delivered"}
    sent = [[entry["Message"] for entry in call["PublishBatchRequestEntries"]] for call in client.calls]
    assert max(map(len, sent)) == 10
    order = [message for batch in sent for message in batch]
    assert all(order.index(str(place)) < order.index(str(place + 12)) for place in range(12))
    assert all(len({int(message) % 12 for message in batch}) == len(batch) for batch in sent)


async def test_each_entry_is_judged_by_itself(scripted, at_once, observer):
    """A sender's fault is final; trouble of SNS is tried again, alone; no word is no success."""

    def partly(arguments: dict[str, Any]) -> dict[str, Any]:
        return {
            "Successful": [{"Id": "0"}],
            "Failed": [
                {"Id": "1", "Code": "InternalError", "Message": "later", "SenderFault": False},
                {"Id": "2", "Code": "InvalidParameter", "Message": "never", "SenderFault": True},
            ],
        }

    client = scripted(published, partly)
    items = [Item(b"0", "a"), Item(b"1", "b"), Item(b"2", "c"), Item(b"3", "d")]
    outcomes = await SnsSink(client, TOPIC, described, at_once, observer=observer, parallel=1).deliver(items)
    assert [outcome.status for outcome in outcomes] == ["delivered", "delivered", "rejected", "delivered"]
    assert outcomes[2].code == "InvalidParameter"
    assert sorted(observer.retries) == [(1, "InternalError"), (1, "MalformedResponse")]
    assert [entry["Message"] for entry in client.calls[1]["PublishBatchRequestEntries"]] == ["1", "3"]


async def test_what_can_never_be_published_is_rejected(scripted, at_once):
    """Too large with its attributes, or no text."""
    client = scripted(published)
    items = [Item(b"x" * (256 * 1024 - 10), "a"), Item(b"\xff", "b"), Item(b"fine", "c")]
    outcomes = await SnsSink(client, TOPIC, described, at_once).deliver(items)
    assert [outcome.code for outcome in outcomes] == ["MessageTooLarge", "NoText", ""]


async def test_a_topic_that_is_not_there_is_waited_for(scripted, at_once, aws_error):
    """Somebody may create it, or allow to publish to it."""
    client = scripted(published, aws_error("NotFound"), aws_error("AuthorizationError"))
    assert await SnsSink(client, TOPIC, described, at_once).deliver([Item(b"1", "a")]) == [Outcome("delivered")]
    assert len(client.calls) == 3
