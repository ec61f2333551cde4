"""Sends units until each has an outcome: the one retry loop that all adapters share."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from random import Random

from delivery.backoff import RetryPolicy, full_jitter
from delivery.batch import Lanes, Limits, Unit
from delivery.model import Observer
from delivery.outcome import Outcome, Refused, Retry, Verdict, after_attempt, rejected, undelivered

Send = Callable[[list[Unit]], Awaitable[list[Verdict] | Refused]]
"""One request: a verdict for each unit, in order, or `Refused` for the request as a whole."""

_WARN_SECONDS = 10.0


class Dispatch:
    """One batch of units on its way.

    Units of a lane end in order, one at a time. Retries wait with full jitter, until the policy's deadline. A
    refused request is halved until the unit at fault is alone; that one is rejected.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        send: Send,
        limits: Limits,
        retry: RetryPolicy,
        observer: Observer,
        random: Random,
    ) -> None:
        self._units = units
        self._send = send
        self._retry = retry
        self._observer = observer
        self._random = random
        self._lanes = Lanes(units, limits)
        self._outcomes: list[Outcome | None] = [None] * len(units)
        self._last: dict[int, Retry] = {}
        self._changed = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        self._next_warning = self._clock() + _WARN_SECONDS

    async def run(self, parallel: int) -> list[Outcome]:
        """The outcome of each unit, in order; up to `parallel` requests are under way at once."""
        if not self._units:
            return []
        try:
            async with asyncio.timeout(self._retry.deadline_seconds) as deadline:
                await self._run_all(parallel)
        except TimeoutError:
            if not deadline.expired():
                raise
        return [outcome or undelivered(self._last.get(at)) for at, outcome in enumerate(self._outcomes)]

    async def _run_all(self, parallel: int) -> None:
        first = self._lanes.take(self._clock())
        if len(first) == len(self._units):  # one request holds everything: the usual case needs no tasks
            await self._attempt(first)
            await self._work()
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._work(first))
                for _ in range(parallel - 1):
                    group.create_task(self._work())
        except ExceptionGroup as failures:  # the same error to the caller, however many requests were under way
            raise failures.exceptions[0] from failures

    async def _work(self, taken: list[int] | None = None) -> None:
        while self._lanes.unfinished:
            taken = taken or self._lanes.take(self._clock())
            if taken:
                await self._attempt(taken)
                taken = None
            else:
                await self._wait()

    async def _wait(self) -> None:
        """Until a postponed unit's time, or until another request has ended."""
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._lanes.next_time()):
                await self._changed.wait()

    async def _attempt(self, taken: list[int]) -> None:
        verdicts = await self._judged([self._units[position] for position in taken])
        if len(verdicts) != len(taken):
            raise RuntimeError(f"An adapter gave {len(verdicts)} verdicts on {len(taken)} units.")
        attempts = max([self._lanes.attempts(position) for position in taken])
        again = self._clock() + full_jitter(self._retry, attempts, self._random.uniform)
        for position, told in zip(taken, verdicts, strict=True):
            verdict = told if isinstance(told, Outcome) else after_attempt(told, self._lanes.attempts(position))
            if isinstance(verdict, Outcome):
                self._outcomes[position] = verdict
                self._lanes.end(position)
            else:
                self._postpone(position, verdict, again)
        self._changed.set()

    def _postpone(self, position: int, verdict: Retry, again: float) -> None:
        self._last[position] = verdict
        self._lanes.postpone(position, again)
        self._observer.on_retry(len(self._units[position].items), verdict.code)
        if self._clock() >= self._next_warning:
            self._next_warning = self._clock() + _WARN_SECONDS
            unfinished = self._lanes.unfinished
            logging.getLogger(__name__).warning(
                "still retrying %d records: %s: %s", unfinished, verdict.code, verdict.message
            )

    async def _judged(self, units: list[Unit]) -> list[Verdict]:
        answer = await self._send(units)
        if not isinstance(answer, Refused):
            return answer
        if len(units) == 1:
            return [rejected(answer.code, answer.message)]
        middle = len(units) // 2
        return [*await self._judged(units[:middle]), *await self._judged(units[middle:])]


def to_items(units: Sequence[Unit], outcomes: Sequence[Outcome], into: list[Outcome | None]) -> list[Outcome]:
    """The outcomes of items: `into` with each unit's outcome at the positions of its items, none left open."""
    for unit, outcome in zip(units, outcomes, strict=True):
        for position in unit.items:
            into[position] = outcome
    complete = [outcome for outcome in into if outcome is not None]
    if len(complete) != len(into):
        raise RuntimeError("Some items were neither packed nor rejected.")
    return complete
