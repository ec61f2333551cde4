"""The aggregator's whole state: engine, positions, outbox. Pure; what is committed is one snapshot of it.

Snapshot: {"version": 2, "positions": {shard: [sequence number, sub-sequence number]}, "ended": [shard],
"engine": see streaming_sql.state, "outbox": [[kind, key, base64]], "seen": see aggregator.duplicates}. It is whole, or
holds of engine and seen what changed since the one before: a chain of a whole one and changes is the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from aggregator.alerts import result_row
from aggregator.duplicates import SeenEvents
from aggregator.outbox import Outbox
from aggregator.rows import Row, Stamp, late_row, malformed_row
from aggregator.silence import Verdict
from aggregator.unit import Counted, Fired, Held, Running
from shardline import Checkpoint, Lease, Record, ShardLease
from streaming_sql import Captured, Engine, Program, StateError, merged_state
from streaming_sql.operators.shelf import Bound
from streaming_sql.preview import Preview, preview
from streaming_sql.state import EngineState

VERSION = 2
_LONGEST_CHAIN = 60
"""Changes after a whole snapshot: a minute of commits; a restart reads them all, one object each."""


class Snapshot(msgspec.Struct):
    """One object of a chain, read; or a state about to be written."""

    version: int
    positions: dict[str, tuple[str, int]]
    ended: list[str]
    engine: EngineState
    outbox: list[Row]
    seen: dict[int, bytes]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Snapshot).decode


@dataclass
class State:
    """What one commit makes durable together."""

    engine: Engine
    seen: SeenEvents
    positions: dict[str, Checkpoint] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    outbox: Outbox = field(default_factory=Outbox)

    @property
    def shards(self) -> frozenset[str]:
        """The open shards."""
        return self.engine.shards

    @property
    def lookups(self) -> tuple[Engine, ...]:
        """The one engine."""
        return (self.engine,)

    @property
    def held(self) -> Held:
        """How much it holds."""
        return Held(self.engine.group_count, len(self.seen))

    def look(self, query: str) -> list[tuple[Preview, int | None]]:
        """See `UnitState`."""
        with suppress(KeyError):
            return [(preview(self.engine, query), self.engine.watermark)]
        return []

    def begin_shard(self, lease: ShardLease) -> Checkpoint | None:
        """A shard is about to be read. Returns the position up to which its records are counted in, if any is."""
        if lease.shard_id not in self.ended:
            self.engine.open_shard(lease.shard_id)
        return self.positions.get(lease.shard_id)

    def unseen(self, shard: str, records: Sequence[Record]) -> Sequence[Record]:
        """The records beyond the shard's position: what was counted in once is never counted again."""
        position = self.positions.get(shard)
        if position is None or not records or position < place_of(records[0]):
            return records
        return [record for record in records if position < place_of(record)]

    def apply(self, lease: ShardLease, records: Sequence[Record]) -> Counted:
        """Count unseen records of a shard in, in order; late and malformed ones go to the outbox."""
        fresh = [record for record in records if self.seen.is_new(record.data)]
        applied = self.engine.apply(lease.shard_id, [record.data for record in fresh], fresh)
        self.outbox.add(late_row(late, fresh[late.place].data) for late in applied.late)
        self.outbox.add(malformed_row(fresh[place], lease) for place in applied.malformed)
        if records:
            self.positions[lease.shard_id] = place_of(records[-1])
        late = [late.query for late in applied.late]
        return Counted(late, applied.null_fields, applied.without_time, len(records) - len(fresh))

    def end_shard(self, shard: str, children: Iterable[str]) -> None:
        """The shard's last record is counted in; its children begin at its watermark."""
        if shard not in self.ended:
            self.ended.add(shard)
            self.engine.close_shard(shard, [child for child in children if child not in self.ended])

    def fire(self, verdict: Verdict, stamp: Stamp) -> Fired:
        """Fire what the watermarks and the silence allow; the rows go to the outbox too."""
        moved = self.engine.follow(verdict.idle)
        if verdict.silent_seconds is not None:
            moved = self.engine.let_time_pass(int(verdict.silent_seconds * 1000)) or moved
        if verdict.flush:
            moved = self.engine.finish() or moved
        fired = self.engine.advance()
        self.outbox.add(result_row(window, stamp) for window in fired)
        return Fired(fired, moved or bool(fired))

    def await_shards(self, leases: Sequence[Lease]) -> None:
        """Hold windows back for every shard that can be read now, and for none that is gone."""
        leased = {lease.shard_id: lease for lease in leases}
        for shard in readable_shards(leases) - self.ended:
            self.engine.open_shard(shard)
        # A child may be open here before it has a lease: while its parent's end is not yet in the lease table.
        if not any(lease.shard_id in self.ended and not lease.is_ended for lease in leases):
            for shard in self.engine.shards - leased.keys():
                self.engine.close_shard(shard)
        gone = {shard for shard in self.ended if shard not in leased}
        self.ended -= gone
        for shard in (self.positions.keys() - leased.keys()) | gone:
            self.positions.pop(shard, None)

    def run(self, running: Running) -> list[str]:
        """Run another program from here on; queries that it has unchanged keep their state.

        Returns the queries whose open windows are discarded, because they changed or are gone. What they fired
        before stays in the outbox. Raises nothing; a new query begins with the records that come next.
        """
        engine = Engine(running.program, bound=running.bound)
        discarded = engine.restore(self.engine.snapshot())
        self.engine = engine
        self.seen.remember(running.remember_ms)
        running.prepare(engine)
        return discarded

    def capture(self, *, changes: bool = False) -> CapturedState:
        """The state at this moment, whole or what changed since the last capture, to be encoded in any thread."""
        positions = {shard: (at.sequence_number, at.sub_sequence_number) for shard, at in self.positions.items()}
        return CapturedState(
            positions,
            sorted(self.ended),
            self.engine.capture(changes=changes),
            list(self.outbox.rows),
            self.seen.capture(changes=changes),
        )


