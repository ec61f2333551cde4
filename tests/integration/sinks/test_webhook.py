"""Webhooks on a real server: signatures, order, retries, deadlines."""

import asyncio
import hashlib
import hmac
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web

from delivery import Item, RetryPolicy, WebhookSink

pytestmark = pytest.mark.integration
QUICK = RetryPolicy(base_seconds=0.01, cap_seconds=0.05, deadline_seconds=5)


class Receiver:
    """Answers as told, at first from `script`, and keeps what came."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.script: list[int] = []
        self.answer_seconds = 0.0
        self.under_way = 0
        self.most_at_once = 0

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            await asyncio.sleep(self.answer_seconds)
            status = self.script.pop(0) if self.script else 202
            if status < 300:
                self.requests.append((dict(request.headers), body))
            more = {"Location": "http://127.0.0.1:1/elsewhere"} if 300 <= status < 400 else {}
            return web.Response(status=status, headers=more)
        finally:
            self.under_way -= 1


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/hook", made.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


@pytest.fixture
async def sink() -> AsyncIterator[Callable[..., Awaitable[WebhookSink]]]:
    async with AsyncExitStack() as stack:

        async def make(url: str, retry: RetryPolicy = QUICK, **options: Any) -> WebhookSink:
            secret = options.pop("secret", b"s3cret")
            made = WebhookSink(
                url, secret, retry, lambda item: {"X-Item": item.key}, lambda: 1_700_000_000.9, **options
            )
            return await stack.enter_async_context(made)

        yield make


async def test_each_item_is_a_signed_request(receiver, sink):
    """A receiver that computes the signature over time and body finds the same."""
    outcomes = await (await sink(receiver.url)).deliver([Item(b'{"a":1}', "k"), Item(b'{"a":2}', "k")])
    assert [outcome.status for outcome in outcomes] == ["delivered", "delivered"]
    assert [body for _, body in receiver.requests] == [b'{"a":1}', b'{"a":2}']
    for headers, body in receiver.requests:
        stamp = headers["X-Signature-Timestamp"]
        expected = hmac.new(b"s3cret", stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        assert headers["X-Signature"] == f"sha256={expected}"
        assert (stamp, headers["Content-Type"], headers["X-Item"]) == ("1700000000", "application/json", "k")


async def test_without_a_secret_nothing_is_signed(receiver, sink):
    await (await sink(receiver.url, secret=b"")).deliver([Item(b"{}", "k")])
    [(headers, _)] = receiver.requests
    assert "X-Signature" not in headers


async def test_trouble_is_tried_again_and_order_is_kept(receiver, sink):
    """The second of a key waits until the first is taken."""
    receiver.script = [503, 429, 401, 202]
    outcomes = await (await sink(receiver.url)).deliver([Item(b"1", "k"), Item(b"2", "k")])
    assert [outcome.status for outcome in outcomes] == ["delivered", "delivered"]
    assert [body for _, body in receiver.requests] == [b"1", b"2"]


async def test_a_redirect_is_not_followed_and_a_faulty_request_not_repeated(receiver, sink):
    """Both are final, at once."""
    receiver.script = [302, 422]
    outcomes = await (await sink(receiver.url, parallel=1)).deliver([Item(b"1", "a"), Item(b"2", "b"), Item(b"3", "c")])
    assert [(outcome.status, outcome.code) for outcome in outcomes] == [
        ("rejected", "Redirect"),
        ("rejected", "Status422"),
        ("delivered", ""),
    ]


async def test_at_most_so_many_requests_at_once(receiver, sink):
    """However many keys there are."""
    receiver.answer_seconds = 0.05
    items = [Item(b"x", str(place)) for place in range(12)]
    outcomes = await (await sink(receiver.url, parallel=3)).deliver(items)
    assert {outcome.status for outcome in outcomes} == {"delivered"}
    assert receiver.most_at_once == 3


@pytest.mark.parametrize("trouble", ["slow", "closed", "refusing"])
async def test_a_dead_address_is_given_up_by_the_deadline(receiver, sink, trouble):
    """Every item has an outcome then, which names neither path nor query of the address."""
    url = receiver.url + "?token=T0ken"
    if trouble == "slow":
        receiver.answer_seconds = 30
    elif trouble == "refusing":
        receiver.script = [500] * 10_000
    else:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}/hook?token=T0ken"
    retry = RetryPolicy(base_seconds=0.01, cap_seconds=0.1, deadline_seconds=1)
    began = time.monotonic()
    outcomes = await (await sink(url, retry, timeout_seconds=0.3)).deliver([Item(b"1", "a"), Item(b"2", "a")])
    assert 0.9 < time.monotonic() - began < 15
    assert {outcome.status for outcome in outcomes} == {"undelivered"}
    assert "T0ken" not in repr(outcomes)
