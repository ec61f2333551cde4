"""A lease table in memory, with the conditions that DynamoDB's has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from zlib import crc32

from shardline.errors import LeaseLost, LeaseTableMismatch
from shardline.leases.dynamodb_rows import check_state
from shardline.model import Checkpoint, ChildShard, Lease


class MemoryLeaseTable:
    """A lease table for one process, with the same conditions as DynamoDB's. Not for production."""

    def __init__(self) -> None:
        self.leases: dict[str, Lease] = {}
        self.epoch = 0
        self.bell = 0
        self._group: str | None = None

    async def open(self, group: str) -> None:
        """See LeaseTable."""
        if self._group not in (None, group):
            raise LeaseTableMismatch(f"the table serves {self._group}, not {group}")
        self._group = group

    async def next_epoch(self) -> int:
        """See LeaseTable."""
        self.epoch += 1
        return self.epoch

    async def list_leases(self) -> list[Lease]:
        """See LeaseTable."""
        return list(self.leases.values())

    async def ring(self) -> None:
        """See LeaseTable."""
        self.bell += 1

    async def hear(self) -> int:
        """See LeaseTable."""
        return self.bell

    async def scan(self, part: int = 0, parts: int = 1) -> list[Lease]:
        """See LeaseTable."""
        every = await self.list_leases()
        return [lease for lease in every if crc32(lease.shard_id.encode()) % parts == part]

    async def get(self, shard_id: str) -> Lease | None:
        """See LeaseTable."""
        return self.leases.get(shard_id)

    async def create(self, lease: Lease) -> bool:
        """See LeaseTable."""
        if lease.shard_id in self.leases:
            return False
        self.leases[lease.shard_id] = lease
        return True

    async def take(self, lease: Lease, owner: str, epoch: int) -> Lease | None:
        """See LeaseTable."""
        stored = self.leases.get(lease.shard_id)
        if stored is None or stored.counter != lease.counter:
            return None
        switches = stored.owner_switches + (stored.owner != owner)
        return self._write(replace(stored, owner=owner, epoch=epoch, checkpoint_owner=None, owner_switches=switches))

    async def ask_for(self, lease: Lease, owner: str) -> Lease | None:
        """See LeaseTable."""
        stored = self.leases.get(lease.shard_id)
        if stored is None or stored.owner != lease.owner or stored.owner is None or stored.checkpoint_owner:
            return None
        asked = replace(stored, owner=owner, checkpoint_owner=stored.owner)
        self.leases[lease.shard_id] = asked
        return asked

    async def withdraw(self, lease: Lease) -> bool:
        """See LeaseTable."""
        stored = self.leases.get(lease.shard_id)
        if stored is None or not stored.checkpoint_owner:
            return False
        if (stored.owner, stored.checkpoint_owner) != (lease.owner, lease.checkpoint_owner):
            return False
        self.leases[lease.shard_id] = replace(stored, owner=stored.checkpoint_owner, checkpoint_owner=None)
        return True

    async def evict(self, lease: Lease) -> bool:
        """See LeaseTable."""
        stored = self.leases.get(lease.shard_id)
        if stored is None or stored.counter != lease.counter:
            return False
        owner = stored.owner if lease.checkpoint_owner else None
        self._write(replace(stored, owner=owner, checkpoint_owner=None))
        return True

    async def renew(self, lease: Lease, throughput: float | None = None) -> Lease:
        """See LeaseTable."""
        return self._write(_measured(self._held(lease), throughput))

    async def checkpoint(
        self, lease: Lease, checkpoint: Checkpoint, state: bytes | None = None, throughput: float | None = None
    ) -> Lease:
        """See LeaseTable."""
        check_state(state)
        held = _measured(self._held(lease), throughput)
        state = held.state if state is None else state
        return self._write(replace(held, checkpoint=checkpoint, owner_switches=0, state=state))

    async def release(self, lease: Lease) -> None:
        """See LeaseTable."""
        stored = self._held(lease)
        owner = stored.owner if stored.checkpoint_owner else None
        self._write(replace(stored, owner=owner, checkpoint_owner=None))

    async def set_children(self, shard_id: str, children: Iterable[ChildShard]) -> None:
        """See LeaseTable."""
        stored = self.leases.get(shard_id)
        if stored is not None:
            self.leases[shard_id] = replace(stored, children=tuple(sorted(child.shard_id for child in children)))

    async def delete(self, lease: Lease) -> bool:
        """See LeaseTable."""
        stored = self.leases.get(lease.shard_id)
        if stored is not None and stored.counter != lease.counter:
            return False
        self.leases.pop(lease.shard_id, None)
        return True

    def _held(self, lease: Lease) -> Lease:
        stored = self.leases.get(lease.shard_id)
        if stored is None or stored.holder != lease.holder or stored.epoch != lease.epoch:
            raise LeaseLost(lease.shard_id)
        if stored.counter not in (lease.counter, lease.counter + 1):
            raise LeaseLost(lease.shard_id)
        return stored

    def _write(self, lease: Lease) -> Lease:
        written = replace(lease, counter=lease.counter + 1)
        self.leases[lease.shard_id] = written
        return written


def _measured(lease: Lease, throughput: float | None) -> Lease:
    return lease if throughput is None else replace(lease, throughput=throughput)
