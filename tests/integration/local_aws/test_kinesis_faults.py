"""Faults asked for over HTTP, as a client meets them."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest
from botocore.exceptions import ClientError, EventStreamError

from aws_wire.event_stream import CorruptFrame, Decoder, Frame

pytestmark = pytest.mark.integration

SHARD = "shardId-000000000000"


async def inject(doubles: Any, **fault: Any) -> int:
    """Ask for a fault; the status of the answer."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{doubles.url}/_local/faults", data=orjson.dumps(fault)) as response,
    ):
        return response.status


async def subscription_frames(doubles: Any, consumer: str, fault: dict[str, Any]) -> tuple[list[Frame], Decoder, bool]:
    """Frames of a subscription that meets the fault, its decoder, and whether the connection broke."""
    body = {"ConsumerARN": consumer, "ShardId": SHARD, "StartingPosition": {"Type": "LATEST"}}
    headers = {"X-Amz-Target": "Kinesis_20131202.SubscribeToShard"}
    decoder = Decoder()
    frames: list[Frame] = []
    async with (
        aiohttp.ClientSession() as session,
        session.post(doubles.url, data=orjson.dumps(body), headers=headers) as response,
    ):
        assert response.headers["Content-Type"] == "application/vnd.amazon.eventstream"
        assert response.headers["Transfer-Encoding"] == "chunked"
        await inject(doubles, **fault)
        try:
            async for chunk in response.content.iter_any():
                frames += decoder.feed(chunk)
        except aiohttp.ClientError:
            return frames, decoder, True
    return frames, decoder, False


async def subscribable(doubles: Any) -> str:
    """The ARN of an active consumer of a new stream."""
    return str(await doubles.active_consumer(await doubles.active_stream()))


async def test_throttled_puts(start: Any) -> None:
    """The next two records are throttled, the third is taken, in one PutRecords."""
    doubles = await start()
    await doubles.active_stream()
    assert await inject(doubles, kind="throttle_puts", stream="raw", count=2) == 201
    records = [{"Data": b"x", "PartitionKey": "k"}] * 3
    answer = await doubles.kinesis.put_records(StreamName="raw", Records=records)
    assert answer["FailedRecordCount"] == 2
    assert ["ErrorCode" in record for record in answer["Records"]] == [True, True, False]


async def test_failed_call(start: Any) -> None:
    """The next PutRecord fails with the exception that was asked for, the one after works."""
    doubles = await start()
    await doubles.active_stream()
    await inject(doubles, kind="fail_calls", operation="PutRecord", code="KMSDisabledException")
    with pytest.raises(ClientError) as raised:
        await doubles.kinesis.put_record(StreamName="raw", Data=b"x", PartitionKey="k")
    assert raised.value.response["Error"]["Code"] == "KMSDisabledException"
    await doubles.kinesis.put_record(StreamName="raw", Data=b"x", PartitionKey="k")


async def test_exception_in_the_stream(start: Any) -> None:
    """Botocore raises the exception that arrives in the middle of a subscription."""
    doubles = await start()
    answer = await doubles.kinesis.subscribe_to_shard(
        ConsumerARN=await subscribable(doubles), ShardId=SHARD, StartingPosition={"Type": "LATEST"}
    )
    await inject(doubles, kind="subscription_exception", stream="raw", code="KMSThrottlingException")
    with pytest.raises(EventStreamError) as raised:
        async for _ in answer["EventStream"]:
            pass
    assert raised.value.response["Error"]["Code"] == "KMSThrottlingException"


async def test_corrupt_frame(start: Any) -> None:
    """A corrupt frame has a wrong checksum."""
    doubles = await start()
    consumer = await subscribable(doubles)
    with pytest.raises(CorruptFrame):
        await subscription_frames(doubles, consumer, {"kind": "corrupt_frame"})


