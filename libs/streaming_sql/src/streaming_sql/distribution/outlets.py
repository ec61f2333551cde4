"""Where rows leave the engine of a source's shard: as records, or counted into groups of slices.

An outlet is emptied at every commit and holds no state of its own: what it gave out is in the outbox of that commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from streaming_sql.aggregates import Aggregate
from streaming_sql.aggregates.counting import Count
from streaming_sql.distribution.division import Division
from streaming_sql.distribution.keys import KeyGroups
from streaming_sql.distribution.messages import ArrivalFields, Row, encode_entry
from streaming_sql.distribution.parts import Part, group_of
from streaming_sql.distribution.routes import reach_ms
from streaming_sql.expressions import Evaluate
from streaming_sql.nodes import Input, Node, Scan
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing
from streaming_sql.operators.window_aggregate import WindowAggregate, WindowAggregateNode
from streaming_sql.records import Arrival
from streaming_sql.watermark import NEVER

AtHand = Callable[[Scan], tuple[bytes, Arrival | None]]
"""The record whose row is being taken in, and how it came."""


class OpenTime:
    """For how long after its last record a source's shard must not come to rest: windows may be open elsewhere."""

    def __init__(self, reach: int) -> None:
        self._reach = reach
        self._now = NEVER
        self.greatest: Callable[[], int] = lambda: NEVER

    def advance(self, now: int) -> None:
        """The shard's watermark is at `now`."""
        self._now = now

    def end(self) -> int | None:
        """The watermark that closes all that its rows have opened; None if it has passed."""
        greatest = self.greatest()
        return None if greatest == NEVER or self._now >= greatest + self._reach else greatest + self._reach


@dataclass(frozen=True, eq=False, kw_only=True)
class RowOutletNode(Node):
    """The rows of one scan that some query of a part reads."""

    scan: Scan
    part: Part

    def create(self) -> RowOutlet:
        """Nothing to send."""
        return RowOutlet(self)


class RowOutlet:
    """Keeps the records of rows by key group until they are taken. `at_hand` is set by the sender."""

    size = 0

    def __init__(self, node: RowOutletNode) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.dirty: set[Key] = set()
        self.node = node
        self.open = OpenTime(reach_ms(node.part.program))
        self.at_hand: AtHand = _no_record
        self._with_arrival = bool(node.scan.metadata)
        self._group = group_of(node.part.row_key(node.scan), node.part.only_group)
        self._rows: dict[int, list[Row]] = {}

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Note the row's record."""
        record, came = self.at_hand(self.node.scan)
        arrival = _fields(came) if self._with_arrival else None
        group = self._group(row)
        rows = self._rows.get(group)
        if rows is None:
            self._rows[group] = [(watermark, record, arrival)]
        else:
            rows.append((watermark, record, arrival))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be sent."""
        return not self._rows

    def take(self) -> dict[int, list[Row]]:
        """The rows since the last call, by key group."""
        rows, self._rows = self._rows, {}
        return rows

    def advance(self, before: int, now: int, /) -> None:
        """Rows leave with the next commit whatever the time."""
        self.open.advance(now)

    def flush_time(self) -> int | None:
        """Until when something that the rows opened elsewhere may be open."""
        return self.open.end()

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """There is no state."""
        return iter(())

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """There is no state."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SliceOutletNode(WindowAggregateNode):
    """The first half of a window aggregate; counts its rows beside what it is asked for."""

    half_of: WindowAggregateNode
    part: Part

    @classmethod
    def of(cls, node: WindowAggregateNode, part: Part) -> SliceOutletNode:
        """The first half of a node."""
        known = {each.name: getattr(node, each.name) for each in fields(node)}
        known |= {"name": f"{part.name}/{node.name}", "aggregates": (*node.aggregates, Aggregate(Count()))}
        known |= {"key_origins": ()}  # no state that a split of the shard would have to follow
        return cls(**known, half_of=node, part=part)

    @property
    def statement(self) -> str:
        """The view or sink that the whole is part of."""
        return self.half_of.statement

    def create(self) -> SliceOutlet:
        """No slices."""
        return SliceOutlet(self)


class SliceOutlet(WindowAggregate):
    """Counts rows into groups of slices until they are taken; judges lateness by the shard, as the whole would."""

    def __init__(self, node: SliceOutletNode) -> None:
        super().__init__(node)
        self.outlet = node
        self.open = OpenTime(reach_ms(node.part.program))
        self._groups_of = KeyGroups()
        self._places = node.part.slice_key(node.half_of)
        self._only = node.part.only_group
        self._division = Division([aggregate.accumulator for aggregate in node.half_of.aggregates])

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be sent."""
        return not self._slices

    def take(self, most_bytes: int) -> dict[int, list[bytes]]:
        """The groups since the last call, encoded, by key group; one of `most_bytes` and more in several entries."""
        taken: dict[int, list[bytes]] = {}
        encode, encode_key, places = self._functions.encode, self._codec.encode_key, self._places
        for (start, mark), groups in self.take_slices().items():
            for key, group in groups.items():
                *states, rows = encode(group)
                to = self._only if self._only is not None else self._groups_of[tuple([key[place] for place in places])]
                entry = encode_entry(start, mark, encode_key(key), states, rows)
                entries = taken.setdefault(to, [])
                if len(entry) < most_bytes:
                    entries.append(entry)
                else:
                    entries += self._division.entries(start, mark, encode_key(key), states, rows, most_bytes)
        self._dirty.clear()
        return taken

    def advance(self, before: int, now: int, /) -> None:
        """No window fires here."""
        self.open.advance(now)

    def flush_time(self) -> int | None:
        """Until when something that the rows opened elsewhere may be open."""
        return self.open.end()

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """There is no state."""
        return iter(())

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """There is no state."""


def outlets_of(part: Part) -> Iterator[RowOutletNode | SliceOutletNode]:
    """The outlets of a part that is not local."""
    if part.sends == "partials":
        for node in part.aggregates:
            yield SliceOutletNode.of(node, part)
        return
    for scan in part.program.sources:
        edges = [edge for node in part.program.nodes for edge in node.inputs if edge.node is scan]
        edge = Input(scan, _any_of([edge.where for edge in edges]))
        name = f"{part.name}/{scan.fingerprint}:rows"
        yield RowOutletNode(name=name, fingerprint=scan.fingerprint, inputs=(edge,), scan=scan, part=part)


def _any_of(conditions: list[Evaluate | None]) -> Evaluate | None:
    """A condition that is True where one of them is; None is always True."""
    tests = [condition for condition in conditions if condition is not None]
    if len(tests) < len(conditions):
        return None
    if len(tests) == 1:
        return tests[0]
    return lambda row: any(test(row) is True for test in tests)


def _fields(came: Arrival | None) -> ArrivalFields:
    return (0, "", "") if came is None else (came.arrived, came.sequence_number, came.partition_key)


def _no_record(scan: Scan) -> tuple[bytes, Arrival | None]:
    raise AssertionError(f"rows of {scan.name} reach an outlet only in a sender")


__all__ = ["OpenTime", "RowOutlet", "RowOutletNode", "SliceOutlet", "SliceOutletNode", "outlets_of"]
