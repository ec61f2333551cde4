"""Commands that run to their end while a start waits, and what several starts of one machine share."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

from local_aws import tether
from local_aws.progress import Progress

_FOREIGN = ("AWS_", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


class CommandFailed(Exception):
    """A command ended with an error; its last lines are in the message."""


def tethered(argv: Sequence[str]) -> list[str]:
    """Give the command line that runs `argv` tied to this process' life."""
    return [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *argv]


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Give an environment without what points a child at another AWS or another Python environment."""
    return {name: value for name, value in environment.items() if not name.startswith(_FOREIGN)}


async def run_command(
    argv: Sequence[str], environment: Mapping[str, str], on_line: Callable[[str], None] = lambda _: None
) -> None:
    """Run a command to its end, giving each line it prints to `on_line`; raises `CommandFailed`.

    A cancelled call leaves no process behind.
    """
    process = await asyncio.create_subprocess_exec(
        *tethered(argv),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(environment),
        start_new_session=True,
    )
    assert process.stdout is not None
    last: deque[str] = deque(maxlen=20)
    try:
        async for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            last.append(line)
            on_line(line)
        status = await process.wait()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())
        raise
    if status:
        raise CommandFailed("\n".join([f"{' '.join(argv[:4])} … ended with status {status}", *last]))


@contextlib.asynccontextmanager
async def locked(path: Path, progress: Progress, step: str) -> AsyncIterator[None]:
    """Hold the lock file at `path` against other processes, telling `progress` while another one has it."""
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress.updated(step, "waiting: another start prepares it")
                await asyncio.sleep(0.5)
        yield
