"""How far a shard is safely delivered, given batches that are done out of order. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from shardline.model import Checkpoint


@dataclass(slots=True, eq=False)
class Delivery:
    """One batch given to the processor: the place it ends at (None: moves nothing) and what it weighs."""

    ends_at: Checkpoint | None
    records: int
    size: int
    is_done: bool = False


class Progress:
    """The batches of one reading of a shard, in their order.

    With batches 1, 2 and 4 done, the safe checkpoint is the end of 2: a checkpoint never passes a batch
    that is not done.
    """

    def __init__(self) -> None:
        self.safe: Checkpoint | None = None
        """The end of the longest prefix of done batches; None before the first is done."""
        self.records_in_flight = 0
        self.bytes_in_flight = 0
        self._open: deque[Delivery] = deque()

    @property
    def is_idle(self) -> bool:
        """Whether every batch so far is done."""
        return not self._open

    def add(self, ends_at: Checkpoint | None, records: int = 0, size: int = 0) -> Delivery:
        """Note the next batch given to the processor; `size` in bytes.

        Raises ValueError when it ends before an earlier one: a shard is read forwards only.
        """
        last = next((each.ends_at for each in reversed(self._open) if each.ends_at), self.safe)
        if ends_at is not None and last is not None and ends_at < last:
            raise ValueError(f"a batch ends at {ends_at}, before the former one at {last}")
        delivery = Delivery(ends_at, records, size)
        self._open.append(delivery)
        self.records_in_flight += records
        self.bytes_in_flight += size
        return delivery

    def done(self, delivery: Delivery) -> None:
        """Note that a batch is delivered. A second time changes nothing."""
        if delivery.is_done:
            return
        delivery.is_done = True
        self.records_in_flight -= delivery.records
        self.bytes_in_flight -= delivery.size
        while self._open and self._open[0].is_done:
            ends_at = self._open.popleft().ends_at
            self.safe = ends_at if ends_at is not None else self.safe
