"""One unit of all shards: what the aggregator runs with AGGREGATOR_DISTRIBUTION=single."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aggregator.duplicates import SeenEvents
from aggregator.state import State, decode_state
from aggregator.unit import Running, UnitState
from shardline import Batch, Lease, ShardLease
from streaming_sql import Engine


class OneOwner:
    """Makes the state of all shards; an `Origin`. `leases` lists the group's: no window fires before each is known."""

    def __init__(self, leases: Callable[[], Awaitable[list[Lease]]]) -> None:
        self._leases = leases

    async def begin(self, running: Running, lease: ShardLease, chain: Sequence[bytes]) -> tuple[UnitState, list[str]]:
        """See `Origin`."""
        seen = SeenEvents(running.remember_ms)
        state, discarded = State(Engine(running.program, bound=running.bound), seen), list[str]()
        if chain:
            state, discarded = decode_state(chain, running.program, seen, running.bound)
        running.prepare(state.engine)
        state.await_shards(await self._leases())
        return state, discarded

    async def before(self) -> None:
        """See `Origin`: nothing is missing."""

    def after(self, batch: Batch) -> None:
        """See `Origin`: nothing follows."""

    async def tidy(self) -> None:
        """See `Origin`: nothing is left."""
