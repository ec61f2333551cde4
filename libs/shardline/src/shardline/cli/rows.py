"""What a lease table holds: leases, ours or the Kinesis Client Library's (KCL), and the items beside them."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from shardline.cli.connection import MISUSED, CommandFailed, explained
from shardline.leases.dynamodb_rows import EPOCH_KEY, Item, from_item, is_lease
from shardline.leases.kcl import live_workers
from shardline.model import Lease

KCL_REPORT_SECONDS = 32.0
"""A running KCL 3.5 worker reports every 30 s."""

_SHARD = "shardId-"
"""What every shard id begins with."""

Motion = Literal["live", "still", "free", "unknown"]


@dataclass(frozen=True, slots=True)
class Row:
    """A lease and its item as stored."""

    lease: Lease
    item: Item


@dataclass(frozen=True, slots=True)
class Contents:
    """All items of a lease table as one scan read them."""

    rows: tuple[Row, ...]
    others: tuple[Item, ...]

    @property
    def epoch(self) -> int | None:
        """The group's epoch counter (of several groups the highest); None where shardline never ran."""
        return max((int(item.get("epoch", {"N": "0"})["N"]) for item in self._counters()), default=None)

    @property
    def group(self) -> str | None:
        """`application/stream` as the group's workers wrote it; None where shardline never ran."""
        told = [str(item["consumerGroup"]["S"]) for item in self._counters() if "consumerGroup" in item]
        return ", ".join(told) or None

    @property
    def is_shared(self) -> bool:
        """Whether several groups keep their leases here."""
        return len(self._counters()) > 1

    def of_group(self, prefix: str) -> Contents:
        """The leases and the counter of the group whose keys begin with `prefix`, without those of groups beside it.

        A lease belongs to the group with the longest prefix that its key begins with. What is no group's (a KCL's
        leader lock, its workers' reports) stays in.
        """
        known = {str(item["leaseKey"]["S"]).removesuffix(EPOCH_KEY) for item in self._counters()} | {prefix}

        def is_own(key: str) -> bool:
            return max((each for each in known if key.startswith(each)), key=len, default=None) == prefix

        rows = tuple(row for row in self.rows if is_own(row.lease.shard_id))
        others = tuple(item for item in self.others if not is_counter(item) or is_own(item["leaseKey"]["S"]))
        return Contents(rows, others)

    @property
    def stream(self) -> str | None:
        """The stream's name, where the table tells one; a group of many streams writes `*`."""
        name = self.group.rsplit("/", 1)[-1] if self.group and "," not in self.group else "*"
        return None if name == "*" else name

    def by_key(self) -> dict[str, Item]:
        """Every item by its key."""
        return {item["leaseKey"]["S"]: item for item in (*(row.item for row in self.rows), *self.others)}

    def _counters(self) -> list[Item]:
        return [item for item in self.others if is_counter(item)]


def refuse_shared(found: Contents, name: str) -> None:
    """Raise CommandFailed when several groups keep their leases in the table: no command may touch them all."""
    if found.is_shared:
        raise CommandFailed(f"{name} is shared by {found.group}: name one group's leases with --prefix", MISUSED)


def is_counter(item: Mapping[str, Any]) -> bool:
    """Whether the item counts a shardline group's epochs; groups that share a table prefix its key."""
    return str(item["leaseKey"]["S"]).endswith(EPOCH_KEY)


def contents(items: Iterable[Mapping[str, Any]]) -> Contents:
    """Sort the items of a table out; leases come in the order of their keys."""
    ordered = sorted((dict(item) for item in items), key=lambda item: str(item["leaseKey"]["S"]))
    leases = tuple(Row(from_item(item), item) for item in ordered if is_lease(item))
    return Contents(leases, tuple(item for item in ordered if not is_lease(item)))


def motion(before: Lease | None, after: Lease) -> Motion:
    """Whether the holder renewed between two reads; `unknown` without a first one."""
    if after.holder is None:
        return "free"
    if before is None:
        return "unknown"
    return "still" if before.counter == after.counter else "live"


