"""The engine: records of shards in, result rows out. Synchronous, no clock, no I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from streaming_sql.errors import ShelfFailed, UnknownReference, UnknownShard
from streaming_sql.nodes import Node, Scan
from streaming_sql.operators.lookup_join import LookupJoin, LookupJoinNode
from streaming_sql.operators.operator import Emit
from streaming_sql.operators.shelf import Bound
from streaming_sql.operators.sink import ResultRow
from streaming_sql.program import Program
from streaming_sql.records import Arrival, describing, scalars
from streaming_sql.reference_rows import read_reference
from streaming_sql.running import Graph
from streaming_sql.state import Captured, capture_state, decode_state, peek_state
from streaming_sql.watermark import NEVER, ShardWatermarks


@dataclass(frozen=True, slots=True)
class LateRow:
    """A record that came too late for at least one window of a query; times in ms.

    Attributes:
        query: the view or sink whose window it missed.
        row: the record's top-level columns of scalar type, by name.
        window_end: the end of the last window that it missed, or the time that it had to reach.
        watermark: its own shard's watermark when it was judged.
        place: of the record in the given sequence.

    """

    query: str
    shard: str
    row: dict[str, Any]
    time: int
    window_end: int
    watermark: int
    place: int = field(default=0, compare=False)


@dataclass
class Applied:
    """What applying records came to.

    Attributes:
        late: too late for a window, in the order of the records.
        malformed: places in the given sequence of what is no JSON object, or nothing a query can evaluate.
        null_fields: fields that became NULL because of their type.
        without_time: rows left out for a NULL event time.

    """

    late: list[LateRow] = field(default_factory=list)
    malformed: list[int] = field(default_factory=list)
    null_fields: int = 0
    without_time: int = 0


class _Run:
    """One scan at work: its watermarks, and where its rows go. `row` and `place` are the record's at hand."""

    def __init__(self, scan: Scan, push: Emit) -> None:
        self.scan = scan
        self.marks = ShardWatermarks(scan.stream)
        self.push = push
        self.row: Any = None
        self.place = 0


