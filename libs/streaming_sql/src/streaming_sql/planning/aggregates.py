"""Aggregate calls: which values of which rows feed which accumulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from streaming_sql.accumulators import Accumulator, Average, Count, Distinct, Extreme, Sum
from streaming_sql.dialect import unsupported
from streaming_sql.expressions import Evaluate, Scope, boolean, compile_scalar
from streaming_sql.types import SqlType

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


def compile_aggregate(node: exp.Expr, scope: Scope) -> Aggregate:
    """An aggregate call, with its FILTER.

    Raises:
        SqlError: where it is outside the subset.

    """
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
