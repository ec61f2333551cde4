"""One HTTP address for every double: requests go by the prefix of ``X-Amz-Target``, whichever HTTP carries them.

Signatures and credentials are not verified. The protocol is AWS JSON 1.1
(https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html), or the same members in CBOR.
"""

import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

import orjson

from local_aws.codecs import JSON, Codec, codec_of
from local_aws.errors import ServiceError
from local_aws.messages import Answer, Dispatch, Reply, Request

# PutRecords takes 10 MiB of data, a third more in base64, and its keys.
MAX_REQUEST_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a service: the operation's name without the prefix, its members, and the form of the answer."""

    operation: str
    body: dict[str, object]
    codec: Codec


Service = Callable[[Call], Awaitable[Reply]]
"""Answers a call, or raises ServiceError."""


@dataclass(frozen=True, slots=True)
class Route:
    """A path of the double's own, beside what AWS has. `answer` may raise ServiceError."""

    method: str
    path: str
    answer: Callable[[Request], Awaitable[Reply]]


_log = logging.getLogger(__name__)


def application(services: Mapping[str, Service], *, routes: Iterable[Route] = ()) -> Dispatch:
    """Answers for these services, keyed by target prefix (`Kinesis_20131202`), and for more routes.

    `GET /_local/health` answers 200 with the prefixes that are served.
    """

    async def health(_: Request) -> Reply:
        return json_answer({"status": "ok", "services": sorted(services)})

    async def call_service(request: Request) -> Reply:
        codec = codec_of(request.headers.get("content-type", ""))
        try:
            prefix, operation = _target(request)
            service = services.get(prefix)
            if service is None:
                raise ServiceError("UnknownOperationException", f"nothing serves {prefix} here")
            return await service(Call(operation, codec.decode(request.body), codec))
        except ServiceError as error:
            return error_answer(error, codec)

    table = {(route.method, route.path): route.answer for route in routes}
    table["POST", "/"] = call_service
    table["GET", "/_local/health"] = health

    async def dispatch(request: Request) -> Reply:
        path = request.path.partition("?")[0]
        answer = table.get((request.method, path))
        try:
            if answer is None:
                known = any(path == other for _, other in table)
                return json_answer({"message": "nothing is here"}, status=405 if known else 404)
            return await answer(request)
        except ServiceError as error:
            return error_answer(error)
        except Exception:
            _log.exception("a request failed: %s %s", request.path, request.headers.get("x-amz-target"))
            failure = ServiceError("InternalFailureException", "The double failed; its log says why.", status=500)
            return error_answer(failure, codec_of(request.headers.get("content-type", "")))

    return dispatch


def service_answer(content: Mapping[str, object] | None, codec: Codec) -> Answer:
    """An answer of a service with these members; None is an answer without a body."""
    body = b"" if content is None else codec.encode(content)
    return Answer(body, headers={"Content-Type": codec.content_type, **request_id_header()})


def json_answer(content: object, *, status: int = 200) -> Answer:
    """An answer of the double's own routes."""
    return Answer(orjson.dumps(content), status, {"Content-Type": "application/json"})


def json_body(request: Request) -> dict[str, object]:
    """The JSON object that a request of the double's own routes carries. Raises ServiceError."""
    return JSON.decode(request.body)


def error_answer(error: ServiceError, codec: Codec = JSON) -> Answer:
    """The error as every service sends it."""
    return Answer(
        codec.encode({"__type": error.code, "message": error.message}),
        error.status,
        {"Content-Type": codec.content_type, "x-amzn-ErrorType": error.code, **request_id_header()},
    )


def request_id_header() -> dict[str, str]:
    """A fresh request id, as SDKs show it in their errors."""
    return {"x-amzn-RequestId": str(uuid.uuid4())}


def _target(request: Request) -> tuple[str, str]:
    prefix, separator, operation = request.headers.get("x-amz-target", "").rpartition(".")
    if not separator:
        raise ServiceError("MissingAuthenticationTokenException", "The header X-Amz-Target is missing.", status=403)
    return prefix, operation
