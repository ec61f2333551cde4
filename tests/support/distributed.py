"""Runs a program over many tasks in one process: senders at the shards, key groups behind an exchange that delays."""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memory_shelf import memory_bound

from streaming_sql import Arrival, Engine, LateRow, Program, ResultRow
from streaming_sql.distribution import KeyGroup, Sender, Sent, distribute, merged_group
from streaming_sql.state import merged_state

Prepare = Callable[[Any], None]


@dataclass
class Table:
    """The rows that came out, as the table that they leave: what replaces or goes takes a former row away."""

    held: dict[str, list[str]] = field(default_factory=dict)
    late: Counter[str] = field(default_factory=Counter)
    missed: int = 0

    @property
    def rows(self) -> Counter[str]:
        """The rows with their keys as text."""
        return Counter(f"{place} {values}" for place, rows in self.held.items() for values in rows)

    def take(self, came: Sequence[ResultRow]) -> None:
        """Add what came out."""
        for row in came:
            told = [row.query, row.window_start, row.window_end, row.key, row.identity]
            place = json.dumps(told, default=str, sort_keys=True)
            alert = row.alert and (row.alert.status, row.alert.opened)
            values = json.dumps([row.values, alert], default=str, sort_keys=True)
            rows = self.held.setdefault(place, [])
            if row.change != "+I" and rows:
                rows.pop(rows.index(values) if values in rows else -1)
            if row.change != "-D":
                rows.append(values)

    def take_late(self, came: Sequence[LateRow]) -> None:
        """Note late rows."""
        for row in came:
            told = [row.query, row.shard, row.row, row.time, row.window_end, row.watermark]
            self.late[json.dumps(told, default=str, sort_keys=True)] += 1


@dataclass
class Inputs:
    """Records by shard, in order; `streams` of the shards; `children` of those that end when their records do."""

    records: Mapping[str, Sequence[bytes]]
    streams: Mapping[str, str]
    arrivals: Mapping[str, Sequence[Arrival]] = field(default_factory=dict)
    children: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def first(self) -> list[str]:
        """The shards that follow no other."""
        later = {child for children in self.children.values() for child in children}
        return [shard for shard in self.records if shard not in later]


def run_single(
    program: Program, inputs: Inputs, prepare: Prepare = lambda engine: None, *, finish: bool = True
) -> Table:
    """What one engine over all shards comes to; without `finish` what has come out by the last record."""
    engine, table = Engine(program), Table()
    prepare(engine)
    for shard in inputs.first:
        engine.open_shard(shard, inputs.streams[shard])
    waiting = list(inputs.first)
    ended: set[str] = set()
    while waiting:
        shard = waiting.pop(0)
        if shard in engine.shards:
            table.take_late(engine.apply(shard, inputs.records[shard], inputs.arrivals.get(shard)).late)
        if shard in inputs.children:
            ended.add(shard)
            engine.close_shard(shard, inputs.children[shard])
            waiting += [child for child in inputs.children[shard] if _may_start(child, ended, inputs, waiting)]
        table.take(engine.advance())
    while finish and engine.finish():
        table.take(engine.advance())
    return table


def _may_start(child: str, ended: set[str], inputs: Inputs, waiting: Sequence[str]) -> bool:
    parents = {shard for shard, children in inputs.children.items() if child in children}
    return parents <= ended and child not in waiting


