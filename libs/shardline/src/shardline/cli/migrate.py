"""`shardline migrate`: a lease table on its way between the Kinesis Client Library (KCL) and shardline.

Both write leases under the same names, so a move is: stop one fleet, run this, start the other. What is left to do is
what a fleet that was stopped leaves behind and the next one would wait for, or misunderstand. Sources: the KCL's
DynamoDB tables (https://docs.aws.amazon.com/streams/latest/dev/kcl-dynamoDB.html) and its moves between versions
(https://docs.aws.amazon.com/streams/latest/dev/kcl-migration.html).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shardline.cli.connection import ANSWER_IS_NO, DONE, Connection, unless_written_meanwhile
from shardline.cli.consent import confirmed, why_live
from shardline.cli.rows import Contents, Row, is_counter, refuse_shared, watch_for_life
from shardline.cli.text import as_json, plural, table
from shardline.leases.dynamodb_rows import STATE_ATTRIBUTE, Item, key_of
from shardline.model import AT_TIMESTAMP

System = Literal["kcl", "shardline"]

_LEADER, _METRICS = "LEADER", "WORKER_METRIC_STATS"
_MEANING = {
    "LEASE": "a shard each",
    "LEADER": "the KCL 3's leader lock",
    "WORKER_METRIC_STATS": "the KCL 3's measure of a worker",
    "CLIENT_VERSION_MIGRATION": "the KCL's move from 2.x to 3.0",
    "TABLE_MIGRATION": "the KCL's move of its tables in 3.5",
    "STREAM": "the KCL's streams of a multi-stream application",
    "shardline's epoch": "counts acquisitions; the KCL leaves it alone",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One conditional write. `update` is an UpdateExpression; None deletes the item."""

    key: str
    what: str
    why: str
    condition: str
    values: Item
    update: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What is in the table, what stands in the way, what would be written, and what to know."""

    kinds: dict[str, int]
    blockers: tuple[str, ...]
    steps: tuple[Step, ...]
    notes: tuple[str, ...]

    @property
    def is_ready(self) -> bool:
        """Whether the other fleet may start right now."""
        return not self.blockers and not self.steps


def assess(found: Contents, to: System, live: str | None) -> Report:
    """Judge a table as read; `live` says why a fleet seems to run, None that none does. Pure."""
    blockers = [live] if live else []
    if not found.rows:
        blockers.append("the table holds no lease: name the lease table of the group (the KCL's is its application)")
    steps = [step for row in found.rows for step in _lease_steps(row, to)]
    steps += [_removal(item) for item in found.others if kind_of(item) in (_LEADER, _METRICS)]
    kinds = Counter({"LEASE": len(found.rows)})
    kinds.update(kind_of(item) for item in found.others)
    notes = _common_notes(found.rows) + (_to_shardline(found) if to == "shardline" else _to_kcl(found))
    return Report(dict(sorted(kinds.items())), tuple(blockers), tuple(steps), tuple(notes))


def kind_of(item: Item) -> str:
    """What an item is, by the name that the KCL gives its kind."""
    if is_counter(item):
        return "shardline's epoch"
    return str(item.get("entityType", {"S": "LEASE"})["S"])


def rendered(name: str, report: Report, to: System) -> str:
    """The report for people."""
    kinds = table(
        ("ITEMS", "KIND", ""),
        [(str(count), kind, _MEANING.get(kind, "unknown; left alone")) for kind, count in report.kinds.items()],
        right={"ITEMS"},
    )
    parts = [f"{name} → {to}", kinds]
    if report.blockers:
        parts.append("\n".join(["In the way:", *(f"  {each}" for each in report.blockers)]))
    if report.steps:
        parts.append(table(("KEY", "WRITE", "BECAUSE"), [(step.key, step.what, step.why) for step in report.steps]))
    if report.notes:
        parts.append("\n".join(["To know:", *(f"  - {each}" for each in report.notes)]))
    return "\n\n".join(parts)


def verdict(report: Report, to: System) -> str:
    """One line: what to do next."""
    if report.blockers:
        return "not ready"
    if report.steps:
        return f"{plural(len(report.steps), 'write')} to make: run without --check"
    return f"ready: start the {'KCL' if to == 'kcl' else 'shardline'} fleet"


def as_value(report: Report, *, written: bool) -> dict[str, Any]:
    """The report for machines."""
    return {
        "ready": report.is_ready or written,
        "items": report.kinds,
        "blockers": list(report.blockers),
        "steps": [{"key": step.key, "what": step.what, "why": step.why} for step in report.steps],
        "notes": list(report.notes),
        "written": written,
    }


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for on the command line."""

    name: str
    to: System
    check: bool
    observe_seconds: float
    force: bool
    yes: bool
    machine: bool
    prefix: str | None = None
    """What the keys of the group's leases begin with, where groups share the table."""


