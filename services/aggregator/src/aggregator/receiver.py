"""The unit of one shard of the exchange stream: the key groups that come to it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from aggregator.alerts import result_row
from aggregator.exchange import Message, read_message
from aggregator.group_tables import GroupTables
from aggregator.outbox import Outbox
from aggregator.receiver_snapshot import (
    RECEIVER_VERSION,
    CapturedPart,
    CapturedReceiver,
    GroupSnapshot,
    ReceiverSnapshot,
    read_receiver_snapshot,
)
from aggregator.rows import Stamp, late_row, malformed_message, malformed_row, missed_row
from aggregator.silence import Verdict
from aggregator.state import place_of
from aggregator.unit import Counted, Fired, Held, Looking, Running
from shardline import Checkpoint, Record, ShardLease
from streaming_sql import ResultRow
from streaming_sql.distribution import KeyGroup, merged_group
from streaming_sql.preview import Preview

_MOST_ENDED = 4_000
"""Ended source shards whose last message a key group remembers: repeats of it may lie in the stream unread."""


@dataclass
class _Addressed:
    """A key group, and the last message of each source shard that it has taken in."""

    group: KeyGroup
    applied: dict[str, tuple[int, int]] = field(default_factory=dict)
    changed: bool = False


@dataclass
class ReceiverState:
    """What one commit of an exchange shard makes durable together.

    `sources` are the source shards, and the stream that each is of, that a key group waits for from its first message
    on; `is_expecting` says that they must be up to date when messages come.
    """

    application: str
    running: Running
    wanted: range
    sources: Mapping[str, str] = field(default_factory=dict)
    positions: dict[str, Checkpoint] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    outbox: Outbox = field(default_factory=Outbox)
    children: list[str] = field(default_factory=list)
    heirs: dict[str, list[str]] = field(default_factory=dict)
    groups: dict[int, _Addressed] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    closed: bool = False

    @property
    def is_expecting(self) -> bool:
        """Whether a key group may come that is not known yet."""
        return any(
            number not in self.groups for part in self.running.parts for number in part.groups if number in self.wanted
        )

    def _is_for_a_part(self, number: int) -> bool:
        """Whether a key group may be among those that are expected."""
        return any(number in part.groups for part in self.running.parts)

    @property
    def awaited(self) -> frozenset[str]:
        """The source shards that some key group waits for."""
        return frozenset(shard for addressed in self.groups.values() for shard in addressed.group.shards)

    @property
    def told(self) -> frozenset[str]:
        """The source shards that have told some key group of their end."""
        return frozenset(
            shard
            for addressed in self.groups.values()
            for shard in addressed.applied.keys() - addressed.group.shards.keys()
        )

    def close(self, gone: Collection[str]) -> None:
        """Wait no longer for source shards of which nothing more will come; for those in `sources` instead."""
        for addressed in self.groups.values():
            if not addressed.group.shards.keys().isdisjoint(gone):
                for shard in self.sources.keys() - addressed.applied.keys():
                    addressed.group.open_shard(shard, self.sources[shard])
                for shard in gone:
                    addressed.group.close_shard(shard)
                addressed.changed = self.closed = True

    @property
    def shards(self) -> frozenset[str]:
        """None: what silence means is judged where events are read."""
        return frozenset()

    @property
    def lookups(self) -> tuple[Looking, ...]:
        """The reference tables of all key groups."""
        return (GroupTables(self.running.references, self.tables, [each.group for each in self.groups.values()]),)

    @property
    def held(self) -> Held:
        """How much it holds."""
        return Held(sum(addressed.group.size for addressed in self.groups.values()))

    def look(self, query: str) -> list[tuple[Preview, int | None]]:
        """See `UnitState`."""
        looks = [(addressed.group.preview(query), addressed.group.watermark) for addressed in self.groups.values()]
        return [(seen, watermark) for seen, watermark in looks if seen is not None]

    def begin_shard(self, lease: ShardLease) -> Checkpoint | None:
        """See `UnitState`."""
        return self.positions.get(lease.shard_id)

    def unseen(self, shard: str, records: Sequence[Record]) -> Sequence[Record]:
        """See `UnitState`."""
        position = self.positions.get(shard)
        if position is None or not records or position < place_of(records[0]):
            return records
        return [record for record in records if position < place_of(record)]

    def apply(self, lease: ShardLease, records: Sequence[Record]) -> Counted:
        """Take messages in; what was taken in before is left out.

        Raises:
            UnknownVersion: for a message of a newer release. What came before it is taken in.

        """
        counted = Counted()
        for record in records:
            message = read_message(record.data)
            if message is None:
                self.outbox.add([malformed_row(record, lease)])
            else:
                self._receive(message, record, lease, counted)
            self.positions[lease.shard_id] = place_of(record)
        return counted

    def _receive(self, message: Message, record: Record, lease: ShardLease, counted: Counted) -> None:
        if message.application != self.application:
            return
        addressed = self.groups.get(message.key_group)
        if addressed is None:
            if not self._is_for_a_part(message.key_group):
                return  # it would begin before it is known which source shards there are
            made = KeyGroup(
                self.running.parts, self.sources, self.running.references, bound=self.running.shared(len(self.wanted))
            )
            addressed = self.groups[message.key_group] = _Addressed(made)
        if message.tag <= addressed.applied.get(message.shard, (-1, -1)):
            return
        addressed.changed = True
        received = addressed.group.receive(message.body)
        if message.shard not in addressed.group.shards:
            addressed.applied.pop(message.shard, None)  # the last to have ended stands last
        addressed.applied[message.shard] = message.tag
        for late in received.late:
            self.outbox.add([late_row(late, received.late_records[late.place])])
            counted.late.append(late.query)
        for missed in received.missed:
            self.outbox.add([missed_row(missed, message.tag)])
            counted.late += [missed.query] * missed.rows
        for place, data in enumerate(received.malformed):
            self.outbox.add([malformed_message(data, record, lease, place)])

    def forget(self) -> None:
        """Forget the last messages of source shards that ended before so many others that nobody repeats them."""
        for addressed in self.groups.values():
            ended = [shard for shard in addressed.applied if shard not in addressed.group.shards]
            for shard in ended[:-_MOST_ENDED]:
                del addressed.applied[shard]
                addressed.changed = self.closed = True

    def end_shard(self, shard: str, children: Iterable[str]) -> None:
        """The shard's last message is taken in; its children's units take its key groups over."""
        if shard not in self.ended:
            self.ended.add(shard)
            self.children = sorted(children)

    def fire(self, verdict: Verdict, stamp: Stamp) -> Fired:
        """Fire what the source shards' watermarks allow."""
        rows: list[ResultRow] = []
        for addressed in self.groups.values():
            if addressed.changed:
                rows += addressed.group.advance()
        self.outbox.add(result_row(window, stamp) for window in rows)
        moved, self.closed = self.closed or bool(rows), False
        return Fired(rows, moved)

    def run(self, running: Running) -> list[str]:
        """Run another program from here on. Returns the queries whose open windows are discarded."""
        self.running = running
        discarded: dict[str, None] = {}
        for addressed in self.groups.values():
            state = addressed.group.snapshot()
            addressed.group = KeyGroup(running.parts, {}, running.references, bound=running.shared(len(self.wanted)))
            discarded |= dict.fromkeys(addressed.group.restore(state))
        self.look_up_anew()
        return list(discarded)

    def look_up_anew(self) -> None:
        """Have the key groups use the reference tables as they are now."""
        for looking in self.lookups:
            self.running.prepare(looking)

    def capture(self, *, changes: bool = False) -> CapturedReceiver:
        """The state at this moment, whole or what changed since the last capture."""
        groups: dict[int, tuple[dict[str, tuple[int, int]], CapturedPart]] = {}
        for number, addressed in self.groups.items():
            if addressed.changed or not changes:
                groups[number] = dict(addressed.applied), addressed.group.capture(changes=changes)
                addressed.changed = False
        positions = {shard: (at.sequence_number, at.sub_sequence_number) for shard, at in self.positions.items()}
        snapshot = ReceiverSnapshot(
            *(RECEIVER_VERSION, positions, sorted(self.ended), {}, list(self.outbox.rows)),
            list(self.children),
            dict(self.heirs),
        )
        return CapturedReceiver(snapshot, groups)


