"""What the rows that Flink writes to a stream are: plain JSON of the sink's columns, and what each column means.

Flink's rows name no query, no key and no id. What tells them is in the SQL: which columns are the window's bounds,
which ones tell rows of a window apart, and of what types they are. The indexer makes its documents by this description,
rows of windows under the very ids that the embedded engine gives. A row is recognised by the names of its columns, all
of which Flink writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from streaming_sql.operators.sink import SinkNode
from streaming_sql.tables import Table
from streaming_sql.types import SqlType

VERSION = 1
_SIMPLE = {"TIMESTAMP": "time", "TIMESTAMP_LTZ": "time", "DATE": "date", "TIME": "time_of_day"}


@dataclass(frozen=True)
class SinkRows:
    """The rows of one sink table.

    Attributes:
        name: the table.
        severity: of an alert, None of an aggregate.
        columns: (name, role, type): role is window_start, window_end, key, value or unfilled, which is always NULL.
        told_by: what no two rows have in common: their window and key, their key, or their time and all values.

    """

    stream: str
    name: str
    severity: str | None
    columns: tuple[tuple[str, str, SqlType], ...]
    told_by: Literal["window", "key", "row"]

    @property
    def times(self) -> list[str]:
        """The columns by which a row without a window is dated: by the latest of them."""
        filled = [(name, kind) for name, role, kind in self.columns if role != "unfilled"]
        own = [name for name, kind in filled if kind.name == "TIMESTAMP_LTZ"]
        return own or [name for name, kind in filled if kind.is_time]

    @property
    def roles(self) -> set[str]:
        """What its columns are."""
        return {role for _, role, _ in self.columns}


def rows_of(node: SinkNode, table: Table) -> SinkRows:
    """The rows that an INSERT INTO the table writes: all of its columns, those that are not filled as NULL."""
    roles = {output.name: output.role for output in node.outputs}
    columns = tuple((name, roles.get(name, "unfilled"), kind) for name, kind in table.columns)
    has_key = "key" in roles.values() and not node.identity
    told_by: Literal["window", "key", "row"] = "window" if node.bounds else "key" if has_key else "row"
    return SinkRows(table.options["stream"], table.name, table.options.get("severity"), columns, told_by)


def describe_rows(rows: Iterable[SinkRows], epoch: int = 0) -> str:
    """The sinks as JSON for the indexer. Of two rows under one id the greater epoch stands; within one, the last."""
    lines = [json.dumps(_described(sink), separators=(",", ":"), ensure_ascii=False) for sink in rows]
    return f'{{"version":{VERSION},"epoch":{epoch},"rows":[\n' + ",\n".join(lines) + "\n]}\n"


def _described(sink: SinkRows) -> dict[str, Any]:
    return {
        "stream": sink.stream,
        "name": sink.name,
        "severity": sink.severity,
        "columns": [[name, role, type_of(kind)] for name, role, kind in sink.columns],
        "told_by": sink.told_by,
        "times": [] if sink.told_by == "window" else sink.times,
    }


def type_of(kind: SqlType) -> Any:
    """How a type's values stand in Flink's JSON: a word, or {what: of what}."""
    if kind.name == "ROW":
        return {"row": [[name, type_of(inner)] for name, inner in kind.fields]}
    if kind.name == "ARRAY":
        return {"array": type_of(kind.element)}
    if kind.name == "MAP":
        return {"map": type_of(kind.element)}
    if kind.name == "DECIMAL":
        return {"decimal": kind.scale}
    return "double" if kind.is_approximate else _SIMPLE.get(kind.name, "plain")
