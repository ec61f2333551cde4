"""SELECT: FROM, WHERE, then grouping, OVER or ranking, then the selected columns.

Projections and filters are composed into closures over the rows of the node below; only what keeps state is a node.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from sqlglot import exp

from streaming_sql.dialect import INSERT_FORM, WindowTable, unsupported
from streaming_sql.expressions import Scope, boolean, compile_scalar
from streaming_sql.planning.grouped_over import nested
from streaming_sql.planning.grouping import is_grouped, plan_group
from streaming_sql.planning.joins import plan_joins
from streaming_sql.planning.match import plan_match
from streaming_sql.planning.over import plan_over
from streaming_sql.planning.rank import begin_ranking, plan_rank, projected, settled
from streaming_sql.planning.scopes import RelationScope, contains, traced
from streaming_sql.planning.semi_joins import plan_semi_joins
from streaming_sql.planning.union import plan_union
from streaming_sql.planning.window_rows import attach_windows
from streaming_sql.planning.windows import read_window
from streaming_sql.relation import Column, Relation, Role
from streaming_sql.tables import only

if TYPE_CHECKING:
    from streaming_sql.planning.planner import Planner

_SELECT_PARTS = ("expressions", "from_", "where", "group", "having", "joins", "windows", "with_", "match")


def plan_query(tree: exp.Expr, planner: Planner) -> Relation:
    """The relation of a SELECT, a UNION ALL or a subquery.

    Raises:
        SqlError: where it is outside the subset.

    """
    return settled(plan_open(tree, planner), planner)


def plan_open(tree: exp.Expr, planner: Planner) -> Relation:
    """The same; a ranking that its reader may bound is left open."""
    if isinstance(tree, exp.Subquery):
        return plan_open(tree.this, planner)
    if isinstance(tree, exp.Select):
        return _with_views(tree, planner)
    if isinstance(tree, exp.Union):
        return plan_union(tree, plan_query, planner)
    raise unsupported(tree, planner.text, f"{tree.key.upper()} is not supported here", INSERT_FORM)


def _with_views(select: exp.Select, planner: Planner) -> Relation:
    only(select, planner.text, INSERT_FORM, *_SELECT_PARTS)
    outer = dict(planner.views)
    for part in select.args["with_"].expressions if select.args.get("with_") else []:
        planner.views[part.alias] = plan_open(part.this, planner)
    try:
        return _plan_select(select, planner)
    finally:
        planner.views = outer


def _plan_select(select: exp.Select, planner: Planner) -> Relation:
    if is_grouped(select) and has_over(select):
        return _plan_select(nested(select), planner)
    relation, where = plan_from(select, planner)
    if relation.ranking:
        if where is None and not is_grouped(select) and not has_over(select):
            return projected(select, relation, planner, project)
        relation, where = plan_rank(select, relation, where, planner)
    if not is_grouped(select):
        relation = attach_windows(relation, planner)
    if where is not None:
        condition = boolean(where, RelationScope(relation, planner.text))
        relation = relation.filtered(condition.evaluate)
    scope: Scope
    if is_grouped(select):
        relation, scope = plan_group(select, relation, planner)
    elif has_over(select):
        ranking = begin_ranking(select, relation, planner, project)
        relation, scope = ranking or plan_over(select, relation, planner)
    else:
        scope = RelationScope(relation, planner.text)
    return project(select, relation, scope, planner)


def has_over(select: exp.Select) -> bool:
    """Whether a selected item has an OVER clause."""
    return any(contains(item, exp.Window) for item in select.expressions)


def plan_from(select: exp.Select, planner: Planner) -> tuple[Relation, exp.Expr | None]:
    """What the SELECT reads from, joins included, and the WHERE that is left to apply."""
    source = select.args.get("from_")
    if source is None:
        raise unsupported(select, planner.text, "SELECT needs a FROM", INSERT_FORM)
    relation = plan_table(source.this, planner)
    if select.args.get("match") or select.args.get("joins"):
        relation = settled(relation, planner)
    if select.args.get("match"):
        relation = plan_match(select.args["match"], relation, source.this, planner)
    table = partial(_settled_table, planner=planner)
    where = select.args["where"].this if select.args.get("where") else None
    if select.args.get("joins"):
        relation, where = plan_joins(select, relation, table, planner)
    return plan_semi_joins(select, relation, where, table, planner)


def _settled_table(tree: exp.Expr, planner: Planner) -> Relation:
    return settled(plan_table(tree, planner), planner)


def plan_table(tree: exp.Expr, planner: Planner) -> Relation:
    """A table, a view, a window function over one, or a subquery; its columns qualified by its alias."""
    if isinstance(tree, exp.Table):
        return planner.relation(tree)
    if isinstance(tree, WindowTable):
        return _plan_window(tree, planner)
    if isinstance(tree, exp.Subquery):
        return plan_open(tree, planner).aliased(tree.alias)
    raise unsupported(tree, planner.text, f"{tree.key.upper()} is not supported in FROM", INSERT_FORM)


def _plan_window(tree: WindowTable, planner: Planner) -> Relation:
    table = tree.args["table"]
    relation = settled(planner.relation(table), planner)
    spec = read_window(tree, planner.text)
    name = tree.args["column"].name
    column = relation.column(name)
    if column is None or column.role not in {"rowtime", "proctime", "window_time"}:
        known = relation.of_role("rowtime", "window_time")
        message = f"DESCRIPTOR must name the event-time column {known.name if known else ''}".rstrip()
        raise unsupported(tree.args["column"], planner.text, message, f"DESCRIPTOR({known.name if known else 'ts'})")
    if column.role == "proctime":
        relation = _by_arrival(relation, name, table, planner)
    return replace(relation, window=spec, time=None if column.role == "proctime" else column).aliased(
        tree.alias or table.alias or table.name
    )


def _by_arrival(relation: Relation, clock: str, table: exp.Table, planner: Planner) -> Relation:
    """The same rows with their arrival as their time."""
    if table.name not in planner.tables:
        message = "windows of processing time read from a table"
        raise unsupported(table, planner.text, message, "TABLE(TUMBLE(TABLE events, DESCRIPTOR(proc), ...))")
    return planner.scans.relation(planner.tables[table.name], clock)


def project(select: exp.Select, relation: Relation, scope: Scope, planner: Planner) -> Relation:
    """The selected columns."""
    columns: list[Column] = []
    for item in select.expressions:
        if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
            columns += _star(item, relation, scope, planner)
        else:
            columns.append(_selected(item, relation, scope, len(columns)))
    return replace(relation, columns=tuple(columns))


def _star(item: exp.Expr, relation: Relation, scope: Scope, planner: Planner) -> list[Column]:
    if not isinstance(scope, RelationScope):
        raise unsupported(item, planner.text, "SELECT * is not supported after GROUP BY", INSERT_FORM)
    table = item.args["table"].name if isinstance(item, exp.Column) else ""
    return [replace(column, table="") for column in relation.columns if not table or column.table == table]


def _selected(item: exp.Expr, relation: Relation, scope: Scope, place: int) -> Column:
    node = item.this if isinstance(item, exp.Alias) else item
    expression = compile_scalar(node, scope)
    role: Role = next((column.role for column in relation.columns if column.expression is expression), "")
    if role in {"rowtime", "window_time"} and isinstance(node, exp.Cast):
        role = ""  # as in Flink a CAST makes a plain timestamp of it
    if relation.ranking is None:
        expression = traced(expression, node, relation)
    return Column(item.alias_or_name or f"EXPR${place}", expression, role)
