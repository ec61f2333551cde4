"""Sinks that keep everything in memory. They conform to the real ones and are for tests of what stands above."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from delivery.letter import DeadLetter
from delivery.model import Document, Item
from delivery.outcome import DELIVERED, Outcome

T = TypeVar("T", bound=Item | Document)


class MemorySink(Generic[T]):
    """Keeps what is delivered in `delivered`, in order, and each batch in `batches`.

    `judge` decides an item's outcome; without it all are delivered. `failure`, where set, is raised instead.
    """

    def __init__(self, judge: Callable[[T], Outcome] | None = None) -> None:
        self.delivered: list[T] = []
        self.batches: list[list[T]] = []
        self.judge = judge
        self.failure: Exception | None = None

    async def deliver(self, items: Sequence[T], /) -> list[Outcome]:
        """An outcome for each item, in order."""
        if self.failure is not None:
            raise self.failure
        outcomes = [self.judge(item) if self.judge else DELIVERED for item in items]
        self.batches.append(list(items))
        self.delivered += [item for item, outcome in zip(items, outcomes, strict=True) if outcome.status == "delivered"]
        return outcomes


class MemoryDeadLetterSink:
    """Keeps dead letters in `letters`; `failure`, where set, is raised instead."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.failure: Exception | None = None

    async def deliver(self, letters: Sequence[DeadLetter], /) -> None:
        """All letters are kept."""
        if self.failure is not None:
            raise self.failure
        self.letters += letters
