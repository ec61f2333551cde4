"""The lease table in DynamoDB, compatible with that of the Kinesis Client Library."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from shardline.errors import LeaseLost, LeaseTableUnavailable
from shardline.leases import kcl
from shardline.leases.dynamodb_counter import Counter
from shardline.leases.dynamodb_rows import Item, check_state, from_item, is_lease, key_of, throughput_value, to_item
from shardline.leases.dynamodb_table import Refused, Table
from shardline.model import Checkpoint, ChildShard, Lease

_RELEASES = 5
"""Asking for a lease and calling that off may cross its release several times."""


class DynamoDBLeaseTable:
    """Leases in one DynamoDB table; see LeaseTable for the promises.

    `dynamodb` is an aiobotocore client that the caller closes. With `create_missing` the table is created
    (on-demand capacity) when it is not there; else LeaseTableUnavailable is raised by `open`. With a
    `key_prefix`, such as the KCL's `account:stream:creation epoch:`, several groups share the table and see
    each their own leases; no prefix may begin with another's. While workers of KCL 3.5 report in the table
    and leases are written, `open` raises LeaseTableUnavailable, so that a group waits for them to be gone;
    `beside_kcl` joins them all the same.
    `wall_clock` gives seconds since the epoch.
    """

    def __init__(
        self,
        *,
        dynamodb: Any,
        table: str,
        create_missing: bool = False,
        key_prefix: str = "",
        beside_kcl: bool = False,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._table = Table(dynamodb, table)
        self._counter = Counter(self._table, key_prefix, wall_clock)
        self._create_missing = create_missing
        self._prefix = key_prefix
        self._beside_kcl = beside_kcl
        self._wall_clock = wall_clock
        self._stillness = kcl.Stillness()

    async def open(self, group: str) -> None:
        """See LeaseTable."""
        if self._create_missing:
            await self._table.create()
        if not self._beside_kcl:
            await self._wait_for_kcl()
        await self._counter.open(group)

    async def next_epoch(self) -> int:
        """See LeaseTable."""
        return await self._counter.next_epoch()

    async def ring(self) -> None:
        """See LeaseTable. One write."""
        await self._counter.ring()

    async def hear(self) -> int:
        """See LeaseTable. One eventually consistent read of one small item."""
        return await self._counter.hear()

    async def list_leases(self) -> list[Lease]:
        """See LeaseTable. One Scan, paged."""
        return self._leases(await self._table.scan(consistent=True))

    async def scan(self, part: int = 0, parts: int = 1) -> list[Lease]:
        """See LeaseTable. An eventually consistent Scan of one segment, at half the price."""
        return self._leases(await self._table.scan(consistent=False, part=part, parts=parts))

    async def get(self, shard_id: str) -> Lease | None:
        """See LeaseTable."""
        item = await self._table.get(self._key(shard_id))
        return self._lease(item) if item and is_lease(item) else None

    async def create(self, lease: Lease) -> bool:
        """See LeaseTable."""
        try:
            await self._table.put(to_item(lease, self._prefix), "attribute_not_exists(leaseKey)")
        except Refused:
            return False
        return True

    async def take(self, lease: Lease, owner: str, epoch: int) -> Lease | None:
        """See LeaseTable."""
        values = {":owner": {"S": owner}, ":epoch": {"N": str(epoch)}}
        change = "SET leaseOwner = :owner, shardlineEpoch = :epoch, leaseCounter = leaseCounter + :one"
        if lease.owner != owner:
            values[":zero"] = {"N": "0"}
            change += ", ownerSwitchesSinceCheckpoint = if_not_exists(ownerSwitchesSinceCheckpoint, :zero) + :one"
        try:
            return await self._write(lease, f"{change} REMOVE checkpointOwner", values)
        except Refused:
            stored = await self.get(lease.shard_id)
            return stored if stored and (stored.owner, stored.epoch) == (owner, epoch) else None

    async def ask_for(self, lease: Lease, owner: str) -> Lease | None:
        """See LeaseTable. The counter stays, as only the holder raises it."""
        if lease.owner is None:
            return None
        try:
            written = await self._table.update(
                self._key(lease.shard_id),
                "SET leaseOwner = :new, checkpointOwner = :old",
                "leaseOwner = :old AND attribute_not_exists(checkpointOwner)",
                {":new": {"S": owner}, ":old": {"S": lease.owner}},
            )
        except Refused:
            return None
        return self._lease(written)

    async def withdraw(self, lease: Lease) -> bool:
        """See LeaseTable. As with `ask_for` the counter stays."""
        if lease.owner is None or lease.checkpoint_owner is None:
            return False
        try:
            await self._table.update(
                self._key(lease.shard_id),
                "SET leaseOwner = :old REMOVE checkpointOwner",
                "leaseOwner = :new AND checkpointOwner = :old",
                {":new": {"S": lease.owner}, ":old": {"S": lease.checkpoint_owner}},
            )
        except Refused:
            return False
        return True

    async def evict(self, lease: Lease) -> bool:
        """See LeaseTable. As a leader of KCL 3 does it, but on the condition that nobody renewed."""
        gone = "checkpointOwner" if lease.checkpoint_owner else "leaseOwner"
        try:
            await self._write(lease, f"SET leaseCounter = leaseCounter + :one REMOVE {gone}", {})
        except Refused:
            return False
        return True

    async def renew(self, lease: Lease, throughput: float | None = None) -> Lease:
        """See LeaseTable."""
        change, values = _measured("SET leaseCounter = leaseCounter + :one", throughput)
        return await self._write_held(lease, change, values)

    async def checkpoint(
        self, lease: Lease, checkpoint: Checkpoint, state: bytes | None = None, throughput: float | None = None
    ) -> Lease:
        """See LeaseTable."""
        check_state(state)
        change, values = _measured(
            "SET #checkpoint = :number, checkpointSubSequenceNumber = :sub, ownerSwitchesSinceCheckpoint = :zero, "
            "leaseCounter = leaseCounter + :one",
            throughput,
        )
        values |= {
            ":number": {"S": checkpoint.sequence_number},
            ":sub": {"N": str(checkpoint.sub_sequence_number)},
            ":zero": {"N": "0"},
        }
        if state is not None:
            change += ", shardlineState = :state"
            values[":state"] = {"B": state}
        change += " REMOVE pendingCheckpoint, pendingCheckpointSubSequenceNumber, pendingCheckpointState"
        return await self._write_held(lease, change, values, checkpoint)

    async def release(self, lease: Lease) -> None:
        """See LeaseTable."""
        for _ in range(_RELEASES):
            leaves_to_asker = lease.checkpoint_owner is not None
            gone = "checkpointOwner" if leaves_to_asker else "leaseOwner"
            state = "attribute_exists" if leaves_to_asker else "attribute_not_exists"
            try:
                await self._write(
                    lease,
                    f"SET leaseCounter = leaseCounter + :one REMOVE {gone}",
                    {},
                    f"{state}(checkpointOwner)",
                )
            except Refused:
                stored = await self.get(lease.shard_id)
                if stored and self._is_own_release(lease, stored):
                    return
                lease = self._still_held(lease, stored)
            else:
                return
        raise LeaseLost(lease.shard_id)

    async def set_children(self, shard_id: str, children: Iterable[ChildShard]) -> None:
        """See LeaseTable."""
        members = sorted(child.shard_id for child in children)
        if not members:
            return
        try:
            await self._table.update(
                self._key(shard_id),
                "SET childShardIds = :children",
                "attribute_exists(leaseKey)",
                {":children": {"SS": members}},
            )
        except Refused:
            return

    async def delete(self, lease: Lease) -> bool:
        """See LeaseTable."""
        try:
            await self._table.delete(
                self._key(lease.shard_id),
                "attribute_not_exists(leaseKey) OR leaseCounter = :counter",
                {":counter": {"N": str(lease.counter)}},
            )
        except Refused:
            return False
        return True

    async def _write_held(
        self, lease: Lease, change: str, values: Mapping[str, Any], checkpoint: Checkpoint | None = None
    ) -> Lease:
        """Write as the holder. A refusal caused by one's own lost answer is followed by one more try.

        None is needed, and could set the checkpoint back, when the lost write was of this checkpoint or a later one.
        """
        try:
            return await self._write(lease, change, values)
        except Refused:
            lease = self._still_held(lease, await self.get(lease.shard_id))
        if checkpoint is not None and lease.checkpoint >= checkpoint:
            return lease
        try:
            return await self._write(lease, change, values)
        except Refused as error:
            raise LeaseLost(lease.shard_id) from error

    @staticmethod
    def _is_own_release(lease: Lease, stored: Lease) -> bool:
        """Whether the row is what a release of `lease` whose answer was lost left behind."""
        is_next = stored.epoch == lease.epoch and stored.counter == lease.counter + 1
        return is_next and stored.holder != lease.holder

    @staticmethod
    def _still_held(lease: Lease, stored: Lease | None) -> Lease:
        """Return the stored row if it can only be this holder's own doing; raises LeaseLost otherwise."""
        if stored is None or stored.holder != lease.holder or stored.epoch != lease.epoch:
            raise LeaseLost(lease.shard_id)
        if stored.counter not in (lease.counter, lease.counter + 1):
            raise LeaseLost(lease.shard_id)
        return stored

    async def _write(self, lease: Lease, change: str, values: Mapping[str, Any], also: str | None = None) -> Lease:
        """Apply a change if nobody wrote since `lease` was read. Raises Refused when refused."""
        condition = "leaseCounter = :counter" + (f" AND {also}" if also else "")
        bound = {**values, ":counter": {"N": str(lease.counter)}, ":one": {"N": "1"}}
        return self._lease(await self._table.update(self._key(lease.shard_id), change, condition, bound))

    async def _wait_for_kcl(self) -> None:
        items, now = await self._table.scan(consistent=True), self._wall_clock()
        workers = kcl.live_workers(items, now)
        if workers and self._stillness.seconds(items, now) < kcl.STILL_SECONDS:
            raise LeaseTableUnavailable(
                f"KCL workers reported of late in {self._table.name}: {', '.join(workers)}. Waiting until no lease "
                f"has been written for {kcl.STILL_SECONDS:.0f} s; beside_kcl=True joins them instead"
            )

    def _key(self, shard_id: str) -> Item:
        return key_of(self._prefix + shard_id)

    def _lease(self, item: Item) -> Lease:
        return from_item(item, self._prefix)

    def _leases(self, items: Iterable[Item]) -> list[Lease]:
        prefix = self._prefix
        return [self._lease(item) for item in items if is_lease(item) and item["leaseKey"]["S"].startswith(prefix)]


def _measured(change: str, throughput: float | None) -> tuple[str, dict[str, Any]]:
    if throughput is None:
        return change, {}
    return f"{change}, throughputKBps = :throughput", {":throughput": throughput_value(throughput)}
