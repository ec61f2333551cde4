"""Joins: by interval of event time, by window, with a reference table, with a versioned table.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/joins/
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from streaming_sql.dialect import unsupported
from streaming_sql.expressions import Expression, common_origins
from streaming_sql.operators.interval_join import IntervalJoinNode, output_delay
from streaming_sql.operators.window_join import WindowJoinNode
from streaming_sql.planning.join_conditions import INTERVAL_FORM, Conditions, JoinScope, conjuncts, resolvable
from streaming_sql.planning.join_tree import OUTER, Join, join_sides, names_read, residual, window_of
from streaming_sql.planning.temporal_joins import plan_as_of
from streaming_sql.planning.window_rows import attach_windows
from streaming_sql.relation import Column, Relation
from streaming_sql.tables import only

if TYPE_CHECKING:
    from streaming_sql.planning.planner import Planner


def plan_joins(
    select: exp.Select, relation: Relation, table: Callable[[exp.Expr], Relation], planner: Planner
) -> tuple[Relation, exp.Expr | None]:
    """The relation of all joins of the SELECT, and what is left of its WHERE.

    `relation` is the first FROM item, `table` plans another. Conditions of WHERE count as those of an INNER join.

    Raises:
        SqlError: where a join is outside the subset.

    """
    where = select.args.get("where")
    left = conjuncts(where.this) if where else []
    trees: list[exp.Join] = select.args.get("joins") or []
    for place, tree in enumerate(trees, 1):
        join = Join(tree, left, names_read(select), relation, table(tree.this), planner)
        join.read_too(
            [part for later in trees[place:] for part in (later.args.get("on"), *later.find_all(exp.Version))]
        )
        relation, left = _plan_join(join)
    return relation, exp.and_(*left, copy=False) if left else None


def _plan_join(join: Join) -> tuple[Relation, list[exp.Expr]]:
    tree, text = join.tree, join.text
    only(tree, text, INTERVAL_FORM, "this", "side", "kind", "on")
    if str(tree.side).upper() not in OUTER or str(tree.kind).upper() not in {"", "INNER", "OUTER", "CROSS"}:
        raise unsupported(tree, text, f"{tree.side} {tree.kind} JOIN is not supported".strip(), INTERVAL_FORM)
    if join.left.updating or join.right.updating:
        raise unsupported(tree, text, "rows that are revised later cannot be joined", INTERVAL_FORM)
    join.left, join.right = attach_windows(join.left, join.planner), attach_windows(join.right, join.planner)
    scope = JoinScope(join.left, join.right, text)
    inner = join.outer == (False, False)
    taken = [node for node in join.filters if inner and resolvable(scope, node)]
    found = scope.sort([*conjuncts(tree.args.get("on")), *taken])
    left = [node for node in join.filters if not any(node is known for known in taken)]
    join.read_too(left)
    as_of = isinstance(tree.this, exp.Table) and tree.this.args.get("version") is not None
    _push_down(join, scope, found, right=not as_of)
    if as_of:
        return plan_as_of(join, scope, found), left
    if found.windows == {"window_start", "window_end"}:
        return _plan_window_join(join, scope, found), left
    return _plan_interval_join(join, scope, found), left


def _push_down(join: Join, scope: JoinScope, found: Conditions, *, right: bool) -> None:
    """Let only rows cross that can meet a partner; of an outer side all must, and all versions of a table."""
    if not join.outer[0] and (condition := scope.all_of(found.left)):
        join.left, found.left = join.left.filtered(condition.evaluate), []
    if right and not join.outer[1] and (condition := scope.all_of(found.right)):
        join.right, found.right = join.right.filtered(condition.evaluate), []


def _plan_interval_join(join: Join, scope: JoinScope, found: Conditions) -> Relation:
    bounds = scope.bounds(found.times, join.tree.args.get("on") or join.tree)
    sides, columns = join_sides(join, found, found.keys)
    node = IntervalJoinNode(
        name=join.planner.name("interval join"),
        fingerprint=join.planner.digest(join.left, join.right),
        inputs=(join.left.input(bounds.left), join.right.input(bounds.right)),
        delay_ms=output_delay(bounds.lower, bounds.upper),
        horizon_ms=max(-bounds.lower, bounds.upper, 0),
        own_time=False,
        key_origins=tuple(common_origins(pair) for pair in found.keys),
        sides=sides,
        lower_ms=bounds.lower,
        upper_ms=bounds.upper,
        condition=residual(join, found, columns),
    )
    return Relation(node, tuple(replace(column, role=_kept(column)) for column in columns))


def _kept(column: Column) -> Any:
    """Event time stays event time; other roles end with the join."""
    return "rowtime" if column.role in {"rowtime", "window_time"} else column.role if column.role == "proctime" else ""


def _plan_window_join(join: Join, scope: JoinScope, found: Conditions) -> Relation:
    if join.left.bounds is None or join.right.bounds is None:
        raise unsupported(join.tree, join.text, "both sides of a window join need windows", INTERVAL_FORM)
    found.rest += found.times
    sides, columns = join_sides(join, found, found.keys)
    node = WindowJoinNode(
        name=join.planner.name("window join"),
        fingerprint=join.planner.digest(join.left, join.right),
        inputs=(join.left.input(), join.right.input()),
        key_origins=tuple(common_origins(pair) for pair in found.keys),
        sides=sides,
        windows=(window_of(join.left.bounds), window_of(join.right.bounds)),
        condition=residual(join, found, columns),
    )
    width = len(columns)
    bounds = (itemgetter(width), itemgetter(width + 1))
    columns = _without_padded_windows(join, columns)
    keys = _keys(join, columns)
    if not keys:  # nothing less than all of a row tells it from others of its window
        columns = tuple(replace(column, role=column.role or "key") for column in columns)
    return Relation(node, columns, bounds=bounds, keys=keys)


def _without_padded_windows(join: Join, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The window columns of a side that may be padded are plain ones: NULL where the side has no row."""
    left = len(join.kept(join.left))
    padded = [join.outer[1]] * left + [join.outer[0]] * (len(columns) - left)
    windows = {"window_start", "window_end", "window_time"}
    return tuple(
        replace(column, role="") if may_be and column.role in windows else column
        for column, may_be in zip(columns, padded, strict=True)
    )


def _keys(join: Join, columns: tuple[Column, ...]) -> tuple[Expression, ...]:
    """What tells joined rows of one window apart: the keys of both sides, if they are grouped and all kept."""
    kept = [*join.kept(join.left), *join.kept(join.right)]
    found = []
    for key in (*join.left.keys, *join.right.keys):
        places = [place for place, column in enumerate(kept) if column.expression is key]
        if not places:
            return ()
        found.append(columns[places[0]].expression)
    return tuple(found) if join.left.keys and join.right.keys else ()
