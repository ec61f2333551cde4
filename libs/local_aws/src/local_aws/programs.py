"""What a supervised process is, and in which order processes start and stop. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TAIL_BYTES = 65_536


class UnknownDependency(Exception):
    """A program waits for one that is not among those to start. Name it, or start it first."""


class DependencyCycle(Exception):
    """Programs wait for one another in a circle. Break it."""


@dataclass(frozen=True, slots=True)
class Program:
    """A process to run: its command line, surroundings, and how to know that it serves.

    `log` receives standard output and error. `environment` is the whole environment, not an addition. `ready` is asked
    until it holds, at most `ready_seconds`; None means that a started process is a ready one. `after` names programs
    that must be ready first and that stop later. `stop_seconds` is the time from SIGTERM to SIGKILL, `stop_detail` what
    to tell a person who waits for the stop.
    """

    name: str
    argv: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    directory: Path | None = None
    ready: Callable[[], Awaitable[bool]] | None = None
    after: frozenset[str] = field(default_factory=frozenset)
    ready_seconds: float = 60.0
    stop_seconds: float = 10.0
    stop_detail: str = "stopping"


class ProcessDied(Exception):
    """A process ended that nobody stopped. Its log's last lines are in the message; the whole log at `log`."""

    def __init__(self, name: str, status: int, log: Path, tail: str) -> None:
        how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        super().__init__(f"{name} died ({how}); log: {log}\n{tail}")
        self.name = name
        self.status = status
        self.log = log


class NotReady(Exception):
    """A process runs but did not become ready in its time. Its log's last lines are in the message."""

    def __init__(self, name: str, seconds: float, log: Path, tail: str) -> None:
        super().__init__(f"{name} was not ready after {seconds:g} s; log: {log}\n{tail}")
        self.name = name
        self.log = log


def start_order(programs: Iterable[Program], running: Iterable[str] = ()) -> list[list[Program]]:
    """Give the programs in waves: each wave may start at once when the ones before it are ready.

    `running` names what already is. Raises `UnknownDependency` or `DependencyCycle`.
    """
    waiting = {program.name: program for program in programs}
    ready = set(running)
    for program in waiting.values():
        if unknown := program.after - ready - waiting.keys():
            raise UnknownDependency(f"{program.name} waits for {', '.join(sorted(unknown))}")
    waves: list[list[Program]] = []
    while waiting:
        wave = [program for program in waiting.values() if program.after <= ready]
        if not wave:
            raise DependencyCycle(" → ".join(sorted(waiting)))
        waves.append(wave)
        ready |= {program.name for program in wave}
        waiting = {name: program for name, program in waiting.items() if name not in ready}
    return waves


def stop_order(programs: Iterable[Program]) -> list[list[Program]]:
    """Give the programs in waves to stop: one stops once nothing that came after it runs."""
    known = list(programs)
    names = {program.name for program in known}
    alone = [
        Program(p.name, p.argv, p.log, p.environment, after=p.after & names, stop_seconds=p.stop_seconds) for p in known
    ]
    by_name = {program.name: program for program in known}
    return [[by_name[program.name] for program in wave] for wave in reversed(start_order(alone))]


def tail(log: Path, since: int = 0, lines: int = 20, width: int = 300) -> str:
    """Give the log's last lines written after byte `since`, each cut to `width` characters."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(since, size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(line[:width] for line in text.splitlines()[-lines:])
