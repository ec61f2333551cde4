"""A proxy before the local AWS that notes each signed request: who called what, by the access key.

It speaks HTTP/1.1 alone, so that subscriptions fall back from HTTP/2, and passes answers on as they come.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict

from iam_simulation.calls import Call, Reader, RequestUnknown, Sent, signer

_OF_THIS_CONNECTION = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_log = logging.getLogger("iam_simulation.proxy")
# Every connection that tries HTTP/2 first would be told of, as a request that cannot be read.
_log.addFilter(lambda told: told.exc_info is None or not isinstance(told.exc_info[1], HttpProcessingError))
# The server has unpacked such bodies.
_UNPACKED = ("br", "deflate", "gzip", "zstd")
_STREAMED = "application/vnd.amazon.eventstream"


@dataclass
class Recorder:
    """The calls so far by access key, each with the statuses of its answers; and what could not be told."""

    calls: dict[str, dict[Call, set[int]]] = field(default_factory=lambda: defaultdict(dict))
    unknown: set[str] = field(default_factory=set)
    _reader: Reader = field(default_factory=Reader)

    def noted(self, sent: Sent) -> tuple[str, list[Call]]:
        """Access key and calls of a request."""
        key, service = signer(sent.headers) or ("", "")
        if not key:
            return "", []
        try:
            return key, self._reader.read(service, sent)
        except RequestUnknown as error:
            self.unknown.add(f"{key}: {error}")
            return key, []

    def answered(self, key: str, calls: list[Call], status: int, body: bytes | None) -> None:
        """Keep the calls with what was answered."""
        for call in calls:
            self.calls[key].setdefault(call, set()).add(status)
        if status == 200 and body:
            self._reader.answered(calls, body)


def _passed_on(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((name, text) for name, text in headers.items() if name.lower() not in _OF_THIS_CONNECTION)


@asynccontextmanager
async def recording(upstream: str, recorder: Recorder) -> AsyncIterator[str]:
    """Serve on a free port what `upstream` answers; gives the address."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
    async with aiohttp.ClientSession(auto_decompress=False, timeout=timeout) as session:

        async def forward(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            sent = Sent(request.method, request.raw_path.partition("?")[0], request.query_string, request.headers, body)
            key, calls = recorder.noted(sent)
            url = upstream + request.raw_path
            headers = _passed_on(request.headers)
            if headers.get("Content-Encoding") in _UNPACKED:
                del headers["Content-Encoding"]
            async with session.request(request.method, url, headers=headers, data=body, allow_redirects=False) as got:
                if got.content_type == _STREAMED:
                    recorder.answered(key, calls, got.status, None)
                    return await _streamed(request, got)
                answer = await got.read()
                recorder.answered(key, calls, got.status, answer)
                kept = _passed_on(got.headers)
                if request.method == "HEAD":
                    # Of an object that is not in the answer.
                    kept["Content-Length"] = got.headers.get("Content-Length", "0")
                return web.Response(status=got.status, headers=kept, body=answer or None)

        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(app, access_log=None, logger=_log)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def _streamed(request: web.Request, got: aiohttp.ClientResponse) -> web.StreamResponse:
    answer = web.StreamResponse(status=got.status, headers=_passed_on(got.headers))
    await answer.prepare(request)
    # Whoever subscribed may leave at any time.
    with suppress(ConnectionError):
        async for piece in got.content.iter_any():
            await answer.write(piece)
    return answer
