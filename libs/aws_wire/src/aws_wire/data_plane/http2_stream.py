"""One exchange of an HTTP/2 connection, as its reader sees it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType

from aws_wire.errors import ConnectionLost


class Http2Stream:
    """The answer to one request: what arrived and is not read yet, which the stream's window bounds.

    `on_read` is told how many bytes of the window a read gives back.
    """

    def __init__(self, stream_id: int, on_read: Callable[[Http2Stream, int], None]) -> None:
        self.stream_id = stream_id
        self.status = 0
        self.headers: Mapping[str, str] = MappingProxyType({})
        self.failure: ConnectionLost | None = None
        self.is_sent = False
        self.is_ended = False
        self.unreturned = 0
        self._on_read = on_read
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._news = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether nothing more arrives."""
        return self.is_ended or self.failure is not None

    @property
    def has_head(self) -> bool:
        """Whether the answer began."""
        return self.status != 0

    async def head(self) -> None:
        """Wait for status and headers. Raises ConnectionLost."""
        while not self.has_head:
            if self.failure is not None:
                raise ConnectionLost(*self.failure.args) from self.failure
            if self.is_ended:
                raise ConnectionLost("the stream ended without an answer")
            await self._next_news()

    async def read(self) -> bytes:
        """All that arrived since the last read, waiting for some; b"" at the end. Raises ConnectionLost."""
        while not self._pieces:
            if self.failure is not None:
                raise ConnectionLost(*self.failure.args) from self.failure
            if self.is_ended:
                return b""
            await self._next_news()
        piece = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        held, self._held = self._held, 0
        self._on_read(self, held)
        return piece

    def on_head(self, status: int, headers: dict[str, str]) -> None:
        """The answer begins."""
        self.status = status
        self.headers = headers
        self._news.set()

    def on_data(self, data: bytes, window: int) -> None:
        """A piece of the body, which took `window` bytes of the flow control window."""
        self._pieces.append(data)
        self._held += window
        self._news.set()

    def on_end(self) -> None:
        """The body is complete."""
        self.is_ended = True
        self._news.set()

    def fail(self, failure: ConnectionLost) -> None:
        """Nothing more comes; what was received can still be read."""
        if not self.is_over:
            self.failure = failure
        self._news.set()

    async def _next_news(self) -> None:
        self._news.clear()
        await self._news.wait()
