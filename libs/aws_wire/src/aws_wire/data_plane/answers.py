"""What both transports share: an answer that is read in pieces, its errors, and the deadlines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from aws_wire.errors import ConnectionLost, ServiceFault

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Most bytes of an answer that is held as a whole: GetRecords returns up to 10 MiB of data, as base64."""

_MAX_ERROR_BYTES = 256 * 1024

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Longest waits, in seconds.

    - connect: name resolution, TCP, TLS and HTTP/2's first settings.
    - answer: from sending a request to the head of its answer, and for a `call` to its end.
    - ping: an HTTP/2 connection that is silent so long is asked for a sign of life.
    - pong: without one for so long again, the connection counts as lost.
    - refusal: how long a refusal of HTTP/2 counts under "auto". A server that hung up may have been restarting.
    """

    connect: float = 10.0
    answer: float = 30.0
    ping: float = 15.0
    pong: float = 10.0
    refusal: float = 300.0


DEADLINES = Deadlines()


class Answer(Protocol):
    """The head of an answer, and its body in pieces."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; names in lower case."""
        ...

    async def read(self) -> bytes:
        """The next bytes of the body, b"" at its end. Raises ConnectionLost when it ends too early."""
        ...


class Exchanges(Protocol):
    """A transport to one endpoint."""

    def open(self, headers: Headers, body: bytes) -> AbstractAsyncContextManager[Answer]:
        """POST `body`, and give the answer once its head is there. Leaving early ends this exchange alone.

        Raises ConnectionLost.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections; what is under way raises ConnectionLost."""
        ...


async def whole_body(answer: Answer, limit: int = MAX_ANSWER_BYTES) -> bytes:
    """All of the body. Raises ConnectionLost, also for a body over `limit` bytes."""
    pieces: list[bytes] = []
    size = 0
    while piece := await answer.read():
        size += len(piece)
        if size > limit:
            raise ConnectionLost(f"an answer of more than {limit} bytes was given up")
        pieces.append(piece)
    return b"".join(pieces)


async def fault_of(answer: Answer) -> ServiceFault:
    """The error in an answer whose status is not 200."""
    return parse_fault(await whole_body(answer, _MAX_ERROR_BYTES), answer.headers, answer.status)


def parse_fault(body: bytes, headers: Mapping[str, str], status: int) -> ServiceFault:
    """The error that a JSON 1.1 error answer tells; what is no JSON gives the status as its code.

    Source: "Error shapes", https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization
    """
    told: Any = None
    with suppress(msgspec.DecodeError, UnicodeDecodeError):  # it may be a proxy's page, or nothing
        told = msgspec.json.decode(body)
    if not isinstance(told, dict):
        told = {}
    name = headers.get("x-amzn-errortype") or told.get("__type") or told.get("code")
    message = told.get("message") or told.get("Message")
    return ServiceFault(
        short_code(name) if isinstance(name, str) and name else str(status),
        message if isinstance(message, str) else "",
        status,
    )


def short_code(name: str) -> str:
    """`ns#Code:url` as `Code`."""
    return name.split(":", 1)[0].rsplit("#", 1)[-1]
