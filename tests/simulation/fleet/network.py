"""The way between one process and one service: it takes time, and loses what it is told to lose."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from fleet.world import ProcessKilled, ProcessLoop

_CLIENT_TIMEOUT_SECONDS = 4.0
_SLOW_SHARE = 0.01


class Link:
    """Requests go out and answers come back, each after its own latency; either direction may be cut.

    While requests are cut none reaches the service; while answers are cut a request takes effect and its answer is
    lost. `throttled` is the share of calls that the service refuses; `hiccups` the share whose answer is lost at
    any time. `slow` multiplies the latency.
    """

    def __init__(
        self, loop: ProcessLoop, service: str, faults: Counter[str], refusal: Callable[[str], Exception]
    ) -> None:
        self.loop = loop
        self.world = loop.world
        self.service = service
        self.requests_cut = False
        self.answers_cut = False
        self.throttled = 0.0
        self.hiccups = 0.0
        self.slow = 1.0
        self._faults = faults
        self._refusal = refusal
        self._backlog: deque[Callable[[], None]] = deque()

    def latency(self) -> float:
        """How long one direction takes this time, in seconds."""
        rng = self.world.rng
        seconds = 0.002 + 0.02 * rng.random()
        if rng.random() < _SLOW_SHARE:
            seconds += rng.random()
        return seconds * self.slow

    def heal(self) -> None:
        """Let everything through again; events that waited on open connections arrive."""
        self.requests_cut = self.answers_cut = False
        self.throttled = 0.0
        self.slow = 1.0
        self._catch_up()

    def push(self, deliver: Callable[[], None]) -> None:
        """Bring what the service sends on an open connection, now or once the way back is free, in its order."""
        if self.answers_cut:
            self._backlog.append(deliver)
        else:
            self._catch_up()  # one partition may have taken the place of another that cut this way
            deliver()

    def _catch_up(self) -> None:
        while self._backlog:
            self._backlog.popleft()()

    async def call(self, what: str, serve: Callable[[], Any]) -> Any:
        """Have the service do something and return its answer. Raises its errors, and OSError for lost ones."""
        if self.loop.is_killed:
            raise ProcessKilled(self.loop.name)
        future = self.loop.create_future()
        out, back = self.latency(), self.latency()
        luck = self.world.rng.random()

        def settle(answer: Any, error: BaseException | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(answer)

        def lose(direction: str) -> None:
            self._faults[f"{self.service} {direction} lost"] += 1
            error = ConnectionError(f"{self.service}: {what}: no answer")
            self.world.after(_CLIENT_TIMEOUT_SECONDS, lambda: settle(None, error))

        def arrive() -> None:
            answer, error = None, None
            if luck < self.throttled:
                self._faults[f"{self.service} throttled"] += 1
                error = self._refusal(what)
            else:
                try:
                    answer = serve()
                except Exception as raised:
                    error = raised
            if self.answers_cut or self.world.rng.random() < self.hiccups:
                lose("answer")
            else:
                self.world.after(back, lambda: settle(answer, error))

        if self.requests_cut:
            lose("request")
        else:
            self.world.after(out, arrive)
        return await future
