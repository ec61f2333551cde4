"""The HTTP/2 front: both versions on one port, flow control, resets, and how a connection ends."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from http2_client import http2_client

from local_aws import http2
from local_aws.http import MAX_REQUEST_BYTES, Route, application
from local_aws.messages import Answer, Channel, Dispatch, Reply, Request, StreamingAnswer
from local_aws.server import Server, self_signed, tls_context

pytestmark = pytest.mark.integration

CHUNK = b"x" * 100_000
HEALTH = "/_local/health"


class Endless:
    """An answer without an end, which counts what it could write."""

    def __init__(self) -> None:
        self.writes = 0
        self.ended = asyncio.Event()

    async def reply(self, _: Request) -> Reply:
        return StreamingAnswer(self._send, self.ended.set)

    async def _send(self, channel: Channel) -> None:
        while True:
            await channel.write(CHUNK)
            self.writes += 1


class Waiting:
    """An answer that ends when a test says so."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def reply(self, _: Request) -> Reply:
        return StreamingAnswer(self._send, lambda: None)

    async def _send(self, channel: Channel) -> None:
        await channel.write(b"begun ")
        await self.go.wait()
        await channel.write(b"done")


async def echo(request: Request) -> Reply:
    return Answer(request.body)


def routed(**answers: Callable[[Request], Any]) -> Dispatch:
    routes = [Route("POST", f"/{name}", answer) for name, answer in answers.items()]
    return application({}, routes=[*routes, Route("POST", "/echo", echo)])


async def test_both_versions_on_one_port() -> None:
    """Cleartext HTTP/2 with prior knowledge and HTTP/1.1 are told apart by the first bytes (RFC 9113, 3.3)."""
    async with Server(routed()) as server, http2_client(server.address) as client, aiohttp.ClientSession() as session:
        number = client.request(path=HEALTH, method="GET")
        over_2 = await client.complete(number)
        async with session.get(f"{server.address}{HEALTH}") as answer:
            over_1 = await answer.read()
    assert over_2.headers[":status"] == "200"
    assert bytes(over_2.body) == over_1


