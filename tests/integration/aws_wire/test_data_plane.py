"""The data plane on real sockets, over both transports."""

import asyncio
import base64
import json
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from aiobotocore.config import AioConfig

from aws_wire import event_stream
from aws_wire.data_plane import ConnectionLost, CorruptFrame, DataPlane, Deadlines, ServiceFault

pytestmark = pytest.mark.integration

BOTH = pytest.mark.parametrize(("transport", "protocol"), [("http2", "h2"), ("http1", "http/1.1")])
QUICK = Deadlines(connect=30, answer=30, ping=30, pong=30)


def frame(number: int, size: int = 3) -> bytes:
    record = {"SequenceNumber": str(number), "PartitionKey": "k", "Data": "YWJj" * (size // 3)}
    payload = {"Records": [record], "ContinuationSequenceNumber": str(number), "MillisBehindLatest": 1}
    return event("SubscribeToShardEvent", payload)


def event(kind: str, payload: Any) -> bytes:
    return event_stream.encode({":message-type": "event", ":event-type": kind}, json.dumps(payload).encode())


def exception(code: str) -> bytes:
    headers = {":message-type": "exception", ":exception-type": code}
    return event_stream.encode(headers, b'{"message":"says so"}')


async def read(plane: DataPlane, count: int | None = None) -> list[str]:
    """The continuation of each event, of so many or of all."""
    seen: list[str] = []
    async with aclosing(plane.subscribe_to_shard("arn", "shard-0", {"Type": "LATEST"})) as events:  # type: ignore[type-var]
        async for each in events:
            seen.append(str(each.continuation))
            if len(seen) == count:
                break
    return seen


async def three_events(exchange: Any) -> None:
    await exchange.respond()
    await exchange.send(event("initial-response", {}) + frame(1))
    await exchange.send(frame(2)[:40])
    await exchange.send(frame(2)[40:] + event("SomethingNew", {}) + frame(3))
    await exchange.end()


@BOTH
@pytest.mark.parametrize("secure", [False, True])
async def test_a_subscription_is_read_to_its_end(serve, kinesis, ca_file, transport, protocol, secure):
    """Events arrive in order over either transport, with TLS and ALPN or in the clear; the request is AWS's."""
    server = await serve(three_events, protocol=protocol, secure=secure)
    client = await kinesis(server.url, verify=ca_file if secure else None)
    async with DataPlane.of(client, transport, deadlines=QUICK) as plane:
        assert await read(plane) == ["1", "2", "3"]
    [exchange] = server.exchanges
    assert json.loads(exchange.body) == {
        "ConsumerARN": "arn",
        "ShardId": "shard-0",
        "StartingPosition": {"Type": "LATEST"},
    }
    assert exchange.headers["x-amz-target"] == "Kinesis_20131202.SubscribeToShard"
    assert exchange.headers["x-amz-security-token"] == "token"
    assert exchange.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")


@pytest.mark.parametrize(("protocol", "secure"), [("h2", False), ("h2", True), ("http/1.1", False), ("http/1.1", True)])
async def test_auto_takes_http2_and_falls_back(serve, kinesis, ca_file, protocol, secure):
    """Whatever the server speaks, with or without TLS, auto reads it; a refusal is remembered."""
    server = await serve(three_events, protocol=protocol, secure=secure)
    client = await kinesis(server.url, verify=ca_file if secure else None)
    async with DataPlane.of(client, deadlines=QUICK) as plane:
        for _ in range(2):
            assert await read(plane) == ["1", "2", "3"]
        assert plane.uses_http2 == (protocol == "h2")


async def test_auto_falls_back_from_a_server_that_hangs_up(kinesis):
    """A server that closes without a word was restarting once; twice, it speaks no HTTP/2."""
    hung_up = 0

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal hung_up
        if (await reader.read(4)).startswith(b"PRI"):
            hung_up += 1
        else:
            await reader.readuntil(b"}")
            data = frame(1)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
        writer.close()

    listener = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    async with listener:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        async with DataPlane.of(await kinesis(url), deadlines=QUICK) as plane:
            with pytest.raises(ConnectionLost):
                await read(plane)
            assert plane.uses_http2
            assert await read(plane, 1) == ["1"]
            assert hung_up == 2


async def test_auto_tries_http2_again_after_a_while(serve, kinesis):
    """A server that hung up while it was restarting is read over HTTP/2 again, without a failed subscription."""
    server = await serve(three_events, protocol="h2")
    restarting, hung_up = True, 0

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal hung_up
        first = await reader.read(65536)
        if restarting and first.startswith(b"PRI"):
            hung_up += 1
        elif restarting:
            data = frame(1)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
        else:
            await relay(first, reader, writer)
        writer.close()

    async def relay(first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, before = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
        before.write(first)

        async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
            sink.close()

        await asyncio.gather(carry(reader, before), carry(behind, writer), return_exceptions=True)

    listener = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    async with listener:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        quick = replace(QUICK, refusal=0.3)
        async with DataPlane.of(await kinesis(url), deadlines=quick) as plane:
            with pytest.raises(ConnectionLost):
                await read(plane)
            assert await read(plane, 1) == ["1"]
            assert not plane.uses_http2
            await asyncio.sleep(0.3)
            assert await read(plane, 1) == ["1"]
            assert hung_up == 3, "tried again, and fallen back within one subscription"
            assert not plane.uses_http2
            restarting = False
            await asyncio.sleep(0.3)
            assert await read(plane) == ["1", "2", "3"]
            assert plane.uses_http2


async def test_http2_by_setting_does_not_fall_back(serve, kinesis):
    """Who asks for HTTP/2 alone is told that there is none."""
    server = await serve(three_events, protocol="http/1.1")
    async with DataPlane.of(await kinesis(server.url), "http2", deadlines=QUICK) as plane:
        with pytest.raises(ConnectionLost, match="HTTP/1"):
            await read(plane)


@BOTH
async def test_an_error_answer_is_a_fault(serve, kinesis, transport, protocol):
    """Its code comes without the namespace, with the message and the status."""

    async def refuse(exchange: Any) -> None:
        await exchange.respond(400)
        await exchange.send(b'{"__type":"com.amazonaws.kinesis.v2013#ResourceInUseException","message":"taken"}')
        await exchange.end()

    server = await serve(refuse, protocol=protocol)
    async with DataPlane.of(await kinesis(server.url), transport, deadlines=QUICK) as plane:
        for attempt in (read(plane), plane.call("PutRecords", b"{}")):
            with pytest.raises(ServiceFault) as raised:
                await attempt
            fault = raised.value
            assert (fault.code, fault.message, fault.status) == ("ResourceInUseException", "taken", 400)


@BOTH
async def test_an_exception_in_mid_stream_is_a_fault(serve, kinesis, transport, protocol):
    """The events before it are delivered."""

    async def fail(exchange: Any) -> None:
        await exchange.respond()
        await exchange.send(frame(1) + exception("KMSThrottlingException"))
        await exchange.end()

    server = await serve(fail, protocol=protocol)
    async with DataPlane.of(await kinesis(server.url), transport, deadlines=QUICK) as plane:
        events = plane.subscribe_to_shard("arn", "s", {"Type": "LATEST"})
        assert (await anext(events)).continuation == "1"
        with pytest.raises(ServiceFault) as raised:
            await anext(events)
    assert (raised.value.code, raised.value.message) == ("KMSThrottlingException", "says so")


@BOTH
@pytest.mark.parametrize("how", ["cut", "truncated", "corrupt"])
async def test_a_broken_stream_is_told_from_its_end(serve, kinesis, transport, protocol, how):
    """A lost connection and a truncated frame are ConnectionLost, a wrong checksum is CorruptFrame."""

    async def breaks(exchange: Any) -> None:
        await exchange.respond()
        await exchange.send(frame(1))
        damaged = frame(2)[:-1] + bytes((frame(2)[-1] ^ 0xFF,))
        if how == "corrupt":
            await exchange.send(damaged)
        else:
            await exchange.send(frame(2)[:50])
        if how == "cut":
            await asyncio.sleep(0.1)
            exchange.cut()
        else:
            await exchange.end()

    server = await serve(breaks, protocol=protocol)
    async with DataPlane.of(await kinesis(server.url), transport, deadlines=QUICK) as plane:
        events = plane.subscribe_to_shard("arn", "s", {"Type": "LATEST"})
        assert (await anext(events)).continuation == "1"
        with pytest.raises(CorruptFrame if how == "corrupt" else ConnectionLost):
            await anext(events)


@BOTH
async def test_giving_a_subscription_up_tells_the_server(serve, kinesis, transport, protocol):
    """A closed iterator ends its exchange at the server, and the plane goes on."""

    async def endless(exchange: Any) -> None:
        await exchange.respond()
        number = 0
        while not exchange.was_given_up.is_set():
            number += 1
            await exchange.send(frame(number))
            await asyncio.sleep(0.01)

    server = await serve(endless, protocol=protocol)
    async with DataPlane.of(await kinesis(server.url), transport, deadlines=QUICK) as plane:
        assert await read(plane, 2) == ["1", "2"]
        await asyncio.wait_for(server.exchanges[0].was_given_up.wait(), 5)
        assert await read(plane, 1) == ["1"]


@BOTH
async def test_a_large_body_goes_through_both_ways(serve, kinesis, transport, protocol):
    """A request of 6 MB passes the server's windows, an answer of 6 MB passes ours."""

    async def echo(exchange: Any) -> None:
        await exchange.respond()
        await exchange.send(exchange.body)
        await exchange.end()

    server = await serve(echo, protocol=protocol)
    body = bytes(range(256)) * 24_000
    async with DataPlane.of(await kinesis(server.url), transport, deadlines=QUICK) as plane:
        answers = await asyncio.gather(*(plane.call("PutRecords", body) for _ in range(2)))
    assert answers == [body, body]


@BOTH
async def test_a_call_without_an_answer_ends_at_its_deadline(serve, kinesis, transport, protocol):
    """Silence is a lost connection."""

    async def silent(exchange: Any) -> None:
        await exchange.was_given_up.wait()

    server = await serve(silent, protocol=protocol)
    async with DataPlane.of(await kinesis(server.url), transport, deadlines=QUICK) as plane:
        with pytest.raises(ConnectionLost, match="in time"):
            await plane.call("PutRecords", b"{}", seconds=0.1)


@BOTH
async def test_an_error_answer_that_does_not_end_is_a_lost_connection(serve, kinesis, transport, protocol):
    """Its head came in time, its body never does: a subscription must not hang there."""

    async def half(exchange: Any) -> None:
        await exchange.respond(500)
        await exchange.send(b'{"__type":')
        await exchange.was_given_up.wait()

    server = await serve(half, protocol=protocol)
    impatient = Deadlines(connect=30, answer=0.3, ping=5, pong=5)
    async with DataPlane.of(await kinesis(server.url), transport, deadlines=impatient) as plane:
        async with asyncio.timeout(60):
            with pytest.raises(ConnectionLost, match="in time"):
                await read(plane)


@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_a_proxys_password_is_in_no_error(kinesis, scheme):
    """A proxy that refuses is named without what it was asked with, which it was asked with nevertheless."""
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    proxy = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    config = AioConfig(proxies={scheme: f"http://user:p%40ss@127.0.0.1:{port}"})
    client = await kinesis(f"{scheme}://127.0.0.1:1", config=config)
    async with proxy, DataPlane.of(client, deadlines=QUICK) as plane:
        with pytest.raises((ConnectionLost, ServiceFault), match="407") as caught:
            await plane.call("PutRecords", b"{}")
    assert b"Basic " + base64.b64encode(b"user:p@ss") in asked[0]
    assert "p%40ss" not in str(caught.value)
    assert "p@ss" not in str(caught.value)


@BOTH
async def test_nobody_there_is_a_lost_connection(kinesis, unused_tcp_port, transport, protocol):
    """Not an OSError of the transport's own, nor aiohttp's."""
    async with DataPlane.of(await kinesis(f"http://127.0.0.1:{unused_tcp_port}"), transport) as plane:
        with pytest.raises(ConnectionLost):
            await read(plane)


@BOTH
async def test_a_certificate_nobody_signed_is_refused(serve, kinesis, transport, protocol):
    """The client's trust is the plane's."""
    server = await serve(three_events, protocol=protocol, secure=True)
    async with DataPlane.of(await kinesis(server.url), transport, deadlines=QUICK) as plane:
        with pytest.raises(ConnectionLost, match="CERTIFICATE_VERIFY_FAILED"):
            await read(plane)
    trusting = await kinesis(server.url, verify=False)
    async with DataPlane.of(trusting, transport, deadlines=QUICK) as plane:
        assert await read(plane) == ["1", "2", "3"]


async def test_the_service_clock_is_used_after_a_refused_signature(serve, kinesis):
    """A clock that is wrong by hours costs one refused call."""
    dates: list[str] = []

    async def strict(exchange: Any) -> None:
        dates.append(exchange.headers["x-amz-date"])
        if dates[-1].startswith("2031"):
            await exchange.respond(200)
        else:
            await exchange.respond(400, date="Wed, 01 Jan 2031 12:00:00 GMT")
            await exchange.send(b'{"__type":"InvalidSignatureException"}')
        await exchange.end()

    server = await serve(strict)
    async with DataPlane.of(await kinesis(server.url), "http2", deadlines=QUICK) as plane:
        with pytest.raises(ServiceFault, match="InvalidSignatureException"):
            await plane.call("PutRecords", b"{}")
        assert await plane.call("PutRecords", b"{}") == b""
    assert dates[1].startswith("20310101T1200")
