"""A lease as its holder writes it."""

from __future__ import annotations

import asyncio

from shardline import SHARD_END, Checkpoint, Lease
from shardline.clock import LoopClock
from shardline.leases.held import HeldLease
from shardline.testing import MemoryLeaseTable, run_in_virtual_time


class SlowTable(MemoryLeaseTable):
    """Answers a second after it has written."""

    async def checkpoint(
        self, lease: Lease, checkpoint: Checkpoint, state: bytes | None = None, throughput: float | None = None
    ) -> Lease:
        written = await super().checkpoint(lease, checkpoint, state, throughput)
        await asyncio.sleep(1)
        return written


def test_a_checkpoint_that_waited_its_turn_does_not_go_behind_the_one_before_it() -> None:
    """The shard's end was under way when its keeper came to save: written after it, an ended shard came to life."""

    async def main() -> None:
        table, loop = SlowTable(), asyncio.get_running_loop()
        await table.create(Lease("s", Checkpoint("1"), "me", epoch=1))
        held = HeldLease(table, table.leases["s"], LoopClock(), 10.0, loop.time())
        ending = asyncio.create_task(held.end(Checkpoint(SHARD_END)))
        await asyncio.sleep(0.5)
        await held.checkpoint(Checkpoint("2"))
        await ending
        assert table.leases["s"].checkpoint == Checkpoint(SHARD_END)

    run_in_virtual_time(main())


def test_a_checkpoint_that_needs_no_write_renews_nothing() -> None:
    """Only what the table has seen counts as a sign of life."""

    async def main() -> None:
        table, loop = SlowTable(), asyncio.get_running_loop()
        await table.create(Lease("s", Checkpoint("1"), "me", epoch=1))
        held = HeldLease(table, table.leases["s"], LoopClock(), 10.0, loop.time())
        first = asyncio.create_task(held.checkpoint(Checkpoint("3")))
        await asyncio.sleep(0.5)
        await held.checkpoint(Checkpoint("2"))
        await first
        assert (held.renewed_at, held.lease.checkpoint, held.lease.counter) == (0.0, Checkpoint("3"), 1)

    run_in_virtual_time(main())
