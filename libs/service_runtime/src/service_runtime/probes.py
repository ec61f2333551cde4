"""Liveness, readiness and metrics over HTTP, on a port apart from a service's own traffic."""

from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Page = Callable[[Mapping[str, str]], Awaitable[Any]]
"""Answers a request by its query parameters with a JSON value, or None for what there is not."""


def add_routes(app: web.Application, registry: CollectorRegistry, is_ready: Callable[[], bool]) -> None:
    """Adds `/livez` (200 while the process answers), `/readyz` (200 or 503) and `/metrics` (Prometheus text format)."""

    async def livez(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_request: web.Request) -> web.Response:
        ready = is_ready()
        return web.json_response({"status": "ready" if ready else "not ready"}, status=200 if ready else 503)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)


def add_pages(app: web.Application, pages: Mapping[str, Page]) -> None:
    """Adds `/NAME` for every page, also of those added later; they show what passes through, so only to loopback."""

    async def page(request: web.Request) -> web.Response:
        answer = pages.get(request.match_info["page"])
        if answer is None:
            raise web.HTTPNotFound
        if request.remote is None or not ip_address(request.remote).is_loopback:
            raise web.HTTPForbidden(text="only from this machine")
        value = await answer(request.query)
        if value is None:
            raise web.HTTPNotFound
        return web.json_response(value)

    app.router.add_get("/{page}", page)


class ProbeServer:
    """The probes on their own port, and a service's own pages. `async with ProbeServer(...) as server`.

    `server.port` is then the bound one.

    Raises `OSError` at entry if the address cannot be bound.
    """

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        is_ready: Callable[[], bool],
        pages: Mapping[str, Page] | None = None,
    ) -> None:
        self._host = host
        self.port = port
        app = web.Application(client_max_size=1024)
        add_routes(app, registry, is_ready)
        add_pages(app, {} if pages is None else pages)
        self._runner = web.AppRunner(app, access_log=None)

    async def __aenter__(self) -> "ProbeServer":
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._runner.cleanup()
