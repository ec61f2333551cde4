"""A scripted service on a real socket, over HTTP/2 (the h2 library's server side) and over HTTP/1.1 (aiohttp)."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
import trustme
from aiobotocore.session import get_session
from aiohttp import web
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings


class Exchange(Protocol):
    """One request, and the means to answer it."""

    headers: dict[str, str]
    body: bytes
    was_given_up: asyncio.Event

    async def respond(self, status: int = 200, **headers: str) -> None: ...
    async def send(self, data: bytes) -> None: ...
    async def end(self) -> None: ...
    def cut(self) -> None: ...


Script = Callable[[Any], Awaitable[None]]


class Http2Exchange:
    def __init__(self, connection: "Http2Server", stream_id: int, headers: dict[str, str]) -> None:
        self.connection = connection
        self.stream_id = stream_id
        self.headers = headers
        self.body = b""
        self.sent = 0
        self.was_given_up = asyncio.Event()
        self.reset_code: int | None = None

    async def respond(self, status: int = 200, **headers: str) -> None:
        head = [(":status", str(status)), *((name.replace("_", "-"), value) for name, value in headers.items())]
        self.connection.h2.send_headers(self.stream_id, head)
        self.connection.flush()

    async def send(self, data: bytes) -> None:
        while data:
            h2 = self.connection.h2
            size = min(len(data), h2.local_flow_control_window(self.stream_id), h2.max_outbound_frame_size)
            if size <= 0:
                self.connection.news.clear()
                await self.connection.news.wait()
                continue
            h2.send_data(self.stream_id, data[:size])
            self.sent += size
            data = data[size:]
            self.connection.flush()
            await asyncio.sleep(0)

    async def end(self) -> None:
        self.connection.h2.end_stream(self.stream_id)
        self.connection.flush()

    def reset(self, code: ErrorCodes = ErrorCodes.INTERNAL_ERROR) -> None:
        self.connection.h2.reset_stream(self.stream_id, code)
        self.connection.flush()

    def cut(self) -> None:
        self.connection.transport.abort()


class Http2Server(asyncio.Protocol):
    """One connection of the server."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.exchanges: dict[int, Http2Exchange] = {}
        self.news = asyncio.Event()
        self.is_deaf = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.server.connections.append(self)
        streams = {SettingCodes.MAX_CONCURRENT_STREAMS: self.server.max_streams}
        self.h2.local_settings = Settings(client=False, initial_values=streams)
        self.h2.initiate_connection()
        self.flush()

    def data_received(self, data: bytes) -> None:
        if self.is_deaf:
            return
        for event in self.h2.receive_data(data):
            exchange = self.exchanges.get(getattr(event, "stream_id", 0) or 0)
            if isinstance(event, RequestReceived):
                headers = dict(event.headers)
                self.exchanges[event.stream_id] = Http2Exchange(self, event.stream_id, headers)
            elif isinstance(event, DataReceived) and exchange:
                exchange.body += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded) and exchange:
                self.server.start(exchange)
            elif isinstance(event, StreamReset) and exchange:
                exchange.reset_code = event.error_code
                exchange.was_given_up.set()
        self.news.set()
        self.flush()

    def connection_lost(self, _: Exception | None) -> None:
        for exchange in self.exchanges.values():
            exchange.was_given_up.set()
        self.news.set()

    def flush(self) -> None:
        self.transport.write(self.h2.data_to_send())


class Http1Exchange:
    def __init__(self, request: web.Request, body: bytes) -> None:
        self._request = request
        self._response: web.StreamResponse | None = None
        self.headers = {name.lower(): value for name, value in request.headers.items()}
        self.body = body
        self.was_given_up = asyncio.Event()

    async def respond(self, status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._response = web.StreamResponse(status=status, headers=named)
        self._response.enable_chunked_encoding()
        await self._response.prepare(self._request)

    async def send(self, data: bytes) -> None:
        assert self._response is not None
        await self._response.write(data)

    async def end(self) -> None:
        assert self._response is not None
        await self._response.write_eof()

    def cut(self) -> None:
        assert self._request.transport is not None
        self._request.transport.abort()


class Server:
    """Answers each request by `script`; `url` is where."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.url = ""
        self.max_streams = 100
        self.connections: list[Http2Server] = []
        self.exchanges: list[Any] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, exchange: Any) -> None:
        self.exchanges.append(exchange)
        task = asyncio.get_running_loop().create_task(self._run(exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        exchange = Http1Exchange(request, await request.read())
        self.exchanges.append(exchange)
        try:
            await self.script(exchange)
        except asyncio.CancelledError:
            exchange.was_given_up.set()
            raise
        except ConnectionError:
            exchange.was_given_up.set()
        response = exchange._response
        return response if response is not None else web.Response(status=500)

    async def aclose(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self.connections:
            connection.transport.abort()

    async def _run(self, exchange: Http2Exchange) -> None:
        with contextlib.suppress(H2Error):
            await self.script(exchange)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def _server_context(authority: trustme.CA, protocol: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.set_alpn_protocols([protocol])
    return context


@pytest.fixture
async def serve(authority: trustme.CA) -> AsyncIterator[Callable[..., Awaitable[Server]]]:
    """A function that starts a server with a script, a protocol and, if asked, TLS."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(script: Script, *, protocol: str = "h2", secure: bool = False) -> Server:
            server = Server(script)
            context = _server_context(authority, protocol) if secure else None
            if protocol == "h2":
                listener = await asyncio.get_running_loop().create_server(
                    lambda: Http2Server(server), "127.0.0.1", 0, ssl=context
                )
                port = listener.sockets[0].getsockname()[1]
                stack.callback(listener.close)
            else:
                app = web.Application(client_max_size=0)
                app.router.add_post("/", server.answer)
                runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2)
                await runner.setup()
                stack.push_async_callback(runner.cleanup)
                site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
                await site.start()
                port = runner.addresses[0][1]
            stack.push_async_callback(server.aclose)
            server.url = f"{'https' if secure else 'http'}://127.0.0.1:{port}"
            return server

        yield start


@pytest.fixture
async def kinesis() -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """A function that makes aiobotocore clients for an address."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(url: str, **options: Any) -> Any:
            return await stack.enter_async_context(
                get_session().create_client(
                    "kinesis",
                    endpoint_url=url,
                    region_name="us-east-1",
                    aws_access_key_id="AKIDEXAMPLE",
                    aws_secret_access_key="secret",
                    aws_session_token="token",
                    **options,
                )
            )

        yield make
