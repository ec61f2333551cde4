"""HTTP/2: many exchanges over few connections (RFC 9113)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aws_wire.data_plane.answers import Answer, Deadlines, Headers
from aws_wire.data_plane.endpoint import Endpoint
from aws_wire.data_plane.http2_connection import Http2Connection
from aws_wire.errors import ConnectionLost, Http2Refused

STREAMS_PER_CONNECTION = 24
"""Exchanges on one connection: more would share its congestion window, and one loss would break them all."""

_SILENT_ENDS = 2
"""A server that hangs up so often before its first byte does not speak HTTP/2; once may be a restart."""


class Http2:
    """Exchanges over HTTP/2, by ALPN over TLS, with prior knowledge in the clear.

    Each connection carries up to `streams_per_connection` exchanges, or fewer if the server says so. Raises
    Http2Refused (a ConnectionLost) where the server speaks something else.
    """

    def __init__(
        self, endpoint: Endpoint, deadlines: Deadlines, streams_per_connection: int = STREAMS_PER_CONNECTION
    ) -> None:
        self._endpoint = endpoint
        self._deadlines = deadlines
        self._limit = streams_per_connection
        self._connections: list[Http2Connection] = []
        self._connecting: asyncio.Task[None] | None = None
        self._closed = False
        self._silent_ends = 0

    @asynccontextmanager
    async def open(self, headers: Headers, body: bytes) -> AsyncIterator[Answer]:
        """See Exchanges."""
        connection = await self._connection()
        async with connection.exchange(headers, body) as answer:
            yield answer

    async def aclose(self) -> None:
        """See Exchanges."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        await asyncio.gather(*(connection.aclose() for connection in self._connections))
        self._connections.clear()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return sum(not connection.is_closed for connection in self._connections)

    async def _connection(self) -> Http2Connection:
        """A connection with room. All who wait for a new one share one attempt, and its failure."""
        while True:
            if self._closed:
                raise ConnectionLost("the data plane is closed")
            self._connections = [each for each in self._connections if not each.is_closed]
            for connection in self._connections:
                if connection.has_room:
                    return connection
            if self._connecting is None:
                self._connecting = asyncio.get_running_loop().create_task(self._connect())
                self._connecting.add_done_callback(self._connected)
            attempt = self._connecting
            await asyncio.wait([attempt])
            if attempt.cancelled():
                raise ConnectionLost("the data plane is closed")
            if (failure := attempt.exception()) is not None:
                # A copy, since those who wait would otherwise add to one traceback.
                raise type(failure)(*failure.args) from failure

    def _connected(self, attempt: asyncio.Task[None]) -> None:
        self._connecting = None
        if not attempt.cancelled():
            attempt.exception()  # seen, even if everyone who waited has gone

    async def _connect(self) -> None:
        endpoint = self._endpoint
        if endpoint.proxy is not None:
            raise Http2Refused("HTTP/2 does not go through a proxy here")
        loop = asyncio.get_running_loop()
        connection = Http2Connection(endpoint, self._deadlines, self._limit)
        try:
            async with asyncio.timeout(self._deadlines.connect):
                context = await asyncio.to_thread(endpoint.tls, ("h2", "http/1.1"))
                await loop.create_connection(
                    lambda: connection,
                    endpoint.host,
                    endpoint.port,
                    ssl=context,
                    server_hostname=endpoint.host if context is not None else None,
                )
                await connection.ready()
            if not connection.has_room:  # or one connection after the other would be made
                raise ConnectionLost("the server takes no streams on a new connection")
        except TimeoutError as error:
            connection.abort()
            raise ConnectionLost(f"no HTTP/2 connection in time to {endpoint.authority}") from error
        except ConnectionLost as error:
            connection.abort()
            self._silent_ends += connection.ended_silently
            if self._silent_ends >= _SILENT_ENDS and connection.ended_silently:
                raise Http2Refused("the server hangs up on HTTP/2 without a word") from error
            raise
        except OSError as error:
            connection.abort()
            raise ConnectionLost(f"{type(error).__name__}: {error}") from error
        except BaseException:
            connection.abort()
            raise
        self._silent_ends = 0
        self._connections.append(connection)
