"""Calls of aggregate functions, compiled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from streaming_sql.aggregates.accumulator import Accumulator
from streaming_sql.aggregates.distinct import CountedDistinct, Distinct, wrapping
from streaming_sql.aggregates.ordered import OrderedDistinct
from streaming_sql.aggregates.registry import AGGREGATES, AggregateFunction
from streaming_sql.dialect import unsupported
from streaming_sql.expressions import Evaluate, Expression, Scope, boolean, compile_scalar
from streaming_sql.types import SqlType

_NAMES: dict[type[exp.Expr], str] = {
    exp.Count: "COUNT",
    exp.Sum: "SUM",
    exp.Avg: "AVG",
    exp.Min: "MIN",
    exp.Max: "MAX",
    exp.StddevPop: "STDDEV_POP",
    exp.StddevSamp: "STDDEV_SAMP",
    exp.Stddev: "STDDEV",
    exp.VariancePop: "VAR_POP",
    exp.Variance: "VAR_SAMP",
    exp.FirstValue: "FIRST_VALUE",
    exp.LastValue: "LAST_VALUE",
    exp.ApproxDistinct: "APPROX_COUNT_DISTINCT",
}
_UNKNOWN_TYPES = frozenset({"ROW", "NULL", "ARRAY", "MAP"})
_TEXTS = frozenset({"STRING", "VARCHAR", "CHAR"})


@dataclass(frozen=True, eq=False)
class Aggregate:
    """One aggregate call: which values of which rows feed which accumulator.

    Attributes:
        argument: the value; None counts every row.
        condition: of FILTER: rows for which it is not True are left out.
        written: the argument as it is written: two calls of equal arguments (in one scope) read one value.

    """

    accumulator: Accumulator
    argument: Evaluate | None = None
    condition: Evaluate | None = None
    written: exp.Expr | None = None

    @property
    def type(self) -> SqlType:
        """The result's type."""
        return self.accumulator.type


def aggregate_name(node: exp.Expr) -> str:
    """The aggregate function that the node calls (perhaps with FILTER), or ""."""
    call = node.this if isinstance(node, exp.Filter) else node
    if isinstance(call, exp.Anonymous):
        name = call.name.upper()
        return name if name in AGGREGATES else ""
    return _NAMES.get(type(call), "")


def is_aggregate(node: exp.Expr) -> bool:
    """Whether the node is a call of an aggregate function, with FILTER or without."""
    return bool(aggregate_name(node)) or isinstance(node, exp.AggFunc | exp.Filter)


def compile_aggregate(node: exp.Expr, scope: Scope, *, retract: bool = False) -> Aggregate:
    """Compile one call over rows that `scope` knows.

    With `retract` it is one of an OVER window: DISTINCT lets values be taken back, and AVG of integers divides a sum
    that wraps as SUM does, as Flink rewrites it there.

    Raises:
        SqlError: for what is outside the subset or does not fit in type, at its line and column.

    """
    call = node.this if isinstance(node, exp.Filter) else node
    name = aggregate_name(node)
    if not name:
        known = ", ".join(AGGREGATES)
        written = (call.name if isinstance(call, exp.Anonymous) else call.key).upper()
        raise unsupported(node, scope.text, f"{written} is not supported as an aggregate", known)
    function = AGGREGATES[name]
    condition = boolean(node.expression.this, scope).evaluate if isinstance(node, exp.Filter) else None
    arguments, distinct = _arguments(call, function, scope)
    if isinstance(arguments[0], exp.Star):
        return Aggregate(function.make(SqlType("NULL"), None), None, condition)
    value, parameter = _value(arguments[0], function, scope), _parameter(arguments, function, scope)
    accumulator = function.make(value.type, parameter)
    if retract:
        accumulator = wrapping(accumulator)
    if distinct and function.repeats_matter:
        accumulator = _distinct(accumulator, value.type, retract=retract)
    return Aggregate(accumulator, value.evaluate, condition, arguments[0])


def _distinct(accumulator: Accumulator, kind: SqlType, *, retract: bool) -> Accumulator:
    if accumulator.ordered:
        return OrderedDistinct(accumulator, kind)
    wrapper: Callable[[Accumulator, SqlType], Accumulator] = Distinct
    if retract and accumulator.retractable:
        wrapper = CountedDistinct
    return wrapper(accumulator, kind)


def _arguments(call: exp.Expr, function: AggregateFunction, scope: Scope) -> tuple[list[exp.Expr], bool]:
    """The arguments, and whether DISTINCT stands before them."""
    given = [] if isinstance(call, exp.Anonymous) or call.this is None else [call.this]
    arguments: list[exp.Expr] = [*given, *call.expressions]
    extra = [name for name, value in call.args.items() if value and name not in {"this", "expressions", "big_int"}]
    distinct = bool(arguments) and isinstance(arguments[0], exp.Distinct)
    if distinct:
        arguments = [*arguments[0].expressions, *arguments[1:]]
    most = 2 if function.parameter else 1
    least = 2 if function.parameter == "fraction" else 1
    if extra or not least <= len(arguments) <= most:
        message = f"{function.name} with {len(arguments)} arguments is not supported"
        raise unsupported(call, scope.text, message, function.signature)
    if isinstance(arguments[0], exp.Star) and (function.name != "COUNT" or distinct or len(arguments) > 1):
        raise unsupported(call, scope.text, f"{function.name}(*) is not supported so", function.signature)
    return arguments, distinct


def _value(node: exp.Expr, function: AggregateFunction, scope: Scope) -> Expression:
    value = compile_scalar(node, scope)
    kind = value.type
    fits = {"any": kind.name not in _UNKNOWN_TYPES, "numeric": kind.is_numeric, "STRING": kind.name in _TEXTS}
    if not fits[function.takes]:
        form = f"{function.name}(CAST(x AS STRING))" if function.takes == "STRING" else function.signature
        raise unsupported(node, scope.text, f"{function.name} of {kind} is not supported", form)
    return value


def _parameter(arguments: list[exp.Expr], function: AggregateFunction, scope: Scope) -> Any:
    if len(arguments) < 2:
        return None
    value = compile_scalar(arguments[1], scope)
    if not value.is_constant:
        raise unsupported(arguments[1], scope.text, "a literal is needed here", function.example)
    if function.parameter == "text" and isinstance(value.constant, str):
        return value.constant
    if function.parameter == "fraction" and value.type.is_numeric and 0 <= value.constant <= 1:
        return float(value.constant)
    what = "a text in quotes" if function.parameter == "text" else "a number from 0 to 1"
    raise unsupported(arguments[1], scope.text, f"{what} is needed here", function.example)