def signs_of_life(before: Contents, after: Contents) -> list[str]:
    """What changed between two reads that only a running worker changes, each as a sentence; empty for none.

    Counters of leases, and the heartbeats that the KCL 3 keeps beside them (leader lock, worker metrics).
    """
    former = {row.lease.shard_id: row.lease for row in before.rows}
    signs = [
        f"{row.lease.shard_id}: {row.lease.holder} renewed it (counter {former[row.lease.shard_id].counter} → "
        f"{row.lease.counter})"
        for row in after.rows
        if row.lease.shard_id in former and motion(former[row.lease.shard_id], row.lease) == "live"
    ]
    signs += [
        f"{row.lease.shard_id}: created by a running worker" for row in after.rows if row.lease.shard_id not in former
    ]
    old = before.by_key()
    for item in after.others:
        key = item["leaseKey"]["S"]
        if item != old.get(key):
            kind = item.get("entityType", {"S": "item"})["S"]
            signs.append(f"{key}: {kind} was written")
    return signs


def prefix_of(rows: Sequence[Row], stream: str | None, wished: str | None = None) -> str:
    """What stands before the shard ids in the keys of one stream's leases: mostly nothing. Pure.

    Many streams in one table are told apart by `account:stream:creation epoch:`, of which the latest counts; groups
    that share a table, by a prefix of theirs. Raises CommandFailed when `stream` and `wished` leave a choice.
    """
    found = set(map(_prefix, rows))
    if wished is not None:
        found &= {wished}
    elif any(prefix.count(":") >= 3 for prefix in found):
        found = {prefix for prefix in found if prefix.split(":")[-3:-2] == [stream]}
        found = {max(found, key=lambda prefix: int(prefix.split(":")[-2]))} if found else set()
    if len(found) == 1:
        return found.pop()
    if not rows and wished is None:
        return ""
    known = ", ".join(sorted(set(map(_prefix, rows))))
    raise CommandFailed(
        f"the table has leases under the prefixes {known}: name one with --prefix (or --stream)", MISUSED
    )


def without_prefix(rows: Sequence[Row], prefix: str) -> list[Row]:
    """The leases whose keys are shard ids behind `prefix`, no more and no less, as if it were not there."""
    return [
        replace(row, lease=replace(row.lease, shard_id=row.lease.shard_id.removeprefix(prefix)))
        for row in rows
        if _prefix(row) == prefix
    ]


def _prefix(row: Row) -> str:
    return row.lease.shard_id[: max(row.lease.shard_id.rfind(_SHARD), 0)]


async def read(dynamodb: Any, table: str) -> Contents:
    """Read the whole table, consistently. Raises CommandFailed."""
    items: list[Mapping[str, Any]] = []
    start: dict[str, Any] = {}
    with explained(f"lease table {table}"):
        while True:
            page = await dynamodb.scan(TableName=table, ConsistentRead=True, **start)
            items.extend(page["Items"])
            if not page.get("LastEvaluatedKey"):
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        return contents(items)


async def read_twice(dynamodb: Any, table: str, seconds: float) -> tuple[Contents | None, Contents]:
    """Read the table now and `seconds` later; with 0 only once. Raises CommandFailed."""
    first = await read(dynamodb, table)
    if seconds <= 0 or not (first.rows or first.others):
        return None, first
    await asyncio.sleep(seconds)
    return first, await read(dynamodb, table)


async def watch_for_life(dynamodb: Any, table: str, seconds: float) -> tuple[Contents | None, Contents]:
    """As `read_twice`, but where KCL workers reported lately, long enough to see whether they do again."""
    if seconds and sys.stderr.isatty():
        print(f"watching {table} for {seconds:g} s: does a worker live?", file=sys.stderr, flush=True)
    before, after = await read_twice(dynamodb, table, seconds)
    if before is None or not live_workers(after.others, time.time()) or signs_of_life(before, after):
        return before, after
    await asyncio.sleep(max(0.0, KCL_REPORT_SECONDS - seconds))
    return before, await read(dynamodb, table)


def owners(rows: Sequence[Row]) -> list[str]:
    """The holders of leases, each once, in order."""
    return sorted({row.lease.holder for row in rows if row.lease.holder})
