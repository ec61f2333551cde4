"""Group commit: events of requests that arrive together go to Kinesis together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

from delivery import Item, Outcome, Sink

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CommitPolicy:
    """How much goes out at once: `linger_seconds` is how long the first event of a batch waits for company.

    A submission is never split, so a batch may exceed `items` and `size` (bytes) by what one request may hold.
    """

    items: int = 2000
    size: int = 4 * 1024 * 1024
    linger_seconds: float = 0.002
    parallel: int = 4


@dataclass(frozen=True, slots=True)
class _Submission:
    items: Sequence[Item]
    keys: frozenset[str]
    size: int
    outcomes: asyncio.Future[list[Outcome]]


class GroupCommit:
    """Delivers submissions in batches, up to `policy.parallel` at once. `async with` starts it and ends it empty.

    Order: of two submissions that share a key, the later is sent once the earlier is delivered, or in its batch.
    What waits is not bounded here: admission bounds what may be submitted.
    """

    def __init__(self, sink: Sink[Item], policy: CommitPolicy) -> None:
        self._sink = sink
        self._policy = policy
        self._waiting: list[_Submission] = []
        self._waiting_items = 0
        self._waiting_size = 0
        self._keys_in_flight: set[str] = set()
        self._running = 0
        self._timer: asyncio.TimerHandle | None = None
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> GroupCommit:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            for submission in self._waiting:
                submission.outcomes.cancel()
            self._waiting.clear()
        self._flush()
        await self._tasks.__aexit__(kind, error, trace)

    async def submit(self, items: Sequence[Item]) -> list[Outcome]:
        """The outcome of each item, in order, once all have one."""
        outcomes: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        size = sum(len(item.data) for item in items)
        self._waiting.append(_Submission(items, frozenset(item.key for item in items), size, outcomes))
        self._waiting_items += len(items)
        self._waiting_size += size
        if self._waiting_items >= self._policy.items or self._waiting_size >= self._policy.size:
            self._flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._policy.linger_seconds, self._flush)
        return await outcomes

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._running < self._policy.parallel and (batch := self._take()):
            self._running += 1
            self._tasks.create_task(self._deliver(batch))

    def _take(self) -> list[_Submission]:
        """The submissions that may go now: none of their keys is in flight nor waits in an earlier one."""
        taken: list[_Submission] = []
        kept: list[_Submission] = []
        blocked = set(self._keys_in_flight)
        items = size = 0
        for place, submission in enumerate(self._waiting):
            if items >= self._policy.items or size >= self._policy.size:
                kept += self._waiting[place:]
                break
            if blocked.isdisjoint(submission.keys):
                taken.append(submission)
                items += len(submission.items)
                size += submission.size
            else:
                kept.append(submission)
                blocked |= submission.keys
        self._waiting = kept
        self._waiting_items -= items
        self._waiting_size -= size
        for submission in taken:
            self._keys_in_flight |= submission.keys
        return taken

    async def _deliver(self, batch: list[_Submission]) -> None:
        items = [item for submission in batch for item in submission.items]
        try:
            outcomes = await self._sink.deliver(items)
        except Exception as error:
            _log.exception("the sink failed; the senders are told to send %d events again", len(items))
            outcomes = [Outcome("undelivered", "SinkFailed", type(error).__name__)] * len(items)
        except asyncio.CancelledError:
            for submission in batch:
                submission.outcomes.cancel()
            raise
        finally:
            self._running -= 1
            for submission in batch:
                self._keys_in_flight -= submission.keys
        _settle(batch, outcomes)
        self._flush()


def _settle(batch: list[_Submission], outcomes: Sequence[Outcome]) -> None:
    start = 0
    for submission in batch:
        end = start + len(submission.items)
        if not submission.outcomes.done():  # its request may be gone
            submission.outcomes.set_result(list(outcomes[start:end]))
        start = end
