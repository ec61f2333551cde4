"""The group's counter item: the epochs of its acquisitions, and a bell that tells when leases are free."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from shardline.errors import LeaseTableMismatch, LeaseTableUnavailable
from shardline.leases.dynamodb_rows import EPOCH_KEY, EPOCH_TYPE, Item, counter_item, from_item, is_lease, key_of
from shardline.leases.dynamodb_table import Refused, Table

_FLOOR_SECONDS = 1_704_067_200
"""2024-01-01T00:00:00Z. Epochs counted from the seconds since then stay below 2**31 until 2092."""

_EXISTS = "attribute_exists(epoch)"
_ONE = {":one": {"N": "1"}}


def first_epoch(leases: Iterable[Item], now: float) -> int:
    """Return where a missing counter goes on; `now` in seconds since the epoch. Pure.

    In a table without leases nothing was ever counted: 0. Else the counter was deleted, or the table is a
    KCL's: go on at the highest epoch that a lease still tells, and not below the seconds since 2024, which
    no counter has reached whose group acquires less than one lease a second, ever since, on average.
    """
    told = [from_item(item).epoch for item in leases if is_lease(item)]
    return max(*told, int(now) - _FLOOR_SECONDS, 0) if told else 0


class Counter:
    """The counter item of one group, which is made anew, never lower, when somebody deleted it."""

    def __init__(self, table: Table, key_prefix: str, wall_clock: Callable[[], float]) -> None:
        self._table = table
        self._prefix = key_prefix
        self._key = key_of(key_prefix + EPOCH_KEY)
        self._wall_clock = wall_clock
        self._group = ""

    async def open(self, group: str) -> None:
        """Claim the table for `group`. Raises LeaseTableMismatch when it serves another."""
        self._group = group
        # A counter of an earlier release lacks what makes it a whole lease in an older KCL's eyes.
        dressed = counter_item(group, 0, self._prefix)
        names = ("leaseCounter", "checkpointSubSequenceNumber", "ownerSwitchesSinceCheckpoint", "bell")
        missing = ", ".join(f"{name} = if_not_exists({name}, :zero)" for name in names)
        change = f"SET consumerGroup = :group, entityType = :type, #checkpoint = :end, {missing}"
        values = {
            ":group": {"S": group},
            ":type": {"S": EPOCH_TYPE},
            ":end": dressed["checkpoint"],
            ":zero": {"N": "0"},
        }
        claim = f"{_EXISTS} AND (attribute_not_exists(consumerGroup) OR consumerGroup = :group)"
        for _ in range(3):
            try:
                await self._table.update(self._key, change, claim, values)
            except Refused as error:
                # It may have been made between the two calls, by a worker of this group.
                item = await self._table.get(self._key)
                if item is None or "epoch" not in item:
                    await self._create()
                elif item.get("consumerGroup", values[":group"]) != values[":group"]:
                    raise LeaseTableMismatch(f"table {self._table.name} serves another group than {group}") from error
            else:
                return
        raise LeaseTableUnavailable(f"the counter of {self._table.name} is being deleted over and over")

    async def next_epoch(self) -> int:
        """Raise the epoch by one and return it."""
        written = await self._raised("epoch")
        return int(written["epoch"]["N"])

    async def ring(self) -> None:
        """Tell whoever listens that there may be leases to take."""
        await self._raised("bell")

    async def hear(self) -> int:
        """Return how often the bell was rung; an eventually consistent read."""
        item = await self._table.get(self._key, consistent=False)
        return int(item.get("bell", {"N": "0"})["N"]) if item else 0

    async def _raised(self, name: str) -> Item:
        for _ in range(2):
            try:
                return await self._table.update(self._key, f"ADD {name} :one", _EXISTS, _ONE)
            except Refused:
                await self._create()
        raise LeaseTableUnavailable(f"the counter of {self._table.name} is being deleted over and over")

    async def _create(self) -> None:
        epoch = first_epoch(await self._table.scan(consistent=True), self._wall_clock())
        try:
            await self._table.put(counter_item(self._group, epoch, self._prefix), "attribute_not_exists(epoch)")
        except Refused:
            return
