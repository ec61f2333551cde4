"""`shardline leases`: who reads each shard, how far it is, and whether its holder lives."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from typing import Any

from shardline.cli.connection import DONE, Connection
from shardline.cli.rows import Contents, Row, motion, owners, read, read_twice
from shardline.cli.text import as_json, duration, place, plural, size, table
from shardline.model import Lease

_CLEAR = "\x1b[H\x1b[2J"


class Renewals:
    """When each lease was last seen to be renewed, on this command's own clock."""

    def __init__(self) -> None:
        self._counters: dict[str, int] = {}
        self._seen: dict[str, float] = {}

    def note(self, found: Contents, now: float) -> None:
        """Take in the table as read at the monotonic second `now`."""
        for row in found.rows:
            shard_id, counter = row.lease.shard_id, row.lease.counter
            if self._counters.get(shard_id, counter) != counter:
                self._seen[shard_id] = now
            self._counters[shard_id] = counter

    def age(self, shard_id: str, now: float) -> float | None:
        """Seconds since a renewal was seen; None when none was."""
        return now - self._seen[shard_id] if shard_id in self._seen else None


def state(lease: Lease, former: Lease | None) -> str:
    """A lease's state in one word or two."""
    if lease.is_ended:
        return "ended"
    moving = motion(former, lease)
    word = {"still": "stale", "unknown": "held"}.get(moving, moving)
    return f"{word}, hand-off" if lease.checkpoint_owner else word


def rendered(found: Contents, former: Mapping[str, Lease], ages: Mapping[str, float | None], *, wide: bool) -> str:
    """The leases for people. `former` holds them as first read, `ages` the seconds since a renewal was seen."""
    rows = []
    for row in found.rows:
        lease, age = row.lease, ages.get(row.lease.shard_id)
        rate = lease.throughput
        owner = lease.owner or "-"
        rows.append(
            (
                lease.shard_id,
                state(lease, former.get(lease.shard_id)),
                f"{lease.checkpoint_owner} → {owner}" if lease.checkpoint_owner else owner,
                str(lease.counter),
                str(lease.epoch or "-"),
                place(lease.checkpoint, whole=wide),
                "-" if rate is None else f"{rate:.1f} KB/s",
                size(state_bytes(row)) if state_bytes(row) else "-",
                "-" if age is None else f"{duration(round(age * 1000))} ago",
            )
        )
    headers = ("SHARD", "STATE", "OWNER", "COUNTER", "EPOCH", "CHECKPOINT", "THROUGHPUT", "USER STATE", "RENEWED")
    return table(headers, rows, right={"COUNTER", "EPOCH", "THROUGHPUT", "USER STATE"})


def heading(name: str, found: Contents) -> str:
    """One line on the table."""
    holders = owners(found.rows)
    group = f", group {found.group}" if found.group else ", no group of shardline yet"
    epoch = f", epoch {found.epoch}" if found.epoch is not None else ""
    ended = sum(row.lease.is_ended for row in found.rows)
    return f"{name}: {plural(len(found.rows), 'lease')} ({ended} ended), {plural(len(holders), 'owner')}{group}{epoch}"


def as_value(found: Contents, former: Mapping[str, Lease], ages: Mapping[str, float | None]) -> dict[str, Any]:
    """The table for machines."""
    return {
        "group": found.group,
        "epoch": found.epoch,
        "leases": [_lease_value(row, former.get(row.lease.shard_id), ages) for row in found.rows],
    }


def state_bytes(row: Row) -> int:
    """The size of the user state beside the checkpoint; 0 for none."""
    return len(row.lease.state or b"")


async def run(
    connection: Connection, name: str, *, seconds: float, watch: bool, wide: bool, machine: bool, count: int = 0
) -> int:
    """Print the leases once after two reads, or with `watch` again and again (`count` times; 0 for ever)."""
    async with connection.clients("dynamodb") as (dynamodb,):
        first, found = (None, await read(dynamodb, name)) if watch else await read_twice(dynamodb, name, seconds)
        renewals = Renewals()
        shown = 0
        if first is not None:
            renewals.note(first, time.monotonic())
        while True:
            now = time.monotonic()
            renewals.note(found, now)
            former = {row.lease.shard_id: row.lease for row in first.rows} if first else {}
            ages = {row.lease.shard_id: renewals.age(row.lease.shard_id, now) for row in found.rows}
            _show(name, found, former, ages, wide=wide, machine=machine, watch=watch)
            shown += 1
            if not watch or shown == count:
                return DONE
            await asyncio.sleep(seconds)
            first, found = found, await read(dynamodb, name)


def _show(
    name: str,
    found: Contents,
    former: Mapping[str, Lease],
    ages: Mapping[str, float | None],
    *,
    wide: bool,
    machine: bool,
    watch: bool,
) -> None:
    if machine:
        print(as_json(as_value(found, former, ages), lines=watch), flush=True)
        return
    if watch and sys.stdout.isatty():
        print(_CLEAR, end="")
    body = rendered(found, former, ages, wide=wide) if found.rows else "no leases: no worker has started yet"
    print(heading(name, found), body, sep="\n\n", end="\n\n" if watch else "\n", flush=True)


def _lease_value(row: Row, former: Lease | None, ages: Mapping[str, float | None]) -> dict[str, Any]:
    lease = row.lease
    age = ages.get(lease.shard_id)
    return {
        "shard_id": lease.shard_id,
        "state": "ended" if lease.is_ended else motion(former, lease),
        "owner": lease.owner,
        "hand_off_from": lease.checkpoint_owner,
        "counter": lease.counter,
        "epoch": lease.epoch,
        "checkpoint": lease.checkpoint.sequence_number,
        "sub_sequence_number": lease.checkpoint.sub_sequence_number,
        "parents": list(lease.parents),
        "children": list(lease.children),
        "throughput_kbps": row.lease.throughput,
        "state_bytes": state_bytes(row),
        "renewed_seconds_ago": None if age is None else round(age, 3),
    }
