"""HTTP/1.1: a connection for each exchange under way, kept for the next."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from aws_wire.data_plane.answers import Answer, Deadlines, Headers
from aws_wire.data_plane.endpoint import Endpoint
from aws_wire.errors import ConnectionLost

_READ_BUFFER_BYTES = 256 * 1024
"""Beyond twice this, the socket of a slow reader is not read."""

_PIECE_BYTES = 512 * 1024

_BROKEN = (aiohttp.ClientError, OSError, EOFError)


class Http1:
    """Exchanges over HTTP/1.1. As many connections as there are exchanges at once: the caller bounds them."""

    def __init__(self, endpoint: Endpoint, deadlines: Deadlines) -> None:
        self._endpoint = endpoint
        self._deadlines = deadlines
        self._url = URL(endpoint.url, encoded=True)
        self._proxy, self._proxy_headers = _proxy_of(endpoint)
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()
        self._closed = False

    @asynccontextmanager
    async def open(self, headers: Headers, body: bytes) -> AsyncIterator[Answer]:
        """See Exchanges."""
        session = self._session or await self._opened()
        response = await self._posted(session, headers, body)
        try:
            yield _Http1Answer(response)
        finally:
            # A body that is not read to its end takes its connection with it; a finished one is kept.
            response.close() if not response.content.at_eof() else response.release()

    async def aclose(self) -> None:
        """See Exchanges."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _posted(self, session: aiohttp.ClientSession, headers: Headers, body: bytes) -> aiohttp.ClientResponse:
        data: bytes | AsyncIterator[bytes] = body
        if not self._endpoint.is_secure:  # without a tunnel the request itself goes to the proxy
            headers = [*headers, *self._proxy_headers.items()]
        if len(body) > _PIECE_BYTES:
            data = _pieces(body)
            headers = [*headers, ("content-length", str(len(body)))]
        try:
            async with asyncio.timeout(self._deadlines.answer):
                return await session.post(
                    self._url,
                    data=data,
                    headers=headers,
                    proxy=self._proxy,
                    proxy_headers=self._proxy_headers if self._endpoint.is_secure else None,
                    allow_redirects=False,
                )
        except TimeoutError as error:
            raise ConnectionLost(f"no answer in time from {self._endpoint.authority}") from error
        except _BROKEN as error:
            raise ConnectionLost(f"{type(error).__name__}: {error}") from error

    async def _opened(self) -> aiohttp.ClientSession:
        async with self._opening:
            if self._closed:
                raise ConnectionLost("the data plane is closed")
            if self._session is None:
                context = await asyncio.to_thread(self._endpoint.tls, ("http/1.1",))
                if self._closed:  # meanwhile
                    raise ConnectionLost("the data plane is closed")
                self._session = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=0, ssl=True if context is None else context),
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._deadlines.connect),
                    auto_decompress=False,
                    read_bufsize=_READ_BUFFER_BYTES,
                    skip_auto_headers=("User-Agent", "Accept-Encoding"),
                )
            return self._session


def _proxy_of(endpoint: Endpoint) -> tuple[URL | None, dict[str, str]]:
    """The proxy's address, and the header with its user and password: errors of aiohttp show what the address holds."""
    if endpoint.proxy is None:
        return None, {}
    url = URL(endpoint.proxy)
    if url.user is None:
        return url, {}
    token = base64.b64encode(f"{url.user}:{url.password or ''}".encode()).decode()
    return url.with_user(None), {"proxy-authorization": f"Basic {token}"}


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    """A large body in pieces, each sent when the socket takes it."""
    for start in range(0, len(body), _PIECE_BYTES):
        yield body[start : start + _PIECE_BYTES]


class _Http1Answer:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers  # they compare without regard to case

    async def read(self) -> bytes:
        """See Answer."""
        try:
            return await self._response.content.readany()
        except (*_BROKEN, TimeoutError) as error:
            raise ConnectionLost(f"{type(error).__name__}: {error}") from error
