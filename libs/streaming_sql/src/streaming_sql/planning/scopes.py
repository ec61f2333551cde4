"""What names mean: columns of a relation, and after grouping its keys and aggregates."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import Any

from sqlglot import exp

from streaming_sql.decode import field_name
from streaming_sql.dialect import unsupported
from streaming_sql.expressions import Evaluate, Expression, Origin
from streaming_sql.nodes import Scan
from streaming_sql.relation import Column, Relation
from streaming_sql.types import SqlType, fit_decimal


class RelationScope:
    """Names of a relation's columns, and fields of its ROW columns."""

    def __init__(self, relation: Relation, text: str) -> None:
        self.relation = relation
        self.text = text

    def resolve(self, node: exp.Expr) -> Expression | None:
        """A column or field; anything else is compiled by its parts."""
        if not isinstance(node, exp.Column | exp.Dot):
            return None
        column, fields = self.column(node)
        return _field(column, fields, node, self.text)

    def column(self, node: exp.Column | exp.Dot) -> tuple[Column, list[str]]:
        """The column that a name means, and the fields of it that follow.

        Raises:
            SqlError: for an unknown or ambiguous name.

        """
        path = [part.name for part in node.parts]
        tables = {column.table for column in self.relation.columns}
        if len(path) > 1 and path[0] in tables:
            table, path = path[0], path[1:]
            found = [column for column in self.relation.columns if (column.table, column.name) == (table, path[0])]
        else:
            found = [column for column in self.relation.columns if column.name == path[0]]
        if not found:
            known = ", ".join(dict.fromkeys(column.name for column in self.relation.columns))
            raise unsupported(node, self.text, f"no column {'.'.join(path)}", f"one of {known}")
        if len(found) > 1:
            form = " or ".join(f"{column.table}.{column.name}" for column in found)
            raise unsupported(node, self.text, f"column {path[0]} is ambiguous", form)
        return found[0], path[1:]


def _field(column: Column, fields: list[str], node: exp.Expr, text: str) -> Expression:
    if not fields:
        return column.expression
    kind = column.expression.type
    attributes = []
    for name in fields:
        names = [field for field, _ in kind.fields]
        if name not in names:
            form = f"one of {', '.join(names)}" if names else "a column of type ROW<...>"
            raise unsupported(node, text, f"{kind.name} has no field {name}", form)
        attributes.append(field_name(names.index(name)))
        kind = kind.fields[names.index(name)][1]
    origins = frozenset(
        Origin(one.scan, (*one.path, *fields), fitted(chain(one.evaluate, attributes), kind))
        for one in column.expression.origins
    )
    return Expression(fitted(chain(column.expression.evaluate, attributes), kind), kind, origins=origins)


def chain(get: Evaluate, attributes: list[str]) -> Evaluate:
    """A getter of nested struct attributes; NULL where a struct on the way is."""
    for attribute in attributes:
        get = _link(get, attrgetter(attribute))
    return get


def _link(outer: Evaluate, last: Evaluate) -> Evaluate:
    def get(row: Any) -> Any:
        inner = outer(row)
        return None if inner is None else last(inner)

    return get


def fitted(get: Evaluate, kind: SqlType) -> Evaluate:
    """The getter, its decimals rounded to the declared type: JSON numbers come as they are written."""
    if kind.name != "DECIMAL":
        return get

    def fit(row: Any) -> Any:
        value = get(row)
        return None if value is None else fit_decimal(value, kind)

    return fit


def traced(expression: Expression, node: exp.Expr, relation: Relation) -> Expression:
    """What is computed of a scan's rows with an origin of its own, if it has none."""
    if expression.origins or expression.is_constant or not isinstance(relation.node, Scan):
        return expression
    origin = Origin(relation.node.fingerprint, ("", repr(node)), expression.evaluate)
    return replace(expression, origins=frozenset({origin}))


def contains(node: exp.Expr, *kinds: type[exp.Expr]) -> bool:
    """Whether a part of the node, outside subqueries, is of one of the kinds."""
    return any(isinstance(part, kinds) for part in node.walk(prune=lambda part: isinstance(part, exp.Query)))
