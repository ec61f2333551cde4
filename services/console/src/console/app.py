"""The page over HTTP: files, the live stream, search, dead letters, probes."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import CollectorRegistry

from console.board import to_json
from console.fan_out import Update
from console.live import Live
from console.metrics import ConsoleMetrics
from console.opensearch import Archive
from console.scrape import Unreachable
from console.search import QueryRefused, question
from console.settings import Settings
from service_runtime import probes

_STATIC: Final = Path(__file__).parent / "static"
_HEARTBEAT_SECONDS: Final = 15.0
_RECONNECT_MS: Final = 2000
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1", "[::1]")
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build(
    settings: Settings,
    live: Live,
    archive: Archive,
    metrics: ConsoleMetrics,
    registry: CollectorRegistry,
    stop: asyncio.Event,
    is_ready: Callable[[], bool],
) -> web.Application:
    """The application. Streams end when `stop` is set."""
    page = Page(live, archive, metrics, stop)
    app = web.Application(middlewares=[_only_known_hosts(settings), _errors_in_words], client_max_size=4096)
    app.router.add_get("/", page.index)
    app.router.add_get("/api/stream", page.stream)
    app.router.add_get("/api/search", page.search)
    app.router.add_get("/api/dead-letters", page.dead_letters)
    app.router.add_static("/static", _STATIC, append_version=False)
    probes.add_routes(app, registry, is_ready)
    app.on_response_prepare.append(_add_headers)
    return app


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Also on streams and on the errors that the framework answers by itself."""
    for name, value in _HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-cache")


@web.middleware
async def _errors_in_words(request: web.Request, handler: _Next) -> web.StreamResponse:
    """Turns a fault of ours into an answer in words; the page shows it and asks again."""
    try:
        return await handler(request)
    except Unreachable as error:
        return _json({"error": f"OpenSearch: unreachable, retrying — {error}"}, status=503)
    except QueryRefused as error:
        return _json({"error": str(error)}, status=400)


def _only_known_hosts(settings: Settings) -> Middleware:
    """No name but the known ones may be made to point here: on loopback, and wherever the settings name some."""
    further = {name.strip().lower() for name in settings.allowed_hosts.split(",") if name.strip()}
    known = {*_LOOPBACK, *further}
    is_checked = settings.host in _LOOPBACK or bool(further)

    @web.middleware
    async def check(request: web.Request, handler: _Next) -> web.StreamResponse:
        if is_checked and _host_name(request.host) not in known:
            raise web.HTTPMisdirectedRequest(text="This host name is not known here: set CONSOLE_ALLOWED_HOSTS.")
        return await handler(request)

    return check


def _host_name(host: str) -> str:
    name, separator, port = host.rpartition(":")
    return (name if separator and port.isdigit() else host).lower()


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=to_json(value), status=status, content_type="application/json", charset="utf-8")


class Page:
    """The routes' answers."""

    def __init__(self, live: Live, archive: Archive, metrics: ConsoleMetrics, stop: asyncio.Event) -> None:
        self._live = live
        self._archive = archive
        self._metrics = metrics
        self._stop = stop

    async def index(self, _request: web.Request) -> web.StreamResponse:
        """`GET /`: the page."""
        return web.FileResponse(_STATIC / "index.html")

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """`GET /api/stream`: server-sent events: a `snapshot`, then `pulse`, `shards`, `views` as they come.

        A page that reconnects is given a snapshot whatever its Last-Event-ID, as is one that read too slowly.
        503 when as many pages as may be are open.
        """
        fan_out = self._live.fan_out
        if fan_out.is_full:
            return _json({"error": "too many pages are open; close one"}, status=503)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
        )
        response.headers["Cache-Control"] = "no-store"
        with fan_out.subscribe() as subscriber:
            self._metrics.clients.set(len(fan_out))
            try:
                await response.prepare(request)
                await response.write(b"retry: %d\n\n" % _RECONNECT_MS)
                subscriber.missed = True  # so that the first thing it is given is everything
                while not self._stop.is_set():
                    if subscriber.missed:
                        subscriber.start_afresh()
                        update: Update | None = Update(fan_out.number, "snapshot", self._live.board.snapshot())
                    else:
                        update = await subscriber.next(_HEARTBEAT_SECONDS)
                    if update is not None:
                        await response.write(update.encode())
                    elif not subscriber.missed and not self._stop.is_set():
                        await response.write(b": still here\n\n")
            except (ConnectionResetError, ConnectionAbortedError):
                pass
        self._metrics.clients.set(len(fan_out))
        return response

    async def search(self, request: web.Request) -> web.StreamResponse:
        """`GET /api/search?q=&minutes=&size=`: events that match, newest first. 400 and 503 say what is wrong."""
        try:
            results = await self._archive.find(question(request.query))
        except QueryRefused:
            self._metrics.searches.labels("refused").inc()
            raise
        except Unreachable:
            self._metrics.searches.labels("unreachable").inc()
            raise
        self._metrics.searches.labels("answered").inc()
        return _json(results)

    async def dead_letters(self, request: web.Request) -> web.StreamResponse:
        """`GET /api/dead-letters`: the newest, without bytes; with `?id=` one of them with its bytes, or 404."""
        identity = request.query.get("id", "")
        if not identity:
            return _json({"dead_letters": await self._archive.dead_letters()})
        if len(identity) > 512:
            raise QueryRefused("the id is longer than 512 characters")
        found = await self._archive.dead_letter(identity)
        if found is None:
            return _json({"error": "this dead letter is no longer kept"}, status=404)
        letter, original = found
        return _json({"dead_letter": letter, "original": original})
