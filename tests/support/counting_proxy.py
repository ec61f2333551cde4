"""A proxy before one AWS endpoint that counts the requests through it by operation."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

_TARGET = "X-Amz-Target"
_OF_THIS_CONNECTION = {"host", "content-length", "transfer-encoding", "connection"}


@dataclass
class CountingProxy:
    """Its address, and how many requests of each operation ("UpdateItem") went through since the last `reset`."""

    url: str = ""
    requests: Counter[str] = field(default_factory=Counter)

    def reset(self) -> None:
        """Count from zero."""
        self.requests.clear()


@asynccontextmanager
async def counting(upstream: str) -> AsyncIterator[CountingProxy]:
    """Serve on a free port what `upstream` answers."""
    proxy = CountingProxy()
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def forward(request: web.Request) -> web.Response:
            proxy.requests[request.headers.get(_TARGET, request.path).rpartition(".")[2]] += 1
            headers = {name: text for name, text in request.headers.items() if name.lower() not in _OF_THIS_CONNECTION}
            body = await request.read()
            async with session.request(request.method, upstream + request.path_qs, headers=headers, data=body) as got:
                kept = {name: text for name, text in got.headers.items() if name.lower() not in _OF_THIS_CONNECTION}
                return web.Response(status=got.status, headers=kept, body=await got.read())

        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield proxy
        finally:
            await runner.cleanup()
