"""The leases of many streams in one table, under lease keys of the form that the KCL gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from shardline.leases.table import LeaseTable
from shardline.model import Checkpoint, ChildShard, Lease
from shardline.streams.many_streams import prefix_of

_COLONS = 3
"""In `account:stream:creation epoch:shard`."""


class MultiStreamTable:
    """A lease table whose leases go by `account:stream:creation epoch:shard`; see LeaseTable.

    Rows name parents and children by their plain shard ids, as KCL's do; the leases given out here name them
    by lease keys. Leases of streams that `has` does not know are kept from the group, and noted.
    """

    def __init__(self, table: LeaseTable, has: Callable[[str], bool], now: Callable[[], float]) -> None:
        self._table = table
        self._has = has
        self._now = now
        self._former: dict[str, tuple[Lease, float]] = {}

    def former(self, unchanged_seconds: float) -> list[Lease]:
        """Return the rows of streams no longer read that nobody wrote for that long, as seen from here."""
        latest = self._now() - unchanged_seconds
        return [lease for lease, since in self._former.values() if since <= latest]

    async def remove(self, lease: Lease) -> None:
        """Delete a row that `former` returned, unless somebody wrote it since. Raises LeaseTableUnavailable."""
        await self._table.delete(lease)
        self._former.pop(lease.shard_id, None)

    async def open(self, group: str) -> None:
        """See LeaseTable."""
        await self._table.open(group)

    async def next_epoch(self) -> int:
        """See LeaseTable."""
        return await self._table.next_epoch()

    async def ring(self) -> None:
        """See LeaseTable."""
        await self._table.ring()

    async def hear(self) -> int:
        """See LeaseTable."""
        return await self._table.hear()

    async def list_leases(self) -> list[Lease]:
        """See LeaseTable. One look at the table for all streams."""
        return self._seen(await self._table.list_leases())

    async def scan(self, part: int = 0, parts: int = 1) -> list[Lease]:
        """See LeaseTable."""
        return self._seen(await self._table.scan(part, parts))

    async def get(self, shard_id: str) -> Lease | None:
        """See LeaseTable."""
        row = await self._table.get(shard_id)
        return _keyed(row) if row else None

    async def create(self, lease: Lease) -> bool:
        """See LeaseTable."""
        return await self._table.create(_row(lease))

    async def take(self, lease: Lease, owner: str, epoch: int) -> Lease | None:
        """See LeaseTable."""
        row = await self._table.take(_row(lease), owner, epoch)
        return _keyed(row) if row else None

    async def ask_for(self, lease: Lease, owner: str) -> Lease | None:
        """See LeaseTable."""
        row = await self._table.ask_for(_row(lease), owner)
        return _keyed(row) if row else None

    async def withdraw(self, lease: Lease) -> bool:
        """See LeaseTable."""
        return await self._table.withdraw(_row(lease))

    async def evict(self, lease: Lease) -> bool:
        """See LeaseTable."""
        return await self._table.evict(_row(lease))

    async def renew(self, lease: Lease, throughput: float | None = None) -> Lease:
        """See LeaseTable."""
        return _keyed(await self._table.renew(_row(lease), throughput))

    async def checkpoint(
        self, lease: Lease, checkpoint: Checkpoint, state: bytes | None = None, throughput: float | None = None
    ) -> Lease:
        """See LeaseTable."""
        return _keyed(await self._table.checkpoint(_row(lease), checkpoint, state, throughput))

    async def release(self, lease: Lease) -> None:
        """See LeaseTable."""
        await self._table.release(_row(lease))

    async def set_children(self, shard_id: str, children: Iterable[ChildShard]) -> None:
        """See LeaseTable."""
        plain = [replace(child, shard_id=_plain(child.shard_id)) for child in children]
        await self._table.set_children(shard_id, plain)

    async def delete(self, lease: Lease) -> bool:
        """See LeaseTable."""
        return await self._table.delete(_row(lease))

    def _seen(self, rows: list[Lease]) -> list[Lease]:
        leases = []
        for row in rows:
            if self._has(row.shard_id):
                self._former.pop(row.shard_id, None)
                leases.append(_keyed(row))
            elif row.shard_id.count(":") == _COLONS:
                noted = self._former.get(row.shard_id)
                if noted is None or noted[0].counter != row.counter:
                    self._former[row.shard_id] = (row, self._now())
        return leases


def _keyed(row: Lease) -> Lease:
    prefix = prefix_of(row.shard_id)
    return replace(
        row,
        parents=tuple(prefix + parent for parent in row.parents),
        children=tuple(prefix + child for child in row.children),
    )


def _row(lease: Lease) -> Lease:
    return replace(
        lease,
        parents=tuple(_plain(parent) for parent in lease.parents),
        children=tuple(_plain(child) for child in lease.children),
    )


def _plain(lease_key: str) -> str:
    return lease_key[len(prefix_of(lease_key)) :]
