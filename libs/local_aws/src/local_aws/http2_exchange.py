"""One stream of an HTTP/2 connection: its request, and the channel that its answer is written to."""

import asyncio
from typing import Protocol


class Exchange:
    """One request and its answer, on one stream."""

    __slots__ = ("body", "changed", "headers", "is_over", "number", "task")

    def __init__(self, number: int, headers: dict[str, str]) -> None:
        self.number = number
        self.headers = headers
        self.body = bytearray()
        self.task: asyncio.Task[None] | None = None
        self.changed = asyncio.Event()
        """Set when a writer should look at its windows again."""
        self.is_over = False

    def end(self) -> None:
        """Let nothing more be written."""
        self.is_over = True
        self.changed.set()


class Connection(Protocol):
    """What an answer may do to its connection."""

    async def write(self, exchange: Exchange, data: bytes) -> None:
        """Send a part of the body. Raises ConnectionError once the stream or the connection is over."""

    def reset(self, exchange: Exchange) -> None:
        """Break off one stream."""

    def abort_connection(self) -> None:
        """Break off the connection with what has not gone out yet."""

    def close_connection(self) -> None:
        """Close the connection once what was written has gone out."""


class Http2Channel:
    """The `Channel` of one stream."""

    def __init__(self, connection: Connection, exchange: Exchange) -> None:
        self._connection = connection
        self._exchange = exchange

    async def write(self, data: bytes) -> None:
        """Send a part of the body."""
        await self._connection.write(self._exchange, data)

    def reset(self) -> None:
        """Reset the stream alone."""
        self._connection.reset(self._exchange)
        raise ConnectionAbortedError("a fault reset the stream")

    def reset_connection(self) -> None:
        """Cut the connection with all its streams."""
        self._connection.abort_connection()
        raise ConnectionAbortedError("a fault cut the connection")

    def close_connection(self) -> None:
        """Close the connection with all its streams."""
        self._connection.close_connection()
        raise ConnectionAbortedError("a fault closed the connection")
