"""What names and navigation mean in DEFINE and MEASURES.

As Calcite validates them and Flink's MatchCodeGenerator evaluates them: a name without variable means the row under
test in DEFINE and the last row in MEASURES; a.x the last row of a so far, the row under test among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

from sqlglot import exp

from streaming_sql.dialect import unsupported
from streaming_sql.errors import SqlError
from streaming_sql.expressions import Evaluate, Expression, compile_scalar
from streaming_sql.patterns.rows import ALL, Fold, at_first, at_last, running, under_test
from streaming_sql.patterns.totals import Count, Joined, Last, Sum, Total, always, greater, lesser, never
from streaming_sql.planning.scopes import RelationScope
from streaming_sql.types import TIMESTAMP, TIMESTAMP_LTZ, SqlType

_AGGREGATE_FORM = "COUNT(*), COUNT(a.x), SUM, AVG, MIN, MAX, FIRST_VALUE, LAST_VALUE, LISTAGG of one variable"
_NAVIGATION_FORM = "FIRST(a.x), LAST(a.x), LAST(a.x, 1), each of one variable, not nested"
_TIME_FORM = "MEASURES MATCH_ROWTIME() AS t"
_TOTALS: dict[type[exp.Expr], Callable[[SqlType], Total]] = {
    exp.Count: lambda kind: Count(),
    exp.Sum: lambda kind: Sum(kind, average=False),
    exp.Avg: lambda kind: Sum(kind, average=True),
    exp.Min: lambda kind: Last(kind, lesser),
    exp.Max: lambda kind: Last(kind, greater),
    exp.FirstValue: lambda kind: Last(kind, never),
    exp.LastValue: lambda kind: Last(kind, always),
}
_LISTAGG = "LISTAGG"
_PARTS = frozenset({"this", "big_int"})
_ROWTIME = "MATCH_ROWTIME"
_PROCTIME = "MATCH_PROCTIME"


@dataclass(eq=False)
class KeptColumns:
    """The columns that are kept of each row, as places of a tuple."""

    source: RelationScope
    variables: dict[str, int]
    expressions: list[Expression] = field(default_factory=list)
    _places: dict[tuple[str, ...], int] = field(default_factory=dict)

    def variable(self, node: exp.Column | exp.Dot) -> int:
        """The variable that the column is of, or ALL."""
        parts = node.parts
        return self.variables.get(parts[0].name, ALL) if len(parts) > 1 else ALL

    def get(self, node: exp.Column | exp.Dot) -> Expression:
        """The column, from the tuple of a row.

        Raises:
            SqlError: for an unknown column, or one that cannot be kept.

        """
        parts = node.parts[1:] if self.variable(node) != ALL else node.parts
        path = tuple(part.name for part in parts)
        if path not in self._places:
            expression = self._expression(node, list(parts))
            if expression.type.name in {"ROW", "ARRAY", "MAP", "MULTISET"}:
                message = f"a {expression.type.name} cannot be kept for a match"
                raise unsupported(node, self.source.text, message, "a field of it")
            self._places[path] = len(self.expressions)
            self.expressions.append(expression)
        place = self._places[path]
        return Expression(itemgetter(place), self.expressions[place].type)

    def _expression(self, node: exp.Expr, parts: list[exp.Expr]) -> Expression:
        names = ("this", "table", "db", "catalog")
        column: exp.Expr = exp.Column(**dict(zip(names, [part.copy() for part in reversed(parts[:4])], strict=False)))
        for part in parts[4:]:
            column = exp.Dot(this=column, expression=part.copy())
        return compile_scalar(column, self.source)


@dataclass
class RowScope:
    """Names in an aggregate's argument, or in a condition that looks at one row: all are columns of that row."""

    text: str
    kept: KeptColumns

    def resolve(self, node: exp.Expr) -> Expression | None:
        """A column; navigation and aggregates are refused."""
        if isinstance(node, exp.Column | exp.Dot):
            return self.kept.get(node)
        if isinstance(node, exp.Anonymous) and node.name.upper() in {_ROWTIME, _PROCTIME}:
            raise unsupported(node, self.text, f"{node.name.upper()} is supported in MEASURES alone", _TIME_FORM)
        if _navigation(node) or _is_aggregate(node):
            raise unsupported(node, self.text, "navigation and aggregates cannot be nested", _NAVIGATION_FORM)
        return None


