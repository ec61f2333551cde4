"""A server that replays one event to every SubscribeToShard: over HTTP/1.1 and HTTP/2 in the clear, for benchmarks."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import sys
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived
from h2.exceptions import H2Error

from aws_wire import event_stream

_FIRST_NUMBER = 49590338271490256608559692540925702759324208523137515618
_HTTP1_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def event_frame(records: int, size: int) -> bytes:
    """A SubscribeToShardEvent of `records` random records of `size` bytes each, as AWS frames it."""
    chance = random.Random(1)
    event = {
        "Records": [
            {
                "SequenceNumber": str(_FIRST_NUMBER + number),
                "PartitionKey": f"user-{chance.randrange(10**6)}",
                "Data": base64.b64encode(chance.randbytes(size)).decode(),
                "ApproximateArrivalTimestamp": 1_700_000_000.0 + number / 1000,
                "EncryptionType": "NONE",
            }
            for number in range(records)
        ],
        "ContinuationSequenceNumber": str(_FIRST_NUMBER + records),
        "MillisBehindLatest": 0,
    }
    headers = {
        ":message-type": "event",
        ":event-type": "SubscribeToShardEvent",
        ":content-type": "application/x-amz-json-1.1",
    }
    return event_stream.encode(headers, json.dumps(event, separators=(",", ":")).encode())


def initial_response() -> bytes:
    """The frame that begins every subscription."""
    return event_stream.encode({":message-type": "event", ":event-type": "initial-response"}, b"{}")


class _Replay(asyncio.Protocol):
    """A connection of either protocol, told apart by its first bytes."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._h2: H2Connection | None = None
        self._request = b""
        self._left: dict[int, memoryview] = {}

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=4 * 1024 * 1024)

    def data_received(self, data: bytes) -> None:
        if self._h2 is None and not self._request and data.startswith(b"PRI"):
            self._h2 = H2Connection(H2Configuration(client_side=False))
            self._h2.initiate_connection()
        if self._h2 is None:
            self._http1(data)
            return
        for event in self._h2.receive_data(data):
            if isinstance(event, RequestReceived):
                self._h2.send_headers(event.stream_id, [(":status", "200")])
                self._left[event.stream_id] = memoryview(self._body)
        self._send()

    def resume_writing(self) -> None:
        if self._h2 is not None:
            self._send()

    def _http1(self, data: bytes) -> None:
        self._request += data
        if b"\r\n\r\n" not in self._request or not self._request.endswith(b"}"):
            return
        self._request = b""
        pieces = [_HTTP1_HEAD]
        for start in range(0, len(self._body), 65536):
            piece = self._body[start : start + 65536]
            pieces += [b"%x\r\n" % len(piece), piece, b"\r\n"]
        self._transport.write(b"".join([*pieces, b"0\r\n\r\n"]))

    def _send(self) -> None:
        assert self._h2 is not None
        for stream_id, left in list(self._left.items()):
            try:
                while left and self._transport.get_write_buffer_size() < 4 * 1024 * 1024:
                    window = self._h2.local_flow_control_window(stream_id)
                    # As servers on the Internet send them, whatever the client would take.
                    size = min(window, 16_384, len(left))
                    if size <= 0:
                        break
                    self._h2.send_data(stream_id, bytes(left[:size]), end_stream=size == len(left))
                    left = left[size:]
                    if size < 16_384 or len(left) % (16 * 16_384) < 16_384:
                        self._transport.write(self._h2.data_to_send())
            except H2Error:
                left = left[:0]
            self._left[stream_id] = left
            if not left:
                del self._left[stream_id]
        self._transport.write(self._h2.data_to_send())


async def _serve(records: int, size: int, events: int) -> None:
    body = initial_response() + event_frame(records, size) * events
    server = await asyncio.get_running_loop().create_server(lambda: _Replay(body), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(*(int(argument) for argument in sys.argv[1:4])))
