"""A small HTTP/2 client that does only what it is told: it gives the server no room unless a test says so."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
import h2.settings


class Stream:
    """What has come on one stream."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.reset: int | None = None
        self.is_complete = False


class Http2Client:
    """One connection. With `gives_room` every byte is acknowledged at once; without, only by `give_room`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, gives_room: bool) -> None:
        self._reader, self._writer = reader, writer
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.streams: dict[int, Stream] = {}
        self.goaway: int | None = None
        self.is_closed = False
        self.on_data: Callable[[int, bytes], object] | None = None
        """Takes the bodies, which are then not kept."""
        self._gives_room = gives_room
        self._changed = asyncio.Condition()

    def flush(self) -> None:
        """Send what h2 has ready."""
        self._writer.write(self.h2.data_to_send())

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)

    async def upload(self, body: bytes, *, path: str) -> Stream:
        """Send a body of any size as the server gives room; the stream once it has ended."""
        number = self.request(b"", path=path, ends=False)
        stream = self.streams[number]
        rest = memoryview(body)

        def room() -> int:
            window = self.h2.local_flow_control_window(number)
            return min(window, self.h2.max_outbound_frame_size, len(rest))

        while len(rest) and not stream.is_complete:
            if room() <= 0:
                await self.until(lambda: room() > 0 or stream.is_complete)
                continue
            part, rest = rest[: room()], rest[room() :]
            self.h2.send_data(number, part, end_stream=not len(rest))
            self.flush()
            await self._writer.drain()
        return await self.complete(number)

    def request(
        self,
        body: bytes = b"",
        *,
        path: str = "/",
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        ends: bool = True,
    ) -> int:
        """Send a request; the number of its stream."""
        number = self.h2.get_next_available_stream_id()
        fields = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "local")]
        self.streams[number] = Stream()
        self.h2.send_headers(number, [*fields, *(headers or {}).items()], end_stream=ends and not body)
        size = self.h2.max_outbound_frame_size
        for start in range(0, len(body), size):
            self.h2.send_data(number, body[start : start + size], end_stream=start + size >= len(body))
        self.flush()
        return number

    def call(self, operation: str, body: bytes, content_type: str = "application/x-amz-json-1.1") -> int:
        """Send an operation of Kinesis."""
        target = f"Kinesis_20131202.{operation}"
        return self.request(body, headers={"x-amz-target": target, "content-type": content_type})

    def give_room(self, amount: int, number: int | None = None) -> None:
        """Let the server send so many bytes more, on a stream and on the connection."""
        if number is not None:
            self.h2.increment_flow_control_window(amount, number)
        self.h2.increment_flow_control_window(amount)
        self.flush()

    async def complete(self, number: int) -> Stream:
        """The stream once it has ended, however it did."""
        stream = self.streams[number]
        await self.until(lambda: stream.is_complete or stream.reset is not None or self.is_closed)
        return stream

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something that came makes it hold."""
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(holds)

    async def receive(self) -> None:
        """Take what comes until the connection closes."""
        try:
            while data := await self._reader.read(65_536):
                for event in self.h2.receive_data(data):
                    self._take(event)
                self.flush()
                async with self._changed:
                    self._changed.notify_all()
        except ConnectionError:
            pass
        finally:
            self.is_closed = True
            async with self._changed:
                self._changed.notify_all()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived():
                self.streams[event.stream_id].headers = dict(event.headers)
            case h2.events.DataReceived():
                if self.on_data is None:
                    self.streams[event.stream_id].body += event.data
                else:
                    self.on_data(event.stream_id, event.data)
                if self._gives_room:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded():
                self.streams[event.stream_id].is_complete = True
            case h2.events.StreamReset():
                self.streams[event.stream_id].reset = int(event.error_code)
            case h2.events.ConnectionTerminated():
                self.goaway = event.last_stream_id
                # h2 would refuse what still comes on the streams that have begun.
                self.h2.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN


@asynccontextmanager
async def http2_client(
    url: str, *, gives_room: bool = True, window: int = 65_535, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Http2Client]:
    """A connection to `url` whose streams begin with a window of so many bytes."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=tls)
    client = Http2Client(reader, writer, gives_room=gives_room)
    client.h2.local_settings = h2.settings.Settings(
        client=True, initial_values={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window}
    )
    client.h2.initiate_connection()
    client.flush()
    receiving = asyncio.create_task(client.receive())
    try:
        yield client
    finally:
        writer.close()
        await asyncio.gather(receiving, return_exceptions=True)
