"""What may be in flight at once. Beyond it a request is refused at once (429) rather than queued."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType


@dataclass(frozen=True, slots=True)
class Capacity:
    """Upper bounds over all requests together. `size` counts bytes of bodies, inflated ones on top."""

    requests: int
    events: int
    size: int


class Admission:
    """The sums in flight, against a capacity."""

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = capacity
        self.requests = 0
        self.events = 0
        self.size = 0

    def admit(self) -> Ticket | None:
        """A ticket for one more request, or None if there are too many. Close it when the request is answered."""
        if self.requests >= self.capacity.requests:
            return None
        self.requests += 1
        return Ticket(self)


class Ticket:
    """One request's share. `with` closes it."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.events = 0
        self.size = 0

    def take_bytes(self, count: int) -> bool:
        """Whether `count` more bytes fit; if so they are taken."""
        if self._admission.size + count > self._admission.capacity.size:
            return False
        self._admission.size += count
        self.size += count
        return True

    def take_events(self, count: int) -> bool:
        """Whether `count` more events fit; if so they are taken."""
        if self._admission.events + count > self._admission.capacity.events:
            return False
        self._admission.events += count
        self.events += count
        return True

    def __enter__(self) -> Ticket:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._admission.requests -= 1
        self._admission.events -= self.events
        self._admission.size -= self.size
        self.events = self.size = 0
