"""The same queries by streaming_sql, on one shard a table."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from agreement import scripts
from agreement.queries import Run, tables
from agreement.results import Row, final_rows
from streaming_sql import ResultRow, SqlError, plan_script, run_script

SINK = "oracle_result"


class NotSupported(Exception):
    """The query is outside the subset; the message is the SqlError's."""


def run(run: Run, columns: Sequence[tuple[str, str]], rows: Mapping[str, Sequence[bytes]]) -> list[Row]:
    """The final table of the query, its rows in no given order.

    Raises:
        NotSupported: when our engine refuses it.

    """
    try:
        results = run_script(script(run, columns), rows)
    except SqlError as error:
        raise NotSupported(str(error)) from error
    return final_table(results[SINK], columns)


def final_table(results: Sequence[ResultRow], columns: Sequence[tuple[str, str]]) -> list[Row]:
    """The table that a sink's rows leave behind, revisions in place of what they revise; columns by name and type."""
    names, kinds = [name for name, _ in columns], [kind for _, kind in columns]
    table: dict[str, list[Row]] = {}
    changes = []
    for result in results:
        row = [typed(value, kind) for value, kind in zip(result.columns(names).values(), kinds, strict=True)]
        identity = json.dumps(
            [result.window_start, result.window_end, plain(list(result.key.values())), plain(result.identity)]
        )
        held = table.setdefault(identity, [])
        if result.change != "+I" and held:
            old = held.pop(held.index(row) if row in held else -1)
            changes.append(("-", old))
        if result.change != "-D":
            changes.append(("+", row))
            held.append(row)
    return final_rows(iter(changes))[0]


def refusal(run: Run) -> str:
    """Why our engine refuses the query; "" if it does not."""
    try:
        plan_script(";\n".join([*_tables(run), *run.views, f"CREATE VIEW {SINK} AS {run.select}"]), single_shard=True)
    except SqlError as error:
        return str(error)
    return ""


def script(run: Run, columns: Sequence[tuple[str, str]]) -> str:
    """The query as a pipeline's file: tables, views, a sink with Flink's own result types, an INSERT."""
    declared = ", ".join(f"`{name}` {kind}" for name, kind in columns)
    sink = f"CREATE TABLE {SINK} ({declared}) WITH ('connector' = 'kinesis', 'stream' = 'aggregates')"
    return ";\n".join([*_tables(run), *run.views, sink, f"INSERT INTO {SINK} {run.select}"]) + ";\n"


def _tables(run: Run) -> list[str]:
    return [
        scripts.with_options(tables()[name], f"'connector' = 'kinesis', 'stream' = '{name}'") for name in run.tables
    ]


def typed(value: Any, kind: str) -> Any:
    """A value of the column's type as Flink's JSON has it."""
    if value is None:
        return None
    if kind == "DATE":
        return str(date(1970, 1, 1) + timedelta(days=value))
    if kind.startswith("TIME("):
        return str(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value))[11:19]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return plain(value)


def plain(value: Any) -> Any:
    """A value as results.py has it."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, msgspec.Struct):
        return [plain(part) for part in msgspec.structs.astuple(value)]
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value
