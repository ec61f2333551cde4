"""The engine of one part in one key group: the part's own plan, fed by senders in place of streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from streaming_sql.distribution.messages import ArrivalFields, Rows, Slices
from streaming_sql.distribution.parts import Part
from streaming_sql.engine import LateRow
from streaming_sql.errors import ShelfFailed
from streaming_sql.nodes import Scan
from streaming_sql.operators.shelf import Bound, Bounded
from streaming_sql.operators.sink import ResultRow
from streaming_sql.operators.window_aggregate import WindowAggregate, WindowAggregateNode
from streaming_sql.operators.window_layout import settled
from streaming_sql.operators.window_state import RowCodec
from streaming_sql.program import Program
from streaming_sql.records import describing, scalars
from streaming_sql.running import Graph
from streaming_sql.state import Captured, capture_state, decode_state, peek_state
from streaming_sql.watermark import ShardWatermarks


@dataclass(frozen=True, slots=True)
class MissedPartial:
    """Rows of one key, counted together, that windows had fired without: their shard had been set aside as idle.

    Attributes:
        query: the view or sink whose windows they missed.
        key: the grouping key.
        rows: how many they are.
        time: where their slice begins, in ms.
        window_end: the end of the last window that they missed.
        watermark: the least watermark that the windows had fired by.

    """

    query: str
    shard: str
    key: tuple[Any, ...]
    rows: int
    time: int
    window_end: int
    watermark: int


@dataclass
class Received:
    """What a message came to.

    Attributes:
        late: rows too late for a window, in the order of the shard; `place` is of the record in `late_records`.
        late_records: the records of the late rows.
        missed: partials that came too late for some windows; they count in the others.
        malformed: records that a query cannot evaluate.
        ignored: parts of another program.

    """

    late: list[LateRow] = field(default_factory=list)
    late_records: list[bytes] = field(default_factory=list)
    missed: list[MissedPartial] = field(default_factory=list)
    malformed: list[bytes] = field(default_factory=list)
    ignored: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Came:
    """How a record came."""

    arrived: int
    sequence_number: str
    partition_key: str


class SecondStage:
    """The operators of one part. The watermarks are the key group's: every part reads the same shards."""

    def __init__(self, part: Part, watermarks: Mapping[str, ShardWatermarks], bound: Bound | None = None) -> None:
        self.part = part
        of_part = bound and replace(bound, shelf=lambda name: bound.shelf(f"{part.name}/{name}"))
        self.graph = Graph(part.program, self._late, of_part)
        self._scans = {scan.fingerprint: scan for scan in part.program.sources}
        self._watermarks = {name: watermarks[name] for name in self._scans}
        self._slices = {(node.name, node.fingerprint): node for node in part.aggregates}
        self._codecs = {node: RowCodec(node.keys) for node in part.aggregates}
        self._at_work: tuple[Scan, str, Any, bytes, Received] | None = None
        self._tell_where_time_stands()

    def _tell_where_time_stands(self) -> None:
        steps = {name: (marks.fired, marks.fired) for name, marks in self._watermarks.items()}
        self.graph.advance(steps, again=True)

    @property
    def size(self) -> int:
        """How many groups and rows are held."""
        return sum(operator.size for operator in self.graph.operators.values())

    def take_rows(self, shard: str, rows: Rows, received: Received) -> None:
        """Rows of one scan. Each is judged by its shard's watermark before it, or where the shard was moved on to."""
        scan = self._scans.get(rows.scan)
        if scan is None:
            return
        least = self._watermarks[rows.scan].by_shard[shard]
        decode, rowtime, push = scan.decoder.decode, scan.rowtime, self.graph.pushes[scan]
        for watermark, record, came in rows.rows():
            try:
                row, _ = decode(record)
                if came is not None:
                    _describe(scan, shard, row, came)
                time = rowtime(row)
                self._at_work = scan, shard, row, record, received
                push(row, time, max(watermark, least), shard)
            except ShelfFailed:
                raise
            except Exception:  # pure code over one record: the fault is the record's, and the group goes on
                received.malformed.append(record)
        self._at_work = None

    def _late(self, query: str, time: int, watermark: int, bound: int) -> None:
        if self._at_work is not None:
            scan, shard, row, record, received = self._at_work
            place = len(received.late_records)
            received.late.append(LateRow(query, shard, scalars(row, scan), time, bound, watermark, place))
            received.late_records.append(record)

    def take_slices(self, shard: str, slices: Slices, received: Received) -> None:
        """Groups of one node. Those of windows that fired while the shard was set aside count in the others."""
        node = self._slices.get((slices.node, slices.fingerprint))
        if node is None:
            received.ignored.add(self.part.name)
            return
        made = self.graph.operators[node]
        operator = made.inner if isinstance(made, Bounded) else made
        assert isinstance(operator, WindowAggregate)
        passed = operator.fired - node.lateness_ms
        for start, mark, encoded, group, rows in slices.decoded():
            key = self._codecs[node].decode_key(encoded)
            part, missed = settled(operator.layout, (start, mark), passed)
            if part is not None:
                if isinstance(made, Bounded):
                    made.hold(key)
                operator.add_slice(part, key, group)
            if missed is not None and rows:  # of a group that was cut the last part has the rows
                received.missed.append(_missed(node, shard, key, rows, start, missed, operator.fired))

    def advance(self, steps: Mapping[str, tuple[int, int]]) -> list[ResultRow]:
        """The rows that came out since the last call. `steps` are the least watermark before and now of each scan."""
        self.graph.advance(steps)
        return self.graph.take()

    def flush_time(self, scan: str) -> int | None:
        """The watermark of a scan that fires all that its rows have opened; None if nothing is open."""
        known = self._scans.get(scan)
        return None if known is None else self.graph.flush_time(known)

    def capture(self, *, changes: bool) -> Captured:
        """The operators' state."""
        return capture_state({}, self.graph.operators, changes=changes)

    def peek(self, program: Program) -> Captured:
        """The state of some queries with their watermarks; captures go on as if nobody looked."""
        return peek_state(self._watermarks, self.graph.operators, program.nodes)

    def restore(self, state: dict[str, Any]) -> list[str]:
        """Continue from a capture. Returns the queries whose state was discarded."""
        discarded = decode_state(state, {}, self.graph.operators)
        self._tell_where_time_stands()
        return discarded


def _missed(
    node: WindowAggregateNode, shard: str, key: tuple[Any, ...], rows: int, time: int, end: int, watermark: int
) -> MissedPartial:
    return MissedPartial(node.statement, shard, key, rows, time, end, watermark)


def _describe(scan: Scan, shard: str, row: Any, came: ArrivalFields) -> None:
    describe = describing(scan, shard, [_Came(*came)])
    if describe is not None:
        describe(row, 0)


__all__ = ["MissedPartial", "Received", "SecondStage"]
