"""What the tasks of one worker share, and what they ask of each other."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Protocol

from shardline.clock import Clock
from shardline.leases.table import LeaseTable
from shardline.processor import Processor
from shardline.reading.budget import Budget
from shardline.reading.one_stream import Streams
from shardline.settings import GroupSettings


class Siblings(Protocol):
    """What a shard's task asks of its group at the shard's end."""

    async def sync(self) -> None:
        """List the shards and create the leases that are missing."""

    def wake(self) -> None:
        """Look for leases to take at once."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every shard's task of a group shares."""

    streams: Streams
    table: LeaseTable
    processor: Processor
    settings: GroupSettings
    budget: Budget
    clock: Clock
    rng: random.Random
    siblings: Siblings
