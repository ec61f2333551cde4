"""HTTP/2 (RFC 9113) by h2, in front of a `Dispatch`: one `Http2Connection` is the protocol of one connection.

An answer is written as far as the client's windows and the socket let it, in turns with the other answers of the
connection; what waits for room is one `write` a stream, so a client that does not read holds no more than that.
"""

import asyncio
import contextlib
import logging
import struct
from collections.abc import Callable
from typing import cast

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
from h2.errors import ErrorCodes
from hyperframe.frame import DataFrame, GoAwayFrame

from local_aws.http import MAX_REQUEST_BYTES
from local_aws.http2_exchange import Exchange, Http2Channel
from local_aws.messages import Answer, Dispatch, Reply, Request, StreamingAnswer

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_MAX_STREAMS = 1000
_MAX_HELD_BYTES = 8 * MAX_REQUEST_BYTES  # of all unfinished requests of a connection
_STREAM_WINDOW_BYTES = 1024 * 1024
_CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024
_TURN_BYTES = 256 * 1024
_FRAME = struct.Struct(">HBBBL")

_log = logging.getLogger(__name__)


class Http2Connection(asyncio.Protocol):
    """Serves one connection; `on_lost` is called with it once the connection is gone."""

    def __init__(self, dispatch: Dispatch, on_lost: "Callable[[Http2Connection], None]") -> None:
        self._dispatch = dispatch
        self._on_lost = on_lost
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self._transport: asyncio.Transport | None = None
        # The order is who was served longest ago: who waits for a window gets it in this order.
        self._exchanges: dict[int, Exchange] = {}
        self._held = 0
        self._is_paused = self._is_leaving = False
        self._idle = asyncio.Event()
        self._idle.set()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the client with the settings of this side."""
        transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._transport = transport
        self._h2.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: _MAX_STREAMS,
                h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: _STREAM_WINDOW_BYTES,
                h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: 64 * 1024,
            },
        )
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_CONNECTION_WINDOW_BYTES - 65_535)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Take what the client sent; a breach of the protocol ends the connection with a GOAWAY."""
        try:
            for event in self._h2.receive_data(data):
                # What follows in the same bytes may have closed the stream already.
                with contextlib.suppress(h2.exceptions.NoSuchStreamError):
                    self._receive(event)
        except h2.exceptions.ProtocolError as error:
            _log.debug("an HTTP/2 client broke the protocol: %s", error)
            self._flush()
            self.close_connection()
            return
        self._flush()

    def pause_writing(self) -> None:
        """Hold every answer back: the socket is full."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Let the answers go on."""
        self._is_paused = False
        self._wake_all()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop working for a client that is gone."""
        self._transport = None
        for exchange in list(self._exchanges.values()):
            self._abandon(exchange)
        self._on_lost(self)

    # What the server calls.

    def leave(self) -> None:
        """Tell the client to send nothing more (GOAWAY); what has begun goes on."""
        if self._is_leaving or self._transport is None:
            return
        self._is_leaving = True
        # h2's own GOAWAY would end the connection for both sides at once.
        goaway = GoAwayFrame(0, last_stream_id=self._h2.highest_inbound_stream_id, error_code=ErrorCodes.NO_ERROR)
        self._transport.write(goaway.serialize())

    async def close(self, seconds: float) -> None:
        """Leave, give what has begun so many seconds to end, and close the connection."""
        self.leave()
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            for exchange in list(self._exchanges.values()):
                self._abandon(exchange)
        self.close_connection()

    # What an answer calls.

    async def write(self, exchange: Exchange, data: bytes, *, is_last: bool = False) -> None:
        """Send a part of the body. Raises ConnectionError once the stream or the connection is over."""
        rest = memoryview(data)
        while True:
            self._require_open(exchange)
            room = 0 if self._is_paused else min(self._window(exchange), len(rest), _TURN_BYTES)
            if len(rest) and room <= 0:
                exchange.changed.clear()
                await exchange.changed.wait()
                continue
            self._send(exchange, rest[:room], is_last=is_last and room == len(rest))
            rest = rest[room:]
            if not len(rest):
                return

    def reset(self, exchange: Exchange, code: ErrorCodes = ErrorCodes.INTERNAL_ERROR) -> None:
        """Break off one stream."""
        if not exchange.is_over and self._transport is not None:
            with contextlib.suppress(h2.exceptions.NoSuchStreamError):
                self._h2.reset_stream(exchange.number, code)
            self._flush()
        exchange.end()

    def abort_connection(self) -> None:
        """Break off the connection with what has not gone out yet."""
        if self._transport is not None:
            self._transport.abort()

    def close_connection(self) -> None:
        """Close the connection once what was written has gone out."""
        if self._transport is not None:
            self._transport.close()

    # Inside.

    def _require_open(self, exchange: Exchange) -> None:
        if exchange.is_over or self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the stream is over")

    def _window(self, exchange: Exchange) -> int:
        return int(self._h2.local_flow_control_window(exchange.number))

    def _send(self, exchange: Exchange, data: memoryview, *, is_last: bool) -> None:
        number = exchange.number
        if is_last:
            self._send_frames(number, data[: (cut := max(len(data) - 1, 0) // 16_384 * 16_384)])
            self._h2.send_data(number, data[cut:], end_stream=True)
            self._flush()
        else:
            self._send_frames(number, data)
        if number in self._exchanges:
            self._exchanges[number] = self._exchanges.pop(number)

    def _send_frames(self, number: int, data: memoryview) -> None:
        """Write DATA frames as RFC 9113, 6.1 has them: h2 would copy each several times. Its windows are kept true."""
        assert self._transport is not None
        self._flush()
        size = self._h2.max_outbound_frame_size
        parts: list[bytes | memoryview] = []
        for start in range(0, len(data), size):
            part = data[start : start + size]
            parts += (_FRAME.pack(len(part) >> 8, len(part) & 0xFF, DataFrame.type, 0, number), part)
        self._h2.outbound_flow_control_window -= len(data)
        self._h2.streams[number].outbound_flow_control_window -= len(data)
        self._transport.write(b"".join(parts))

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)

    def _wake_all(self) -> None:
        for exchange in self._exchanges.values():
            exchange.changed.set()

    def _receive(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived():
                self._open(event)
            case h2.events.DataReceived():
                self._take(event)
            case h2.events.StreamEnded():
                if (exchange := self._exchanges.get(event.stream_id)) is not None and exchange.task is None:
                    exchange.task = asyncio.get_running_loop().create_task(self._answer(exchange))
            case h2.events.StreamReset():
                if (exchange := self._exchanges.get(event.stream_id)) is not None:
                    self._abandon(exchange)
            case h2.events.WindowUpdated(stream_id=number) if number and number in self._exchanges:
                self._exchanges[number].changed.set()
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                self._wake_all()
            case h2.events.ConnectionTerminated():
                self._let_go()

    def _open(self, event: h2.events.RequestReceived) -> None:
        headers = {str(name): str(value) for name, value in event.headers}
        exchange = Exchange(event.stream_id, headers)
        if self._is_leaving:
            self.reset(exchange, ErrorCodes.REFUSED_STREAM)
            return
        self._exchanges[exchange.number] = exchange
        self._idle.clear()
        if headers.get("expect", "").lower() == "100-continue":
            self._h2.send_headers(exchange.number, [(":status", "100")])

    def _take(self, event: h2.events.DataReceived) -> None:
        self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        exchange = self._exchanges.get(event.stream_id)
        if exchange is None or exchange.task is not None:
            return
        exchange.body += event.data
        self._held += len(event.data)
        if len(exchange.body) > MAX_REQUEST_BYTES or self._held > _MAX_HELD_BYTES:
            self._h2.send_headers(exchange.number, [(":status", "413")], end_stream=True)
            self._forget(exchange)

    def _let_go(self) -> None:
        """The client opens no more streams; what has begun goes on, though h2 takes a GOAWAY for the end."""
        self._is_leaving = True
        self._h2.state_machine.state = h2.connection.ConnectionState.SERVER_OPEN
        if not self._exchanges:
            self.close_connection()

    def _abandon(self, exchange: Exchange) -> None:
        exchange.end()
        if exchange.task is None:
            self._forget(exchange)
        else:
            exchange.task.cancel()

    def _forget(self, exchange: Exchange) -> None:
        self._exchanges.pop(exchange.number, None)
        self._let_body_go(exchange)
        if not self._exchanges:
            self._idle.set()
            if self._is_leaving:
                self.close_connection()

    def _let_body_go(self, exchange: Exchange) -> None:
        self._held -= len(exchange.body)
        exchange.body.clear()

    async def _answer(self, exchange: Exchange) -> None:
        headers = exchange.headers
        request = Request(headers[":method"], headers[":path"], headers, bytes(exchange.body))
        self._let_body_go(exchange)
        reply: Reply | None = None
        try:
            reply = await self._dispatch(request)
            await self._reply(exchange, reply)
        except (ConnectionError, h2.exceptions.ProtocolError) as error:
            _log.debug("an HTTP/2 answer was broken off: %s", error)
            self.reset(exchange)
        except Exception:
            _log.exception("an HTTP/2 answer failed: %s", request.path)
            self.reset(exchange)
        finally:
            if isinstance(reply, StreamingAnswer):
                reply.ended()
            exchange.end()
            self._forget(exchange)

    async def _reply(self, exchange: Exchange, reply: Reply) -> None:
        self._require_open(exchange)
        fields = [(":status", str(reply.status if isinstance(reply, Answer) else 200))]
        fields += [(name.lower(), value) for name, value in reply.headers.items()]
        if isinstance(reply, Answer):
            fields.append(("content-length", str(len(reply.body))))
            self._h2.send_headers(exchange.number, fields, end_stream=not reply.body)
            if reply.body:
                await self.write(exchange, reply.body, is_last=True)
        else:
            self._h2.send_headers(exchange.number, fields)
            self._flush()
            await reply.send(Http2Channel(self, exchange))
            await self.write(exchange, b"", is_last=True)
        self._flush()