class Exchange:
    """One run over many tasks: random commits, interleavings, repeats and restarts, by a seeded generator."""

    def __init__(
        self,
        program: Program,
        inputs: Inputs,
        rng: random.Random,
        prepare: Prepare = lambda engine: None,
        *,
        batch: int = 5,
        most_bytes: int = 300,
        idle: float = 0,
        keys: int | None = None,
    ) -> None:
        """`batch`: how many records a shard reads at once at most; `most_bytes`: the size of messages.

        `idle`: how often a shard with records to read says that others need not wait for it; `keys`: how many keys an
        operator holds in memory.
        """
        self.parts = distribute(program)
        self.inputs = inputs
        self.rng = rng
        self.prepare = prepare
        self.batch, self.most_bytes, self.idle = batch, most_bytes, idle
        self.bound = None if keys is None else memory_bound(keys)
        self.table = Table()
        self.bytes = 0
        self.left = {shard: list(records) for shard, records in inputs.records.items()}
        self.senders: dict[str, Sender] = {}
        self.queues: dict[tuple[str, int], list[tuple[int, bytes]]] = {}
        self.sent = 0
        self.groups: dict[int, KeyGroup] = {}
        self.applied: dict[tuple[str, int], int] = {}
        self.chains: dict[int, list[dict[str, Any]]] = {}
        self.sender_chains: dict[str, list[dict[str, Any]]] = {}
        self.ended: set[str] = set()
        for shard in inputs.first:
            self._start(shard)

    def _start(self, shard: str, at: dict[str, Any] | None = None) -> None:
        sender = self.senders[shard] = Sender(self.parts, bound=self.bound)
        if at is None:
            self.prepare(sender)
            sender.open_shard(shard, self.inputs.streams[shard])
            self.sender_chains[shard] = [sender.snapshot()]
        else:
            sender.restore(at)
            self.prepare(sender)

    def run(self, *, finish: bool = True) -> Table:
        """To the end of the input; with `finish` everything fires then."""
        while any(self.left.values()) or any(self.queues.values()):
            self.step()
        for shard in list(self.senders):
            self.commit(shard)
        self.deliver_all()
        for part in (*self.senders.values(), *self.groups.values()):
            self.table.take(part.advance())
        if finish:
            self.finish()
        return self.table

    def step(self) -> None:
        """Something happens somewhere."""
        rng = self.rng
        shard = rng.choice(list(self.senders))
        if rng.random() < 0.6 and self.left[shard]:
            self.read(shard, rng.randint(1, self.batch))
        if rng.random() < 0.5 and any(self.left.values()):
            self.commit(shard)
        for place in rng.sample(list(self.queues), min(len(self.queues), 40)):
            self.deliver(place, rng.randrange(0, 3))
        if self.groups and rng.random() < 0.5:
            for group in rng.sample(list(self.groups), min(len(self.groups), 6)):
                self.fire(group)

    def read(self, shard: str, count: int) -> None:
        """The shard's sender takes records in."""
        records = self.left[shard][:count]
        done = len(self.inputs.records[shard]) - len(self.left[shard])
        arrivals = self.inputs.arrivals.get(shard)
        self.left[shard] = self.left[shard][count:]
        came = None if arrivals is None else arrivals[done : done + len(records)]
        self.table.take_late(self.senders[shard].apply(shard, records, came).late)

    def commit(self, shard: str) -> None:
        """What a unit's commit does: rows, messages, then the state, which another owner may go on from."""
        sender = self.senders[shard]
        ends = shard in self.inputs.children and not self.left[shard] and shard not in self.ended
        self.table.take(sender.advance())
        children = list(self.inputs.children[shard]) if ends else None
        idle = self.rng.random() < self.idle
        for sent in sender.take(shard, idle=idle, children=children, most_bytes=self.most_bytes):
            self.put(shard, sent)
        self.sender_chains[shard].append(json.loads(sender.capture(changes=True).encode()))
        if ends:
            self._end(shard)
        elif self.rng.random() < 0.3:
            state = merged_state(self.sender_chains[shard])
            self._start(shard, state)
            self.sender_chains[shard] = [self.senders[shard].snapshot()]

    def _end(self, shard: str) -> None:
        """Its children go on where it stood; of two parents, where the first to be listed did."""
        self.ended.add(shard)
        del self.senders[shard]
        for child in self.inputs.children[shard]:
            if _may_start(child, self.ended, self.inputs, []):
                state = {**merged_state(self.sender_chains[shard]), "operators": {}}
                self._start(child, state)
                self.senders[child].close_shard(shard, [child])
                self.sender_chains[child] = [self.senders[child].snapshot()]

    def put(self, shard: str, sent: Sent) -> None:
        """A message on its way, sometimes twice."""
        self.bytes += len(sent.data)
        self.sent += 1
        queue = self.queues.setdefault((shard, sent.key_group), [])
        queue.append((self.sent, sent.data))
        if self.rng.random() < 0.2:
            queue.append((self.sent, sent.data))

    def deliver(self, place: tuple[str, int], count: int) -> None:
        """The group takes the oldest messages of a shard in, and drops what it has had."""
        group = place[1]
        queue = self.queues[place]
        for number, data in queue[:count]:
            if number <= self.applied.get(place, 0):
                continue
            self.applied[place] = number
            received = self.group(group).receive(data)
            assert not received.ignored
            assert not received.malformed
            self.table.take_late(received.late)
            self.table.missed += sum(missed.rows for missed in received.missed)
        del queue[:count]
        if not queue:
            del self.queues[place]

    def deliver_all(self) -> None:
        """Everything that is on its way arrives."""
        while self.queues:
            self.deliver(next(iter(self.queues)), 1 << 30)

    def group(self, group: int) -> KeyGroup:
        """The key group, made when it is first heard of."""
        if group not in self.groups:
            shards = {shard: self.inputs.streams[shard] for shard in self.inputs.first}
            made = self.groups[group] = KeyGroup(self.parts, shards, bound=self.bound)
            self.prepare(made)
            self.chains[group] = [made.snapshot()]
        return self.groups[group]

    def fire(self, group: int) -> None:
        """Windows fire; sometimes another task goes on with the group."""
        known = self.groups[group]
        self.table.take(known.advance())
        if self.rng.random() < 0.3:
            self.chains[group].append(json.loads(known.capture(changes=True).encode()))
            if self.rng.random() < 0.5:
                made = KeyGroup(self.parts, {}, bound=self.bound)
                state = merged_group(self.chains[group])
                assert made.restore(state) == []
                self.prepare(made)
                self.groups[group], self.chains[group] = made, [made.snapshot()]

    def finish(self) -> None:
        """Everything that is open fires."""
        for part in (*self.senders.values(), *self.groups.values()):
            while part.finish():
                self.table.take(part.advance())
