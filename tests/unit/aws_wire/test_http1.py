"""What the HTTP/1.1 transport opens, and when it does not."""

import asyncio
import threading

import pytest

from aws_wire.data_plane import ConnectionLost
from aws_wire.data_plane.answers import DEADLINES
from aws_wire.data_plane.http1 import Http1


async def test_closing_while_certificates_are_read_leaves_no_session_open():
    """The first exchange waits for a thread; after `aclose` it opens nothing that nobody would close."""
    began, go_on = threading.Event(), threading.Event()

    class SlowToRead:
        authority, url, proxy = "x:1", "https://x:1/", None

        def tls(self, _: object) -> None:
            began.set()
            go_on.wait(5)

    http1 = Http1(SlowToRead(), DEADLINES)  # type: ignore[arg-type]

    async def ask() -> None:
        async with http1.open([], b""):
            raise AssertionError("there is nobody")

    asking = asyncio.ensure_future(ask())
    await asyncio.to_thread(began.wait, 5)
    await http1.aclose()
    go_on.set()
    with pytest.raises(ConnectionLost, match="closed"):
        await asking
    assert http1._session is None
