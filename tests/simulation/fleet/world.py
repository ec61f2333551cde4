"""One virtual time for many event loops: each process of the fleet has its own loop and its own clock.

Only the world moves time on. It runs one callback after another, in an order that the seed alone decides. A process
can be paused (its callbacks wait, the rest of the world goes on) or killed (they never run).
"""

from __future__ import annotations

import asyncio
import contextvars
import random
import sys
import zlib
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from heapq import heappop, heappush
from typing import Any, TypeVar

T = TypeVar("T")

_FAULT_LINES = 60
_UNWINDING_ROUNDS = 20


class ProcessKilled(BaseException):
    """Raised inside a killed process by whatever it still touches, so that it unwinds without effect."""


class Trace:
    """What happened, in order: the last lines, or all of them, and a checksum of every line."""

    def __init__(self, *, keep_all: bool = False) -> None:
        self.checksum = 0
        self.count = 0
        self.lines: deque[str] = deque(maxlen=None if keep_all else _FAULT_LINES)

    def add(self, now: float, line: str) -> None:
        """Note one event."""
        text = f"{now:.6f} {line}"
        self.checksum = zlib.crc32(text.encode(), self.checksum)
        self.count += 1
        self.lines.append(text)


class World:
    """The time of the simulation, in seconds from 0, and what happens next."""

    def __init__(self, seed: int, *, verbose: bool = False) -> None:
        self.now = 0.0
        self.rng = random.Random(seed)
        self.trace = Trace(keep_all=verbose)
        self.steps = 0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._ready: deque[tuple[ProcessLoop, asyncio.Handle]] = deque()
        self._number = 0

    def note(self, line: str) -> None:
        """Write a line into the trace."""
        self.trace.add(self.now, line)

    def at(self, when: float, callback: Callable[[], None]) -> None:
        """Call back at that time, after everything due earlier."""
        self._number += 1
        heappush(self._queue, (max(when, self.now), self._number, callback))

    def after(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call back in so many seconds."""
        self.at(self.now + seconds, callback)

    def soon(self, loop: ProcessLoop, handle: asyncio.Handle) -> None:
        """Run a process' handle once everything before it has run."""
        self._ready.append((loop, handle))

    def withdraw(self, loop: ProcessLoop) -> list[asyncio.Handle]:
        """Take back the handles of a process that wait for their turn."""
        handles = [handle for owner, handle in self._ready if owner is loop]
        self._ready = deque(each for each in self._ready if each[0] is not loop)
        return handles

    def run_until(self, holds: Callable[[], bool], deadline: float) -> bool:
        """Go on until the condition holds, looked at after every moment of time; False at the deadline."""
        while not holds():
            if not self._step(deadline):
                return False
        return True

    def _step(self, deadline: float) -> bool:
        """Run everything due at the next moment; False when that is beyond the deadline."""
        if not self._queue or self._queue[0][0] > deadline:
            self.now = max(self.now, deadline)
            return False
        self.now = self._queue[0][0]
        while self._queue and self._queue[0][0] <= self.now:
            heappop(self._queue)[2]()
            self.drain()
        return True

    def drain(self) -> None:
        """Run the processes until none has anything to do at this moment."""
        while self._ready:
            loop, handle = self._ready.popleft()
            self.steps += 1
            loop.run_handle(handle)


class _Task(asyncio.Task[Any]):
    """A task that sets and WeakSets order by its number, not by its address: replays must not depend on memory."""

    _log_destroy_pending = False

    def __init__(self, coro: Coroutine[Any, Any, Any], *, number: int, **options: Any) -> None:
        self._number = number
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class ProcessLoop(asyncio.AbstractEventLoop):
    """The event loop of one process. Its clock starts anywhere and runs a little fast or slow."""

    def __init__(self, world: World, name: str, *, offset: float = 0.0, rate: float = 1.0) -> None:
        self.world = world
        self.name = name
        self.is_killed = False
        self.is_paused = False
        self.tasks: list[_Task] = []
        self.errors: list[dict[str, Any]] = []
        self._offset = offset
        self._rate = rate
        self._held: list[asyncio.Handle] = []
        self._numbers = 0

    def time(self) -> float:
        """The process' own monotonic clock."""
        return self._offset + self.world.now * self._rate

    def run_handle(self, handle: asyncio.Handle) -> None:
        """Run one callback of this process, or keep it until the process goes on."""
        if handle._cancelled or self.is_killed:  # type: ignore[attr-defined]
            return
        if self.is_paused:
            self._held.append(handle)
            return
        self._run(handle)

    def pause(self) -> None:
        """Stop the process, as SIGSTOP does."""
        self.is_paused = True

    def resume(self) -> None:
        """Let it go on; whatever came or fell due meanwhile happens at once."""
        self.is_paused = False
        held, self._held = self._held, []
        for handle in held:
            self.world.soon(self, handle)

    def kill(self) -> None:
        """End the process. Its tasks are unwound at once, in a world that they cannot reach any more."""
        self.is_killed = True
        self._held += self.world.withdraw(self)
        for _ in range(_UNWINDING_ROUNDS):
            pending = [task for task in self.tasks if not task.done()]
            if not pending:
                break
            for task in pending:
                task.cancel()
            for _ in range(_UNWINDING_ROUNDS):
                batch, self._held = self._held, []
                for handle in batch:
                    if not handle._cancelled:  # type: ignore[attr-defined]
                        self._run(handle)
        self.tasks.clear()

    def _run(self, handle: asyncio.Handle) -> None:
        events._set_running_loop(self)
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=None, finalizer=self._close_generator)
        try:
            handle._run()
        finally:
            sys.set_asyncgen_hooks(*hooks)
            events._set_running_loop(None)

    def _close_generator(self, generator: Any) -> None:
        if not self.is_killed:
            self.create_task(generator.aclose())

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """See AbstractEventLoop."""
        handle = asyncio.Handle(callback, args, self, context)
        if self.is_killed:
            self._held.append(handle)
        else:
            self.world.soon(self, handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """See AbstractEventLoop."""
        return self._timer(self.world.now + max(delay, 0.0) / self._rate, delay, callback, args, context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """See AbstractEventLoop."""
        # Rounded up by a microsecond: a timer that fires before `time()` has reached it would fire again and again.
        return self._timer((when - self._offset) / self._rate + 1e-6, when, callback, args, context)

    def _timer(
        self, at: float, when: float, callback: Callable[..., object], args: Any, context: contextvars.Context | None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self.world.at(at, lambda: None if handle._cancelled else self.world.soon(self, handle))  # type: ignore[attr-defined]
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers stay in the queue until they are due: they are skipped then."""

    def create_future(self) -> asyncio.Future[Any]:
        """See AbstractEventLoop."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, T], **options: Any) -> asyncio.Task[T]:  # type: ignore[override]
        """See AbstractEventLoop."""
        self._numbers += 1
        task = _Task(coro, number=self._numbers, loop=self, **options)
        self.tasks.append(task)
        if len(self.tasks) > 64:
            self.tasks = [each for each in self.tasks if not each.done()]
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what went wrong unseen; the simulation looks at it."""
        self.errors.append(context)

    def get_debug(self) -> bool:
        """See AbstractEventLoop."""
        return False

    def is_running(self) -> bool:
        """See AbstractEventLoop."""
        return True

    def is_closed(self) -> bool:
        """See AbstractEventLoop."""
        return False