async def test_first_bytes_may_come_one_by_one() -> None:
    """The preface is recognised however it is cut; what only begins like it is HTTP/1.1."""
    async with Server(routed()) as server:
        port = int(server.address.rpartition(":")[2])
        for first, expected in (
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00"),
            (b"POST /echo HTTP/1.1\r\nHost: a\r\n\r\n", b"H"),
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for byte in first:
                writer.write(bytes((byte,)))
                await writer.drain()
            assert await asyncio.wait_for(reader.readexactly(1), 5) == expected
            writer.close()


@pytest.mark.parametrize(("offered", "chosen"), [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1")])
async def test_tls_chooses_by_alpn(tmp_path: Path, offered: list[str], chosen: str) -> None:
    """With TLS the client's ALPN decides (RFC 9113, 3.2), and ca.pem is enough to trust the certificate."""
    trusted = ssl.create_default_context()
    async with Server(routed(), tls=tls_context(self_signed(tmp_path, "127.0.0.1"))) as server:
        trusted.load_verify_locations(tmp_path / "ca.pem")
        trusted.set_alpn_protocols(offered)
        if chosen == "h2":
            async with http2_client(server.address, tls=trusted) as client:
                answer = await client.complete(client.request(path=HEALTH, method="GET"))
            assert answer.headers[":status"] == "200"
        else:
            async with aiohttp.ClientSession() as session, session.get(server.address + HEALTH, ssl=trusted) as got:
                assert got.status == 200


async def test_certificate_is_made_once(tmp_path: Path) -> None:
    """A directory keeps its certificate, so that clients go on trusting it."""
    first = self_signed(tmp_path, "127.0.0.1").read_bytes()
    assert self_signed(tmp_path, "127.0.0.1").read_bytes() == first


async def test_many_streams_share_a_connection() -> None:
    """Two hundred requests at once on one connection are each answered with their own body."""
    async with Server(routed()) as server, http2_client(server.address) as client:
        bodies = {
            client.request(str(index).encode() * 50, path="/echo"): str(index).encode() * 50 for index in range(200)
        }
        for number, body in bodies.items():
            assert bytes((await client.complete(number)).body) == body


async def test_large_bodies_come_whole_both_ways() -> None:
    """Bodies far over the windows go through, in both directions."""
    body = bytes(range(256)) * 20_000
    async with Server(routed()) as server, http2_client(server.address) as client:
        assert bytes((await client.upload(body, path="/echo")).body) == body


async def test_unread_stream_holds_one_write_and_blocks_no_other() -> None:
    """A client that gives a stream no room holds one write of it; other streams go on."""
    endless = Endless()
    async with (
        Server(routed(endless=endless.reply)) as server,
        http2_client(server.address, gives_room=False, window=200_000) as client,
    ):
        client.give_room(10_000_000)
        unread = client.request(path="/endless")
        await client.until(lambda: len(client.streams[unread].body) == 200_000)
        for _ in range(20):
            answer = await client.complete(client.request(b"other", path="/echo"))
            assert bytes(answer.body) == b"other"
        assert endless.writes == 2
        assert len(client.streams[unread].body) == 200_000
        client.give_room(100_000, unread)
        await client.until(lambda: len(client.streams[unread].body) == 300_000)


async def test_streams_take_turns_in_a_narrow_connection() -> None:
    """When the connection's window is the limit, its streams share it."""
    first, second = Endless(), Endless()
    async with (
        Server(routed(first=first.reply, second=second.reply)) as server,
        http2_client(server.address, gives_room=False, window=10_000_000) as client,
    ):
        numbers = [client.request(path="/first"), client.request(path="/second")]
        received = [client.streams[number] for number in numbers]
        for turn in range(1, 9):
            await client.until(lambda turn=turn: sum(len(s.body) for s in received) == 65_535 * turn)
            client.h2.increment_flow_control_window(65_535)
            client.flush()
        sizes = [len(stream.body) for stream in received]
    assert max(sizes) - min(sizes) <= 3 * 65_535


async def test_reset_by_the_client_ends_the_answer() -> None:
    """RST_STREAM stops the work for the stream, and its end is told."""
    endless = Endless()
    async with (
        Server(routed(endless=endless.reply)) as server,
        http2_client(server.address, gives_room=False) as client,
    ):
        number = client.request(path="/endless")
        await client.until(lambda: client.streams[number].body)
        client.h2.reset_stream(number)
        client.flush()
        await asyncio.wait_for(endless.ended.wait(), 5)
        client.give_room(65_535)
        assert bytes((await client.complete(client.request(b"on", path="/echo"))).body) == b"on"


async def test_lost_connection_ends_its_answers() -> None:
    """A client that goes away leaves no work behind."""
    endless = Endless()
    async with Server(routed(endless=endless.reply)) as server:
        async with http2_client(server.address) as client:
            number = client.request(path="/endless")
            await client.until(lambda: client.streams[number].body)
        await asyncio.wait_for(endless.ended.wait(), 5)


async def test_goaway_of_the_client_lets_begun_streams_end() -> None:
    """After a GOAWAY what has begun is answered, then the connection closes (RFC 9113, 6.8)."""
    waiting = Waiting()
    async with Server(routed(waiting=waiting.reply)) as server, http2_client(server.address) as client:
        number = client.request(path="/waiting")
        await client.until(lambda: client.streams[number].body)
        client.raw(bytes.fromhex("000008070000000000") + bytes(8))
        await asyncio.sleep(0.05)
        waiting.go.set()
        stream = await client.complete(number)
        await client.until(lambda: client.is_closed)
    assert (bytes(stream.body), stream.is_complete) == (b"begun done", True)


async def test_shutdown_says_goaway_and_lets_begun_streams_end() -> None:
    """A server that stops refuses new streams, and ends those that have begun."""
    waiting = Waiting()
    server = Server(routed(waiting=waiting.reply))
    await server.__aenter__()
    async with http2_client(server.address) as client:
        number = client.request(path="/waiting")
        await client.until(lambda: client.streams[number].body)
        stopping = asyncio.create_task(server.__aexit__(None, None, None))
        await client.until(lambda: client.goaway is not None)
        late = await client.complete(client.request(b"late", path="/echo"))
        waiting.go.set()
        stream = await client.complete(number)
        await client.until(lambda: client.is_closed)
        await stopping
    assert client.goaway == number
    assert late.reset == 7
    assert bytes(stream.body) == b"begun done"


async def test_shutdown_does_not_wait_for_who_does_not_end() -> None:
    """What is not over after the shutdown's seconds is broken off."""
    endless = Endless()
    server = Server(routed(endless=endless.reply), shutdown_seconds=0.1)
    await server.__aenter__()
    async with http2_client(server.address, gives_room=False) as client:
        number = client.request(path="/endless")
        await client.until(lambda: client.streams[number].body)
        await asyncio.wait_for(server.__aexit__(None, None, None), 60)
        await client.until(lambda: client.is_closed)
    assert endless.ended.is_set()


async def test_shutdown_closes_who_never_said_a_word() -> None:
    """A client that connects ahead of its first request, or sends half a preface, is not left hanging."""
    async with Server(routed()) as server:
        port = int(server.address.rpartition(":")[2])
        silent = await asyncio.open_connection("127.0.0.1", port)
        halfway = await asyncio.open_connection("127.0.0.1", port)
        halfway[1].write(b"PRI * HT")
        await asyncio.sleep(0.05)
    for reader, writer in (silent, halfway):
        async with asyncio.timeout(60):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()


async def test_breach_of_the_protocol_ends_the_connection() -> None:
    """A frame on a stream that cannot be: GOAWAY, then the end (RFC 9113, 5.4.1)."""
    async with Server(routed()) as server, http2_client(server.address) as client:
        client.raw(bytes.fromhex("0000010000000000ff00"))
        await client.until(lambda: client.is_closed)
    assert client.goaway is not None


async def test_body_over_the_limit_is_refused() -> None:
    """A body of more than the limit is answered 413, and the connection goes on."""
    async with Server(routed()) as server, http2_client(server.address) as client:
        stream = await client.upload(b"x" * (MAX_REQUEST_BYTES + 1), path="/echo")
        assert stream.headers[":status"] == "413"
        assert bytes((await client.complete(client.request(b"on", path="/echo"))).body) == b"on"


async def test_bodies_of_a_connection_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many unfinished requests hold no more than the bound; who ends, or gives up, makes room for the next."""
    monkeypatch.setattr(http2, "_MAX_HELD_BYTES", 50_000)
    async with Server(routed()) as server, http2_client(server.address) as client:
        numbers = [client.request(b"", path="/echo", ends=False) for _ in range(3)]
        for number in numbers:
            client.h2.send_data(number, b"x" * 16_000)
        client.flush()
        assert bytes((await client.complete(client.request(b"y" * 2_000, path="/echo"))).body) == b"y" * 2_000
        refused = client.request(b"", path="/echo", ends=False)
        client.h2.send_data(refused, b"z" * 16_000)
        client.flush()
        assert (await client.complete(refused)).headers[":status"] == "413"
        client.h2.reset_stream(numbers[0])
        client.flush()
        assert bytes((await client.complete(client.request(b"on" * 4_000, path="/echo"))).body) == b"on" * 4_000


async def test_failing_answer_is_a_reset() -> None:
    """An answer that breaks in the middle is reset, not ended as if it were whole."""

    async def breaks(_: Request) -> Reply:
        async def send(channel: Channel) -> None:
            await channel.write(b"half")
            channel.reset()

        return StreamingAnswer(send, lambda: None)

    async with Server(routed(breaks=breaks)) as server, http2_client(server.address) as client:
        stream = await client.complete(client.request(path="/breaks"))
    assert stream.reset is not None
    assert not stream.is_complete


async def test_unknown_paths_and_methods() -> None:
    """404 for a path that is not there, 405 for a method that it does not take."""
    dispatch = application({}, routes=[Route("GET", "/only", echo)])
    async with Server(dispatch) as server, http2_client(server.address) as client:
        nowhere = await client.complete(client.request(path="/nowhere"))
        posted = await client.complete(client.request(path="/only"))
    assert (nowhere.headers[":status"], posted.headers[":status"]) == ("404", "405")


async def test_who_expects_it_is_told_to_continue() -> None:
    """`Expect: 100-continue` is answered before the body comes (RFC 9110, 10.1.1), in both versions."""
    async with Server(routed()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.address.rpartition(":")[2]))
        writer.write(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert await asyncio.wait_for(reader.readline(), 5) == b"HTTP/1.1 100 Continue\r\n"
        writer.write(b"body")
        assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"body"), 5)
        writer.close()
        async with http2_client(server.address) as client:
            number = client.request(b"body", path="/echo", headers={"expect": "100-continue"})
            assert bytes((await client.complete(number)).body) == b"body"
