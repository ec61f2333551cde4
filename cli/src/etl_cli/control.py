"""Stops and starts single services of a running local stack, over a socket that only its user can open.

The process that supervises a stack serves it (a service that ended by itself would end the stack); `etl service` asks.
A request and its answer are a line of JSON each.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol

import click
import orjson

from etl_cli.layout import SERVICES

_ANSWER_SECONDS = 150.0  # longer than a service's start and stop may take together


class Refused(Exception):
    """What was asked for cannot be done. The message says why, and what would help."""


class Controlled(Protocol):
    """What the socket commands: a stack's services by their names."""

    def runs(self, service: str) -> bool:
        """Whether the service has a process."""

    async def stop_service(self, service: str) -> None:
        """Let it drain and end."""

    async def start_service(self, service: str, variables: Mapping[str, str]) -> None:
        """Start it and wait until it is ready; `variables` differ from the stack's from now on."""


async def obey(stack: Controlled, request: bytes) -> str:
    """Do what a request says; what was done, in words. Raises `Refused`."""
    try:
        asked = orjson.loads(request)
        action, service, variables = asked["action"], asked["service"], dict(asked.get("variables", {}))
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"this is no request: {error!r}") from None
    if service not in SERVICES:
        raise Refused(f"no service is called {service}: name one of {', '.join(SERVICES)}")
    if action == "stop":
        if not stack.runs(service):
            raise Refused(f"{service} does not run: start it with etl service start {service}")
        await stack.stop_service(service)
        return f"{service} has drained and stopped"
    if action == "start":
        if stack.runs(service):
            raise Refused(f"{service} runs already: stop it first with etl service stop {service}")
        await stack.start_service(service, variables)
        return f"{service} is ready"
    raise Refused(f"{action} is neither stop nor start")


class Control:
    """The socket of one stack, as an async context manager. `path` is where it listens."""

    def __init__(self, stack: Controlled) -> None:
        self._stack = stack
        self._folder: Path | None = None
        self._server: asyncio.Server | None = None
        self._one_at_a_time = asyncio.Lock()

    @property
    def path(self) -> Path:
        """The socket: in a folder of its own that others cannot read, short enough for its address."""
        assert self._folder is not None, "only inside the context"
        return self._folder / "control"

    async def __aenter__(self) -> "Control":
        self._folder = Path(tempfile.mkdtemp(prefix="etl-"))
        self._server = await asyncio.start_unix_server(self._serve, self.path)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readline()
            async with self._one_at_a_time:
                answer = {"done": await obey(self._stack, request)}
        except Exception as error:  # the asker hears of it; the stack goes on
            answer = {"refused": str(error) if isinstance(error, Refused) else f"{type(error).__name__}: {error}"}
        writer.write(orjson.dumps(answer) + b"\n")
        writer.close()


async def ask(
    socket: str, action: str, service: str, variables: Mapping[str, str], tell: Callable[[str], None] = click.echo
) -> None:
    """Have a running stack stop or start a service, and wait. Raises `click.ClickException` with what went wrong."""
    request = orjson.dumps({"action": action, "service": service, "variables": dict(variables)})
    try:
        answer = orjson.loads(await asyncio.wait_for(_exchange(socket, request), _ANSWER_SECONDS))
    except (OSError, ValueError):
        raise click.ClickException("the stack does not answer: is its make demo still running?") from None
    except TimeoutError:
        raise click.ClickException(f"{service} did not {action} within {_ANSWER_SECONDS:g} s: see its log") from None
    if "refused" in answer:
        raise click.ClickException(answer["refused"])
    tell(answer["done"])


async def _exchange(socket: str, request: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(request + b"\n")
    await writer.drain()
    answer = await reader.readline()
    writer.close()
    return answer
