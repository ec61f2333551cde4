"""What a script says: sources, sinks and the windowed queries between them, still as syntax trees.

A plan is the script checked for form; streaming_sql.compile gives it types and makes it run.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from streaming_sql.dialect import CREATE_FORM, INSERT_FORM, Statement, WindowTable, parse_script, unsupported
from streaming_sql.tables import Sink, Source, fingerprint, only, plain_name, read_interval, read_table

_WINDOW_FORM = "TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))"
_HOP_FORM = "TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '30' SECOND))"


@dataclass(frozen=True)
class Window:
    """Windows of `size` ms every `slide` ms, aligned to `offset` ms after the epoch; TUMBLE has slide = size."""

    size: int
    slide: int
    offset: int = 0


@dataclass(frozen=True)
class Query:
    """One INSERT INTO: named by its sink table."""

    name: str
    source: Source
    sink: Sink
    window: Window
    select: exp.Select
    fingerprint: str
    statement: Statement = field(repr=False)


@dataclass(frozen=True)
class Plan:
    """The queries of one or more scripts; no two share a name."""

    queries: tuple[Query, ...]

    def merged(self, other: Plan) -> Plan:
        """Both plans' queries.

        Raises:
            SqlError: when both fill a sink of the same name.

        """
        names = {query.name for query in self.queries}
        for query in other.queries:
            if query.name in names:
                raise unsupported(
                    query.statement.tree, query.statement.text, f"another script fills a sink called {query.name}"
                )
        return Plan(self.queries + other.queries)


def plan_script(text: str) -> Plan:
    """Plan one script: CREATE TABLE statements, then one INSERT INTO for each sink.

    Raises:
        SqlError: at the first place outside the subset.

    """
    sources: dict[str, Source] = {}
    sinks: dict[str, Sink] = {}
    queries: dict[str, Query] = {}
    for statement in parse_script(text):
        tree = statement.tree
        if isinstance(tree, exp.Create):
            table = read_table(statement, tree)
            if table.name in sources or table.name in sinks:
                raise unsupported(tree.this.this, text, f"table {table.name} is created twice")
            if isinstance(table, Source):
                sources[table.name] = table
            else:
                sinks[table.name] = table
        elif isinstance(tree, exp.Insert):
            query = _query(statement, tree, sources, sinks)
            if query.name in queries:
                raise unsupported(tree.this, text, f"sink {query.name} is filled twice", "one INSERT for each sink")
            queries[query.name] = query
        else:
            form = f"{CREATE_FORM}; or {INSERT_FORM}"
            raise unsupported(tree, text, f"{tree.key.upper()} is not supported as a statement", form)
    return Plan(tuple(queries.values()))


def _query(statement: Statement, tree: exp.Insert, sources: dict[str, Source], sinks: dict[str, Sink]) -> Query:
    text = statement.text
    only(tree, text, INSERT_FORM, "this", "expression")
    name = plain_name(tree.this, text)
    if name not in sinks:
        raise unsupported(tree.this, text, f"no sink table {name} is created before", CREATE_FORM)
    select = tree.expression
    if not isinstance(select, exp.Select):
        raise unsupported(select, text, f"{select.key.upper()} is not supported here", INSERT_FORM)
    only(select, text, INSERT_FORM, "expressions", "from_", "where", "group", "having")
    table = select.args["from_"].this if select.args.get("from_") else None
    if not isinstance(table, WindowTable):
        raise unsupported(table or select, text, "a query reads from a window function", _WINDOW_FORM)
    source_name = plain_name(table.args["table"], text)
    if source_name not in sources:
        message = f"no table {source_name} with a WATERMARK is created before"
        raise unsupported(table.args["table"], text, message, CREATE_FORM)
    source = sources[source_name]
    if table.args["column"].name != source.rowtime:
        message = f"DESCRIPTOR must name the event-time column {source.rowtime}"
        raise unsupported(table.args["column"], text, message, f"DESCRIPTOR({source.rowtime})")
    window = _window(table, text)
    digest = fingerprint(source.fingerprint, statement.words)
    return Query(name, source, sinks[name], window, select, digest, statement)


def _window(table: WindowTable, text: str) -> Window:
    function = table.name.upper()
    sizes = [read_interval(part, text) for part in table.expressions]
    if function == "TUMBLE" and len(sizes) in {1, 2} and sizes[0] > 0:
        return Window(sizes[0], sizes[0], (*sizes, 0)[1] % sizes[0])
    if function == "HOP" and len(sizes) in {2, 3} and sizes[0] > 0:
        if sizes[1] % sizes[0] or not sizes[1]:
            raise unsupported(table, text, "HOP's size must be a multiple of its slide", _HOP_FORM)
        return Window(sizes[1], sizes[0], (*sizes, 0)[2] % sizes[0])
    form = _HOP_FORM if function in {"HOP", "CUMULATE"} else _WINDOW_FORM
    raise unsupported(table, text, f"{function} with {len(sizes)} positive intervals is not supported", form)


__all__ = ["Plan", "Query", "Sink", "Source", "Window", "plan_script"]
