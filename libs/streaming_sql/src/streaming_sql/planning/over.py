"""SELECT with OVER: one node for the functions of its window.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/over-agg/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING

from sqlglot import exp

from streaming_sql.dialect import unsupported
from streaming_sql.expressions import Expression, compile_scalar
from streaming_sql.nodes import Node
from streaming_sql.operators.over import OverNode
from streaming_sql.operators.over_arrival import OverArrivalNode
from streaming_sql.operators.over_frame import Frame
from streaming_sql.planning.over_calls import OverCall, compile_call, frame_of
from streaming_sql.planning.over_specification import OVER_FORM, OverSpecification, read_over
from streaming_sql.planning.packing import Packing, used_columns
from streaming_sql.planning.scopes import RelationScope, traced
from streaming_sql.relation import Column, Relation, packed

if TYPE_CHECKING:
    from streaming_sql.planning.planner import Planner

TOP_N_FORM = (
    "SELECT ... FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY key ORDER BY x DESC) AS rn FROM t) WHERE rn <= 10"
)
_EVENT_TIME = frozenset({"rowtime", "window_time"})


class OverScope(RelationScope):
    """Names of the columns that an OVER window passes on, and the results of its functions."""

    def __init__(self, relation: Relation, text: str, results: Sequence[tuple[exp.Window, Expression]]) -> None:
        super().__init__(relation, text)
        self._results = results

    def resolve(self, node: exp.Expr) -> Expression | None:
        """A call with OVER, a column or a field."""
        if isinstance(node, exp.Window):
            return next(expression for known, expression in self._results if known == node)
        return super().resolve(node)


@dataclass(frozen=True)
class _Clause:
    """The one OVER clause of a SELECT, and its calls."""

    windows: tuple[exp.Window, ...]
    specification: OverSpecification
    frame: Frame
    time: Column


def plan_over(select: exp.Select, relation: Relation, planner: Planner) -> tuple[Relation, OverScope]:
    """The rows with the functions' results, and the scope in which the selected columns are to be compiled.

    Raises:
        SqlError: for what Flink's streaming OVER does not know.

    """
    scope = RelationScope(relation, planner.text)
    clause = _clause(select, scope)
    if relation.updating:
        message = "OVER reads rows that are never revised"
        raise unsupported(clause.windows[0], planner.text, message, "rows of a table, a window or an OVER")
    packing = Packing(relation, used_columns(select.expressions, relation))
    calls = [compile_call(window.this, clause.frame, scope) for window in clause.windows]
    node = _node(clause, packing, calls, planner)
    width = len(packing.types)
    results = [
        (window, Expression(itemgetter(place), call.function.type))
        for place, (window, call) in enumerate(zip(clause.windows, calls, strict=True), width)
    ]
    after = replace(packing.unpacked(), node=node)
    return after, OverScope(after, planner.text, results)


def _node(clause: _Clause, packing: Packing, calls: Sequence[OverCall], planner: Planner) -> Node:
    relation, scope = packing.source, RelationScope(packing.source, planner.text)
    parts = clause.specification.partition
    keys = [traced(compile_scalar(part, scope), part, relation) for part in parts]
    for part, key in zip(parts, keys, strict=True):
        if key.type.is_nested or key.type.name == "NULL":
            raise unsupported(part, planner.text, f"PARTITION BY {key.type} is not supported", OVER_FORM)
    arrival = clause.time.role == "proctime"
    node = OverNode(
        name=planner.name("over"),
        fingerprint=planner.digest(relation),
        inputs=(relation.input() if arrival else relation.input(clause.time),),
        horizon_ms=0 if clause.frame.rows else (clause.frame.preceding or 0) * 3 // 2 + 1,
        own_time=relation.node.own_time,
        local=planner.is_local(relation, keys),
        key_origins=tuple(key.origins for key in keys),
        key=packed(keys),
        key_types=tuple(key.type for key in keys),
        columns=packing.pack,
        column_types=packing.types,
        arguments=packed([Expression(call.argument, call.argument_type) for call in calls]),
        argument_types=tuple(call.argument_type for call in calls),
        functions=tuple(call.function for call in calls),
        frame=clause.frame,
        ttl_ms=planner.ttl_ms,
        calls=tuple(window.this.sql() for window in clause.windows),
    )
    return OverArrivalNode.of(node, clause.time.expression.evaluate) if arrival else node


def _clause(select: exp.Select, scope: RelationScope) -> _Clause:
    text = scope.text
    windows: list[exp.Window] = []
    for item in select.expressions:
        for window in item.find_all(exp.Window):
            if window not in windows:
                windows.append(window)
    first = read_over(windows[0], select, text)
    frame = frame_of(windows[0].this, first.frame, text)
    time = _time_column(first, windows[0], scope)
    for window in windows[1:]:
        other = read_over(window, select, text)
        same = other.partition == first.partition and other.order == first.order
        if not same or frame_of(window.this, other.frame, text) != frame:
            message = "all functions of one SELECT are OVER one window, with one frame (ROW_NUMBER's is ROWS)"
            raise unsupported(window, text, message, "a subquery for each window")
    return _Clause(tuple(windows), first, frame, time)


def _time_column(specification: OverSpecification, window: exp.Window, scope: RelationScope) -> Column:
    known = scope.relation.of_role("rowtime", "window_time", "proctime")
    form = f"ORDER BY {known.name if known else 'ts'}"
    if len(specification.order) != 1:
        raise unsupported(window, scope.text, "OVER is ordered by one time attribute", form)
    ordered = specification.order[0]
    column = None
    if isinstance(ordered.this, exp.Column):
        column = scope.column(ordered.this)[0]
    if column is None or column.role not in _EVENT_TIME | {"proctime"}:
        form = TOP_N_FORM if isinstance(window.this, exp.RowNumber) else form
        raise unsupported(ordered, scope.text, "on a stream OVER is ordered by a time attribute", form)
    if ordered.args.get("desc"):
        form = TOP_N_FORM if isinstance(window.this, exp.RowNumber) else form
        raise unsupported(ordered, scope.text, "on a stream OVER is ordered by ascending time", form)
    return column
