"""Runs an example: a SELECT over the sample tables, its columns named and typed as the planner finds them."""

from __future__ import annotations

from collections.abc import Sequence

from streaming_sql.dialect import parse_script
from streaming_sql.display import text
from streaming_sql.engine import Engine
from streaming_sql.operators.sink import ResultRow
from streaming_sql.planning.planner import Planner, plan_script
from streaming_sql.planning.sources import Scans
from streaming_sql.program import Program
from streaming_sql.reference.samples import REFERENCES, TABLES, events
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
    rows = _run(plan_script(script, single_shard=True))
    names = [name for name, _ in columns]
    cells = [
        (row.change, *(text(row.columns(names)[name], kind) for name, kind in columns))
        for row in sorted(rows, key=lambda row: row.time)
    ]
    table = [("", *names), *cells]
    revises = any(row.change != "+I" for row in rows)
    return table if revises else [row[1:] for row in table]


def _run(program: Program) -> list[ResultRow]:
    """All rows of the program over the sample events."""
    engine = Engine(program)
    for table in engine.references:
        engine.set_reference(table, "1", REFERENCES[table])
    read = {scan.stream for scan in program.sources}
    for stream in read:
        engine.open_shard(stream, stream)
    for stream in read:
        engine.apply(stream, events()[stream])
    rows = engine.advance()
    while engine.finish():
        rows += engine.advance()
    return rows


def evaluate_all(expressions: Sequence[str]) -> list[str]:
    """The values of expressions without columns as CAST AS STRING gives them."""
    if not expressions:
        return []
    named = ", ".join(f"CAST({written} AS STRING) AS v{place}" for place, written in enumerate(expressions))
    return list(run_select(f"SELECT {named} FROM visits WHERE page = '/pay'")[1])  # noqa: S608 (the examples)


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