class Engine:
    """A program over the shards of its streams.

    For a given assignment of records to shards the rows do not depend on how shards interleave, on the sizes of
    `apply` or on when `advance` is called.
    """

    def __init__(self, program: Program, *, of_one_shard: bool = False, bound: Bound | None = None) -> None:
        """`of_one_shard`: records come from one shard, and then from the one that goes on with its keys.

        They are one sequence: what is of equal time goes by arrival, whatever the shards are called. `bound` says how
        many keys each operator holds in memory.
        """
        self.program = program
        self._sequence = "one" if of_one_shard else ""
        self._graph = Graph(program, self._late, bound)
        self._runs = {scan.fingerprint: _Run(scan, self._graph.pushes[scan]) for scan in program.sources}
        self._watermarks = {name: run.marks for name, run in self._runs.items()}
        self._at_work: tuple[_Run, str, Applied] | None = None

    @property
    def shards(self) -> frozenset[str]:
        """The open shards."""
        return frozenset(shard for run in self._runs.values() for shard in run.marks.by_shard)

    @property
    def group_count(self) -> int:
        """How many groups and rows are held."""
        return sum(operator.size for operator in self._graph.operators.values())

    @property
    def watermark(self) -> int | None:
        """The least watermark, over all tables, that the last `advance` fired by, in ms; None before there is one."""
        at = min((run.marks.fired for run in self._runs.values()), default=NEVER)
        return None if at == NEVER else at

    def open_shard(self, shard: str, stream: str = "") -> None:
        """Wait for this shard's events before firing; nothing if it is open already.

        Shard names are unique over all streams. `stream` limits the shard to the tables of that stream.
        """
        for run in self._runs.values():
            if shard not in run.marks.by_shard and stream in {"", run.scan.stream}:
                run.marks.open(shard)

    def close_shard(self, shard: str, children: Iterable[str] = ()) -> None:
        """A shard has ended: its children begin at its watermark. Nothing if it is not open."""
        ends = list(children)
        for run in self._runs.values():
            if shard in run.marks.by_shard:
                run.marks.close(shard, ends)

    def apply(self, shard: str, records: Sequence[bytes], arrivals: Sequence[Arrival] | None = None) -> Applied:
        """Count one shard's records in, in their order. `arrivals` say how each came; without them nobody knows.

        Raises:
            UnknownShard: if the shard is not open.
            ShelfFailed: some records are counted in, and nothing is captured any more.

        """
        applied = Applied()
        malformed: set[int] = set()
        runs = [run for run in self._runs.values() if shard in run.marks.by_shard]
        if self._runs and not runs:
            raise UnknownShard(shard)
        for run in runs:
            self._at_work = (run, shard, applied)
            _apply(run, shard, self._sequence or shard, (records, arrivals), applied, malformed)
        applied.malformed = sorted(malformed)
        return applied

    @property
    def references(self) -> dict[str, str]:
        """The version of each reference table by its name, "" of one that was not given yet.

        A snapshot holds the versions alone: after `restore` give each table again before the next record.
        """
        return {node.table.name: operator.version for node, operator in self._lookups()}

    def set_reference(self, table: str, version: str, data: bytes) -> list[int]:
        """Let records applied from now on meet these rows of a reference table, and no others.

        `data` is its file, in the format that the table's options say. Returns the 1-based lines that are no rows.

        Raises:
            UnknownReference: if no query looks anything up in it.

        """
        malformed: list[int] | None = None
        for node, operator in self._lookups():
            if node.table.name == table:
                rows, malformed = read_reference(node.decoder, node.table.options, data)
                operator.set_reference(version, rows)
        if malformed is None:
            raise UnknownReference(table)
        return malformed

    def _lookups(self) -> Iterator[tuple[LookupJoinNode, LookupJoin]]:
        for node, operator in self._graph.operators.items():
            if isinstance(node, LookupJoinNode) and isinstance(operator, LookupJoin):
                yield node, operator

    def advance(self) -> list[ResultRow]:
        """Fire what the least watermarks have passed. The rows that came out since the last call, in no given order."""
        self._graph.advance({name: marks.step() for name, marks in self._watermarks.items()})
        return self._graph.take()

    def follow(self, idle: Collection[str]) -> bool:
        """Idle shards no longer hold windows back: they stand where the others do. Whether anything moved."""
        moved = False
        for run in self._runs.values():
            moved = run.marks.follow(idle) or moved
        return moved

    def let_time_pass(self, silent_ms: int) -> bool:
        """While windows are open, event time has gone on for `silent_ms` since the greatest seen. Whether it moved."""
        moved = False
        for run in self._runs.values():
            marks = run.marks
            if marks.greatest_time != NEVER and self._graph.flush_time(run.scan) is not None:
                at = marks.greatest_time + silent_ms - run.scan.delay_ms
                moved = marks.raise_to(list(marks.by_shard), at) or moved
        return moved

    def finish(self) -> bool:
        """No more events of the open windows will come: the next advance fires them all. Whether any was open.

        What fires may open windows of a query that reads it: finish again until nothing is open.
        """
        moved = False
        for run in self._runs.values():
            end = self._graph.flush_time(run.scan)
            if end is not None:
                moved = run.marks.raise_to(list(run.marks.by_shard), end) or moved
        return moved

    def snapshot(self) -> dict[str, Any]:
        """The whole state as JSON values, see streaming_sql.state. Take the rows of `advance` first."""
        state: dict[str, Any] = msgspec.json.decode(self.capture().encode())
        return state

    def capture(self, *, changes: bool = False) -> Captured:
        """The state at this moment, to be encoded later: whole, or of what changed since the last capture.

        A change is of use only after the captures since the last whole one: see streaming_sql.state.merged_state.

        Raises:
            ShelfFailed: once states could not be put down or taken up.

        """
        return capture_state(self._watermarks, self._graph.operators, changes=changes)

    def peek(self, nodes: Collection[Node]) -> Captured:
        """The state of some nodes at this moment, for a look at it: what counts as changed is left as it is."""
        return peek_state(self._watermarks, self._graph.operators, nodes)

    def restore(self, state: dict[str, Any]) -> list[str]:
        """Continue from a snapshot, on a fresh engine. Returns the queries whose open windows were discarded.

        Raises:
            StateError: when the snapshot has another version.

        """
        discarded = decode_state(state, self._watermarks, self._graph.operators)
        self._graph.advance({name: (marks.fired, marks.fired) for name, marks in self._watermarks.items()}, again=True)
        return discarded

    def _late(self, query: str, time: int, watermark: int, bound: int) -> None:
        if self._at_work is not None:
            run, shard, applied = self._at_work
            row = scalars(run.row, run.scan)
            applied.late.append(LateRow(query, shard, row, time, bound, watermark, run.place))


def _apply(
    run: _Run,
    shard: str,
    sequence: str,
    given: tuple[Sequence[bytes], Sequence[Arrival] | None],
    applied: Applied,
    malformed: set[int],
) -> None:
    records, arrivals = given
    scan, marks, push = run.scan, run.marks, run.push
    decode, rowtime, delay = scan.decoder.decode, scan.rowtime, scan.delay_ms
    describe = describing(scan, shard, arrivals)
    watermark, greatest = marks.by_shard[shard], marks.greatest_time
    for place, data in enumerate(records):
        try:
            row, wrong = decode(data)
            if describe is not None:
                describe(row, place)
            time = rowtime(row)
            applied.null_fields += wrong
            if time is None:
                applied.without_time += 1
                continue
            run.row, run.place = row, place
            push(row, time, watermark, sequence)
        except ShelfFailed:
            raise
        except Exception:  # pure code over one record: the fault is the record's, and the shard goes on
            malformed.add(place)
            continue
        if time > greatest:
            greatest = time
        if time - delay > watermark:
            watermark = time - delay
    marks.by_shard[shard], marks.greatest_time = watermark, greatest