async def run(connection: Connection, request: Request) -> int:
    """Look, tell, and without `check` write. Raises CommandFailed."""
    async with connection.clients("dynamodb") as (dynamodb,):
        before, found = await watch_for_life(dynamodb, request.name, request.observe_seconds)
        if request.prefix is None:
            refuse_shared(found, request.name)
        else:
            before = before and before.of_group(request.prefix)
            found = found.of_group(request.prefix)
        live = None if request.force else why_live(before, found, request.name)
        report = assess(found, request.to, live)
        if not request.machine:
            print(rendered(request.name, report, request.to), "", sep="\n", flush=True)
        if request.check or report.blockers or not report.steps:
            print(as_json(as_value(report, written=False)) if request.machine else verdict(report, request.to))
            return DONE if report.is_ready else ANSWER_IS_NO
        if not confirmed(f"write {plural(len(report.steps), 'item')} of {request.name}", yes=request.yes):
            return ANSWER_IS_NO
        for step in report.steps:
            await _write(dynamodb, request.name, step)
    done = f"{plural(len(report.steps), 'item')} written: start the other fleet"
    print(as_json(as_value(report, written=True)) if request.machine else done)
    return DONE


async def _write(dynamodb: Any, name: str, step: Step) -> None:
    request: dict[str, Any] = {
        "TableName": name,
        "Key": key_of(step.key),
        "ConditionExpression": step.condition,
        **({"ExpressionAttributeValues": step.values} if step.values else {}),
    }
    with unless_written_meanwhile(name, step.key):
        if step.update is None:
            await dynamodb.delete_item(**request)
        else:
            await dynamodb.update_item(**request, UpdateExpression=step.update)


def _lease_steps(row: Row, to: System) -> list[Step]:
    """A lease's own: owners that are gone, a hand-off that nobody finishes, and state that would go stale."""
    lease = row.lease
    removed, why = [], []
    if lease.checkpoint_owner is not None:
        removed += ["checkpointOwner", "leaseOwner"]
        why.append(f"a hand-off from {lease.checkpoint_owner} to {lease.owner} that nobody finishes")
    elif lease.owner is not None and not lease.is_ended:
        removed.append("leaseOwner")
        why.append(f"{lease.owner} is gone; the next fleet would wait for its lease to expire")
    if to == "kcl" and lease.state is not None:
        removed.append(STATE_ATTRIBUTE)
        why.append("user state belongs to its checkpoint, which the KCL moves on without it")
    if not removed:
        return []
    return [
        Step(
            lease.shard_id,
            f"remove {', '.join(removed)}",
            "; ".join(why),
            "leaseCounter = :counter",
            {":counter": {"N": str(lease.counter)}, ":one": {"N": "1"}},
            f"SET leaseCounter = leaseCounter + :one REMOVE {', '.join(removed)}",
        )
    ]


def _removal(item: Item) -> Step:
    """Delete what a stopped KCL fleet left; the next fleet of either kind would wait for it to expire."""
    kind = kind_of(item)
    beat = "recordVersionNumber" if kind == _LEADER else "lut"
    value = item.get(beat)
    condition = "attribute_exists(leaseKey)" if value is None else f"{beat} = :seen"
    values = {} if value is None else {":seen": value}
    why = "its leader is gone; a fleet waits two minutes for it" if kind == _LEADER else "its worker is gone"
    return Step(item["leaseKey"]["S"], f"delete ({kind})", why, condition, values)


def _common_notes(rows: Sequence[Row]) -> list[str]:
    notes = []
    pending = [row for row in rows if "pendingCheckpoint" in row.item]
    if pending:
        notes.append(
            f"{plural(len(pending), 'lease')} with a prepared checkpoint of the KCL: it is dropped, and what follows "
            "the checkpoint itself is delivered again"
        )
    dated = sum(row.lease.checkpoint.sequence_number == AT_TIMESTAMP for row in rows)
    if dated:
        notes.append(f"{plural(dated, 'lease')} at AT_TIMESTAMP: give the new fleet the same initial timestamp")
    return notes


def _to_shardline(found: Contents) -> list[str]:
    notes = []
    if found.epoch is None:
        notes.append("shardline adds the item shardline-epoch at its start, above every epoch used here before")
    if any(":" in row.lease.shard_id for row in found.rows):
        notes.append("keys of a multi-stream application: read them with MultiStreamGroup")
    notes.append(
        "KCL 3.0 to 3.4 keep APPLICATION-CoordinatorState and -WorkerMetricStats: not needed, kept for a return"
    )
    return notes


def _to_kcl(found: Contents) -> list[str]:
    notes = ["the KCL's application name must be the table's name, unless its lease table name is set"]
    before = sum(row.lease.checkpoint.sub_sequence_number < 0 for row in found.rows)
    if before:
        notes.append(
            f"{plural(before, 'lease')} as `reset` wrote them, to start before a record: the KCL reads them so"
        )
    if found.epoch is not None:
        notes.append(
            "shardline-epoch stays: KCL 3.5 skips it; KCL 2.x to 3.4 delete it as a shard that is gone, and shardline "
            "makes it anew above every epoch used"
        )
    return notes
