"""Arithmetic of numbers, of intervals, and of times and intervals; texts put together."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlglot import exp

from streaming_sql.expressions.expression import Expression, constant, lift, lift2, lift_all
from streaming_sql.expressions.literals import negative_literal
from streaming_sql.expressions.operands import Compiler, Operands
from streaming_sql.functions.calendar import DAY, add_months, add_months_to_time
from streaming_sql.functions.numbers import arithmetic, divide_integers
from streaming_sql.types import INTERVAL_DAY, STRING, SqlType, arithmetic_type

_SYMBOLS = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
_FORM = "arithmetic of numbers (% only of integers and decimals), time + INTERVAL '1' DAY; use CAST(x AS TYPE)"


def _arithmetic(node: exp.Binary, operands: Operands) -> Expression:
    symbol = _SYMBOLS[type(node)]
    left, right = operands.compile(node.this), operands.compile(node.expression)
    if left.type.is_interval or right.type.is_interval:
        found = _with_interval(symbol, left, right)
        if found is not None:
            return found
    kind = arithmetic_type(symbol, left.type, right.type)
    if kind is None:
        form = "TIMESTAMPDIFF(SECOND, a, b)" if left.type.is_time and right.type.is_time else _FORM
        raise operands.unsupported(node, f"{left.type} {symbol} {right.type} is not supported", form)
    nullable = symbol in "/%" or not kind.is_integer
    return lift2(arithmetic(symbol, kind), left, right, kind, nullable=nullable)


def _with_interval(symbol: str, left: Expression, right: Expression) -> Expression | None:
    if symbol == "*" and (left.type.is_numeric or right.type.is_numeric):
        number, interval = (left, right) if left.type.is_numeric else (right, left)
        if not number.type.is_integer or not interval.type.is_interval:
            return None
        return lift2(lambda times, span: times * span, number, interval, interval.type)
    if symbol not in "+-" or not right.type.is_interval:
        return (
            lift2(_shift(left.type, right.type, 1), right, left, right.type) if _is_shift(symbol, left, right) else None
        )
    sign = 1 if symbol == "+" else -1
    if left.type == right.type:
        return lift2(lambda a, b: a + sign * b, left, right, left.type)
    if not (left.type.is_time or left.type.name in {"DATE", "TIME"}):
        return None
    return lift2(_shift(right.type, left.type, sign), left, right, left.type)


def _is_shift(symbol: str, left: Expression, right: Expression) -> bool:
    return symbol == "+" and left.type.is_interval and (right.type.is_time or right.type.name in {"DATE", "TIME"})


def _shift(interval: SqlType, kind: SqlType, sign: int) -> Callable[[Any, Any], Any]:
    """The function of a date or time of `kind` and an interval."""
    if interval == INTERVAL_DAY:
        if kind.name == "DATE":
            return lambda days, span: days + sign * divide_integers(span, DAY)
        if kind.name == "TIME":
            return lambda time, span: (time + sign * span) % DAY
        return lambda time, span: time + sign * span
    if kind.name == "DATE":
        return lambda days, months: add_months(days, sign * months)
    if kind.name == "TIME":
        return lambda time, months: time
    return lambda time, months: add_months_to_time(time, sign * months)


def _negate(node: exp.Neg, operands: Operands) -> Expression:
    literal = negative_literal(node, operands)
    if literal is not None:
        return literal
    argument = operands.compile(node.this)
    if argument.type.is_interval:
        return lift(lambda value: -value, argument, argument.type)
    if not argument.type.is_numeric:
        raise operands.unsupported(node, f"-{argument.type} is not supported", "-1")
    if argument.type.is_approximate:
        return lift(lambda value: -value, argument, argument.type)
    zero = constant(Decimal(0) if argument.type.name == "DECIMAL" else 0, argument.type)
    return lift2(arithmetic("-", argument.type), zero, argument, argument.type)


def _concat(node: exp.Expr, operands: Operands) -> Expression:
    parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
    texts = [operands.string(part) for part in parts]
    return lift_all(lambda *values: "".join(values), texts, STRING, nullable=False, strict=True)


ARITHMETIC: dict[type[exp.Expr], Compiler] = {
    **dict.fromkeys(_SYMBOLS, _arithmetic),
    exp.Neg: _negate,
    exp.Concat: _concat,
    exp.DPipe: _concat,
}
