"""A request and its answer, the same whichever version of HTTP carries them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request; the names of its headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Channel(Protocol):
    """Where the body of a long answer goes. What breaks it off raises ConnectionAbortedError: let it pass."""

    async def write(self, data: bytes) -> None:
        """Send it; returns once the client has let all of it go out. Raises ConnectionError if it never will."""

    def reset(self) -> None:
        """Break the answer off; what was written may not arrive."""

    def reset_connection(self) -> None:
        """Break off everything on the connection; what was written may not arrive."""

    def close_connection(self) -> None:
        """Close the connection once what was written has gone out, without an end of the answer."""


@dataclass(frozen=True, slots=True)
class StreamingAnswer:
    """An answer whose body `send` writes; it ends when `send` returns.

    `ended` is called once all is over, also where `send` never ran.
    """

    send: Callable[[Channel], Awaitable[None]]
    ended: Callable[[], None]
    headers: dict[str, str] = field(default_factory=dict)


Reply = Answer | StreamingAnswer
Dispatch = Callable[[Request], Awaitable[Reply]]
"""Answers any request; raises nothing but what cancels it."""
