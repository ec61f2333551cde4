"""UNION ALL.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/set-ops/#union
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING

from sqlglot import exp

from streaming_sql.dialect import unsupported
from streaming_sql.expressions import Expression, Origins, common_origins, convert
from streaming_sql.operators.union import UnionNode
from streaming_sql.planning.scopes import RelationScope
from streaming_sql.relation import Column, Relation, Role, packed
from streaming_sql.tables import only
from streaming_sql.types import NULL, SqlType, common_type

if TYPE_CHECKING:
    from streaming_sql.planning.planner import Planner

_FORM = "SELECT a, b FROM x UNION ALL SELECT a, b FROM y"


def plan_union(tree: exp.Union, query: Callable[[exp.Expr, Planner], Relation], planner: Planner) -> Relation:
    """The rows of all SELECTs; columns are called as in the first. `query` plans one of them.

    Event time goes on where all have an event-time column at the same place.

    Raises:
        SqlError: for UNION without ALL, or SELECTs whose columns do not fit.

    """
    outer = dict(planner.views)
    for part in tree.args["with_"].expressions if tree.args.get("with_") else []:
        planner.views[part.alias] = query(part.this, planner)
    try:
        relations = [query(part, planner) for part in _parts(tree, planner)]
    finally:
        planner.views = outer
    width = len(relations[0].columns)
    for relation in relations:
        if len(relation.columns) != width:
            message = f"{len(relation.columns)} columns cannot follow {width}"
            raise unsupported(tree, planner.text, message, _FORM)
        if relation.updating:
            raise unsupported(tree, planner.text, "rows that are revised later cannot be united", _FORM)
    kinds = [_kind([relation.columns[place] for relation in relations], tree, planner) for place in range(width)]
    return _united(relations, kinds, tree, planner)


def _parts(tree: exp.Expr, planner: Planner) -> list[exp.Expr]:
    if not isinstance(tree, exp.Union):
        return [tree]
    only(tree, planner.text, _FORM, "this", "expression", "with_", "distinct")
    if tree.args.get("distinct"):
        message = "UNION without ALL must keep all rows for ever to tell them apart"
        raise unsupported(tree.expression, planner.text, message, _FORM)
    return [*_parts(tree.this, planner), *_parts(tree.expression, planner)]


def _kind(columns: list[Column], tree: exp.Expr, planner: Planner) -> SqlType:
    kind = NULL
    for column in columns:
        known = column.expression.type
        common = known if known == kind else common_type(kind, known)
        if common is None:
            message = f"{kind} and {known} do not go together in column {columns[0].name}"
            raise unsupported(tree.expression, planner.text, message, "columns of one type; use CAST(x AS TYPE)")
        kind = common
    return kind


def _united(relations: list[Relation], kinds: list[SqlType], tree: exp.Expr, planner: Planner) -> Relation:
    packs = []
    for relation in relations:
        scope = RelationScope(relation, planner.text)
        packs.append(
            packed(
                [
                    convert(column.expression, kind, tree, scope)
                    for column, kind in zip(relation.columns, kinds, strict=True)
                ]
            )
        )
    roles = [_role([relation.columns[place] for relation in relations]) for place in range(len(kinds))]
    times = [place for place, role in enumerate(roles) if role == "rowtime"]
    node = UnionNode(
        name=planner.name("union"),
        fingerprint=planner.digest(*relations),
        inputs=tuple(relation.input(relation.columns[times[0]] if times else None) for relation in relations),
        own_time=len(times) == 1,
        columns=tuple(packs),
    )
    columns = tuple(
        replace(
            column,
            expression=Expression(itemgetter(place), kinds[place], origins=_origins(relations, kinds, place)),
            role=roles[place],
            table="",
        )
        for place, column in enumerate(relations[0].columns)
    )
    return Relation(node, columns)


def _origins(relations: list[Relation], kinds: list[SqlType], place: int) -> Origins:
    """Of a column that no input converts: 1 and 1.0 are one value here, and two there."""
    columns = [relation.columns[place].expression for relation in relations]
    texts = kinds[place].is_text and all(column.type.is_text for column in columns)
    same = texts or all(column.type == kinds[place] for column in columns)
    return common_origins(columns) if same else frozenset()


def _role(columns: list[Column]) -> Role:
    if all(column.role in {"rowtime", "window_time"} for column in columns):
        return "rowtime"
    return "proctime" if all(column.role == "proctime" for column in columns) else ""
