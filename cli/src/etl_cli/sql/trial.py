"""A program and the engine that runs it here, over events from files instead of streams."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from etl_cli.sql.showing import Sink
from etl_cli.sql.values import Row
from streaming_sql import Applied, Engine, Program
from streaming_sql.operators.lookup_join import LookupJoinNode


@dataclass(frozen=True, slots=True)
class Arrived:
    """How a line came: what PROCTIME() and METADATA columns read. There is no sequence number but its count."""

    arrived: int
    sequence_number: str
    partition_key: str = ""


class Trial:
    """One run of a program, each stream in so many shards.

    Attributes:
        sinks: the tables that its queries fill, by name.
        streams: the stream that an input's name stands for: a table that reads one, or the stream itself.
        references: the paths of reference tables by their names.

    """

    def __init__(self, program: Program, shards: int, now: Callable[[], int]) -> None:
        """`now` is the time in ms at which lines arrive."""
        self._engine = Engine(program)
        self._now = now
        self._tells_arrival = any(scan.metadata for scan in program.sources)
        self._lines = 0
        self.streams = _names(program)
        self.references = {
            node.table.name: node.table.options.get("path", "")
            for node in program.nodes
            if isinstance(node, LookupJoinNode)
        }
        for stream in set(self.streams.values()):
            for place in range(shards):
                self._engine.open_shard(_shard(stream, place), stream)
        self._partition_keys = {scan.stream: scan.partition_key for scan in program.sources}
        self.sinks = {
            query.query: Sink(query.query, tuple((output.name, output.type) for output in query.outputs))
            for query in program.queries
        }

    @property
    def watermark(self) -> int | None:
        """The least watermark that windows have fired by, in ms; None before the first."""
        return self._engine.watermark

    @property
    def size(self) -> int:
        """Groups and rows held."""
        return self._engine.group_count

    def set_reference(self, table: str, data: bytes) -> list[int]:
        """Give a reference table its rows; the lines that are none."""
        return self._engine.set_reference(table, "1", data)

    def partition_key(self, stream: str) -> str:
        """The JSON field that is the partition key of the stream's records, "" where no table says."""
        return self._partition_keys[stream]

    def apply(self, stream: str, shard: int, lines: Sequence[bytes]) -> Applied:
        """Events of a stream, as one of its shards brought them."""
        if not self._tells_arrival:
            return self._engine.apply(_shard(stream, shard), lines)
        arrived = self._now()
        arrivals = [Arrived(arrived, str(self._lines + place)) for place in range(len(lines))]
        self._lines += len(lines)
        return self._engine.apply(_shard(stream, shard), lines, arrivals)

    def follow(self, idle: Collection[tuple[str, int]]) -> None:
        """Shards that nothing comes from no longer hold windows back."""
        self._engine.follow([_shard(stream, place) for stream, place in idle])

    def let_time_pass(self, silent_ms: int) -> None:
        """No shard has brought anything for so long: event time goes on as the clock does."""
        self._engine.let_time_pass(silent_ms)

    def rows(self) -> Iterator[Row]:
        """The rows that have become due."""
        for row in self._engine.advance():
            names = [name for name, _ in self.sinks[row.query].columns]
            yield Row(row.query, row.change, row.columns(names), row.alert)

    def finish(self) -> Iterator[Row]:
        """No more events will come: all rows that were still held back."""
        yield from self.rows()
        while self._engine.finish():
            yield from self.rows()


def _names(program: Program) -> Mapping[str, str]:
    """Streams by the names of the tables that read them, and by their own."""
    streams = {scan.stream: scan.stream for scan in program.sources}
    return {**streams, **{scan.statement: scan.stream for scan in program.sources}}


def _shard(stream: str, place: int) -> str:
    return f"{stream}/{place}"
