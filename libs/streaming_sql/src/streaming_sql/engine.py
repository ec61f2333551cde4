"""The engine: records of shards in, rows of fired windows out. Synchronous, no clock, no I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from streaming_sql.compile import CompiledSource, Program, compile_plan
from streaming_sql.decode import field_name
from streaming_sql.errors import SqlError, UnknownShard
from streaming_sql.plan import Plan, plan_script
from streaming_sql.state import decode_state, encode_state
from streaming_sql.watermark import NEVER, ShardWatermarks
from streaming_sql.windows import FiredWindow, WindowStore


@dataclass(frozen=True, slots=True)
class LateRow:
    """A record that came too late for at least one window of a query; times in ms.

    Attributes:
        row: the record's top-level columns of scalar type, by name.
        window_end: the end of the last window that it missed.
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


def load_program(scripts: Mapping[str, str]) -> Program:
    """Plan and compile scripts by file name; each has its own tables, all their sinks different names.

    Raises:
        SqlError: naming file, line and column.

    """
    plan = Plan(())
    for file, text in scripts.items():
        try:
            script = plan_script(text)
            compile_plan(script)
            plan = plan.merged(script)
        except SqlError as error:
            raise error.in_file(file) from error
    return compile_plan(plan)


class Engine:
    """Incremental windows of a program over the shards of one stream.

    For a given assignment of records to shards the rows do not depend on how shards interleave, on the sizes of
    `apply` or on when `advance` is called.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._watermarks = {source.fingerprint: ShardWatermarks() for source in program.sources}
        self._stores = {query.name: WindowStore(query) for query in program.queries}
        self._runs = [
            (source, self._watermarks[source.fingerprint], self._stores_of(source)) for source in program.sources
        ]

    def _stores_of(self, source: CompiledSource) -> list[WindowStore]:
        return [store for store in self._stores.values() if store.query.source == source.fingerprint]

    @property
    def shards(self) -> frozenset[str]:
        """The open shards."""
        return frozenset(shard for marks in self._watermarks.values() for shard in marks.by_shard)

    @property
    def group_count(self) -> int:
        """How many groups are held in open windows."""
        return sum(store.group_count() for store in self._stores.values())

    def open_shard(self, shard: str) -> None:
        """Wait for this shard's events before firing; nothing if it is open already."""
        for marks in self._watermarks.values():
            if shard not in marks.by_shard:
                marks.open(shard)

    def close_shard(self, shard: str, children: Iterable[str] = ()) -> None:
        """A shard has ended: its children begin at its watermark. Nothing if it is not open."""
        ends = list(children)
        for marks in self._watermarks.values():
            if shard in marks.by_shard:
                marks.close(shard, ends)

    def apply(self, shard: str, records: Sequence[bytes]) -> Applied:
        """Count one shard's records in, in their order.

        Raises:
            UnknownShard: if the shard is not open.

        """
        applied = Applied()
        malformed: set[int] = set()
        for source, marks, stores in self._runs:
            if shard not in marks.by_shard:
                raise UnknownShard(shard)
            _apply(source, marks, stores, shard, records, applied, malformed)
        applied.malformed = sorted(malformed)
        return applied

    def advance(self) -> list[FiredWindow]:
        """Fire every window that the least watermark has passed. Rows of one window come in no given order."""
        fired: list[FiredWindow] = []
        for _, marks, stores in self._runs:
            before, now = marks.step()
            if before < now:
                for store in stores:
                    fired.extend(store.fire(before, now))
        return fired

    def follow(self, idle: Collection[str]) -> bool:
        """Idle shards no longer hold windows back: they stand where the others do. Whether anything moved."""
        moved = False
        for marks in self._watermarks.values():
            moved = marks.follow(idle) or moved
        return moved

    def let_time_pass(self, silent_ms: int) -> bool:
        """While windows are open, event time has gone on for `silent_ms` since the greatest seen. Whether it moved."""
        moved = False
        for source, marks, stores in self._runs:
            if marks.greatest_time != NEVER and any(store.slices for store in stores):
                at = marks.greatest_time + silent_ms - source.delay_ms
                moved = marks.raise_to(list(marks.by_shard), at) or moved
        return moved

    def finish(self) -> bool:
        """No more events of the open windows will come: the next advance fires them all. Whether any was open."""
        moved = False
        for _, marks, stores in self._runs:
            ends = [end for store in stores if (end := store.last_end()) is not None]
            if ends:
                moved = marks.raise_to(list(marks.by_shard), max(ends) - 1) or moved
        return moved

    def snapshot(self) -> dict[str, Any]:
        """The whole state as JSON values, see streaming_sql.state."""
        return encode_state(self._watermarks, self._stores)

    def restore(self, state: dict[str, Any]) -> list[str]:
        """Continue from a snapshot, on a fresh engine. Returns the queries whose open windows were discarded.

        Raises:
            StateError: when the snapshot has another version.

        """
        return decode_state(state, self._watermarks, self._stores)


def _apply(
    source: CompiledSource,
    marks: ShardWatermarks,
    stores: list[WindowStore],
    shard: str,
    records: Sequence[bytes],
    applied: Applied,
    malformed: set[int],
) -> None:
    decode, rowtime, delay = source.decoder.decode, source.rowtime, source.delay_ms
    watermark, greatest = marks.by_shard[shard], marks.greatest_time
    for place, data in enumerate(records):
        try:
            row, wrong = decode(data)
            time = rowtime(row)
            applied.null_fields += wrong
            if time is None:
                applied.without_time += 1
                continue
            for store in stores:
                end = store.add(row, time, watermark)
                if end is not None:
                    late = LateRow(store.query.name, shard, _scalars(row, source), time, end, watermark, place)
                    applied.late.append(late)
        except Exception:  # pure code over one record: the fault is the record's, and the shard goes on
            malformed.add(place)
            continue
        greatest = max(greatest, time)
        watermark = max(watermark, time - delay)
    marks.by_shard[shard], marks.greatest_time = watermark, greatest


def _scalars(row: Any, source: CompiledSource) -> dict[str, Any]:
    values = {name: getattr(row, field_name(place)) for place, name in enumerate(source.columns)}
    return {name: value for name, value in values.items() if not isinstance(value, msgspec.Struct)}
