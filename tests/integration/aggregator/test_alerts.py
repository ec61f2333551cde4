"""Alerts end to end: from events through a kill to a topic, a webhook and the log, with a second webhook dead."""

import asyncio
import hashlib
import hmac
import json
import socket
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiobotocore.session import get_session
from aiohttp import web

pytestmark = pytest.mark.integration
BEGIN = 1_700_000_000_000
SECRET = "s3cret-of-the-desk"
RULE = """
CREATE TABLE events (`id` STRING, `type` STRING, `time` BIGINT, payload ROW<card STRING, amount DECIMAL(12, 2)>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');
CREATE TABLE velocity (window_start TIMESTAMP(3), window_end TIMESTAMP(3), card STRING, payments BIGINT,
  total DECIMAL(38, 2))
WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'format' = 'json', 'severity' = 'high',
  'alert.resolve-after' = '20 s', 'alert.dedup-window' = '50 s', 'alert.link' = 'https://desk.example/{card}');
INSERT INTO velocity SELECT window_start, window_end, payload.card, COUNT(*), SUM(payload.amount)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, payload.card HAVING COUNT(*) >= 3;
"""


class Desk:
    """A webhook that takes what it is given."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        stamp = request.headers["X-Signature-Timestamp"]
        expected = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        assert request.headers["X-Signature"] == f"sha256={expected}"
        self.requests.append(json.loads(body))
        self.keys.append(request.headers["Idempotency-Key"])
        return web.Response()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    app = web.Application()
    app.router.add_post("/T0ken", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/T0ken"
    yield made
    await runner.cleanup()


@pytest.fixture
async def queue(stack: Any) -> AsyncIterator[Any]:
    """A topic, in the aggregator's settings, and a way to read what it sent to a queue."""
    options = {
        "region_name": "us-east-1",
        "endpoint_url": stack.environment["AWS_ENDPOINT_URL"],
        "aws_access_key_id": "local",
        "aws_secret_access_key": "local",
    }
    session = get_session()
    async with session.create_client("sns", **options) as sns, session.create_client("sqs", **options) as sqs:
        topic = (await sns.create_topic(Name="alerts"))["TopicArn"]
        url = (await sqs.create_queue(QueueName="alerts"))["QueueUrl"]
        arn = (await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]))["Attributes"]["QueueArn"]
        await sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        stack.environment["AGGREGATOR_ALERT_SNS_TOPIC"] = topic
        found: list[dict[str, Any]] = []

        async def read() -> list[dict[str, Any]]:
            while messages := (await sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)).get("Messages"):
                for message in messages:
                    found.append(json.loads(message["Body"]))
                    await sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return [json.loads(each["Message"]) for each in found]

        yield read


def payment(place: int, seconds: float, card: str) -> dict[str, Any]:
    payload = {"card": card, "amount": 10.5}
    return {
        "id": f"p{place}",
        "type": "transaction",
        "key": card,
        "time": BEGIN + int(seconds * 1000),
        "payload": payload,
    }


def payments(seconds: range) -> list[dict[str, Any]]:
    """Two cards of many are fast: one for 30 seconds; one for 10, again within its dedup window, and after it."""
    events = []
    for second in seconds:
        cards = [f"slow{second % 40}"]
        cards += ["fast"] * (second < 30)
        cards += ["again"] * (second < 10 or 40 <= second < 50 or 90 <= second < 100)
        events += [payment(second * 10 + place, second + place / 10, card) for place, card in enumerate(cards)]
    return events


EXPECTED = {
    ("fast", "open", 10, None, 1),
    ("fast", "resolved", 10, 50, 3),
    ("again", "open", 10, None, 1),
    ("again", "resolved", 10, 30, 1),
    ("again", "open", 100, None, 1),
    ("again", "resolved", 100, 120, 1),
}


def told(rows: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    def seconds(at: int | None) -> int | None:
        return None if at is None else (at - BEGIN) // 1000

    return {
        (row["key"]["card"], row["status"], seconds(row["opened"]), seconds(row.get("resolved")), row["count"])
        for row in rows
    }


async def test_alerts_reach_everybody_once_each_through_a_kill(stack: Any, desk: Desk, queue: Any) -> None:
    """Each opening and its resolution, known by one id; the dead webhook's become dead letters, and stop nothing."""
    pipelines = stack.folder / "rules"
    pipelines.mkdir()
    (pipelines / "velocity.sql").write_text(RULE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{free.getsockname()[1]}/T0ken"
    stack.environment |= {
        "AGGREGATOR_PIPELINES": str(pipelines),
        "AGGREGATOR_IDLE_SECONDS": "2",
        "AGGREGATOR_ALERT_WEBHOOKS": f"{dead}, {desk.url}",
        "AGGREGATOR_ALERT_WEBHOOK_SECRET": SECRET,
        "AGGREGATOR_ALERT_CONSOLE": "true",
        "AGGREGATOR_ALERT_RETRY_SECONDS": "2",
        "AGGREGATOR_FLUSH_SECONDS": "6",
    }
    first = await stack.start()
    await stack.put(payments(range(45)))

    async def opened() -> bool:
        return len(desk.requests) >= 2

    await stack.until(opened)
    first.kill()
    await stack.put(payments(range(45, 110)))
    await stack.start()

    async def everybody_knows() -> bool:
        return told(desk.requests) == EXPECTED and told(await queue()) == EXPECTED

    await stack.until(everybody_knows, 120)
    by_id: dict[str, set[str]] = defaultdict(set)
    for row in await stack.read("alerts"):
        by_id[row["id"]].add(row["status"])
        assert row["link"] == f"https://desk.example/{row['key']['card']}"
    assert list(by_id.values()) == [{"open", "resolved"}] * 3
    assert len(set(desk.keys)) == len(EXPECTED)

    async def dead_letters() -> bool:
        letters = [each for each in await stack.read("dead-letters") if each["stage"].startswith("aggregator:webhook")]
        return {each["event"] for each in letters} == set(by_id)

    await stack.until(dead_letters)
    log = await asyncio.to_thread((stack.folder / "aggregator.log").read_text)
    assert "HIGH velocity open: card=fast" in log
    assert "T0ken" not in log
    assert SECRET not in log
