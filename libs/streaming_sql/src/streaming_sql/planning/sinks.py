"""INSERT INTO: the selected columns, in the sink's names and types."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from streaming_sql.alerts import read_policy
from streaming_sql.dialect import unsupported
from streaming_sql.expressions import assign
from streaming_sql.nodes import Output
from streaming_sql.operators.alert_sink import alert_sink
from streaming_sql.operators.sink import SinkNode
from streaming_sql.planning.scopes import RelationScope
from streaming_sql.relation import Column, Relation
from streaming_sql.tables import Table
from streaming_sql.types import assignable

if TYPE_CHECKING:
    from streaming_sql.planning.planner import Planner


def plan_sink(table: Table, names: list[str], relation: Relation, tree: exp.Insert, planner: Planner) -> SinkNode:
    """The node that fills the table. `names` are the columns listed after its name, all if empty.

    Raises:
        SqlError: where columns are missing or their types do not fit.

    """
    kinds = dict(table.columns)
    wanted = names or [name for name, _ in table.columns]
    unknown = [name for name in wanted if name not in kinds]
    if unknown:
        raise unsupported(tree.this, planner.text, f"sink {table.name} has no column {unknown[0]}", ", ".join(kinds))
    if len(relation.columns) != len(wanted):
        message = f"{len(relation.columns)} columns are selected, sink {table.name} has {len(wanted)}"
        form = "one selected column for each of the sink's, in order"
        raise unsupported(tree.expression, planner.text, message, form)
    if relation.window:
        raise unsupported(tree.expression, planner.text, "a window function needs a GROUP BY of its windows", "")
    _refuse_event_times(table, relation, tree, planner)
    scope = RelationScope(relation, planner.text)
    selected = dict(zip(wanted, relation.columns, strict=True))
    outputs: list[Output] = []
    for name in (name for name, _ in table.columns if name in selected):
        output = _output(name, selected[name], table, tree, scope)
        if output.role.startswith("window_") and any(output.role == known.role for known in outputs):
            output = replace(output, role="value")  # the same bound once more
        outputs.append(output)
    hidden = tuple(
        key.evaluate for key in relation.keys if not any(key is column.expression for column in relation.columns)
    )
    node = SinkNode(
        name=f"{table.name}/sink:insert",
        fingerprint=planner.digest(relation),
        inputs=(relation.input(),),
        options=table.options,
        outputs=tuple(outputs),
        bounds=relation.bounds,
        identity=hidden,
        updating=relation.updating,
    )
    try:
        policy = read_policy(table.options, list(kinds))
        return node if policy is None else alert_sink(node, policy)
    except ValueError as error:
        raise unsupported(tree.this, planner.text, f"sink {table.name}: {error}") from error


def _refuse_event_times(table: Table, relation: Relation, tree: exp.Insert, planner: Planner) -> None:
    """Flink writes one event time with a row."""
    names = [column.name for column in relation.columns if column.role == "rowtime"]
    if len(names) > 1:
        message = f"{' and '.join(names)} are event-time columns, sink {table.name} can take one"
        form = f"CAST({names[1]} AS TIMESTAMP_LTZ(3)) AS {names[1]}"
        raise unsupported(tree.expression, planner.text, message, form)


def _output(name: str, column: Column, table: Table, tree: exp.Insert, scope: RelationScope) -> Output:
    kind = dict(table.columns)[name]
    source = column.expression
    if not assignable(source.type, kind):
        message = f"{name} is {kind} in sink {table.name}, the query gives {source.type}"
        raise unsupported(_place(name, table, tree), scope.text, message, f"CAST(... AS {kind})")
    role = column.role if column.role in {"window_start", "window_end", "key"} else "value"
    if name in table.primary_key and role == "value":
        role = "key"
    value = assign(source, kind, tree, scope)
    return Output(name, role, value.evaluate, kind, value.origins)


def _place(name: str, table: Table, tree: exp.Insert) -> exp.Expr:
    """The selected item that the column is filled from."""
    select: exp.Expr = tree.expression
    if isinstance(select, exp.Select):
        places = [column for column, _ in table.columns]
        items = select.expressions
        if len(items) == len(places) and not any(isinstance(item, exp.Star) for item in items):
            found: exp.Expr = items[places.index(name)]
            return found
    return select
