"""How far a shard is safely delivered, given batches that are done out of order. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from shardline.model import Checkpoint

MOST_BATCHES = 10_000
"""Batches behind one that is not done are remembered, done or not; with so many the shard must wait for it."""


@dataclass(slots=True, eq=False)
class Delivery:
    """One batch given to the processor: the place it ends at (None: moves nothing) and what it weighs."""

    ends_at: Checkpoint | None
    records: int
    size: int
    number: int = 0
    """Its place among the batches of one reading, from 1."""
    state: bytes | None = None
    """What the user keeps with this place; None leaves what was kept before."""
    is_done: bool = False


class Progress:
    """The batches of one reading of a shard, in their order.

    With batches 1, 2 and 4 done, the safe checkpoint is the end of 2: a checkpoint never passes a batch
    that is not done. The state that goes with it is that of the last batch up to 2 that gave one.
    """

    def __init__(self) -> None:
        self.safe: Checkpoint | None = None
        """The end of the longest prefix of done batches; None before the first is done."""
        self.state: bytes | None = None
        """The state that belongs to `safe`; None when no batch of the prefix gave one."""
        self.prefix = 0
        """How many batches the longest prefix of done ones has."""
        self.records_in_flight = 0
        self.bytes_in_flight = 0
        self._open: deque[Delivery] = deque()
        self._furthest: Checkpoint | None = None

    @property
    def is_idle(self) -> bool:
        """Whether every batch so far is done."""
        return not self._open

    @property
    def is_full(self) -> bool:
        """Whether as many batches wait for the first undone one as can be remembered."""
        return len(self._open) >= MOST_BATCHES

    def add(self, ends_at: Checkpoint | None, records: int = 0, size: int = 0) -> Delivery:
        """Note the next batch given to the processor; `size` in bytes.

        Raises ValueError when it ends before an earlier one: a shard is read forwards only.
        """
        if ends_at is not None:
            if self._furthest is not None and ends_at < self._furthest:
                raise ValueError(f"a batch ends at {ends_at}, before the former one at {self._furthest}")
            self._furthest = ends_at
        delivery = Delivery(ends_at, records, size, self.prefix + len(self._open) + 1)
        self._open.append(delivery)
        self.records_in_flight += records
        self.bytes_in_flight += size
        return delivery

    def done(self, delivery: Delivery, state: bytes | None = None) -> None:
        """Note that a batch is delivered, and the user's state at its end. A second time changes nothing."""
        if delivery.is_done:
            return
        delivery.is_done = True
        delivery.state = state
        self.records_in_flight -= delivery.records
        self.bytes_in_flight -= delivery.size
        while self._open and self._open[0].is_done:
            first = self._open.popleft()
            self.prefix += 1
            self.safe = first.ends_at if first.ends_at is not None else self.safe
            self.state = first.state if first.state is not None else self.state
