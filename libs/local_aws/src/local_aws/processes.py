"""Runs a set of OS processes: starts them in order, waits until they serve, notices a death, and stops them all.

No process outlives its supervisor. A supervisor that leaves its `async with` stops its processes; one that is killed
leaves a reaper behind that ends them (see `local_aws.reaper`), and on Linux the kernel tells them besides (see
`local_aws.tether`). A process leads a session and process group of its own, so Ctrl-C reaches the supervisor alone,
which then stops the processes in order; signals go to the whole group.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType

from local_aws import reaper
from local_aws.commands import tethered
from local_aws.failures import first_failure
from local_aws.programs import NotReady, ProcessDied, Program, start_order, stop_order, tail
from local_aws.progress import Progress, Silent

PROBE_SECONDS = 0.1
REAPER_GRACE_SECONDS = 10.0


@dataclass(slots=True)
class Running:
    """A started process: what it is, its handle, where its part of the log begins, and how far it has come."""

    program: Program
    process: asyncio.subprocess.Process
    log_start: int
    serves: bool = False  # before it does, its death is the business of who started it
    stopping: bool = False

    def death(self) -> ProcessDied:
        """Describe its end as an error."""
        status = self.process.returncode
        assert status is not None
        return ProcessDied(self.program.name, status, self.program.log, tail(self.program.log, self.log_start))


class Supervisor:
    """The processes of one stack, as an async context manager that leaves none behind.

    `start` raises `ProcessDied` or `NotReady`; afterwards `died()` waits for the first unasked death.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress or Silent()
        self._running: dict[str, Running] = {}
        self._statuses: dict[str, int] = {}
        self._watchers = asyncio.TaskGroup()
        self._death: asyncio.Future[ProcessDied] | None = None
        self._reaper: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Supervisor:
        await self._watchers.__aenter__()
        self._death = asyncio.get_running_loop().create_future()
        self._reaper = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            reaper.__file__,
            str(REAPER_GRACE_SECONDS),
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.stop()
        finally:
            if self._reaper and self._reaper.stdin:
                self._reaper.stdin.close()
                await self._reaper.wait()
            await self._watchers.__aexit__(None, None, None)

    @property
    def names(self) -> list[str]:
        """The programs that run, in the order of their start."""
        return list(self._running)

    def pid(self, name: str) -> int:
        """Give the process id of a running program; raises `KeyError` if it does not run."""
        return self._running[name].process.pid

    def last_status(self, name: str) -> int | None:
        """Give how the program last ended (negative: the signal that killed it); None if it never did."""
        return self._statuses.get(name)

    async def start(self, programs: Iterable[Program]) -> None:
        """Start the programs, those of a wave at once, and return when all are ready.

        Raises `ProcessDied` or `NotReady` for the first that fails (those that run are left to `stop`).
        """
        for wave in start_order(programs, running=self._running):
            try:
                async with asyncio.TaskGroup() as group:
                    for program in wave:
                        group.create_task(self._start_one(program), name=f"start {program.name}")
            except* (ProcessDied, NotReady, OSError) as failures:
                raise first_failure(failures) from None

    async def _start_one(self, program: Program) -> None:
        if program.name in self._running:
            raise ValueError(f"{program.name} runs already")
        self._progress.started(program.name, "starting")
        began = time.monotonic()
        running = await self._spawn(program)
        await self._until_ready(running, began)
        self._progress.done(program.name, f"ready in {time.monotonic() - began:.1f} s")

    async def _spawn(self, program: Program) -> Running:
        program.log.parent.mkdir(parents=True, exist_ok=True)
        with program.log.open("ab") as log:
            log_start = log.tell()
            process = await asyncio.create_subprocess_exec(
                *tethered(program.argv),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(program.environment),
                cwd=program.directory,
                start_new_session=True,
            )
        self._tell_reaper("+", process.pid)
        running = Running(program, process, log_start)
        self._running[program.name] = running
        self._watchers.create_task(self._watch(running), name=f"watch {program.name}")
        return running

    async def _until_ready(self, running: Running, began: float) -> None:
        program = running.program
        while True:
            if running.process.returncode is not None:
                raise running.death()
            if (program.ready is None or await program.ready()) and running.process.returncode is None:
                running.serves = True
                return
            waited = time.monotonic() - began
            if waited > program.ready_seconds:
                raise NotReady(program.name, program.ready_seconds, program.log, tail(program.log, running.log_start))
            self._progress.updated(program.name, "waiting until it serves", waited, program.ready_seconds)
            await asyncio.sleep(PROBE_SECONDS)

    async def _watch(self, running: Running) -> None:
        self._statuses[running.program.name] = await running.process.wait()
        _signal_group(running.process.pid, signal.SIGKILL)  # what the process itself left behind
        self._tell_reaper("-", running.process.pid)
        if self._running.get(running.program.name) is running:
            del self._running[running.program.name]
        if running.serves and not running.stopping and self._death and not self._death.done():
            self._death.set_result(running.death())

    async def died(self) -> ProcessDied:
        """Wait for the first process that ends unasked, and give its death as an error to raise or to report."""
        assert self._death is not None, "only inside the context"
        death = await asyncio.shield(self._death)
        self._death = asyncio.get_running_loop().create_future()
        return death

    async def stop(self, *names: str) -> None:
        """Stop these programs (all if none is named), those that came last first; returns when they are gone."""
        chosen = [self._running[name] for name in names or self._running if name in self._running]
        for running in chosen:
            running.stopping = True
        by_name = {running.program.name: running for running in chosen}
        for wave in stop_order(running.program for running in chosen):
            await asyncio.gather(*(self._stop_one(by_name[program.name]) for program in wave))
        await asyncio.sleep(0)  # let the watchers see the ends

    async def _stop_one(self, running: Running) -> None:
        name, process = running.program.name, running.process
        self._progress.started(name, running.program.stop_detail)
        began = time.monotonic()
        _signal_group(process.pid, signal.SIGTERM)
        how = "stopped"
        try:
            async with asyncio.timeout(running.program.stop_seconds):
                await process.wait()
        except TimeoutError:
            how = f"killed, still running {running.program.stop_seconds:g} s after SIGTERM"
            _signal_group(process.pid, signal.SIGKILL)
            await process.wait()
        self._running.pop(name, None)
        self._progress.done(name, f"{how} in {time.monotonic() - began:.1f} s")

    async def kill(self, name: str) -> None:
        """End a program's group by SIGKILL, as a crash would; not reported by `died`."""
        running = self._running[name]
        running.stopping = True
        _signal_group(running.process.pid, signal.SIGKILL)
        await running.process.wait()
        self._running.pop(name, None)

    def _tell_reaper(self, sign: str, group: int) -> None:
        if self._reaper and self._reaper.stdin and not self._reaper.stdin.is_closing():
            self._reaper.stdin.write(f"{sign}{group}\n".encode())


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