async def chunks_until_closed(doubles: Any, consumer: str, fault: dict[str, Any]) -> tuple[bytes, bool]:
    """The whole body of a subscription that meets the fault, and whether HTTP says that it is complete."""
    address = urlsplit(doubles.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    body = orjson.dumps({"ConsumerARN": consumer, "ShardId": SHARD, "StartingPosition": {"Type": "LATEST"}})
    target = b"X-Amz-Target: Kinesis_20131202.SubscribeToShard\r\n"
    writer.write(b"POST / HTTP/1.1\r\nHost: local\r\n" + target + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    await reader.readuntil(b"\r\n\r\n")
    await inject(doubles, **fault)
    whole = b""
    while size := int((await reader.readline()).strip() or b"-1", 16):
        if size < 0:
            break
        whole += await reader.readexactly(size)
        await reader.readexactly(2)
    writer.close()
    await writer.wait_closed()
    return whole, size == 0


async def test_truncated_frame(start: Any) -> None:
    """Half a frame arrives, then the connection closes before HTTP's own end."""
    doubles = await start()
    body, complete = await chunks_until_closed(doubles, await subscribable(doubles), {"kind": "truncate_frame"})
    decoder = Decoder()
    frames = list(decoder.feed(body))
    assert frames[0].headers[":event-type"] == "initial-response"
    assert decoder.buffered > 0
    assert not complete


async def test_dropped_subscription(start: Any) -> None:
    """A dropped subscription breaks between two frames."""
    doubles = await start()
    _, decoder, broken = await subscription_frames(
        doubles, await subscribable(doubles), {"kind": "drop_subscription", "stream": "raw", "shard": SHARD}
    )
    assert broken
    assert decoder.buffered == 0


async def test_stalled_subscription(start: Any) -> None:
    """A stalled subscription sends nothing for its time, then goes on with what was put meanwhile."""
    doubles = await start()
    consumer = await subscribable(doubles)
    answer = await doubles.kinesis.subscribe_to_shard(
        ConsumerARN=consumer, ShardId=SHARD, StartingPosition={"Type": "LATEST"}
    )
    loop = asyncio.get_running_loop()
    started = loop.time()
    await inject(doubles, kind="stall", stream="raw", seconds=0.5)
    await doubles.kinesis.put_record(StreamName="raw", Data=b"late", PartitionKey="k")
    async for event in answer["EventStream"]:
        if event["SubscribeToShardEvent"]["Records"]:
            break
    assert event["SubscribeToShardEvent"]["Records"][0]["Data"] == b"late"
    assert loop.time() - started >= 0.5
    answer["EventStream"].close()


async def test_unknown_faults_are_refused(start: Any) -> None:
    """A fault that cannot be is a 400, and none is in force."""
    doubles = await start()
    assert await inject(doubles, kind="earthquake") == 400
    async with aiohttp.ClientSession() as session, session.get(f"{doubles.url}/_local/faults") as response:
        assert orjson.loads(await response.read()) == {"faults": []}


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({}, b"{}", 403, "MissingAuthenticationTokenException"),
        ({"X-Amz-Target": "Other_2020.ListStreams"}, b"{}", 400, "UnknownOperationException"),
        ({"X-Amz-Target": "Kinesis_20131202.Nothing"}, b"{}", 400, "UnknownOperationException"),
        ({"X-Amz-Target": "Kinesis_20131202.ListStreams"}, b"{", 400, "SerializationException"),
        ({"X-Amz-Target": "Kinesis_20131202.ListStreams"}, b"[]", 400, "SerializationException"),
    ],
)
async def test_requests_that_are_none(start: Any, headers: dict[str, str], body: bytes, status: int, code: str) -> None:
    """A request without a known target or a JSON object is answered with AWS's error form."""
    doubles = await start()
    async with aiohttp.ClientSession() as session, session.post(doubles.url, headers=headers, data=body) as response:
        assert response.status == status
        assert orjson.loads(await response.read())["__type"] == code
        assert response.headers["x-amzn-RequestId"]
