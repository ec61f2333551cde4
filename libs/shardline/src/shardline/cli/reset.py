"""`shardline reset`: move the checkpoints of a stopped group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shardline.cli.connection import (
    ANSWER_IS_NO,
    DONE,
    MISUSED,
    CommandFailed,
    Connection,
    unless_written_meanwhile,
)
from shardline.cli.consent import confirmed, refuse_while_live
from shardline.cli.listing import ListedShard, list_shards
from shardline.cli.moments import first_records
from shardline.cli.positions import Target
from shardline.cli.rows import Row, prefix_of, refuse_shared, watch_for_life, without_prefix
from shardline.cli.text import as_json, place, plural, table
from shardline.leases.dynamodb_rows import STATE_ATTRIBUTE, key_of, to_item
from shardline.model import LATEST, SHARD_END, TRIM_HORIZON, Checkpoint, Lease

_PREPARED = ("pendingCheckpoint", "pendingCheckpointSubSequenceNumber", "pendingCheckpointState")
"""What a prepared checkpoint of the KCL left: it belongs to the old position."""


@dataclass(frozen=True, slots=True)
class Move:
    """What happens to one shard's lease. Without a `row` the lease is created; `after` None leaves it as it is."""

    shard_id: str
    row: Row | None
    after: Checkpoint | None
    shard: ListedShard | None = None
    why: str = ""
    prefix: str = ""
    """What stands before the shard's id in its key."""

    @property
    def is_kept(self) -> bool:
        """Whether nothing is written."""
        return self.after is None


def to_target(
    rows: Sequence[Row],
    shards: Sequence[ListedShard] | None,
    target: Target,
    first: Mapping[str, str | None],
) -> list[Move]:
    """Move every shard to TRIM_HORIZON, LATEST or a time.

    `shards` are the stream's, where they are known: then shards whose leases were cleaned away long ago get one again
    where the target wants them read. `first` holds, for a time, the first sequence number at or after it (None: there
    is none yet); a shard that has none keeps its checkpoint, for all that follows it is wanted.
    """
    listed = {shard.shard_id: shard for shard in shards or ()}
    leased = {row.lease.shard_id: row for row in rows}
    moves = []
    for shard_id in sorted({*leased, *listed}):
        row, shard = leased.get(shard_id), listed.get(shard_id)
        if shards is not None and shard is None:
            moves.append(Move(shard_id, row, None, why="the stream has no such shard any more"))
            continue
        after, why = _aim(row, shard, target, first)
        if row is None and (after is None or after.sequence_number == SHARD_END):
            continue
        unchanged = row is not None and after == row.lease.checkpoint
        moves.append(Move(shard_id, row, None if unchanged else after, shard, "already there" if unchanged else why))
    return moves


def to_places(rows: Sequence[Row], places: Mapping[str, Checkpoint]) -> list[Move]:
    """Move single shards. Raises CommandFailed for a shard without a lease."""
    leased = {row.lease.shard_id: row for row in rows}
    unknown = sorted(set(places) - set(leased))
    if unknown:
        raise CommandFailed(f"no lease of {', '.join(unknown)} in the table: see `shardline leases`", MISUSED)
    return [
        Move(shard_id, leased[shard_id], None if after == leased[shard_id].lease.checkpoint else after)
        for shard_id, after in sorted(places.items())
    ]


def rendered(moves: Sequence[Move]) -> str:
    """What will be done, for people."""
    rows = [
        (
            move.shard_id,
            place(move.row.lease.checkpoint) if move.row else "no lease",
            "as it is" if move.after is None else place(move.after),
            "drops the user state" if move.row and move.row.lease.state and move.after else move.why,
        )
        for move in moves
    ]
    return table(("SHARD", "CHECKPOINT NOW", "THEN", ""), rows)


def as_value(moves: Sequence[Move], *, written: bool) -> dict[str, Any]:
    """What was or would be done, for machines."""
    return {
        "written": written,
        "moves": [
            {
                "shard_id": move.shard_id,
                "before": move.row.lease.checkpoint.sequence_number if move.row else None,
                "before_sub": move.row.lease.checkpoint.sub_sequence_number if move.row else None,
                "after": move.after.sequence_number if move.after else None,
                "after_sub": move.after.sub_sequence_number if move.after else None,
                "note": move.why,
            }
            for move in moves
        ],
    }


