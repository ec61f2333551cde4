"""One HTTP address for every double: requests go by the prefix of ``X-Amz-Target``.

Signatures and credentials are not verified. The protocol is AWS JSON 1.1
(https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html).
"""

import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping

import orjson
from aiohttp import web

from local_aws.errors import ServiceError

CONTENT_TYPE = "application/x-amz-json-1.1"
# PutRecords takes 10 MiB of data, a third more in base64, and its keys.
MAX_REQUEST_BYTES = 32 * 1024 * 1024

Service = Callable[[web.Request, str, dict[str, object]], Awaitable[web.StreamResponse]]
"""Answers one operation (its name without the prefix, its parsed body), or raises ServiceError."""

_log = logging.getLogger(__name__)


def application(services: Mapping[str, Service], *, routes: Iterable[web.RouteDef] = ()) -> web.Application:
    """The application that serves these services, keyed by target prefix (`Kinesis_20131202`), and more routes.

    `GET /_local/health` answers 200 with the prefixes that are served.
    """

    async def dispatch(request: web.Request) -> web.StreamResponse:
        try:
            prefix, operation = _target(request)
            service = services.get(prefix)
            if service is None:
                raise ServiceError("UnknownOperationException", f"nothing serves {prefix} here")
            return await service(request, operation, _parse(await request.read()))
        except ServiceError as error:
            return error_response(error)
        except web.HTTPException:
            raise
        except Exception:
            _log.exception("an operation failed: %s", request.headers.get("X-Amz-Target"))
            return error_response(
                ServiceError("InternalFailureException", "The double failed; its log says why.", status=500)
            )

    async def health(_: web.Request) -> web.Response:
        return json_response({"status": "ok", "services": sorted(services)}, content_type="application/json")

    app = web.Application(client_max_size=MAX_REQUEST_BYTES)
    app.add_routes([web.post("/", dispatch), web.get("/_local/health", health), *routes])
    return app


def json_response(
    body: Mapping[str, object] | None, *, status: int = 200, content_type: str = CONTENT_TYPE
) -> web.Response:
    """An answer with this body; None is an answer without one."""
    return web.Response(
        body=b"" if body is None else orjson.dumps(body),
        status=status,
        headers={"Content-Type": content_type, **request_id_header()},
    )


def error_response(error: ServiceError) -> web.Response:
    """The error as every JSON 1.1 service sends it."""
    response = json_response({"__type": error.code, "message": error.message}, status=error.status)
    response.headers["x-amzn-ErrorType"] = error.code
    return response


def request_id_header() -> dict[str, str]:
    """A fresh request id, as SDKs show it in their errors."""
    return {"x-amzn-RequestId": str(uuid.uuid4())}


def _target(request: web.Request) -> tuple[str, str]:
    prefix, separator, operation = request.headers.get("X-Amz-Target", "").rpartition(".")
    if not separator:
        raise ServiceError("MissingAuthenticationTokenException", "The header X-Amz-Target is missing.", status=403)
    return prefix, operation


def _parse(body: bytes) -> dict[str, object]:
    try:
        parsed = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise ServiceError("SerializationException", f"The body is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise ServiceError("SerializationException", "The body is not a JSON object.")
    return parsed
