"""An HTTP/2 connection by bytes alone: any cutting reads the same, no bytes at all make it hang or leak an error."""

import asyncio
import itertools
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived, WindowUpdated
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_wire.data_plane import ConnectionLost, Deadlines
from aws_wire.data_plane.answers import whole_body
from aws_wire.data_plane.endpoint import Endpoint
from aws_wire.data_plane.http2_connection import Http2Connection

ENDPOINT = Endpoint("http", "kinesis", 80)


class Wire:
    """A transport that keeps what is written, with a server's side to answer it."""

    def __init__(self) -> None:
        self.connection = Http2Connection(ENDPOINT, Deadlines(), 10)
        self.server = H2Connection(H2Configuration(client_side=False))
        self.server.initiate_connection()
        self.requests: list[int] = []
        self.returned: list[tuple[int, int]] = []
        self.is_closed = False
        self.connection.connection_made(self)  # type: ignore[arg-type]

    def get_extra_info(self, _: str) -> None:
        return None

    def write(self, data: bytes) -> None:
        for event in self.server.receive_data(bytes(data)):
            if isinstance(event, RequestReceived):
                self.requests.append(event.stream_id)
            elif isinstance(event, WindowUpdated) and event.stream_id:
                self.returned.append((event.stream_id, event.delta))

    def abort(self) -> None:
        self.is_closed = True

    close = abort

    def deliver(self, cuts: list[int] = []) -> None:  # noqa: B006
        """All that the server has to say, in pieces of the sizes given."""
        data = self.server.data_to_send()
        for cut in itertools.chain(cuts, itertools.repeat(1 << 20)):
            if not data:
                return
            self.connection.data_received(data[:cut])
            data = data[cut:]


async def answered(wire: Wire, answers: list[Any]) -> None:
    """Read each stream's whole answer into `answers`, in the order of the requests."""

    async def one(at: int) -> None:
        try:
            async with wire.connection.exchange([("x", "y")], b"question") as answer:
                answers[at] = (answer.status, await whole_body(answer))
        except ConnectionLost as lost:
            answers[at] = lost

    async with asyncio.TaskGroup() as group:
        for at in range(len(answers)):
            group.create_task(one(at))


bodies = st.lists(st.lists(st.binary(max_size=300), max_size=5), min_size=1, max_size=4)
cuts = st.lists(st.integers(1, 200), max_size=20)


@settings(deadline=None)
@given(bodies, cuts, st.randoms(use_true_random=False))
async def test_streams_keep_their_bytes_whatever_the_order_and_the_cuts(bodies: Any, cuts: list[int], random: Any):
    """Frames of several streams in any order, in any pieces: each reader gets its own body."""
    wire = Wire()
    wire.deliver()
    await wire.connection.ready()
    answers: list[Any] = [None] * len(bodies)
    reading = asyncio.ensure_future(answered(wire, answers))
    while len(wire.requests) < len(bodies):
        await asyncio.sleep(0)
    for stream_id in wire.requests:
        wire.server.send_headers(stream_id, [(":status", "200")])
    order = [at for at, pieces in enumerate(bodies) for _ in pieces]
    random.shuffle(order)
    taken = [iter(pieces) for pieces in bodies]
    for at in order:
        wire.server.send_data(wire.requests[at], next(taken[at]))
    for stream_id in wire.requests:
        wire.server.end_stream(stream_id)
    wire.deliver(cuts)
    await reading
    assert answers == [(200, b"".join(pieces)) for pieces in bodies]
    wire.connection.abort()


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200), cuts, st.booleans())
async def test_no_bytes_make_it_hang_or_fail_otherwise(noise: bytes, cuts: list[int], after_settings: bool):
    """Noise in place of frames, then the end of the connection: readers get ConnectionLost, never another error."""
    wire = Wire()
    wire.deliver()
    await wire.connection.ready()
    answers: list[Any] = [None]
    reading = asyncio.ensure_future(answered(wire, answers))
    while not wire.requests:
        await asyncio.sleep(0)
    if after_settings:
        wire.server.send_headers(wire.requests[0], [(":status", "200")])
        wire.deliver()
    for piece in itertools.chain(cuts, [len(noise)]):
        wire.connection.data_received(noise[:piece])
        noise = noise[piece:]
    wire.connection.connection_lost(None)
    async with asyncio.timeout(5):
        await reading
    assert isinstance(answers[0], ConnectionLost)
    assert wire.connection.is_closed
    assert not wire.connection.has_room
