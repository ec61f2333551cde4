"""What HTTP/2 adds: streams side by side, flow control, GOAWAY, resets, signs of life."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any

import pytest
from h2.errors import ErrorCodes

from aws_wire import event_stream
from aws_wire.data_plane import ConnectionLost, DataPlane, Deadlines
from aws_wire.data_plane.http2_protocol import CONNECTION_WINDOW, STREAM_WINDOW
from aws_wire.kinesis import SubscribeToShardEvent

pytestmark = pytest.mark.integration

QUICK = Deadlines(connect=30, answer=30, ping=30, pong=30)


def frame(number: int, size: int = 3) -> bytes:
    record = {"SequenceNumber": str(number), "PartitionKey": "k", "Data": "YWJj" * (size // 3)}
    payload = {"Records": [record], "ContinuationSequenceNumber": str(number), "MillisBehindLatest": 1}
    headers = {":message-type": "event", ":event-type": "SubscribeToShardEvent"}
    return event_stream.encode(headers, json.dumps(payload).encode())


def subscribe(plane: DataPlane, shard: str = "s") -> AsyncIterator[SubscribeToShardEvent]:
    return plane.subscribe_to_shard("arn", shard, {"Type": "LATEST"})


async def one_event_then_wait(exchange: Any) -> None:
    await exchange.respond()
    await exchange.send(frame(1))
    await exchange.was_given_up.wait()


async def test_many_subscriptions_share_few_connections(serve, kinesis):
    """Fifty at once, 24 a connection, make three connections; each is open at the same time as the others."""
    server = await serve(one_event_then_wait)
    async with DataPlane.of(await kinesis(server.url), "http2", deadlines=QUICK) as plane:
        subscriptions = [subscribe(plane, f"s-{number}") for number in range(50)]
        events = await asyncio.gather(*(anext(each) for each in subscriptions))
        assert [event.continuation for event in events] == ["1"] * 50
        assert len(server.connections) == 3
        for each in subscriptions:
            await each.aclose()  # type: ignore[attr-defined]


async def test_the_servers_limit_of_streams_is_kept(serve, kinesis):
    """A server that allows two streams gets a second connection for the third."""
    server = await serve(one_event_then_wait)
    server.max_streams = 2
    async with DataPlane.of(await kinesis(server.url), "http2", deadlines=QUICK) as plane, AsyncExitStack() as stack:
        for number in range(3):
            events = await stack.enter_async_context(aclosing(subscribe(plane, str(number))))  # type: ignore[type-var]
            await anext(events)
        assert [len(connection.exchanges) for connection in server.connections] == [2, 1]


async def test_a_server_that_takes_no_streams_is_not_connected_to_for_ever(serve, kinesis):
    """A limit of none is a failure of the attempt, or connections would be made without end."""
    server = await serve(one_event_then_wait)
    server.max_streams = 0
    async with DataPlane.of(await kinesis(server.url), "http2", deadlines=QUICK) as plane, asyncio.timeout(60):
        with pytest.raises(ConnectionLost, match="no streams"):
            await anext(subscribe(plane))
    assert len(server.connections) == 1


async def test_a_slow_reader_holds_back_its_own_stream_alone(serve, kinesis):
    """The unread stream stops at its window, while another on the same connection gets 40 MB; read on, it goes on."""

    async def flood(exchange: Any) -> None:
        await exchange.respond()
        shard = json.loads(exchange.body)["ShardId"]
        for number in range(400 if shard == "fast" else 80):
            await exchange.send(frame(number, 75_000))
        await exchange.end()

    server = await serve(flood)
    async with DataPlane.of(await kinesis(server.url), "http2", deadlines=QUICK) as plane:
        slow = subscribe(plane, "slow")
        await anext(slow)
        fast = [event.continuation async for event in subscribe(plane, "fast")]
        assert fast == [str(number) for number in range(400)]
        held = server.exchanges[0]
        assert STREAM_WINDOW // 2 < held.sent < 3 * STREAM_WINDOW
        [connection] = server.connections
        # What arrived for either reader is given back to the connection.
        assert connection.h2.outbound_flow_control_window > CONNECTION_WINDOW - 20 * STREAM_WINDOW
        assert len([event async for event in slow]) == 79


async def test_cancelling_a_reader_resets_its_stream_and_keeps_the_connection(serve, kinesis):
    """A cancelled task says CANCEL to the server; the neighbour reads on."""
    going = asyncio.Event()

    async def script(exchange: Any) -> None:
        await exchange.respond()
        await exchange.send(frame(1))
        await going.wait()
        await exchange.send(frame(2))
        await exchange.was_given_up.wait()

    server = await serve(script)
    async with DataPlane.of(await kinesis(server.url), "http2", deadlines=QUICK) as plane:
        neighbour = subscribe(plane)
        await anext(neighbour)
        doomed = subscribe(plane)
        await anext(doomed)
        task = asyncio.ensure_future(anext(doomed))
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.exchanges[1].was_given_up.wait(), 5)
        assert server.exchanges[1].reset_code == ErrorCodes.CANCEL
        going.set()
        assert (await anext(neighbour)).continuation == "2"
        assert len(server.connections) == 1
        await neighbour.aclose()  # type: ignore[attr-defined]


async def test_a_reset_stream_is_lost_and_its_neighbour_is_not(serve, kinesis):
    """RST_STREAM of one stream ends that subscription alone."""

    async def script(exchange: Any) -> None:
        await exchange.respond()
        await exchange.send(frame(1))
        if json.loads(exchange.body)["ShardId"] == "doomed":
            exchange.reset()
        else:
            await asyncio.sleep(0.1)
            await exchange.send(frame(2))
            await exchange.end()

    server = await serve(script)
    async with DataPlane.of(await kinesis(server.url), "http2", deadlines=QUICK) as plane:
        neighbour = subscribe(plane)
        await anext(neighbour)
        with pytest.raises(ConnectionLost, match="INTERNAL_ERROR"):
            _ = [event async for event in subscribe(plane, "doomed")]
        assert [event.continuation async for event in neighbour] == ["2"]


async def test_goaway_lets_streams_end_and_new_ones_go_elsewhere(serve, kinesis):
    """After GOAWAY the stream that was begun is read to its end; the next subscription makes a new connection."""

    async def script(exchange: Any) -> None:
        await exchange.respond()
        await exchange.send(frame(1))
        if exchange.connection is server.connections[0]:
            machine = exchange.connection.h2.state_machine
            state = machine.state
            exchange.connection.h2.close_connection(last_stream_id=exchange.stream_id)
            machine.state = state  # this server goes on, as the RFC has it
            exchange.connection.flush()
            await asyncio.sleep(0.1)
        await exchange.send(frame(2))
        await exchange.end()

    server = await serve(script)
    async with DataPlane.of(await kinesis(server.url), "http2", deadlines=QUICK) as plane:
        first = subscribe(plane)
        await anext(first)
        await asyncio.sleep(0.02)
        assert [event.continuation async for event in subscribe(plane)] == ["1", "2"]
        assert [event.continuation async for event in first] == ["2"]
        assert len(server.connections) == 2


async def test_streams_beyond_the_last_of_a_goaway_are_lost(serve, kinesis):
    """The server says that it never saw them, so they are not waited for."""

    async def script(exchange: Any) -> None:
        exchange.connection.h2.close_connection(last_stream_id=0)
        exchange.connection.flush()

    server = await serve(script)
    async with DataPlane.of(await kinesis(server.url), "http2", deadlines=QUICK) as plane:
        with pytest.raises(ConnectionLost, match="GOAWAY"):
            await anext(subscribe(plane))


async def test_a_server_without_a_sign_of_life_is_lost(serve, kinesis):
    """A connection that goes silent, its PING unanswered, ends its subscriptions within the deadlines."""

    async def script(exchange: Any) -> None:
        await exchange.respond()
        await exchange.send(frame(1))
        exchange.connection.is_deaf = True

    server = await serve(script)
    deadlines = Deadlines(connect=5, answer=5, ping=0.1, pong=0.1)
    async with DataPlane.of(await kinesis(server.url), "http2", deadlines=deadlines) as plane:
        events = subscribe(plane)
        await anext(events)
        with pytest.raises(ConnectionLost, match="sign of life"):
            async with asyncio.timeout(60):
                await anext(events)


async def test_a_silent_stream_stays_while_pings_are_answered(serve, kinesis):
    """Idle is not lost: a server that answers PINGs keeps its subscription."""

    async def script(exchange: Any) -> None:
        await exchange.respond()
        await exchange.send(frame(1))
        await asyncio.sleep(0.6)
        await exchange.send(frame(2))
        await exchange.end()

    server = await serve(script)
    deadlines = Deadlines(connect=5, answer=5, ping=0.1, pong=0.3)
    async with DataPlane.of(await kinesis(server.url), "http2", deadlines=deadlines) as plane:
        assert [event.continuation async for event in subscribe(plane)] == ["1", "2"]


async def test_closing_the_plane_ends_what_is_under_way(serve, kinesis):
    """Readers are told; a closed plane opens nothing."""
    server = await serve(one_event_then_wait)
    plane = DataPlane.of(await kinesis(server.url), "http2", deadlines=QUICK)
    events = subscribe(plane)
    await anext(events)
    await plane.aclose()
    with pytest.raises(ConnectionLost):
        await anext(events)
    with pytest.raises(ConnectionLost, match="closed"):
        await anext(subscribe(plane))


async def test_an_answer_before_the_whole_question_is_taken(serve, kinesis):
    """A server may refuse a large body early; the fault arrives, and the connection serves the next call."""

    async def script(exchange: Any) -> None:
        await exchange.respond()
        await exchange.send(exchange.body[:2])
        await exchange.end()

    server = await serve(script)
    async with DataPlane.of(await kinesis(server.url), "http2", deadlines=QUICK) as plane:
        assert await plane.call("PutRecords", b"{}") == b"{}"
        [connection] = server.connections

        def refuse(event: Any) -> None:
            connection.h2.send_headers(event.stream_id, [(":status", "413")], end_stream=True)

        genuine = connection.h2.receive_data

        def early(data: bytes) -> Any:
            events = genuine(data)
            for event in events:
                if type(event).__name__ == "RequestReceived":
                    refuse(event)
                elif type(event).__name__ == "DataReceived":
                    connection.h2.increment_flow_control_window(event.flow_controlled_length)
            return [event for event in events if type(event).__name__ != "DataReceived"]

        connection.h2.receive_data = early
        with pytest.raises(Exception, match="413"):
            await plane.call("PutRecords", bytes(2_000_000))
        connection.h2.receive_data = genuine
        assert await plane.call("PutRecords", b"{}") == b"{}"
        assert len(server.connections) == 1


async def test_an_idle_connection_is_closed_and_another_opened_when_needed(serve, kinesis):
    """A connection without streams is not kept alive for ever; nobody notices."""

    async def script(exchange: Any) -> None:
        await exchange.respond()
        await exchange.send(frame(1))
        await exchange.end()

    server = await serve(script)
    deadlines = Deadlines(connect=5, answer=5, ping=0.1, pong=5)
    async with DataPlane.of(await kinesis(server.url), "http2", deadlines=deadlines) as plane:
        assert len([event async for event in subscribe(plane)]) == 1
        async with asyncio.timeout(60):
            while not server.connections[0].transport.is_closing():
                await asyncio.sleep(0.02)
        assert len([event async for event in subscribe(plane)]) == 1
        assert len(server.connections) == 2