@dataclass(frozen=True)
class Chain:
    """How long the chain of snapshots is that a restart would read, in bytes: a whole one, then changes.

    A new owner begins with a whole one, and so does whoever could not finish a commit: what it captured is lost.
    """

    whole_bytes: int = 0
    changes: tuple[int, ...] = ()

    @property
    def wants_whole(self) -> bool:
        """Whether the next snapshot should be whole: the changes are many, or together larger than the state."""
        return not self.whole_bytes or len(self.changes) >= _LONGEST_CHAIN or sum(self.changes) > self.whole_bytes

    def followed_by(self, size: int, *, whole: bool) -> Chain:
        """The chain after a commit of so many bytes."""
        return Chain(size) if whole else Chain(self.whole_bytes, (*self.changes, size))


@dataclass(frozen=True)
class CapturedState:
    """A state at one moment."""

    positions: dict[str, tuple[str, int]]
    ended: list[str]
    engine: Captured
    outbox: list[Row]
    seen: dict[int, bytes]

    def encode(self) -> bytes:
        """The snapshot as JSON. Once."""
        return _encode(
            Snapshot(
                VERSION,
                self.positions,
                self.ended,
                cast("Any", msgspec.Raw(self.engine.encode())),
                self.outbox,
                self.seen,
            )
        )


def decode_state(
    chain: Sequence[bytes], program: Program, seen: SeenEvents, bound: Bound | None = None
) -> tuple[State, list[str]]:
    """The state of a whole snapshot and the changes after it, oldest first.

    With it the queries whose open windows it holds in vain because their SQL changed. `seen` is new, and learns what
    the snapshots remember.

    Raises:
        StateError: when a snapshot is of another version or no snapshot.

    """
    state = State(Engine(program, bound=bound), seen)
    return state, restore_state(state, [read_snapshot(data) for data in chain])


def restore_state(state: State, snapshots: Sequence[Snapshot]) -> list[str]:
    """Have a fresh state go on from snapshots. Returns the queries whose open windows they hold in vain.

    Raises:
        StateError: when the engine's state is of another version.

    """
    discarded = state.engine.restore(merged_state(snapshot.engine for snapshot in snapshots))
    for snapshot in snapshots:
        state.seen.restore(snapshot.seen)
    last = snapshots[-1]
    state.positions = {shard: Checkpoint(*at) for shard, at in last.positions.items()}
    state.ended, state.outbox = set(last.ended), Outbox(last.outbox)
    return discarded


def read_snapshot(data: bytes) -> Snapshot:
    """One snapshot of a chain. Raises StateError when it is of another version or none."""
    try:
        snapshot = _decode(data)
    except msgspec.DecodeError as error:
        raise StateError(f"not a snapshot: {error}") from error
    if snapshot.version != VERSION:
        raise StateError(f"snapshot version {snapshot.version}, this program reads version {VERSION}")
    return snapshot


def readable_shards(leases: Iterable[Lease]) -> set[str]:
    """The shards that have not ended and wait for no parent: those whose events are still to come."""
    unfinished = {lease.shard_id: lease for lease in leases if not lease.is_ended}
    return {shard for shard, lease in unfinished.items() if not any(parent in unfinished for parent in lease.parents)}


def place_of(record: Record) -> Checkpoint:
    """Where a record stands in its shard."""
    return Checkpoint(record.sequence_number, record.sub_sequence_number)