def restored_receiver(
    application: str, running: Running, wanted: range, chain: Sequence[bytes]
) -> tuple[ReceiverState, list[str]]:
    """The shard's own committed state, and the queries whose open windows it holds in vain.

    Raises:
        StateError: when a snapshot is of another version or no snapshot.

    """
    state = ReceiverState(application, running, wanted)
    last, discarded = _take_over(state, chain)
    state.positions = {shard: Checkpoint(*at) for shard, at in last.positions.items()}
    state.ended, state.outbox = set(last.ended), Outbox(last.outbox)
    state.children, state.heirs = last.children, last.heirs
    state.look_up_anew()
    return state, discarded


def inherited_receiver(
    application: str, running: Running, wanted: range, parents: Mapping[str, Sequence[bytes]]
) -> tuple[ReceiverState, list[str]]:
    """The state of a shard that follows others: of the key groups that its hash range holds. Raises likewise."""
    state = ReceiverState(application, running, wanted)
    discarded: dict[str, None] = {}
    for parent, chain in parents.items():
        last, of_parent = _take_over(state, chain)
        discarded |= dict.fromkeys(of_parent)
        state.heirs |= {**last.heirs, parent: last.children}
    state.look_up_anew()
    return state, list(discarded)


def _take_over(state: ReceiverState, chain: Sequence[bytes]) -> tuple[ReceiverSnapshot, list[str]]:
    """Have the state hold the key groups of a chain that it wants."""
    snapshots = [read_receiver_snapshot(data) for data in chain]
    found: dict[int, list[GroupSnapshot]] = {}
    for snapshot in snapshots:
        for number, group in snapshot.groups.items():
            if number in state.wanted:
                found.setdefault(number, []).append(group)
    discarded: dict[str, None] = {}
    for number, groups in found.items():
        bound = state.running.shared(len(state.wanted))
        made = KeyGroup(state.running.parts, {}, state.running.references, bound=bound)
        states: list[dict[str, Any]] = [msgspec.json.decode(group.state) for group in groups]
        discarded |= dict.fromkeys(made.restore(merged_group(states)))
        state.groups[number] = _Addressed(made, dict(groups[-1].applied))
    return snapshots[-1], list(discarded)


__all__ = ["ReceiverState", "inherited_receiver", "restored_receiver"]
