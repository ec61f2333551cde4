"""The HTTP front: authenticate → read → parse → deliver → answer."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import CollectorRegistry

from delivery import Item, Outcome
from event_contract import Arrival, Event, Limits, Rejected, encode
from ingest_api import formats, openapi
from ingest_api.admission import Admission, Ticket
from ingest_api.answers import INTERNAL, KEY_MISSING, KEY_UNKNOWN, Answer, judge, refusal, whole_body
from ingest_api.auth import ApiKey, find_key, presented_key
from ingest_api.batching import GroupCommit
from ingest_api.body import busy, read_body
from ingest_api.key_ring import KeyRing
from ingest_api.metrics import STREAM, IngestMetrics
from service_runtime.probes import add_routes

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the front decides by. `anonymous` is the sender of requests where no keys are set."""

    keys: KeyRing
    anonymous: ApiKey | None
    limits: Limits
    max_body_bytes: int
    body_seconds: float
    retry_after_seconds: int
    stream: str


class Front:
    """Answers `POST /v1/events`.

    202 is said only once Kinesis has acknowledged every event of the request. `clock` gives ms since the epoch,
    `nonce` random bytes for each request.
    """

    def __init__(
        self,
        rules: Rules,
        commit: GroupCommit,
        admission: Admission,
        metrics: IngestMetrics,
        *,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        nonce: Callable[[], bytes] = lambda: secrets.token_bytes(16),
    ) -> None:
        self._rules = rules
        self._commit = commit
        self._admission = admission
        self._metrics = metrics
        self._clock = clock
        self._nonce = nonce

    async def post_events(self, request: web.Request) -> web.Response:
        """One request's answer."""
        sender = self._authenticate(request.headers)
        if isinstance(sender, Answer):
            return self._respond(sender)
        ticket = self._admission.admit()
        if ticket is None:
            return self._respond(busy())
        with ticket:
            return self._respond(await self._take(request, sender, ticket))

    def _authenticate(self, headers: Mapping[str, str]) -> ApiKey | Answer:
        if self._rules.anonymous is not None:
            return self._rules.anonymous
        presented = presented_key(headers)
        if presented is None:
            return refusal(401, KEY_MISSING, "send an API key in X-API-Key or as Authorization: Bearer")
        key = find_key(self._rules.keys.known, presented)
        return key or refusal(403, KEY_UNKNOWN, "this API key is not known")

    async def _take(self, request: web.Request, sender: ApiKey, ticket: Ticket) -> Answer:
        body = await read_body(
            request.content.iter_any(),
            declared=request.content_length,
            encoding=request.headers.get("Content-Encoding", "").strip().lower(),
            limit=self._rules.max_body_bytes,
            seconds=self._rules.body_seconds,
            ticket=ticket,
        )
        if isinstance(body, Answer):
            return body
        parsed = formats.parse(
            body,
            request.headers.get("Content-Type", ""),
            request.query.get("format"),
            request.headers,
            self._arrival(sender, request.headers),
        )
        if isinstance(parsed, Rejected):
            self._metrics.rejected.labels(parsed.code).inc()
            return whole_body(parsed)
        return await self._deliver(parsed, len(body), ticket)

    async def _deliver(self, parsed: list[Event | Rejected], size: int, ticket: Ticket) -> Answer:
        events = [item for item in parsed if isinstance(item, Event)]
        if not ticket.take_events(len(events)):
            return busy()
        stage = self._metrics.stage
        stage.events_in.labels(STREAM).inc(len(parsed))
        stage.bytes_in.labels(STREAM).inc(size)
        stage.batch_events.labels(STREAM).observe(len(parsed))
        outcomes: list[Outcome] = []
        if events:
            outcomes = await self._commit.submit([Item(encode(event), event.key) for event in events])
        self._count(parsed, outcomes)
        return judge(parsed, outcomes)

    def _arrival(self, sender: ApiKey, headers: Mapping[str, str]) -> Arrival:
        trace = headers.get("traceparent", "")
        return Arrival(
            received_ms=self._clock(),
            nonce=self._nonce(),
            tenant=sender.tenant,
            source=sender.name,
            trace=trace if _TRACEPARENT.fullmatch(trace) else None,
            limits=self._rules.limits,
        )

    def _count(self, parsed: Sequence[Event | Rejected], outcomes: Sequence[Outcome]) -> None:
        for item in parsed:
            if isinstance(item, Rejected):
                self._metrics.rejected.labels(item.code).inc()
        delivered = 0
        for outcome in outcomes:
            if outcome.status == "delivered":
                delivered += 1
            elif outcome.status == "rejected":
                self._metrics.rejected.labels(outcome.code).inc()
            else:
                self._metrics.retry.labels(outcome.code).inc()
        self._metrics.stage.events_out.labels(self._rules.stream).inc(delivered)

    def _respond(self, answer: Answer) -> web.Response:
        response = _json(answer.status, answer.body)
        if answer.retry:
            response.headers["Retry-After"] = str(self._rules.retry_after_seconds)
        if answer.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response


def build_app(
    front: Front, rules: Rules, metrics: IngestMetrics, registry: CollectorRegistry, is_ready: Callable[[], bool]
) -> web.Application:
    """The application with all its routes."""
    app = web.Application(middlewares=[_enveloping(metrics)])
    app.router.add_post("/v1/events", front.post_events)
    description = openapi.document(rules.limits, rules.max_body_bytes)
    text = openapi.page(description)

    async def openapi_json(_request: web.Request) -> web.Response:
        return _json(200, description)

    async def docs(_request: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/html")

    app.router.add_get("/openapi.json", openapi_json)
    app.router.add_get("/docs", docs)
    add_routes(app, registry, is_ready)
    return app


def _enveloping(metrics: IngestMetrics) -> Middleware:
    """A request id on every answer, JSON for every error, and each request counted."""

    @web.middleware
    async def envelope(request: web.Request, handler: _Handler) -> web.StreamResponse:
        started = time.perf_counter()
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = _json(error.status, refusal(error.status, _code(error), error.reason).body)
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        except Exception:
            _log.exception("a request failed", request_id=request_id, path=request.path)
            response = _json(500, refusal(500, INTERNAL, "an error of ours; the log has it by request id").body)
        response.headers["X-Request-Id"] = request_id
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "none"
        metrics.requests.labels(route, str(response.status)).inc()
        metrics.request_seconds.labels(route).observe(time.perf_counter() - started)
        return response

    return envelope


def _code(error: web.HTTPException) -> str:
    return error.reason.lower().replace(" ", "_")


def _json(status: int, body: dict[str, Any]) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
