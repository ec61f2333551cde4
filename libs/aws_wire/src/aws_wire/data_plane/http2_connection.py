"""One HTTP/2 connection: frames in and out by the h2 library, flow control, sign of life, graceful end.

Flow control (RFC 9113, 5.2): a stream's window opens as its reader reads, so that a slow reader holds back its own
stream and no more than `STREAM_WINDOW` bytes. The connection's window opens on arrival and is never the limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    SettingsAcknowledged,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import H2Error, ProtocolError

from aws_wire.data_plane.answers import Answer, Deadlines, Headers
from aws_wire.data_plane.endpoint import Endpoint
from aws_wire.data_plane.http2_protocol import STREAM_WINDOW, Handshake, client_connection, error_name
from aws_wire.data_plane.http2_stream import Http2Stream
from aws_wire.data_plane.sign_of_life import SignOfLife
from aws_wire.errors import ConnectionLost, Http2Refused

_CONNECTION_RETURN = 16 * 1024 * 1024


class Http2Connection(asyncio.Protocol):
    """A connection to `endpoint` for up to `limit` exchanges at once."""

    def __init__(self, endpoint: Endpoint, deadlines: Deadlines, limit: int) -> None:
        loop = asyncio.get_running_loop()
        self._endpoint = endpoint
        self._deadlines = deadlines
        self._limit = limit
        self._h2 = client_connection()
        self._streams: dict[int, Http2Stream] = {}
        self._transport: asyncio.Transport | None = None
        self._failure: ConnectionLost | None = None
        self._may_send = asyncio.Event()
        self._writable = True
        self._is_draining = False
        self._received = self._hung_up = False
        self._handshake = Handshake(loop)
        self._gone: asyncio.Future[None] = loop.create_future()
        lost = ConnectionLost(f"no sign of life from {endpoint.authority}")
        self._life = SignOfLife(deadlines, loop.call_later, self._ask_for_life, lambda: self._lose(lost))
        self._unreturned = 0
        self._reactions: dict[type[Event], Callable[[Any], None]] = {
            DataReceived: self._on_data,
            ResponseReceived: self._on_response,
            StreamEnded: self._on_stream_ended,
            StreamReset: self._on_reset,
            WindowUpdated: lambda _: self._may_send.set(),
            RemoteSettingsChanged: self._on_settings,
            SettingsAcknowledged: lambda event: self._handshake.see_acknowledged(event.changed_settings),
            ConnectionTerminated: self._on_goaway,
        }

    @property
    def is_closed(self) -> bool:
        """Whether no exchange can use it, now or later."""
        return self._failure is not None

    @property
    def has_room(self) -> bool:
        """Whether one more exchange can begin."""
        if self.is_closed or self._is_draining:
            return False
        return len(self._streams) < min(self._limit, self._h2.remote_settings.max_concurrent_streams)

    @property
    def ended_silently(self) -> bool:
        """Whether the server closed the connection before it sent anything."""
        return self._hung_up and not self._received

    async def ready(self) -> None:
        """Wait until both sides know each other's settings. Raises ConnectionLost, or Http2Refused."""
        await self._handshake.wait()

    @asynccontextmanager
    async def exchange(self, headers: Headers, body: bytes) -> AsyncIterator[Answer]:
        """See Exchanges.open. There must be room."""
        stream = self._request(headers, len(body))
        try:
            try:
                async with asyncio.timeout(self._deadlines.answer):
                    await self._send_body(stream, body)
                    await stream.head()
            except TimeoutError as error:
                raise ConnectionLost(f"no answer in time from {self._endpoint.authority}") from error
            yield stream
        finally:
            self._forget(stream)

    def abort(self) -> None:
        """Cut the connection."""
        self._lose(ConnectionLost("the connection was aborted"))

    async def aclose(self) -> None:
        """Say GOAWAY and close; what is under way fails."""
        if self._failure is None and self._transport is not None:
            self._h2.close_connection()
            self._flush()
        self._lose(ConnectionLost("the connection was closed here"), abort=False)
        if self._transport is not None:
            await asyncio.wait([self._gone], timeout=1.0)
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the preface and our settings."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() != "h2":
            self._lose(Http2Refused(f"the server chose {tls.selected_alpn_protocol() or 'no protocol'} by ALPN"))
            return
        self._flush()
        self._life.start()

    def data_received(self, data: bytes) -> None:
        """Give what arrived to the streams."""
        if self._failure is not None:
            return
        if not self._handshake.is_over and data.startswith(b"HTTP/1"):
            self._lose(Http2Refused("the server answers HTTP/2 in HTTP/1"))
            return
        self._received = True
        self._life.hear()
        try:
            for event in self._h2.receive_data(data):
                reaction = self._reactions.get(type(event))
                if reaction is not None:
                    reaction(event)
        except ProtocolError as error:
            self._flush()
            self._lose(ConnectionLost(f"the server breaks HTTP/2: {error}"))
            return
        self._flush()
        if self._is_draining and not self._streams:
            self._lose(ConnectionLost("the server closed the connection"), abort=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Every exchange under way fails."""
        if self._failure is None:
            self._hung_up = True
            self._lose(ConnectionLost(f"{type(exc).__name__}: {exc}" if exc else "the server closed the connection"))
        if not self._gone.done():
            self._gone.set_result(None)

    def pause_writing(self) -> None:
        """The socket takes no more for now."""
        self._writable = False

    def resume_writing(self) -> None:
        """The socket takes more again."""
        self._writable = True
        self._may_send.set()

    def _request(self, headers: Headers, length: int) -> Http2Stream:
        if self._failure is not None:
            raise ConnectionLost(*self._failure.args)
        head = [
            (":method", "POST"),
            (":scheme", self._endpoint.scheme),
            (":authority", self._endpoint.authority),
            (":path", "/"),
            *headers,
            ("content-length", str(length)),
        ]
        try:
            stream_id = self._h2.get_next_available_stream_id()
            self._h2.send_headers(stream_id, head, end_stream=not length)
        except H2Error as error:
            self._is_draining = True
            raise ConnectionLost(f"no further stream on this connection: {error}") from error
        stream = self._streams[stream_id] = Http2Stream(stream_id, self._return_window)
        self._flush()
        return stream

    async def _send_body(self, stream: Http2Stream, body: bytes) -> None:
        """Send as the server's windows and the socket allow; an answer that comes first ends the sending."""
        left = memoryview(body)
        while left and not stream.is_over and not stream.has_head:
            window = self._h2.local_flow_control_window(stream.stream_id)
            size = min(len(left), window, self._h2.max_outbound_frame_size)
            if not self._writable or size <= 0:
                self._may_send.clear()
                await self._may_send.wait()
                continue
            self._h2.send_data(stream.stream_id, bytes(left[:size]), end_stream=size == len(left))
            left = left[size:]
            self._flush()
        stream.is_sent = not left

    def _forget(self, stream: Http2Stream) -> None:
        """End the exchange, with RST_STREAM unless question and answer are complete."""
        self._streams.pop(stream.stream_id, None)
        if self._failure is not None:
            return
        if not (stream.is_over and stream.is_sent):
            stream.fail(ConnectionLost("the exchange was given up here"))
            with suppress(H2Error):  # it may have ended meanwhile
                self._h2.reset_stream(stream.stream_id, ErrorCodes.CANCEL)
            self._flush()
        if self._is_draining and not self._streams:
            self._lose(ConnectionLost("the server closed the connection"), abort=False)

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)

    def _return_window(self, stream: Http2Stream, count: int) -> None:
        """The reader took `count` bytes: the server may send as many again, told once it is worth a frame."""
        stream.unreturned += count
        if stream.unreturned < STREAM_WINDOW // 2 or stream.is_over or self._failure is not None:
            return
        count, stream.unreturned = stream.unreturned, 0
        try:
            self._h2.increment_flow_control_window(count, stream.stream_id)
        except H2Error:
            return  # the stream ended meanwhile
        self._flush()

    def _on_data(self, event: DataReceived) -> None:
        window = event.flow_controlled_length or 0
        self._unreturned += window
        if self._unreturned >= _CONNECTION_RETURN:
            self._h2.increment_flow_control_window(self._unreturned)
            self._unreturned = 0
        stream = self._streams.get(event.stream_id or 0)
        if stream is not None:
            stream.on_data(event.data or b"", window)

    def _on_response(self, event: ResponseReceived) -> None:
        stream = self._streams.get(event.stream_id or 0)
        if stream is None:
            return
        headers: dict[str, str] = {str(name): str(value) for name, value in event.headers or ()}
        status = headers.pop(":status", "")
        if not status.isdigit():
            stream.fail(ConnectionLost(f"the answer's status is {status!r}"))
        else:
            stream.on_head(int(status), headers)
        self._may_send.set()

    def _on_stream_ended(self, event: StreamEnded) -> None:
        stream = self._streams.get(event.stream_id or 0)
        if stream is not None:
            stream.on_end()
            self._may_send.set()

    def _on_reset(self, event: StreamReset) -> None:
        stream = self._streams.get(event.stream_id or 0)
        if stream is not None:
            stream.fail(ConnectionLost(f"the server reset the stream: {error_name(event.error_code)}"))
            self._may_send.set()

    def _on_goaway(self, event: ConnectionTerminated) -> None:
        self._is_draining = True
        for stream in self._streams.values():
            if stream.stream_id > (event.last_stream_id or 0) or event.error_code:
                stream.fail(ConnectionLost(f"the server said GOAWAY: {error_name(event.error_code)}"))
        self._may_send.set()

    def _on_settings(self, _: RemoteSettingsChanged) -> None:
        self._may_send.set()
        self._handshake.see_theirs()

    def _ask_for_life(self) -> bool:
        """PING where somebody waits for an answer; a connection that nobody uses is closed instead."""
        if self._handshake.is_over and not self._streams:
            self._h2.close_connection()
            self._flush()
            self._lose(ConnectionLost("the connection was idle"), abort=False)
            return False
        self._h2.ping(b"alive?!?")
        self._flush()
        return True

    def _lose(self, failure: ConnectionLost, *, abort: bool = True) -> None:
        if self._failure is None:
            self._failure = failure
        self._life.stop()
        self._handshake.fail(failure)
        for stream in self._streams.values():
            stream.fail(failure)
        self._may_send.set()
        if self._transport is not None:
            self._transport.abort() if abort else self._transport.close()
