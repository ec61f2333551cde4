"""Subscriptions over HTTP/2 and in CBOR: events, faults, and clients that do not read."""

import asyncio
from typing import Any

import aiohttp
import cbor2
import orjson
import pytest
from http2_client import http2_client

from aws_wire.event_stream import CorruptFrame, Decoder
from local_aws.codecs import CBOR_TYPE

pytestmark = pytest.mark.integration

SHARD = "shardId-000000000000"


async def inject(doubles: Any, **fault: Any) -> None:
    url = f"{doubles.url}/_local/faults"
    async with aiohttp.ClientSession() as session, session.post(url, data=orjson.dumps(fault)) as response:
        assert response.status == 201


def position(consumer: str, kind: str = "TRIM_HORIZON") -> dict[str, object]:
    return {"ConsumerARN": consumer, "ShardId": SHARD, "StartingPosition": {"Type": kind}}


async def subscribed(doubles: Any) -> str:
    """The ARN of a consumer of a stream that holds one record."""
    consumer = str(await doubles.active_consumer(await doubles.active_stream()))
    await doubles.kinesis.put_record(StreamName="raw", Data=b"\x00\xff", PartitionKey="k")
    return consumer


async def test_cbor_subscription(start: Any) -> None:
    """Asked in CBOR, a subscription's events and its exceptions are CBOR, data as byte strings."""
    doubles = await start()
    consumer = await subscribed(doubles)
    async with http2_client(doubles.url) as client:
        number = client.call("SubscribeToShard", cbor2.dumps(position(consumer)), CBOR_TYPE)
        await client.until(lambda: b"SequenceNumber" in client.streams[number].body)
        await inject(doubles, kind="subscription_exception", code="KMSThrottlingException")
        stream = await client.complete(number)
    initial, event, *_, failure = Decoder().feed(bytes(stream.body))
    assert (initial.headers[":event-type"], cbor2.loads(initial.payload)) == ("initial-response", {})
    content = cbor2.loads(event.payload, semantic_decoders={1: lambda value, _: value})
    assert content["Records"][0]["Data"] == b"\x00\xff"
    assert isinstance(content["Records"][0]["ApproximateArrivalTimestamp"], int)
    assert failure.headers[":exception-type"] == "KMSThrottlingException"
    assert "message" in cbor2.loads(failure.payload)


async def test_cbor_calls_and_errors(start: Any) -> None:
    """A call in CBOR is answered in CBOR, and so is an error."""
    doubles = await start()
    await doubles.active_stream()
    record = cbor2.dumps({"StreamName": "raw", "Data": b"\x01", "PartitionKey": "k"})
    async with http2_client(doubles.url) as client:
        put = await client.complete(client.call("PutRecord", record, CBOR_TYPE))
        unknown = await client.complete(
            client.call("DescribeStreamSummary", cbor2.dumps({"StreamName": "none"}), CBOR_TYPE)
        )
    assert cbor2.loads(put.body)["ShardId"] == SHARD
    assert (unknown.headers[":status"], unknown.headers["content-type"]) == ("400", CBOR_TYPE)
    assert cbor2.loads(unknown.body)["__type"] == "ResourceNotFoundException"


@pytest.mark.parametrize("cut", ["stream", "connection"])
async def test_drop_resets_what_it_names(start: Any, cut: str) -> None:
    """A drop resets its stream alone, or the connection with all streams."""
    doubles = await start()
    consumer = await subscribed(doubles)
    async with http2_client(doubles.url) as client:
        number = client.call("SubscribeToShard", orjson.dumps(position(consumer)))
        await client.until(lambda: client.streams[number].body)
        await inject(doubles, kind="drop_subscription", cut=cut)
        stream = await client.complete(number)
        assert not stream.is_complete
        assert (stream.reset is not None, client.is_closed) == (cut == "stream", cut == "connection")


async def test_truncated_frame_ends_the_stream_in_its_middle(start: Any) -> None:
    """Cut to the stream, a truncated frame is followed by an orderly end of the stream."""
    doubles = await start()
    consumer = await subscribed(doubles)
    await inject(doubles, kind="truncate_frame", cut="stream")
    async with http2_client(doubles.url) as client:
        stream = await client.complete(client.call("SubscribeToShard", orjson.dumps(position(consumer))))
        health = await client.complete(client.request(path="/_local/health", method="GET"))
    decoder = Decoder()
    assert [frame.headers[":event-type"] for frame in decoder.feed(bytes(stream.body))] == ["initial-response"]
    assert decoder.buffered > 0
    assert stream.is_complete
    assert health.headers[":status"] == "200"


async def test_corrupt_frame(start: Any) -> None:
    """A corrupt frame comes with a wrong checksum, over HTTP/2 too."""
    doubles = await start()
    consumer = await subscribed(doubles)
    await inject(doubles, kind="corrupt_frame")
    async with http2_client(doubles.url) as client:
        stream = await client.complete(client.call("SubscribeToShard", orjson.dumps(position(consumer))))
    with pytest.raises(CorruptFrame):
        list(Decoder().feed(bytes(stream.body)))


async def test_subscriber_that_does_not_read_is_cut_off(start: Any) -> None:
    """Once a subscription is over, its client has five seconds to read the rest; then the stream is reset."""
    doubles = await start("--subscription-seconds", "0.5", "--no-write-limits", "--no-pacing")
    consumer = await subscribed(doubles)
    for _ in range(4):
        await doubles.kinesis.put_record(StreamName="raw", Data=b"x" * 500_000, PartitionKey="k")
    async with http2_client(doubles.url, gives_room=False) as client:
        number = client.call("SubscribeToShard", orjson.dumps(position(consumer)))
        await client.until(lambda: len(client.streams[number].body) == 65_535)
        started = asyncio.get_running_loop().time()
        stream = await client.complete(number)
        waited = asyncio.get_running_loop().time() - started
    assert stream.reset is not None
    assert waited > 4


async def test_replay_serves_what_is_stored_then_goes_on_live(start: Any) -> None:
    """A replayed stream gives all it holds in the frames that were made of it, and then what is put afterwards."""
    doubles = await start("--no-write-limits")
    consumer = await subscribed(doubles)
    for _ in range(8):
        await doubles.kinesis.put_record(StreamName="raw", Data=b"x", PartitionKey="k")
    url = f"{doubles.url}/_local/replay"
    async with aiohttp.ClientSession() as session:
        async with session.post(url, data=orjson.dumps({"stream": "raw", "records": 2})) as response:
            assert (response.status, (await response.json())["frames"]) == (201, 5)
        async with http2_client(doubles.url) as client:
            stream = client.streams[client.call("SubscribeToShard", orjson.dumps(position(consumer)))]
            await client.until(lambda: stream.body.count(b'"PartitionKey"') == 9)
            await doubles.kinesis.put_record(StreamName="raw", Data=b"live", PartitionKey="k")
            await client.until(lambda: stream.body.count(b'"PartitionKey"') == 10)
        async with session.delete(url) as response:
            assert await response.json() == {"replays": []}
    _, *events = Decoder().feed(bytes(stream.body))
    counts = [count for event in events if (count := len(orjson.loads(event.payload)["Records"]))]
    assert counts == [2, 2, 2, 2, 1, 1]  # live, the first nine share an event
