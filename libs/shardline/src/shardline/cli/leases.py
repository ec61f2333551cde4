"""`shardline leases`: who reads each shard, how far it is, and whether its holder lives."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from typing import Any

from shardline.cli.connection import DONE, Connection
from shardline.cli.rows import Contents, Motion, Row, owners, read
from shardline.cli.text import as_json, duration, place, plural, size, table
from shardline.model import Lease

PATIENCE_SECONDS = 6.0
"""Workers renew every 4 s by default, or a second or two later when the table throttles."""

_CLEAR = "\x1b[H\x1b[2J"
_WORDS: dict[Motion, str] = {"live": "live", "still": "stale", "free": "free", "unknown": "held"}


class Renewals:
    """When each lease was seen to be renewed, on this command's own clock, in monotonic seconds.

    A lease that was watched for `patience` seconds without a renewal stands still.
    """

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self._counters: dict[str, int] = {}
        self._first: dict[str, float] = {}
        self._renewed: dict[str, float] = {}

    def note(self, found: Contents, now: float) -> None:
        """Take in the table as read at `now`."""
        for row in found.rows:
            shard_id, counter = row.lease.shard_id, row.lease.counter
            self._first.setdefault(shard_id, now)
            if self._counters.get(shard_id, counter) != counter:
                self._renewed[shard_id] = now
            self._counters[shard_id] = counter

    def age(self, lease: Lease, now: float) -> float | None:
        """Seconds since a renewal was seen; None when none was."""
        renewed = self._renewed.get(lease.shard_id)
        return None if renewed is None else now - renewed

    def motion(self, lease: Lease, now: float) -> Motion:
        """Whether the lease's holder lives."""
        if lease.holder is None:
            return "free"
        age = self.age(lease, now)
        if age is not None and age < self.patience:
            return "live"
        watched = now - self._first.get(lease.shard_id, now)
        return "still" if watched >= self.patience > 0 else "unknown"


@dataclass(frozen=True, slots=True)
class View:
    """A table as read at the monotonic second `now`, and what was seen of it before."""

    name: str
    found: Contents
    renewals: Renewals
    now: float


def state(view: View, lease: Lease) -> str:
    """A lease's state in a word or two."""
    if lease.is_ended:
        return "ended"
    word = _WORDS[view.renewals.motion(lease, view.now)]
    return f"{word}, hand-off" if lease.checkpoint_owner else word


def rendered(view: View, *, wide: bool, with_ages: bool) -> str:
    """The table for people; `with_ages` adds when each renewal was seen."""
    rows = [_cells(view, row, wide=wide, with_ages=with_ages) for row in view.found.rows]
    headers = ["SHARD", "STATE", "OWNER", "COUNTER", "EPOCH", "CHECKPOINT", "THROUGHPUT", "USER STATE"]
    if with_ages:
        headers.append("RENEWED")
    parts = [heading(view), table(headers, rows, right=set(headers[3:5] + headers[6:8]))]
    if not rows:
        parts = [heading(view), "no leases: no worker has started yet"]
    elif any(cells[1].startswith("stale") for cells in rows):
        seconds = f"{view.renewals.patience:g} s"
        parts.append(f"stale: not renewed within {seconds}; its holder is dead, cut off, or renews less often")
    return "\n\n".join(parts)


def heading(view: View) -> str:
    """One line on the table."""
    found = view.found
    group = f", group {found.group}" if found.group else ", no group of shardline yet"
    epoch = f", epoch {found.epoch}" if found.epoch is not None else ""
    ended = sum(row.lease.is_ended for row in found.rows)
    held = plural(len(owners(found.rows)), "owner")
    return f"{view.name}: {plural(len(found.rows), 'lease')} ({ended} ended), {held}{group}{epoch}"


def as_value(view: View) -> dict[str, Any]:
    """The table for machines."""
    return {
        "group": view.found.group,
        "epoch": view.found.epoch,
        "leases": [_lease_value(view, row) for row in view.found.rows],
    }


async def run(
    connection: Connection, name: str, *, seconds: float, watch: bool, wide: bool, machine: bool, count: int = 0
) -> int:
    """Print the leases once after two reads, or with `watch` again and again (`count` times; 0 for ever)."""
    renewals = Renewals(PATIENCE_SECONDS if watch else seconds)
    shown = 0
    async with connection.clients("dynamodb") as (dynamodb,):
        if not watch and seconds > 0:
            renewals.note(await read(dynamodb, name), time.monotonic())
            await asyncio.sleep(seconds)
        while True:
            found, now = await read(dynamodb, name), time.monotonic()
            renewals.note(found, now)
            view = View(name, found, renewals, now)
            if machine:
                print(as_json(as_value(view), lines=watch), flush=True)
            else:
                clear = _CLEAR if watch and sys.stdout.isatty() else ""
                print(clear + rendered(view, wide=wide, with_ages=watch), end="\n\n" if watch else "\n", flush=True)
            shown += 1
            if not watch or shown == count:
                return DONE
            await asyncio.sleep(seconds)


def state_bytes(row: Row) -> int:
    """The size of the user state beside the checkpoint; 0 for none."""
    return len(row.lease.state or b"")


def _cells(view: View, row: Row, *, wide: bool, with_ages: bool) -> list[str]:
    lease = row.lease
    moving = lease.checkpoint_owner and not lease.is_ended
    owner = f"{lease.checkpoint_owner} → {lease.owner or 'nobody'}" if moving else lease.holder or "-"
    age = view.renewals.age(lease, view.now)
    cells = [
        lease.shard_id,
        state(view, lease),
        owner,
        str(lease.counter),
        str(lease.epoch or "-"),
        place(lease.checkpoint, whole=wide),
        "-" if lease.throughput is None else f"{lease.throughput:.1f} KB/s",
        size(state_bytes(row)) if state_bytes(row) else "-",
    ]
    if with_ages:
        cells.append("-" if age is None else f"{duration(round(age * 1000))} ago")
    return cells


def _lease_value(view: View, row: Row) -> dict[str, Any]:
    lease = row.lease
    age = view.renewals.age(lease, view.now)
    return {
        "shard_id": lease.shard_id,
        "state": state(view, lease).split(",")[0],
        "owner": lease.owner,
        "hand_off_from": lease.checkpoint_owner,
        "counter": lease.counter,
        "epoch": lease.epoch,
        "checkpoint": lease.checkpoint.sequence_number,
        "sub_sequence_number": lease.checkpoint.sub_sequence_number,
        "parents": list(lease.parents),
        "children": list(lease.children),
        "throughput_kbps": lease.throughput,
        "state_bytes": state_bytes(row),
        "renewed_seconds_ago": None if age is None else round(age, 3),
    }
