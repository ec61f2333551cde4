"""Where leases are kept: the protocol that DynamoDB and the in-memory table both keep."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from shardline.model import Checkpoint, ChildShard, Lease


class LeaseTable(Protocol):
    """Leases of one application on one stream, changed only by conditional writes.

    Every method raises LeaseTableUnavailable when the table does not answer; the write may then have
    happened or not. A write whose first attempt was applied but whose answer was lost is recognised
    (same epoch, counter one higher) and counts as done. A `lease` argument is the row as last seen; the
    answer is the row as written.
    """

    async def open(self, group: str) -> None:
        """Make the table usable by `group`. Raises LeaseTableMismatch when it serves another group."""

    async def next_epoch(self) -> int:
        """Raise the group's epoch counter by one, atomically, and return it. The first is 1."""

    async def ring(self) -> None:
        """Tell every worker of the group that there may be leases to take."""

    async def hear(self) -> int:
        """Return a number that every `ring` raises, which may lag behind by a second or so."""

    async def list_leases(self) -> list[Lease]:
        """Return every lease, read consistently, in no order."""

    async def scan(self, part: int = 0, parts: int = 1) -> list[Lease]:
        """Return every lease of one of `parts` disjoint parts of the table, at the lowest price.

        A lease stays in its part. The rows may lag behind by a second or so: conditional writes tell.
        """

    async def get(self, shard_id: str) -> Lease | None:
        """Return one lease, read consistently, or None when there is none."""

    async def create(self, lease: Lease) -> bool:
        """Create a lease. Return False, and change nothing, when the shard has one."""

    async def take(self, lease: Lease, owner: str, epoch: int) -> Lease | None:
        """Make `owner` hold the lease under `epoch`; ends any hand-off. None: someone wrote it meanwhile."""

    async def ask_for(self, lease: Lease, owner: str) -> Lease | None:
        """Start a hand-off from the lease's owner to `owner`. None: it has changed owner meanwhile."""

    async def withdraw(self, lease: Lease) -> bool:
        """Call a hand-off off: the leaving owner keeps the lease. False: it has let go, or the row changed."""

    async def evict(self, lease: Lease) -> bool:
        """Free a lease whose holder is gone: for the asker in a hand-off, else for all. False: someone wrote it."""

    async def renew(self, lease: Lease, throughput: float | None = None) -> Lease:
        """Show that the holder lives. Raises LeaseLost. The answer tells whether a hand-off is wanted.

        `throughput` is what the shard delivers, in kB/s; None leaves what was written before.
        """

    async def checkpoint(
        self, lease: Lease, checkpoint: Checkpoint, state: bytes | None = None, throughput: float | None = None
    ) -> Lease:
        """Write progress, which also renews. Raises LeaseLost. The answer may tell that a hand-off is wanted.

        `state` is the user's, at most MAX_STATE_BYTES, else ValueError; it is written with the checkpoint or
        not at all, and None leaves what was written before.
        """

    async def release(self, lease: Lease) -> None:
        """Give the lease up: to the asker in a hand-off, else to nobody. Raises LeaseLost."""

    async def set_children(self, shard_id: str, children: Iterable[ChildShard]) -> None:
        """Record which shards continue this one; without effect on a lease that is gone."""

    async def delete(self, lease: Lease) -> bool:
        """Delete the lease unless someone wrote it since. Return whether it is gone."""


async def table_rows(table: LeaseTable, shard_ids: Iterable[str]) -> dict[str, Lease]:
    """Return the leases of these shards, as far as there are any. Raises LeaseTableUnavailable."""
    rows = {shard_id: await table.get(shard_id) for shard_id in shard_ids}
    return {shard_id: lease for shard_id, lease in rows.items() if lease is not None}
