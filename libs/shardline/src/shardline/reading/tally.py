"""What happened while a shard was read, counted for a group's snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True)
class Tally:
    """Counts of one worker's work on one shard, since it took the lease."""

    reading: Literal["fan_out", "polling", ""] = ""
    """How the shard is read at the moment; empty before the first read."""
    subscriptions: int = 0
    """Subscriptions asked for, the first and every renewal included."""
    failures: int = 0
    """Reads that failed or broke off and were tried again."""
    last_failure: str = ""
    """Why the last of them failed."""
    restarts: int = 0
    """How often the processor failed and the shard started again from its checkpoint."""
    records: int = 0
    """User records given to the processor."""
