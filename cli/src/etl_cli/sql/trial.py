"""A program and the engine that runs it here, over events from files instead of streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from etl_cli.sql.showing import Sink
from etl_cli.sql.values import Row
from streaming_sql import Applied, Engine, Program, ResultRow


class Trial:
    """One run of a program.

    Attributes:
        sinks: the tables that its queries fill, by name.
        tables: the tables that read events.

    """

    def __init__(self, program: Program, shards: int) -> None:
        self._engine = Engine(program)
        for place in range(shards):
            self._engine.open_shard(str(place))
        self.sinks = {
            query.name: Sink(query.name, tuple((output.name, output.type) for output in query.outputs))
            for query in program.queries
        }
        self._outputs = {query.query: query.outputs for query in program.queries}
        self.tables = frozenset[str]()

    @property
    def watermark(self) -> int | None:
        """The least watermark that windows have fired by, in ms; None before the first."""
        return None

    @property
    def size(self) -> int:
        """Groups and rows held."""
        return self._engine.group_count

    def partition_key(self, table: str) -> str:
        """The JSON field that is the partition key of a table's stream, "" for none."""
        return ""

    def apply(self, table: str, shard: str, lines: Sequence[bytes]) -> Applied:
        """Events of a table ("" for every one), as one shard brought them."""
        return self._engine.apply(shard, lines)

    def finish(self) -> None:
        """No more events will come."""
        self._engine.finish()

    def rows(self) -> Iterator[Row]:
        """The rows that have become due."""
        for window in self._engine.advance():
            yield Row(window.query, "+I", self._values(window))

    def _values(self, window: ResultRow) -> dict[str, object]:
        bounds = {"window_start": window.window_start, "window_end": window.window_end}
        known = {**window.key, **window.values}
        return {
            output.name: bounds[output.role] if output.role in bounds else known[output.name]
            for output in self._outputs[window.query]
        }
