"""WHERE x IN (SELECT ...) and WHERE EXISTS (SELECT ...) over rows of the same window: semi joins, NOT: anti joins.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/window-join/#semi-window-joins
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from streaming_sql.dialect import unsupported
from streaming_sql.errors import SqlError
from streaming_sql.expressions import Evaluate, Expression, common_origins, compile_scalar, convert
from streaming_sql.operators.window_join import WindowJoinNode
from streaming_sql.planning.join_conditions import Conditions, JoinScope, conjuncts
from streaming_sql.planning.join_tree import Join, join_sides, names_read, residual, window_of
from streaming_sql.planning.scopes import RelationScope
from streaming_sql.planning.window_rows import attach_windows
from streaming_sql.relation import Column, Relation, both
from streaming_sql.tables import only
from streaming_sql.types import common_type

if TYPE_CHECKING:
    from streaming_sql.planning.planner import Planner

SEMI_FORM = (
    "FROM (SELECT * FROM TABLE(TUMBLE(...))) a WHERE [NOT] EXISTS (SELECT * FROM (SELECT * FROM TABLE(TUMBLE(...))) b "
    "WHERE a.id = b.id AND a.window_start = b.window_start AND a.window_end = b.window_end)"
)


@dataclass(frozen=True)
class _Test:
    """A condition on what a subquery finds. `value` must be among its rows; None: any row will do."""

    node: exp.Expr
    subquery: exp.Select
    value: exp.Expr | None
    negated: bool


class _InnerScope(JoinScope):
    """Names in the subquery: its own columns hide those of the outer SELECT."""

    def __init__(self, left: Relation, right: Relation, text: str) -> None:
        super().__init__(left, right, text)
        self._inner = RelationScope(right, text)

    def column(self, node: exp.Column | exp.Dot) -> tuple[Column, list[str]]:
        """The inner column of that name, else the outer one."""
        try:
            return self._inner.column(node)
        except SqlError:
            return super().column(node)


def plan_semi_joins(
    select: exp.Select,
    relation: Relation,
    where: exp.Expr | None,
    table: Callable[[exp.Expr], Relation],
    planner: Planner,
) -> tuple[Relation, exp.Expr | None]:
    """The relation of those rows for which the subqueries in WHERE hold, and what is left of WHERE.

    Raises:
        SqlError: where a subquery is outside the subset.

    """
    conditions = conjuncts(where)
    tests = [test for node in conditions if (test := _test(node)) is not None]
    if not tests:
        return relation, where
    for test in tests:
        source = test.subquery.args.get("from_")
        if source is None:
            raise unsupported(test.node, planner.text, "the subquery needs a FROM", SEMI_FORM)
        left, right = attach_windows(relation, planner), attach_windows(table(source.this), planner)
        join = Join(exp.Join(this=source.this), [], names_read(select), left, right, planner)
        join.read_too([select.args["where"]])
        relation = _plan_test(test, join)
    rest = [node for node in conditions if not any(node is test.node for test in tests)]
    return relation, exp.and_(*rest, copy=False) if rest else None


def _test(node: exp.Expr, *, negated: bool = False) -> _Test | None:
    inner = node.unnest()
    if isinstance(inner, exp.Not):
        found = _test(inner.this, negated=not negated)
        return None if found is None else replace(found, node=node)
    if isinstance(inner, exp.Exists) and isinstance(inner.this, exp.Select):
        return _Test(node, inner.this, None, negated)
    query = inner.args.get("query") if isinstance(inner, exp.In) else None
    query = query.unnest() if isinstance(query, exp.Expr) else None
    return _Test(node, query, inner.this, negated) if isinstance(query, exp.Select) else None


def _plan_test(test: _Test, join: Join) -> Relation:
    subquery, text = test.subquery, join.text
    only(subquery, text, SEMI_FORM, "expressions", "from_", "where")
    left, right = join.left, join.right
    if left.updating or right.updating:
        raise unsupported(test.node, text, "rows that are revised later cannot be joined", SEMI_FORM)
    scope = _InnerScope(left, right, text)
    where = subquery.args.get("where")
    found = scope.sort(conjuncts(where.this if where else None))
    if found.windows != {"window_start", "window_end"} or left.bounds is None or right.bounds is None:
        message = "a subquery in WHERE must be bound to the window of the outer row, or all rows would be kept for ever"
        raise unsupported(test.node, text, message, SEMI_FORM)
    value = _membership(test, join)
    if value is not None and not test.negated:
        found.keys.append(value)
    if not test.negated and (condition := scope.all_of(found.left)):
        join.left, found.left = left.filtered(condition.evaluate), []
    if condition := scope.all_of(found.right):
        join.right, found.right = right.filtered(condition.evaluate), []
    found.rest += found.times
    return _joined(join, test, found)


def _membership(test: _Test, join: Join) -> tuple[Expression, Expression] | None:
    """The value of the outer row and that of the subquery's, in one type; None for EXISTS."""
    if test.value is None:
        return None
    items = test.subquery.expressions
    item = items[0].unalias() if len(items) == 1 else None
    if item is None or item.find(exp.Star):
        raise unsupported(test.node, join.text, "IN needs a subquery of one column", SEMI_FORM)
    outer, inner = RelationScope(join.left, join.text), RelationScope(join.right, join.text)
    left, right = compile_scalar(test.value, outer), compile_scalar(item, inner)
    kind = common_type(left.type, right.type)
    if kind is None:
        message = f"{left.type} and {right.type} do not go together"
        raise unsupported(test.node, join.text, message, "both sides of one type; use CAST(x AS TYPE)")
    return convert(left, kind, test.node, outer), convert(right, kind, item, inner)


def _joined(join: Join, test: _Test, found: Conditions) -> Relation:
    sides, columns = join_sides(join, found, found.keys)
    condition = residual(join, found, columns, _InnerScope)
    width = len(join.kept(join.left))
    if test.value is not None and test.negated:
        moved = replace(
            join,
            left=replace(join.left, columns=columns[:width]),
            right=replace(join.right, columns=columns[width:]),
        )
        condition = both(condition, _perhaps_equal(_membership(test, moved)))
    left, right = join.left.bounds, join.right.bounds
    assert left is not None
    assert right is not None
    node = WindowJoinNode(
        name=join.planner.name("window join"),
        fingerprint=join.planner.digest(join.left, join.right),
        inputs=(join.left.input(), join.right.input()),
        key_origins=tuple(common_origins(pair) for pair in found.keys),
        sides=sides,
        windows=(window_of(left), window_of(right)),
        kind="ANTI" if test.negated else "SEMI",
        condition=condition,
    )
    return Relation(node, columns[:width], bounds=(itemgetter(width), itemgetter(width + 1)), keys=_keys(join, columns))


def _keys(join: Join, columns: tuple[Column, ...]) -> tuple[Expression, ...]:
    """The left side's keys over the joined rows, if all are kept."""
    kept = join.kept(join.left)
    places = [place for key in join.left.keys for place, column in enumerate(kept) if column.expression is key]
    return tuple(columns[place].expression for place in places) if len(places) == len(join.left.keys) else ()


def _perhaps_equal(values: tuple[Expression, Expression] | None) -> Evaluate:
    """Whether x NOT IN (..., y, ...) cannot be true: x = y, or NULL for one of both."""
    assert values is not None
    first, second = values[0].evaluate, values[1].evaluate

    def equal(pair: Any) -> bool:
        x, y = first(pair), second(pair)
        return x is None or y is None or x == y

    return equal
