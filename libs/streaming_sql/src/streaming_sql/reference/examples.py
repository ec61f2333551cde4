"""Runs an example: a SELECT over the sample tables, its columns named and typed as the planner finds them."""

from __future__ import annotations

from streaming_sql.dialect import parse_script
from streaming_sql.display import text
from streaming_sql.planning.planner import Planner, plan_script
from streaming_sql.planning.sources import Scans
from streaming_sql.reference.samples import TABLES, events
from streaming_sql.script import run_script
from streaming_sql.types import SqlType

_SINK = "WITH ('connector' = 'kinesis', 'stream' = 'aggregates')"


def run_select(select: str, before: str = "") -> list[tuple[str, ...]]:
    """The column names and then the rows of a SELECT, as cells; `before` are statements that it needs.

    Changes other than additions have a first column that says so.

    Raises:
        SqlError: when it is outside the subset.

    """
    columns = _columns(select, before)
    declared = ", ".join(f"`{name}` {_declared(kind)}" for name, kind in columns)
    script = f"{TABLES}{before}\nCREATE TABLE shown ({declared}) {_SINK};\nINSERT INTO shown {select};"
    read = {scan.stream for scan in plan_script(script).sources}
    rows = run_script(script, {stream: lines for stream, lines in events().items() if stream in read})["shown"]
    names = [name for name, _ in columns]
    cells = [
        (row.change, *(text(row.columns(names)[name], kind) for name, kind in columns))
        for row in sorted(rows, key=lambda row: row.time)
    ]
    table = [("", *names), *cells]
    revises = any(row.change != "+I" for row in rows)
    return table if revises else [row[1:] for row in table]


def evaluate(expression: str) -> str:
    """The value of an expression without columns, as text."""
    select = f"SELECT {expression} AS v FROM visits WHERE page = '/pay'"  # noqa: S608 (the reference's own examples)
    return run_select(select)[1][0]


def _columns(select: str, before: str) -> list[tuple[str, SqlType]]:
    planner = Planner(Scans(), single_shard=True)
    for statement in parse_script(f"{TABLES}{before}\nCREATE VIEW example AS {select};"):
        planner.plan(statement)
    columns = planner.views["example"].columns
    return [
        (column.name if column.name.replace("_", "a").isalnum() else f"EXPR${place}", column.expression.type)
        for place, column in enumerate(columns)
    ]


def _declared(kind: SqlType) -> str:
    return "STRING" if kind.name == "NULL" else str(kind)