def write_of(move: Move, *, keep_state: bool) -> dict[str, Any]:
    """The conditional UpdateItem of a move, without the table's name: refused if anyone wrote the lease meanwhile.

    The counter is raised by two, so that a worker which lives after all (`--force`) loses the lease and starts at the
    new place: by one it would take the write for its own, whose answer was lost, and write on from where it was.
    """
    assert move.row is not None
    assert move.after is not None
    gone = [*_PREPARED, *(() if keep_state else (STATE_ATTRIBUTE,))]
    return {
        "Key": key_of(move.prefix + move.shard_id),
        "UpdateExpression": (
            "SET #checkpoint = :number, checkpointSubSequenceNumber = :sub, leaseCounter = leaseCounter + :two, "
            f"ownerSwitchesSinceCheckpoint = :zero REMOVE {', '.join(gone)}"
        ),
        "ConditionExpression": "leaseCounter = :counter",
        "ExpressionAttributeNames": {"#checkpoint": "checkpoint"},
        "ExpressionAttributeValues": {
            ":number": {"S": move.after.sequence_number},
            ":sub": {"N": str(move.after.sub_sequence_number)},
            ":two": {"N": "2"},
            ":zero": {"N": "0"},
            ":counter": {"N": str(move.row.lease.counter)},
        },
    }


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for on the command line; `target` or `places`."""

    name: str
    target: Target | None
    places: Mapping[str, Checkpoint]
    stream: str | None
    prefix: str | None
    observe_seconds: float
    force: bool
    yes: bool
    keep_state: bool
    machine: bool


async def run(connection: Connection, request: Request) -> int:
    """Look for a live worker, show the moves, ask, write them. Raises CommandFailed."""
    async with connection.clients("dynamodb", "kinesis") as (dynamodb, kinesis):
        before, found = await watch_for_life(dynamodb, request.name, request.observe_seconds)
        if not request.force and not refuse_while_live(before, found, request.name):
            return ANSWER_IS_NO
        if request.target is None:
            moves = to_places(found.rows, request.places)
        else:
            if request.prefix is None and request.stream is None:
                refuse_shared(found, request.name)
            stream = request.stream or found.stream
            one = stream is not None or request.prefix is not None
            prefix = prefix_of(found.rows, stream, request.prefix) if one else ""
            rows = without_prefix(found.rows, prefix) if one else found.rows
            moves = [replace(move, prefix=prefix) for move in await _aimed(kinesis, rows, stream, request.target)]
        pending = [move for move in moves if not move.is_kept]
        if not request.machine:
            print(rendered(moves) if moves else "no leases", flush=True)
        if pending and not confirmed(f"move {plural(len(pending), 'checkpoint')} of {request.name}", yes=request.yes):
            return ANSWER_IS_NO
        for move in pending:
            await _write(dynamodb, request, move)
    done = f"{plural(len(pending), 'checkpoint')} moved: start the workers again" if pending else "nothing to move"
    print(as_json(as_value(moves, written=True)) if request.machine else done)
    return DONE


async def _aimed(kinesis: Any, rows: Sequence[Row], stream: str | None, target: Target) -> list[Move]:
    if stream is None:
        if target.at is not None:
            raise CommandFailed("the table does not tell its stream: add --stream NAME to move to a time", MISUSED)
        return to_target(rows, None, target, {})
    shards = await list_shards(kinesis, stream)
    first = await first_records(kinesis, stream, shards, target.at) if target.at is not None else {}
    return to_target(rows, shards, target, first)


async def _write(dynamodb: Any, request: Request, move: Move) -> None:
    with unless_written_meanwhile(request.name, move.shard_id):
        if move.row is None:
            assert move.after is not None
            lease = _new(move.shard_id, move.after, move.shard)
            condition = "attribute_not_exists(leaseKey)"
            item = to_item(lease, move.prefix)
            await dynamodb.put_item(TableName=request.name, Item=item, ConditionExpression=condition)
        else:
            await dynamodb.update_item(TableName=request.name, **write_of(move, keep_state=request.keep_state))


def _aim(
    row: Row | None, shard: ListedShard | None, target: Target, first: Mapping[str, str | None]
) -> tuple[Checkpoint | None, str]:
    """Where one shard's checkpoint goes; None keeps it."""
    closed = (shard is not None and not shard.is_open) or (shard is None and row is not None and row.lease.is_ended)
    if target.kind == TRIM_HORIZON:
        return Checkpoint(TRIM_HORIZON), "the stream keeps it: read again" if row is None else ""
    if target.kind == LATEST:
        return Checkpoint(SHARD_END if closed else LATEST), "closed: all of it is passed" if closed else ""
    assert shard is not None
    number = first.get(shard.shard_id)
    if number is not None:
        return Checkpoint(number, -1), ""
    if row is None or closed:
        return Checkpoint(SHARD_END if closed else TRIM_HORIZON), "closed before that time" if closed else ""
    return None, "no record since that time: what comes is read"


def _new(shard_id: str, checkpoint: Checkpoint, shard: ListedShard | None) -> Lease:
    if shard is None:
        return Lease(shard_id, checkpoint)
    return Lease(
        shard_id,
        checkpoint,
        parents=shard.parents,
        starting_hash_key=shard.starting_hash_key,
        ending_hash_key=shard.ending_hash_key,
    )
