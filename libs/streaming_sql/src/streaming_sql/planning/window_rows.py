"""Rows of a window function that no GROUP BY gathers: each with the bounds of its windows.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/window-tvf/
"""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from streaming_sql.dialect import unsupported
from streaming_sql.expressions import Evaluate, Expression
from streaming_sql.operators.window_assign import WindowAssignNode
from streaming_sql.relation import Column, Relation
from streaming_sql.types import TIMESTAMP

if TYPE_CHECKING:
    from streaming_sql.planning.planner import Planner


def attach_windows(relation: Relation, planner: Planner) -> Relation:
    """The relation with window_start, window_end and window_time as columns; itself if no window function waits.

    window_time is an event-time column beside the one that the windows were made by. All others together are what
    tells rows of one window apart.

    Raises:
        SqlError: for SESSION, whose windows are known only when they are grouped.

    """
    window = relation.window
    if window is None:
        return relation
    if window.kind == "SESSION":
        message = "rows cannot be told their SESSION window before they are grouped"
        raise unsupported(planner.statement.tree, planner.text, message, "GROUP BY window_start, window_end, key")
    node = WindowAssignNode(
        name=planner.name("window rows"),
        fingerprint=planner.digest(relation),
        inputs=(relation.input(),),
        horizon_ms=window.size,
        own_time=False,
        window=window,
    )
    time = relation.of_role("rowtime", "proctime", "window_time")
    table = next((column.table for column in relation.columns), "")
    columns = [
        replace(column, expression=_inside(column.expression), role="rowtime" if column.role == "rowtime" else "key")
        for column in relation.columns
    ]
    columns += [
        Column("window_start", Expression(itemgetter(1), TIMESTAMP), "window_start", table),
        Column("window_end", Expression(itemgetter(2), TIMESTAMP), "window_end", table),
        Column("window_time", Expression(_last, time.expression.type if time else TIMESTAMP), "window_time", table),
    ]
    return Relation(node, tuple(columns), bounds=(itemgetter(1), itemgetter(2)), updating=relation.updating)


def _last(row: Any) -> int:
    end: int = row[2]
    return end - 1


def _inside(expression: Expression) -> Expression:
    evaluate: Evaluate = expression.evaluate
    return replace(expression, evaluate=lambda row: evaluate(row[0]))
