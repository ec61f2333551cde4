"""Small HTTP probe over asyncio streams: does a server on this machine answer yet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

ATTEMPT_SECONDS = 5.0


async def status_of(url: str, seconds: float = ATTEMPT_SECONDS) -> int | None:
    """Give the HTTP status of a GET of `url` (http only); None if nothing answers within `seconds`."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
                return parse_status(await reader.readline())
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None


def parse_status(line: bytes) -> int | None:
    """Give the status of an HTTP status line: 200 for `HTTP/1.1 200 OK`; None if it is not one."""
    fields = line.split()
    is_status = len(fields) >= 2 and fields[0].startswith(b"HTTP/") and fields[1].isdigit()
    return int(fields[1]) if is_status else None


def answers(url: str, status: int = 200) -> Callable[[], Awaitable[bool]]:
    """Give a readiness check that holds once a GET of `url` answers with `status`."""

    async def check() -> bool:
        return await status_of(url) == status

    return check
