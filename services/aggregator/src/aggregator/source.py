"""The unit of one source shard: its events counted in, its local windows, and what it tells the key groups. Pure.

Snapshot: {"version": 1, "state": see aggregator.state, "sent": messages made so far, "children": [shard] once the shard
has ended, "told": whether the key groups were told of that, "heirs": {parent: [its children]} of the parents whose
states were taken over and may not be swept yet}. A chain is a whole one and changes, as in aggregator.state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from aggregator.alerts import result_row
from aggregator.duplicates import SeenEvents
from aggregator.exchange import Address
from aggregator.rows import SOURCE, Stamp
from aggregator.silence import Verdict
from aggregator.state import CapturedState, Snapshot, State, read_snapshot, restore_state
from aggregator.unit import Fired, Running
from shardline import Checkpoint, ShardLease
from streaming_sql import HashRange, ResultRow, StateError, inherit, merged_state
from streaming_sql.distribution import Sender

VERSION = 1


class _Snapshot(msgspec.Struct):
    version: int
    state: msgspec.Raw
    sent: int = 0
    children: list[str] = msgspec.field(default_factory=list)
    told: bool = False
    heirs: dict[str, list[str]] = msgspec.field(default_factory=dict)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Snapshot).decode


@dataclass(frozen=True)
class CapturedSource:
    """A source shard's state at one moment."""

    state: CapturedState
    rest: dict[str, Any]

    def encode(self) -> bytes:
        """The snapshot. Once, in any thread."""
        return _encode(_Snapshot(VERSION, msgspec.Raw(self.state.encode()), **self.rest))


@dataclass(kw_only=True)
class SourceState(State):
    """What one commit of a source shard makes durable together. Its engine is a Sender."""

    shard: str
    application: str
    stream: str = SOURCE
    sent: int = 0
    children: list[str] = field(default_factory=list)
    told: bool = False
    heirs: dict[str, list[str]] = field(default_factory=dict)
    inherited: list[ResultRow] = field(default_factory=list)

    @property
    def sender(self) -> Sender:
        """The engine, as what it is here."""
        return cast("Sender", self.engine)

    def begin_shard(self, lease: ShardLease) -> Checkpoint | None:
        """See `UnitState`."""
        self.stream = lease.stream
        return super().begin_shard(lease)

    def end_shard(self, shard: str, children: Iterable[str]) -> None:
        """The shard's last record is counted in. What its windows hold is for its children's units."""
        if shard not in self.ended:
            self.ended.add(shard)
            self.children = sorted(children)

    def fire(self, verdict: Verdict, stamp: Stamp) -> Fired:
        """Fire local windows, and make the messages of what has come in since; all go to the outbox."""
        inherited, self.inherited = self.inherited, []
        self.outbox.add(result_row(window, stamp) for window in inherited)
        fired = super().fire(verdict, stamp)
        if self.told:
            return fired
        has_ended = self.shard in self.ended
        sent = self.sender.take(
            self.shard, idle=self.shard in verdict.idle, children=self.children if has_ended else None
        )
        self.outbox.add(Address(self.application, self.stream, self.shard, stamp.epoch).rows(sent, self.sent))
        self.sent += len(sent)
        self.told = has_ended
        return Fired(inherited + fired.rows, fired.moved or bool(sent) or bool(inherited))

    def run(self, running: Running) -> list[str]:
        """Run another program from here on; see State.run. Messages must have been taken: fire first."""
        engine = Sender(running.parts, bound=running.bound)
        discarded = engine.restore(self.engine.snapshot())
        self.engine = engine
        self.seen.remember(running.remember_ms)
        running.prepare(engine)
        return discarded

    def capture(self, *, changes: bool = False) -> CapturedSource:  # type: ignore[override]
        """The state at this moment, whole or what changed since the last capture."""
        rest = {"sent": self.sent, "children": self.children, "told": self.told, "heirs": dict(self.heirs)}
        return CapturedSource(super().capture(changes=changes), rest)


def new_source(running: Running, shard: str, application: str) -> SourceState:
    """The state of a shard that nothing is known of."""
    seen = SeenEvents(running.remember_ms)
    return SourceState(Sender(running.parts, bound=running.bound), seen, shard=shard, application=application)


def restored_source(
    running: Running, shard: str, application: str, chain: Sequence[bytes]
) -> tuple[SourceState, list[str]]:
    """The shard's own committed state, and the queries whose open windows it holds in vain.

    Raises:
        StateError: when a snapshot is of another version or no snapshot.

    """
    state = new_source(running, shard, application)
    last, snapshots = _read(chain)
    discarded = restore_state(state, snapshots)
    state.sent, state.told = last.sent, last.told
    state.children, state.heirs = last.children, last.heirs
    running.prepare(state.engine)
    return state, discarded


def inherited_source(
    running: Running,
    shard: str,
    application: str,
    parents: Mapping[str, Sequence[bytes]],
    hashes: HashRange,
) -> tuple[SourceState, list[str]]:
    """The state of a shard that follows others, from their last committed chains.

    It takes over the keys that its hash range holds, and every event that is known again. Raises as `restored_source`.
    """
    state = new_source(running, shard, application)
    engines = []
    for parent, chain in parents.items():
        last, snapshots = _read(chain)
        engines.append(merged_state(snapshot.engine for snapshot in snapshots))
        for snapshot in snapshots:
            state.seen.restore(snapshot.seen)
        state.heirs |= {**last.heirs, parent: last.children}
    taken = inherit(state.engine.program, engines, shard, hashes, running.prepare)
    discarded = state.engine.restore(taken.state)
    running.prepare(state.engine)
    state.inherited = taken.rows
    return state, discarded


def _read(chain: Sequence[bytes]) -> tuple[_Snapshot, list[Snapshot]]:
    snapshots = []
    for data in chain:
        try:
            snapshots.append(_decode(data))
        except msgspec.DecodeError as error:
            raise StateError(f"not a source shard's snapshot: {error}") from error
        if snapshots[-1].version != VERSION:
            raise StateError(f"snapshot version {snapshots[-1].version}, this program reads version {VERSION}")
    return snapshots[-1], [read_snapshot(bytes(snapshot.state)) for snapshot in snapshots]


__all__ = ["CapturedSource", "SourceState", "inherited_source", "new_source", "restored_source"]
