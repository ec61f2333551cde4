"""GROUP BY of windows: keys, aggregates, HAVING."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from sqlglot import exp

from streaming_sql.dialect import unsupported
from streaming_sql.expressions import Evaluate, Expression, boolean, compile_scalar
from streaming_sql.operators.window_aggregate import WindowAggregateNode
from streaming_sql.planning.aggregates import Aggregate, compile_aggregate
from streaming_sql.planning.scopes import RelationScope, contains
from streaming_sql.relation import Column, Relation, Role, WindowSpec
from streaming_sql.types import TIMESTAMP

if TYPE_CHECKING:
    from streaming_sql.planning.planner import Planner

_ATTACHED = WindowSpec("ATTACHED", 0, 0)
GROUP_FORM = "GROUP BY window_start, window_end, column, ..."
WINDOW_COLUMNS: dict[str, Evaluate] = {
    "window_start": itemgetter(0),
    "window_end": itemgetter(1),
    "window_time": lambda row: row[1] - 1,
}


def is_grouped(select: exp.Select) -> bool:
    """Whether the SELECT has a GROUP BY, or aggregates that are not OVER a window."""
    if select.args.get("group") or select.args.get("having"):
        return True
    return any(contains(item, exp.AggFunc) and not contains(item, exp.Window) for item in select.expressions)


@dataclass
class GroupScope:
    """Names after grouping. A row is (window start, window end, key..., aggregate...)."""

    text: str
    source: RelationScope
    keys: list[tuple[exp.Expr, Expression]]
    bounds: dict[str, Expression]
    aggregates: list[tuple[exp.Expr, Aggregate, Expression]]

    def resolve(self, node: exp.Expr) -> Expression | None:
        """A window column, a group expression or an aggregate."""
        window = window_column(node)
        if window:
            return self.bounds[window]
        for key, expression in self.keys:
            if node == key:
                return expression
        if isinstance(node, exp.AggFunc | exp.Filter):
            return self._aggregate(node)
        if isinstance(node, exp.Column | exp.Dot):
            self.source.resolve(node)
            message = f"{node.sql()} is neither grouped nor aggregated"
            raise unsupported(node, self.text, message, GROUP_FORM)
        return None

    def _aggregate(self, node: exp.Expr) -> Expression:
        for known, _, expression in self.aggregates:
            if node == known:
                return expression
        aggregate = compile_aggregate(node, self.source)
        place = 2 + len(self.keys) + len(self.aggregates)
        expression = Expression(itemgetter(place), aggregate.accumulator.type)
        self.aggregates.append((node, aggregate, expression))
        return expression


def window_column(node: exp.Expr) -> str:
    """The window column that the node names, or ""."""
    is_window = isinstance(node, exp.Column) and node.name in WINDOW_COLUMNS
    return node.name if is_window else ""


def plan_group(select: exp.Select, relation: Relation, planner: Planner) -> tuple[Relation, GroupScope]:
    """The windows' groups, and the scope in which the selected columns are to be compiled.

    Raises:
        SqlError: where the GROUP BY names no windows, or an aggregate is outside the subset.

    """
    text = planner.text
    source = RelationScope(relation, text)
    keys = _group_keys(select, source, relation)
    bounds = {name: Expression(evaluate, TIMESTAMP) for name, evaluate in WINDOW_COLUMNS.items()}
    after = [(part, Expression(itemgetter(place), compiled.type)) for place, (part, compiled) in enumerate(keys, 2)]
    scope = GroupScope(text, source, after, bounds, [])
    for item in select.expressions:
        _collect(item, scope)
    having = boolean(select.args["having"].this, scope).evaluate if select.args.get("having") else None
    if relation.window is None or relation.window.kind not in {"TUMBLE", "HOP"}:
        raise unsupported(select, text, "only TUMBLE and HOP windows can be grouped", _FROM_FORM)
    key_nodes = [part for part, _ in keys]
    node = WindowAggregateNode(
        name=planner.name("window aggregate"),
        fingerprint=planner.digest(relation),
        inputs=(relation.input(),),
        horizon_ms=relation.window.size if relation.window else 0,
        local=planner.is_local(relation, key_nodes),
        window=relation.window or _ATTACHED,
        bounds=None if relation.window else relation.bounds,
        keys=tuple(compiled for _, compiled in keys),
        aggregates=tuple(aggregate for _, aggregate, _ in scope.aggregates),
    )
    columns = [Column(name, expression, _bound_role(name)) for name, expression in bounds.items()]
    columns += [Column(part.name, expression, "key") for part, expression in after]
    grouped = Relation(
        node,
        tuple(columns),
        where=having,
        bounds=(WINDOW_COLUMNS["window_start"], WINDOW_COLUMNS["window_end"]),
        keys=tuple(expression for _, expression in after),
        updating=relation.updating,
    )
    return grouped, scope


def _bound_role(name: str) -> Role:
    roles: dict[str, Role] = {"window_start": "window_start", "window_end": "window_end"}
    return roles.get(name, "window_time")


def _collect(item: exp.Expr, scope: GroupScope) -> None:
    """Compile for the aggregates that it names: the node must know them all before it is made."""
    node = item.this if isinstance(item, exp.Alias) else item
    if not isinstance(node, exp.Star):
        compile_scalar(node, scope)


def _group_keys(select: exp.Select, scope: RelationScope, relation: Relation) -> list[tuple[exp.Expr, Expression]]:
    group = select.args.get("group")
    parts = group.expressions if group else []
    extra = [name for name, value in group.args.items() if value and name != "expressions"] if group else []
    if relation.window is None and relation.bounds is None:
        message = "a query groups by the windows of a window function"
        raise unsupported(select.args["from_"].this, scope.text, message, _FROM_FORM)
    if extra or not {"window_start", "window_end"} <= {window_column(part) for part in parts}:
        place = group or select
        raise unsupported(place, scope.text, "GROUP BY must list window_start, window_end", GROUP_FORM)
    keys = []
    for part in parts:
        if window_column(part):
            continue
        if isinstance(part, exp.Literal):
            raise unsupported(part, scope.text, "GROUP BY by position is not supported", GROUP_FORM)
        compiled = compile_scalar(part, scope)
        if compiled.type.name in {"ROW", "NULL"}:
            raise unsupported(part, scope.text, f"GROUP BY {compiled.type} is not supported", GROUP_FORM)
        keys.append((part, compiled))
    return keys


_FROM_FORM = "FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))"
