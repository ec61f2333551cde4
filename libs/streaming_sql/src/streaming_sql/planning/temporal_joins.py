"""FOR SYSTEM_TIME AS OF: joins with a reference table by processing time, with a versioned table by event time.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/joins/#temporal-joins
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from streaming_sql.dialect import unsupported
from streaming_sql.expressions import common_origins
from streaming_sql.nodes import Scan
from streaming_sql.operators.lookup_join import LookupJoinNode
from streaming_sql.operators.temporal_join import TemporalJoinNode
from streaming_sql.planning.join_conditions import Conditions, JoinScope
from streaming_sql.planning.join_tree import Join, bounds_of, join_sides, residual, without_origin
from streaming_sql.relation import Column, Relation
from streaming_sql.tables import Table

LOOKUP_FORM = "FROM events AS e JOIN reference FOR SYSTEM_TIME AS OF e.proc AS r ON e.id = r.id"
TEMPORAL_FORM = "FROM events AS e JOIN versions FOR SYSTEM_TIME AS OF e.ts AS v ON e.id = v.id"
REFERENCE_FORM = (
    "CREATE TABLE reference (id STRING, ..., PRIMARY KEY (id) NOT ENFORCED) "
    "WITH ('connector' = 'filesystem', 'path' = '...', 'format' = 'json')"
)


def plan_as_of(join: Join, scope: JoinScope, found: Conditions) -> Relation:
    """A join with a table as it stood at a time of the left side.

    Raises:
        SqlError: where the time or the table does not fit.

    """
    version = join.tree.this.args["version"]
    time = version.expression
    column = scope.column(time)[0] if isinstance(time, exp.Column) else None
    if column is None or scope.side(column) == 1 or column.role not in {"proctime", "rowtime", "window_time"}:
        message = "FOR SYSTEM_TIME AS OF needs a time attribute of the left side"
        raise unsupported(time, join.text, message, f"{LOOKUP_FORM}; or {TEMPORAL_FORM}")
    if join.outer[1]:
        message = "FOR SYSTEM_TIME AS OF is supported with INNER and LEFT JOIN"
        raise unsupported(join.tree, join.text, message, LOOKUP_FORM)
    if not found.keys:
        raise unsupported(join.tree, join.text, "FOR SYSTEM_TIME AS OF needs equal keys", LOOKUP_FORM)
    found.rest += found.times
    table = join.planner.tables.get(join.tree.this.name)
    if column.role == "proctime":
        return _plan_lookup(join, found, table)
    return _plan_versions(join, scope, found, table, column)


def _plan_lookup(join: Join, found: Conditions, table: Table | None) -> Relation:
    scan = join.right.node
    if table is None or table.options.get("connector") != "filesystem" or not isinstance(scan, Scan):
        message = f"{join.tree.this.name} is no reference table"
        raise unsupported(join.tree.this, join.text, message, REFERENCE_FORM)
    sides, columns = join_sides(join, found, found.keys)
    node = LookupJoinNode(
        name=join.planner.name("lookup join"),
        fingerprint=join.planner.digest(join.left, join.right),
        inputs=(join.left.input(),),
        own_time=join.left.node.own_time,
        table=table,
        decoder=scan.decoder,
        sides=sides,
        condition=residual(join, found, columns),
    )
    return _joined(node, join, columns)


def _plan_versions(join: Join, scope: JoinScope, found: Conditions, table: Table | None, time: Column) -> Relation:
    rowtime = join.right.of_role("rowtime")
    if table is None or not table.primary_key or rowtime is None:
        message = f"{join.tree.this.name} has no versions: a PRIMARY KEY and a WATERMARK are needed"
        form = (
            "CREATE TABLE versions (id STRING, ..., WATERMARK FOR ts AS ts, PRIMARY KEY (id) NOT ENFORCED) WITH (...)"
        )
        raise unsupported(join.tree.this, join.text, message, form)
    keyed = {_plain_right(node, scope): place for place, node in enumerate(found.key_nodes)}
    missing = [name for name in table.primary_key if name not in keyed]
    if missing:
        message = f"the versions' whole PRIMARY KEY must be joined on, {missing[0]} is not"
        raise unsupported(join.tree, join.text, message, TEMPORAL_FORM)
    places = [keyed[name] for name in table.primary_key]
    found.rest += [node for place, node in enumerate(found.key_nodes) if place not in places]
    sides, columns = join_sides(join, found, [found.keys[place] for place in places])
    node = TemporalJoinNode(
        name=join.planner.name("temporal join"),
        fingerprint=join.planner.digest(join.left, join.right),
        inputs=(join.left.input(time), join.right.input(rowtime)),
        own_time=join.left.node.own_time,
        key_origins=tuple(common_origins(found.keys[place]) for place in places),
        sides=sides,
        condition=residual(join, found, columns),
    )
    return _joined(node, join, columns)


def _plain_right(node: exp.Expr, scope: JoinScope) -> str:
    """The right side's column that a condition of equality names, or ""."""
    part = node.this if scope.sides(node.this) == {1} else node.expression
    return part.name if isinstance(part, exp.Column) else ""


def _joined(node: LookupJoinNode | TemporalJoinNode, join: Join, columns: tuple[Column, ...]) -> Relation:
    width = len(join.kept(join.left))
    plain = tuple(replace(without_origin(column), role="") for column in columns[width:])
    return Relation(node, columns[:width] + plain, bounds=bounds_of(columns[:width]))
