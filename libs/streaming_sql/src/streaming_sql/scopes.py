"""What names mean before grouping (columns of a row) and after it (keys, aggregates, window bounds)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlglot import exp

from streaming_sql.accumulators import Accumulator, Average, Count, Distinct, Extreme, Sum
from streaming_sql.decode import field_name
from streaming_sql.dialect import unsupported
from streaming_sql.expressions import Evaluate, Expression, boolean, compile_scalar
from streaming_sql.tables import Source
from streaming_sql.types import TIMESTAMP, SqlType, fit_decimal

WINDOW_COLUMNS = ("window_start", "window_end", "window_time")
GROUP_FORM = "GROUP BY window_start, window_end, column, ..."
_AGGREGATES: dict[type[exp.Expr], Callable[[SqlType], Accumulator]] = {
    exp.Count: lambda kind: Count(),
    exp.Sum: Sum,
    exp.Avg: Average,
    exp.Min: lambda kind: Extreme(kind, greatest=False),
    exp.Max: lambda kind: Extreme(kind, greatest=True),
}


@dataclass(frozen=True)
class Aggregate:
    """One aggregate call: which values of which rows feed which accumulator."""

    accumulator: Accumulator
    argument: Evaluate | None
    condition: Evaluate | None


class SourceScope:
    """Names before grouping: columns, computed columns, fields of ROW columns."""

    def __init__(self, source: Source, text: str = "") -> None:
        self.text = text or source.statement.text
        self._source = source
        self._columns = dict(source.columns)
        self._places = {name: index for index, (name, _) in enumerate(source.columns)}

    def resolve(self, node: exp.Expr) -> Expression | None:
        """A column or field; anything else is compiled by its parts."""
        if not isinstance(node, exp.Column | exp.Dot):
            return None
        path = self._path(node)
        if path[0] in self._source.computed and len(path) == 1:
            return compile_scalar(self._source.computed[path[0]], SourceScope(self._source))
        if path[0] not in self._columns:
            known = ", ".join([*self._columns, *self._source.computed])
            raise unsupported(node, self.text, f"no column {'.'.join(path)}", f"one of {known}")
        return self._field(node, path)

    def _path(self, node: exp.Column | exp.Dot) -> list[str]:
        path = [part.name for part in node.parts]
        known = self._columns.keys() | self._source.computed.keys()
        return path[1:] if len(path) > 1 and path[0] == self._source.name and path[0] not in known else path

    def _field(self, node: exp.Column | exp.Dot, path: list[str]) -> Expression:
        kind = self._columns[path[0]]
        attributes = [field_name(self._places[path[0]])]
        for name in path[1:]:
            names = [field for field, _ in kind.fields]
            if name not in names:
                form = f"one of {', '.join(names)}" if names else "a column of type ROW<...>"
                raise unsupported(node, self.text, f"{kind.name} has no field {name}", form)
            attributes.append(field_name(names.index(name)))
            kind = kind.fields[names.index(name)][1]
        return Expression(_fitted(_getter(attributes), kind), kind)


def _getter(attributes: list[str]) -> Evaluate:
    if len(attributes) == 1:
        return attrgetter(attributes[0])
    outer, last = _getter(attributes[:-1]), attrgetter(attributes[-1])

    def get(row: Any) -> Any:
        inner = outer(row)
        return None if inner is None else last(inner)

    return get


def _fitted(get: Evaluate, kind: SqlType) -> Evaluate:
    if kind.name != "DECIMAL":
        return get

    def fit(row: Any) -> Any:
        value = get(row)
        return None if value is None else fit_decimal(value, kind)

    return fit


@dataclass
class GroupScope:
    """Names after grouping. A row is (window_start, window_end, key, aggregates)."""

    text: str
    source: SourceScope
    keys: list[tuple[exp.Expr, Expression]]
    aggregates: list[tuple[exp.Expr, Aggregate]]

    def resolve(self, node: exp.Expr) -> Expression | None:
        """A window column, a group expression or an aggregate."""
        window = window_column(node)
        if window:
            return Expression(_WINDOW_VALUES[window], TIMESTAMP)
        for place, (key, expression) in enumerate(self.keys):
            if node == key:
                return Expression(_part(2, place), expression.type)
        if isinstance(node, exp.AggFunc | exp.Filter):
            return self._aggregate(node)
        if isinstance(node, exp.Column | exp.Dot):
            self.source.resolve(node)
            message = f"{node.sql()} is neither grouped nor aggregated"
            raise unsupported(node, self.text, message, GROUP_FORM)
        return None

    def _aggregate(self, node: exp.Expr) -> Expression:
        for place, (known, aggregate) in enumerate(self.aggregates):
            if node == known:
                return Expression(_part(3, place), aggregate.accumulator.type)
        aggregate = _compile_aggregate(node, self.source)
        self.aggregates.append((node, aggregate))
        return Expression(_part(3, len(self.aggregates) - 1), aggregate.accumulator.type)


def _part(slot: int, place: int) -> Evaluate:
    return lambda row: row[slot][place]


_WINDOW_VALUES: dict[str, Evaluate] = {
    "window_start": lambda row: row[0],
    "window_end": lambda row: row[1],
    "window_time": lambda row: row[1] - 1,
}


def window_column(node: exp.Expr) -> str:
    """The window column that the node names, or ""."""
    is_window = isinstance(node, exp.Column) and not node.table and node.name in WINDOW_COLUMNS
    return node.name if is_window else ""


def _compile_aggregate(node: exp.Expr, scope: SourceScope) -> Aggregate:
    form = "COUNT(*), COUNT([DISTINCT] x), SUM(x), AVG(x), MIN(x), MAX(x), each with FILTER (WHERE ...)"
    call = node.this if isinstance(node, exp.Filter) else node
    condition = boolean(node.expression.this, scope).evaluate if isinstance(node, exp.Filter) else None
    make = _AGGREGATES.get(type(call))
    if make is None or call.expressions:
        raise unsupported(node, scope.text, f"{call.key.upper()} is not supported so", form)
    argument = call.this
    if isinstance(argument, exp.Star):
        return Aggregate(Count(), None, condition)
    distinct = isinstance(argument, exp.Distinct)
    if distinct and len(argument.expressions) == 1:
        argument = argument.expressions[0]
    if isinstance(argument, exp.Distinct):
        raise unsupported(node, scope.text, "DISTINCT of several columns is not supported", form)
    compiled = compile_scalar(argument, scope)
    wanted = "numeric" if isinstance(call, exp.Sum | exp.Avg) else "any"
    if compiled.type.name in {"ROW", "NULL"} or (wanted == "numeric" and not compiled.type.is_numeric):
        raise unsupported(node, scope.text, f"{call.key.upper()} of {compiled.type} is not supported", form)
    accumulator = make(compiled.type)
    if distinct and not isinstance(accumulator, Extreme):
        accumulator = Distinct(accumulator, compiled.type)
    return Aggregate(accumulator, compiled.evaluate, condition)
