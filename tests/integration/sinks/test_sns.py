"""SNS as ministack serves it: standard and FIFO topics, and subscriptions that filter."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from aiobotocore.session import get_session

from delivery import Item, RetryPolicy, SnsMessage, SnsSink

pytestmark = pytest.mark.integration
QUICK = RetryPolicy(base_seconds=0.01, cap_seconds=0.05, deadline_seconds=5)
HIGH_ALONE = {"severity": ["high"]}


@dataclass
class Topics:
    """Makes topics with a queue behind each, and reads the queue."""

    sns: Any
    sqs: Any

    async def make(self, *, fifo: bool = False, policy: dict[str, Any] | None = None) -> tuple[str, str]:
        name = f"alerts-{uuid.uuid4().hex[:8]}" + (".fifo" if fifo else "")
        kind = {"FifoTopic": "true"} if fifo else {}
        topic = (await self.sns.create_topic(Name=name, Attributes=kind))["TopicArn"]
        queue = (await self.sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"} if fifo else {}))[
            "QueueUrl"
        ]
        answer = await self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        more = {"FilterPolicy": json.dumps(policy)} if policy else {}
        await self.sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=answer["Attributes"]["QueueArn"], Attributes=more
        )
        return topic, queue

    async def read(self, queue: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while messages := (
            await self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=60)
        ).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                await self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return found


@pytest.fixture
async def topics(ministack_url: str) -> AsyncIterator[Topics]:
    options = {
        "region_name": "us-east-1",
        "endpoint_url": ministack_url,
        "aws_access_key_id": "local",
        "aws_secret_access_key": "local",
    }
    async with AsyncExitStack() as stack:
        made = [
            await stack.enter_async_context(get_session().create_client(name, **options)) for name in ("sns", "sqs")
        ]
        yield Topics(*made)


def described(item: Item) -> SnsMessage:
    severity = json.loads(item.data)["severity"]
    return SnsMessage(f"{severity} alert", {"severity": severity, "tenant": ""}, f"{item.key}-once")


def alert(severity: str, key: str, number: int = 0) -> Item:
    return Item(json.dumps({"severity": severity, "key": key, "number": number}).encode(), key)


async def test_a_subscription_gets_what_its_filter_asks_for(topics):
    """By the attribute, with the subject, and the row as it is."""
    topic, queue = await topics.make(policy=HIGH_ALONE)
    items = [alert("high" if place % 2 else "low", str(place)) for place in range(15)]
    outcomes = await SnsSink(topics.sns, topic, described, QUICK).deliver(items)
    assert {outcome.status for outcome in outcomes} == {"delivered"}
    found = await topics.read(queue)
    assert sorted(message["Message"] for message in found) == sorted(
        item.data.decode() for item in items if b"high" in item.data
    )
    assert {message["Subject"] for message in found} == {"high alert"}
    assert {message["MessageAttributes"]["severity"]["Value"] for message in found} == {"high"}


async def test_a_fifo_topic_takes_a_repeat_once(topics):
    """A batch that comes again after a crash reaches nobody twice."""
    topic, queue = await topics.make(fifo=True)
    sink = SnsSink(topics.sns, topic, described, QUICK)
    for _ in range(2):
        outcomes = await sink.deliver([alert("high", str(place)) for place in range(12)])
        assert {outcome.status for outcome in outcomes} == {"delivered"}
    found = await topics.read(queue)
    assert sorted(json.loads(message["Message"])["key"] for message in found) == sorted(map(str, range(12)))


async def test_what_sns_calls_too_long_is_rejected_alone(topics):
    """The sink and SNS agree on the limit: one byte less is taken."""
    topic, _ = await topics.make()
    room = 256 * 1024 - len("severity") - len("String") - len("high") - len(alert("high", "").data)
    items = [alert("high", "k" * room), alert("high", "k" * (room + 1)), alert("high", "x")]
    plain = [Item(item.data, str(place)) for place, item in enumerate(items)]
    outcomes = await SnsSink(topics.sns, topic, described, QUICK).deliver(plain)
    assert [outcome.status for outcome in outcomes] == ["delivered", "rejected", "delivered"]


async def test_a_topic_that_is_not_there_is_given_up_by_the_deadline(topics):
    """It may be made until then."""
    policy = RetryPolicy(base_seconds=0.01, cap_seconds=0.05, deadline_seconds=0.5)
    missing = "arn:aws:sns:us-east-1:000000000000:none"
    [outcome] = await SnsSink(topics.sns, missing, described, policy).deliver([alert("high", "a")])
    assert (outcome.status, outcome.code) == ("undelivered", "NotFound")