@dataclass
class MatchScope:
    """Names in DEFINE (`current` is the variable that is defined) and in MEASURES (`current` is None).

    An expression's rows are MatchRows. `first` and `offset` say which row of the variable a name means.
    """

    text: str
    kept: KeptColumns
    folds: list[Fold]
    current: int | None = None
    first: bool = False
    offset: int = 0
    nested: bool = False
    proctime: bool = False

    def resolve(self, node: exp.Expr) -> Expression | None:
        """A column, FIRST, LAST, PREV, NEXT, an aggregate, or the match's time."""
        if isinstance(node, exp.Column | exp.Dot):
            return self._column(node)
        if _navigation(node):
            return self._navigated(node)
        if isinstance(node, exp.Anonymous) and node.name.upper() in {_ROWTIME, _PROCTIME}:
            return self._time(node)
        return self._aggregate(node) if _is_aggregate(node) else None

    def _column(self, node: exp.Column | exp.Dot) -> Expression:
        variable, column = self.kept.variable(node), self.kept.get(node)
        if self.current is not None and not self.first and not self.offset and variable in {self.current, ALL}:
            return Expression(under_test(column.evaluate), column.type)
        pick = at_first if self.first else at_last
        return Expression(pick(variable, self.offset, column.evaluate), column.type)

    def _navigated(self, node: exp.Expr) -> Expression:
        name = _navigation(node)
        argument, offset = self._arguments(node, 1 if name in {"PREV", "NEXT"} else 0)
        variables = {self.kept.variable(part) for part in _columns(argument)}
        if self.nested or len(variables) != 1:
            raise self._refusal(node, f"{name} needs columns of one variable, and no navigation in it")
        if name in {"PREV", "NEXT"}:
            if self.current is None:
                raise self._refusal(node, f"{name} is not supported in MEASURES")
            if offset and (name == "NEXT" or self.current in variables):
                raise self._refusal(node, f"{name} of rows outside the match is not supported")
        return compile_scalar(argument, replace(self, first=name == "FIRST", offset=offset, nested=True))

    def _arguments(self, node: exp.Expr, default: int) -> tuple[exp.Expr, int]:
        if isinstance(node, exp.Anonymous):
            arguments = node.expressions
        else:
            arguments = [node.this, *([node.expression] if node.args.get("expression") else [])]
        if not 1 <= len(arguments) <= 2:
            raise self._refusal(node, "one column and perhaps an offset are needed")
        if len(arguments) == 1:
            return arguments[0], default
        offset = arguments[1]
        if not isinstance(offset, exp.Literal) or not offset.name.isdecimal():
            raise self._refusal(offset, "the offset must be a whole number")
        return arguments[0], int(offset.name)

    def _aggregate(self, node: exp.Expr) -> Expression:
        if self.nested:
            raise self._refusal(node, "aggregates in FIRST and LAST are not supported")
        fold = self._fold(node)
        if self.current is None:
            return Expression(fold.result, fold.total.type)
        self.folds.append(fold)
        return Expression(running(len(self.folds) - 1, fold), fold.total.type)

    def _fold(self, node: exp.Expr) -> Fold:
        listed = isinstance(node, exp.Anonymous)
        make = _TOTALS.get(type(node))
        argument = node.expressions[0] if isinstance(node, exp.Anonymous) and node.expressions else node.this
        extra = [] if listed else [name for name, value in node.args.items() if value and name not in _PARTS]
        if not (make or listed) or extra or not isinstance(argument, exp.Expr) or isinstance(argument, exp.Distinct):
            raise unsupported(node, self.text, f"{node.key.upper()} is not supported so in a match", _AGGREGATE_FORM)
        if isinstance(argument, exp.Star) and isinstance(node, exp.Count):
            return Fold(ALL, Count(), None)
        variables = {self.kept.variable(part) for part in _columns(argument)}
        if len(variables) != 1 or argument.find(exp.Star):
            message = "an aggregate needs columns of one variable"
            raise unsupported(node, self.text, message, _AGGREGATE_FORM)
        compiled = compile_scalar(argument, RowScope(self.text, self.kept))
        numeric = isinstance(node, exp.Sum | exp.Avg)
        if compiled.type.name == "NULL" or (numeric and not compiled.type.is_numeric):
            message = f"{node.key.upper()} of {compiled.type} is not supported"
            raise unsupported(node, self.text, message, _AGGREGATE_FORM)
        total = make(compiled.type) if make else self._joined(node, compiled)
        return Fold(variables.pop(), total, compiled.evaluate)

    def _joined(self, node: exp.Expr, argument: Expression) -> Joined:
        separators = node.expressions[1:]
        literal = all(isinstance(part, exp.Literal) and part.is_string for part in separators)
        if not argument.type.is_text or len(separators) > 1 or not literal:
            raise unsupported(node, self.text, "LISTAGG joins texts by a literal", "LISTAGG(a.x, ', ')")
        return Joined(*(part.name for part in separators))

    def _time(self, node: exp.Anonymous) -> Expression:
        name = node.name.upper()
        if self.current is not None:
            raise unsupported(node, self.text, f"{name} is supported in MEASURES alone", _TIME_FORM)
        if (name == _PROCTIME) is not self.proctime:
            known = _PROCTIME if self.proctime else _ROWTIME
            raise unsupported(node, self.text, f"{name} does not go with this ORDER BY", f"{known}()")
        kind = TIMESTAMP_LTZ if name == _PROCTIME else TIMESTAMP
        for column in node.expressions:
            if not isinstance(column, exp.Column) or self.kept.source.column(column)[0].role != "rowtime":
                raise unsupported(column, self.text, f"{name} takes the event-time column", "MATCH_ROWTIME(ts)")
            kind = self.kept.source.column(column)[0].expression.type
        return Expression(_match_time, kind)

    def _refusal(self, node: exp.Expr, message: str) -> SqlError:
        return unsupported(node, self.text, message, _NAVIGATION_FORM)


