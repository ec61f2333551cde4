"""The end of a query: base rows become result rows of the sink's columns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import msgspec

from streaming_sql.alerts import AlertChange
from streaming_sql.expressions import Evaluate
from streaming_sql.nodes import Node, Output
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing


class ResultRow(msgspec.Struct, frozen=True, gc=False):
    """One row of a sink; times in ms.

    Attributes:
        query: the sink table's name.
        window_start, window_end: the bounds of the window it belongs to; None of a query without windows.
        key: what tells the row from others of its window: grouped columns, or the sink's PRIMARY KEY, by their names
            in the sink.
        values: all other columns but the window's bounds.
        sink_options: the sink table's WITH options.
        change: "+I" adds the row, "+U" replaces the one of the same key and window, "-D" takes it away.
        time: the row's event time; of a window's row its last millisecond.
        identity: grouped columns that were not selected, which tell rows apart all the same.
        bound_names: the sink's columns that hold the window's start and end, "" for one that is not selected.
        updating: later rows may replace this one, or take it away.
        alert: what became of the alert that the row tells of, where the sink table has 'alert.…' options.

    """

    query: str
    window_start: int | None
    window_end: int | None
    key: dict[str, Any]
    values: dict[str, Any]
    sink_options: dict[str, str]
    change: Change = "+I"
    time: int = 0
    identity: tuple[Any, ...] = ()
    alert: AlertChange | None = None
    bound_names: tuple[str, str] = ("", "")
    updating: bool = False

    def columns(self, names: Iterable[str]) -> dict[str, Any]:
        """The row by the sink's column names, in the order asked for."""
        start, end = self.bound_names
        known = {start: self.window_start, end: self.window_end, **self.key, **self.values}
        return {name: known.get(name) for name in names}


@dataclass(frozen=True, eq=False, kw_only=True)
class SinkNode(Node):
    """One INSERT INTO, named by its sink table.

    Attributes:
        bounds: the window's start and end of a base row, None without a window.
        identity: what tells rows apart beside the outputs of role "key".
        updating: rows may be replaced or taken away later.

    """

    options: dict[str, str]
    outputs: tuple[Output, ...]
    bounds: tuple[Evaluate, Evaluate] | None = None
    identity: tuple[Evaluate, ...] = ()
    updating: bool = False

    @property
    def query(self) -> str:
        """The sink table's name."""
        return self.statement

    def create(self) -> Sink:
        """A sink that holds nothing."""
        return Sink(self)

    def describe(self) -> list[str]:
        """The sink and its columns."""
        columns = ", ".join(f"{output.name} {output.type}" for output in self.outputs)
        return [f"insert into {self.query}", f"columns: {columns}"]


def bound_names(node: SinkNode) -> tuple[str, str]:
    """The columns that hold the window's start and end, "" where none does."""
    names = {output.role: output.name for output in node.outputs}
    return names.get("window_start", ""), names.get("window_end", "")


class Sink:
    """Collects result rows until the engine takes them."""

    def __init__(self, node: SinkNode) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.dirty: set[Key] = set()
        self.rows: list[ResultRow] = []
        self._node = node
        self._start = node.bounds[0] if node.bounds else None
        self._end = node.bounds[1] if node.bounds else None
        self._keys = [(output.name, output.evaluate) for output in node.outputs if output.role == "key"]
        self._values = [(output.name, output.evaluate) for output in node.outputs if output.role == "value"]
        self._key_of, self._values_of = _columns(self._keys), _columns(self._values)
        self._bound_names, self._updating = bound_names(node), node.updating
        self._query, self._options, self._identity = node.query, node.options, node.identity

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """One row of the result."""
        start, end = self._start, self._end
        self.rows.append(
            ResultRow(
                self._query,
                None if start is None else start(row),
                None if end is None else end(row),
                self._key_of(row),
                self._values_of(row),
                self._options,
                change,
                time,
                tuple([evaluate(row) for evaluate in self._identity]) if self._identity else (),
                None,
                self._bound_names,
                self._updating,
            )
        )

    def advance(self, before: int, now: int, /) -> None:
        """Nothing waits here."""

    def flush_time(self) -> int | None:
        """Nothing waits here."""
        return None

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """No state: the engine's caller takes the rows before it makes a snapshot."""
        return iter(())

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """Nothing to restore."""

    @property
    def size(self) -> int:
        """Nothing is held."""
        return 0


def _columns(evaluations: Sequence[tuple[str, Evaluate]]) -> Callable[[Any], dict[str, Any]]:
    """What makes values by their names from a base row."""
    if not evaluations:
        return lambda row: {}
    if len(evaluations) == 1:
        name, evaluate = evaluations[0]
        return lambda row: {name: evaluate(row)}
    if not all(isinstance(evaluate, itemgetter) for _, evaluate in evaluations):
        return lambda row: {name: evaluate(row) for name, evaluate in evaluations}
    names = tuple(name for name, _ in evaluations)
    take: Callable[[Any], Any] = itemgetter(*(evaluate.__reduce__()[1][0] for _, evaluate in evaluations))
    return lambda row: dict(zip(names, take(row), strict=True))
