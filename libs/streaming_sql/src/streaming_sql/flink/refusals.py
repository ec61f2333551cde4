"""What the embedded engine runs and Flink does not, or not into an append-only stream: told before it is deployed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, get_args

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from streaming_sql.aggregates.distinct import innermost
from streaming_sql.aggregates.ordered import EndValue
from streaming_sql.aggregates.registry import AGGREGATES
from streaming_sql.dialect import Flink, parse_script, unsupported
from streaming_sql.errors import SqlError
from streaming_sql.flink.clauses import Declaration
from streaming_sql.flink.connectors import MARKER, Connector
from streaming_sql.flink.sinks import rows_of
from streaming_sql.nodes import Node
from streaming_sql.operators.session_aggregate import SessionAggregateNode
from streaming_sql.operators.sink import SinkNode
from streaming_sql.operators.window_aggregate import WindowAggregateNode
from streaming_sql.operators.window_assign import WindowAssignNode
from streaming_sql.planning.settings import read_state_ttl
from streaming_sql.program import Program
from streaming_sql.reserved import RESERVED, RESERVED_IN_2_2, reserved_names
from streaming_sql.tables import Table

Runtime = Literal["1.20", "2.2"]
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)
_RESERVED: Mapping[Runtime, frozenset[str]] = {"1.20": RESERVED, "2.2": RESERVED_IN_2_2}


@dataclass(frozen=True)
class Script:
    """A file: its text, its tables, what it compiles to, and where its tables are filled."""

    text: str
    tables: Sequence[Declaration]
    program: Program
    places: Mapping[str, exp.Expr] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", dict(_places(self.text)))

    def table(self, name: str) -> Table:
        """The table of a name."""
        return next(each.table for each in self.tables if each.table.name == name)

    def error(self, statement: str, message: str, nearest: str = "") -> SqlError:
        """An error at the statement that fills a sink or makes a view or table."""
        return unsupported(self.places[statement], self.text, message, nearest)


def refusals(script: Script, connector: Connector, runtime: Runtime) -> list[SqlError]:
    """Everything in the file that Flink of this version would refuse, or answer otherwise, in the order of places."""
    found = [
        *reserved_names(script.text, _RESERVED[runtime]),
        *_markers(script.text),
        *_functions(script, runtime),
        *_tables(script, connector),
        *(error for node in script.program.nodes for error in _node(node, script)),
        *(error for query in script.program.queries for error in _sink(query, script, connector)),
    ]
    return sorted(found, key=lambda error: (error.line, error.column))


def _places(text: str) -> Iterator[tuple[str, exp.Expr]]:
    for statement in parse_script(text):
        tree = statement.tree
        if isinstance(tree, exp.Create | exp.Insert):
            name = tree.this.find(exp.Table)
            if name is not None:
                # A sink's INSERT comes after its CREATE and takes its place.
                yield name.name, name


def _markers(text: str) -> Iterator[SqlError]:
    """The application fills markers in wherever they stand, so the SQL may have none of its own."""
    for found in MARKER.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - (text.rfind("\n", 0, found.start()) + 1) + 1
        yield SqlError(f"{found[0]} stands for a stream in what the application runs", line, column, "another text")


def _functions(script: Script, runtime: Runtime) -> Iterator[SqlError]:
    tokens = Flink().tokenize(script.text)
    for token, after in pairwise(tokens):
        function = AGGREGATES.get(token.text.upper())
        if function is None or after.token_type != TokenType.L_PAREN or token.token_type == TokenType.IDENTIFIER:
            continue
        place = token.line, token.col - len(token.text) + 1
        if function.flink is False:
            exact = {"APPROX_COUNT_DISTINCT": "COUNT(DISTINCT x)"}.get(function.name, "")
            yield SqlError(f"{function.name} is of the embedded engine alone, Flink has none", *place, exact)
        elif isinstance(function.flink, str) and _version(runtime) < _version(function.flink):
            message = f"{function.name} came with Flink {function.flink}, this is for {runtime}"
            yield SqlError(message, *place, "--runtime 2.2")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _tables(script: Script, connector: Connector) -> Iterator[SqlError]:
    filled = {query.query for query in script.program.queries}
    for declaration in script.tables:
        table, tree, text = declaration.table, declaration.statement.tree, script.text
        if table.options["connector"] == "filesystem":
            message = f"Flink's filesystem connector cannot look rows up, so {table.name} can be no reference table"
            yield unsupported(
                tree.this, text, message, "a versioned table: a stream with a WATERMARK and a PRIMARY KEY"
            )
            continue
        for name in connector.unknown(table, sink=table.name in filled):
            nearest = "a longer delay in WATERMARK FOR" if name == "allowed-lateness" else ""
            yield unsupported(tree.this, text, f"table option '{name}' of {table.name} means nothing to Flink", nearest)
        if table.metadata:
            column = next(iter(table.metadata))
            message = f"Flink's Kinesis source does not fill METADATA columns ({column})"
            yield unsupported(tree.this, text, message, "a field of the event itself")


def _node(node: Node, script: Script) -> Iterator[SqlError]:
    if isinstance(node, WindowAggregateNode | WindowAssignNode) and node.window.offset:
        message = "Flink loses rows of windows with an offset (FLINK-36664)"
        yield script.error(node.statement, message, "windows without an offset")
    if not isinstance(node, WindowAggregateNode | SessionAggregateNode):
        return
    ends = any(isinstance(innermost(each.accumulator), EndValue) for each in node.aggregates)
    if ends and node.window.kind in {"HOP", "CUMULATE", "SESSION"}:
        message = f"Flink cannot merge FIRST_VALUE and LAST_VALUE over {node.window.kind} windows"
        yield script.error(node.statement, message, "MIN, MAX, or TUMBLE windows")


def _sink(query: SinkNode, script: Script, connector: Connector) -> Iterator[SqlError]:
    """What a stream of plain rows cannot carry."""
    if connector.takes_updates:
        return
    name, sink = query.query, rows_of(query, script.table(query.query))
    if query.updating:
        message = f"rows of {name} are revised or taken back, and Flink's Kinesis sink only appends"
        nearest = "a window, or for first rows ROW_NUMBER() OVER (PARTITION BY ... ORDER BY column AS PROCTIME())"
        yield script.error(name, message, nearest)
    if sink.told_by == "window" and query.identity:
        message = f"rows of {name} are grouped by what is not selected, so nothing in them tells them apart"
        yield script.error(name, message, "SELECT every GROUP BY column")
    if sink.told_by == "window" and not {"window_start", "window_end"} <= sink.roles:
        message = f"rows of {name} lack their window's bounds, so nothing says which window they are of"
        yield script.error(name, message, "SELECT window_start, window_end, ...")
    if sink.told_by != "window" and not sink.times:
        message = f"rows of {name} have no time, by which they are dated in the index"
        yield script.error(name, message, "SELECT ts, ... into a TIMESTAMP_LTZ(3) column")


def refuse_together(scripts: Mapping[str, Script], connector: Connector) -> list[SqlError]:
    """What files cannot have beside each other in one application: each error names its file."""
    return [*_alike(scripts, connector), *_settings(scripts)]


def _alike(scripts: Mapping[str, Script], connector: Connector) -> Iterator[SqlError]:
    """Sinks whose rows cannot be told apart: the same columns in one stream."""
    if connector.takes_updates:
        return
    seen: dict[tuple[str, frozenset[str]], str] = {}
    for file, script in scripts.items():
        for query in script.program.queries:
            columns = script.table(query.query).columns
            key = query.options["stream"], frozenset(name for name, _ in columns)
            if key in seen:
                message = f"rows of {query.query} and {seen[key]} have the same columns in stream {key[0]}"
                yield script.error(query.query, message, "another name for one column").in_file(file)
            seen.setdefault(key, query.query)


def _settings(scripts: Mapping[str, Script]) -> Iterator[SqlError]:
    """One application has one time to live; here each file has its own."""
    kept: dict[int | None, list[str]] = defaultdict(list)
    for file, script in scripts.items():
        kept[_time_to_live(script.text)].append(file)
    if len(kept) > 1:
        file = max(kept.items(), key=lambda item: item[0] or 0)[1][0]
        others = ", ".join(sorted(each for files in kept.values() for each in files if each != file)[:3])
        message = f"table.exec.state.ttl holds for a whole Flink application, and is another in {others}"
        yield SqlError(message, 1, 1, "an application for each time to live", file)


def _time_to_live(text: str) -> int | None:
    found = None
    for statement in parse_script(text):
        if isinstance(statement.tree, exp.Set):
            found = read_state_ttl(statement.tree, text)
    return found