def _match_time(match: Any) -> int:
    return int(match.time)


def is_match_time(evaluate: Evaluate) -> bool:
    """Whether an expression is MATCH_ROWTIME() or MATCH_PROCTIME() and nothing more."""
    return evaluate is _match_time


def looks_at_one_row(node: exp.Expr, kept: KeptColumns, current: int) -> bool:
    """Whether a condition is a function of the row under test alone."""
    if any(_navigation(part) or _is_aggregate(part) for part in node.walk()):
        return False
    return {kept.variable(part) for part in _columns(node)} <= {current, ALL}


def _columns(node: exp.Expr) -> list[exp.Column | exp.Dot]:
    """The columns that the node names, each as a whole path."""
    if isinstance(node, exp.Column | exp.Dot):
        return [node]
    return [column for part in node.iter_expressions() for column in _columns(part)]


def _navigation(node: exp.Expr) -> str:
    """FIRST, LAST, PREV or NEXT, or "" for any other node."""
    if isinstance(node, exp.First | exp.Last):
        return node.key.upper()
    name = node.name.upper() if isinstance(node, exp.Anonymous) else ""
    return name if name in {"FIRST", "LAST", "PREV", "NEXT"} else ""


def _is_aggregate(node: exp.Expr) -> bool:
    if isinstance(node, exp.Anonymous):
        return node.name.upper() == _LISTAGG
    return isinstance(node, exp.AggFunc | exp.Filter) and not isinstance(node, exp.First | exp.Last)
