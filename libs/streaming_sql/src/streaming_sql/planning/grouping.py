"""GROUP BY of windows: keys, aggregates, HAVING, GROUPING SETS.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/window-agg/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from streaming_sql.aggregates import Aggregate, compile_aggregate, is_aggregate
from streaming_sql.aggregates.deviation import Deviation
from streaming_sql.aggregates.distinct import innermost, wrapping
from streaming_sql.alerts import parse_duration
from streaming_sql.dialect import unsupported
from streaming_sql.expressions import Evaluate, Expression, boolean, compile_scalar, constant
from streaming_sql.nodes import Input, Node
from streaming_sql.operators.session_aggregate import SessionAggregateNode
from streaming_sql.operators.union import UnionNode
from streaming_sql.operators.window_aggregate import WindowAggregateNode
from streaming_sql.planning.grouping_sets import grouping_sets
from streaming_sql.planning.scopes import RelationScope, contains, traced
from streaming_sql.relation import Column, Relation, Role, WindowSpec
from streaming_sql.types import INT, TIMESTAMP

if TYPE_CHECKING:
    from streaming_sql.planning.planner import Planner

_ATTACHED = WindowSpec("ATTACHED", 0, 0)
GROUP_FORM = "GROUP BY window_start, window_end, column, ..."
_FROM_FORM = "FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))"
_LATENESS = "allowed-lateness"
_Key = tuple[exp.Expr, Expression]
WINDOW_COLUMNS: dict[str, Evaluate] = {
    "window_start": itemgetter(0),
    "window_end": itemgetter(1),
    "window_time": lambda row: row[1] - 1,
}


def is_grouped(select: exp.Select) -> bool:
    """Whether the SELECT has a GROUP BY, or aggregates that are not OVER a window."""
    if select.args.get("group") or select.args.get("having"):
        return True
    return any(_has_aggregate(item) and not contains(item, exp.Window) for item in select.expressions)


def _has_aggregate(item: exp.Expr) -> bool:
    return any(is_aggregate(part) for part in item.walk(prune=lambda part: isinstance(part, exp.Query)))


@dataclass
class GroupScope:
    """Names after grouping. A row is (window start, window end, key..., aggregate...).

    With `several` grouping sets the set's number comes after the keys: NULL of a key left out is not a key's NULL.
    """

    text: str
    source: RelationScope
    keys: list[_Key]
    several: bool = False
    aggregates: list[tuple[exp.Expr, Aggregate, Expression]] = field(default_factory=list)
    bounds: dict[str, Expression] = field(
        default_factory=lambda: {name: Expression(of_row, TIMESTAMP) for name, of_row in WINDOW_COLUMNS.items()}
    )

    def resolve(self, node: exp.Expr) -> Expression | None:
        """A window column, a group expression or an aggregate."""
        window = window_column(node, self.source.relation)
        if window:
            return self.bounds[window]
        for key, expression in self.keys:
            if same_column(node, key):
                return expression
        if is_aggregate(node):
            return self._aggregate(node)
        if isinstance(node, exp.Column | exp.Dot):
            self.source.resolve(node)
            message = f"{node.sql()} is neither grouped nor aggregated"
            raise unsupported(node, self.text, message, GROUP_FORM)
        return None

    @property
    def set_number(self) -> tuple[Expression, ...]:
        """The number of the grouping set, if there are several."""
        return (Expression(itemgetter(2 + len(self.keys)), INT),) if self.several else ()

    def _aggregate(self, node: exp.Expr) -> Expression:
        for known, _, expression in self.aggregates:
            if node == known:
                return expression
        aggregate = compile_aggregate(node, self.source)
        place = 2 + len(self.keys) + self.several + len(self.aggregates)
        expression = Expression(itemgetter(place), aggregate.type)
        self.aggregates.append((node, aggregate, expression))
        return expression


def same_column(node: exp.Expr, key: exp.Expr) -> bool:
    """Whether two expressions are one, or name one column with and without its table."""
    if node == key:
        return True
    if not (isinstance(node, exp.Column) and isinstance(key, exp.Column)):
        return False
    return node.name == key.name and not (node.table and key.table)


def window_column(node: exp.Expr, relation: Relation) -> str:
    """Which window column the node names, or "": by its name over a window function, else by what the column is."""
    if not isinstance(node, exp.Column):
        return ""
    if relation.window is not None:
        return node.name if node.name in WINDOW_COLUMNS else ""
    column = relation.column(node.name, node.table)
    return column.role if column is not None and column.role in WINDOW_COLUMNS else ""


def plan_group(select: exp.Select, relation: Relation, planner: Planner) -> tuple[Relation, GroupScope]:
    """The windows' groups, and the scope in which the selected columns are to be compiled.

    Raises:
        SqlError: where the GROUP BY names no windows, or an aggregate is outside the subset.

    """
    text = planner.text
    source = RelationScope(relation, text)
    _check_windows(select, relation, text)
    sets = grouping_sets(select.args.get("group"))
    _check_sets(select, sets, relation, text)
    nodes = list(dict.fromkeys(node for nodes in sets for node in nodes if not window_column(node, relation)))
    keys = [(node, _key(node, source)) for node in nodes]
    after = [
        (
            node,
            Expression(itemgetter(place), compiled.type, origins=compiled.origins if len(sets) == 1 else frozenset()),
        )
        for place, (node, compiled) in enumerate(keys, 2)
    ]
    scope = GroupScope(text, source, after, several=len(sets) > 1)
    for item in select.expressions:
        _collect(item, scope)
    having = boolean(select.args["having"].this, scope).evaluate if select.args.get("having") else None
    lateness = _lateness(select, relation, planner)
    made = [
        _aggregate_node(relation, _of_set(keys, wanted, number, scope), scope, lateness, planner)
        for number, wanted in enumerate(sets)
    ]
    node = made[0] if len(made) == 1 else _united(made, relation, planner)
    columns = [Column(name, expression, _bound_role(name)) for name, expression in scope.bounds.items()]
    columns += [Column(part.name, expression, "key") for part, expression in after]
    grouped = Relation(
        node,
        tuple(columns),
        where=having,
        bounds=(WINDOW_COLUMNS["window_start"], WINDOW_COLUMNS["window_end"]),
        keys=(*(expression for _, expression in after), *scope.set_number),
        updating=bool(lateness),
    )
    return grouped, scope


def _aggregate_node(
    relation: Relation, keys: Sequence[_Key], scope: GroupScope, lateness: int, planner: Planner
) -> Node:
    window = relation.window or _ATTACHED
    session = window.kind == "SESSION"
    made: dict[str, Any] = {
        "name": planner.name("session aggregate" if session else "window aggregate"),
        "fingerprint": planner.digest(relation),
        "inputs": (relation.input(),),
        "horizon_ms": window.size + lateness,
        "local": planner.is_local(relation, [compiled for _, compiled in keys]),
        "key_origins": tuple(compiled.origins for _, compiled in keys),
        "window": window,
        "keys": tuple(compiled for _, compiled in keys),
        "aggregates": _as_flink_reduces([aggregate for _, aggregate, _ in scope.aggregates]),
        "lateness_ms": lateness,
    }
    if session:
        inside = [(node, compiled) for node, compiled in keys if node.name in window.partition]
        others = any(not compiled.is_constant for node, compiled in keys if node.name not in window.partition)
        made["local"] = planner.is_local(relation, [compiled for _, compiled in inside])
        if not others:
            return SessionAggregateNode(**made)
        made["key_origins"] = tuple(compiled.origins for _, compiled in inside)
        made["inputs"] = (replace(relation, of_sessions=None).input(),)
        partition = tuple(part for _, part in inside)
        return SessionAggregateNode(**made, partition=partition, counted=relation.of_sessions)
    return WindowAggregateNode(**made, bounds=None if relation.window else relation.bounds)


def _as_flink_reduces(aggregates: list[Aggregate]) -> tuple[Aggregate, ...]:
    """AVG beside a deviation is rewritten to SUM / COUNT with it (Calcite's AggregateReduceFunctionsRule)."""
    if not any(isinstance(innermost(aggregate.accumulator), Deviation) for aggregate in aggregates):
        return tuple(aggregates)
    return tuple(replace(aggregate, accumulator=wrapping(aggregate.accumulator)) for aggregate in aggregates)


def _united(nodes: list[Node], relation: Relation, planner: Planner) -> Node:
    """The rows of several grouping sets."""
    return UnionNode(
        name=planner.name("grouping sets"),
        fingerprint=planner.digest(relation),
        inputs=tuple(Input(node) for node in nodes),
        columns=(tuple,) * len(nodes),
    )


def _of_set(keys: Sequence[_Key], wanted: Sequence[exp.Expr], number: int, scope: GroupScope) -> list[_Key]:
    """The keys of one grouping set: those outside it NULL, and the set's number if there are several."""
    known = [(node, compiled if node in wanted else constant(None, compiled.type)) for node, compiled in keys]
    return [*known, (exp.Null(), constant(number, INT))] if scope.several else known


def _lateness(select: exp.Select, relation: Relation, planner: Planner) -> int:
    tables = [table for table in planner.tables.values() if table.fingerprint == relation.node.fingerprint]
    texts = [table.options[_LATENESS] for table in tables if _LATENESS in table.options]
    if not texts or relation.window is None:
        return 0
    try:
        return parse_duration(_LATENESS, texts[0])
    except ValueError as error:
        raise unsupported(
            select.args["from_"].this, planner.text, str(error), "'allowed-lateness' = '1 min'"
        ) from error


def _bound_role(name: str) -> Role:
    roles: dict[str, Role] = {"window_start": "window_start", "window_end": "window_end"}
    return roles.get(name, "window_time")


def _collect(item: exp.Expr, scope: GroupScope) -> None:
    """Compile for the aggregates that it names: the node must know them all before it is made."""
    node = item.this if isinstance(item, exp.Alias) else item
    if not isinstance(node, exp.Star):
        compile_scalar(node, scope)


def _check_windows(select: exp.Select, relation: Relation, text: str) -> None:
    if relation.window is None and relation.bounds is None:
        message = "a query groups by the windows of a window function"
        raise unsupported(select.args["from_"].this, text, message, _FROM_FORM)
    if relation.updating:
        raise unsupported(select, text, "rows that are revised later cannot be grouped", _FROM_FORM)


def _check_sets(select: exp.Select, sets: Sequence[Sequence[exp.Expr]], relation: Relation, text: str) -> None:
    """Every list names the windows, and the columns that a SESSION is partitioned by (Flink would revise rows else)."""
    place = select.args.get("group") or select
    for nodes in sets:
        if not {"window_start", "window_end"} <= {window_column(node, relation) for node in nodes}:
            raise unsupported(place, text, "GROUP BY must list window_start, window_end", GROUP_FORM)
        for name in relation.window.partition if relation.window else ():
            if not any(node.name == name for node in nodes):
                message = f"SESSION is partitioned by {name}, which is not grouped"
                raise unsupported(place, text, message, f"{GROUP_FORM} with every PARTITION BY column")


def _key(node: exp.Expr, scope: RelationScope) -> Expression:
    if isinstance(node, exp.Literal):
        raise unsupported(node, scope.text, "GROUP BY by position is not supported", GROUP_FORM)
    compiled = compile_scalar(node, scope)
    if compiled.type.name in {"NULL", "ROW", "ARRAY", "MAP"}:
        raise unsupported(node, scope.text, f"GROUP BY {compiled.type} is not supported", GROUP_FORM)
    return traced(compiled, node, scope.relation)
