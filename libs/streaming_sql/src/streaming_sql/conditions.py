"""Conditions in SQL's three-valued logic, and the choices made by them.

A comparison with NULL is neither true nor false but NULL. AND, OR, NOT and IN carry that on where it decides; IS
answers it; CASE and NULLIF take a NULL condition for not true.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from streaming_sql.functions import like_pattern
from streaming_sql.operands import Compiler, Expression, Operands, lift, lift2
from streaming_sql.types import BOOLEAN

_COMPARISONS: dict[type[exp.Expr], Callable[[Any, Any], Any]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
}


def _compare(node: exp.Binary, operands: Operands) -> Expression:
    left, right = operands.alike(node, [node.this, node.expression])
    return lift2(_COMPARISONS[type(node)], left, right, BOOLEAN)


def _and(node: exp.And, operands: Operands) -> Expression:
    first, second = operands.boolean(node.this).evaluate, operands.boolean(node.expression).evaluate

    def both(row: Any) -> bool | None:
        a = first(row)
        if a is False:
            return False
        b = second(row)
        return False if b is False else None if a is None or b is None else True

    return Expression(both, BOOLEAN)


def _or(node: exp.Or, operands: Operands) -> Expression:
    first, second = operands.boolean(node.this).evaluate, operands.boolean(node.expression).evaluate

    def either(row: Any) -> bool | None:
        a = first(row)
        if a is True:
            return True
        b = second(row)
        return True if b is True else None if a is None or b is None else False

    return Expression(either, BOOLEAN)


def _not(node: exp.Not, operands: Operands) -> Expression:
    return lift(operator.not_, operands.boolean(node.this), BOOLEAN)


def _is(node: exp.Is, operands: Operands) -> Expression:
    evaluate = operands.compile(node.this).evaluate
    if isinstance(node.expression, exp.Null):
        return Expression(lambda row: evaluate(row) is None, BOOLEAN)
    if isinstance(node.expression, exp.Boolean):
        operands.boolean(node.this)
        wanted = bool(node.expression.this)
        return Expression(lambda row: evaluate(row) is wanted, BOOLEAN)
    raise operands.unsupported(node, "IS is supported with NULL, TRUE and FALSE", "x IS NOT NULL")


def _in(node: exp.In, operands: Operands) -> Expression:
    if not node.expressions:
        raise operands.unsupported(node, "IN is supported with a list", "x IN ('a', 'b')")
    subject, *items = operands.alike(node, [node.this, *node.expressions])
    if not all(item.is_constant for item in items):
        raise operands.unsupported(node, "IN is supported with literals", "x IN ('a', 'b')")
    values = frozenset(item.constant for item in items if item.constant is not None)
    missing = None if any(item.constant is None for item in items) else False
    return lift(lambda value: True if value in values else missing, subject, BOOLEAN)


def _between(node: exp.Between, operands: Operands) -> Expression:
    low = exp.GTE(this=node.this, expression=node.args["low"])
    high = exp.LTE(this=node.this.copy(), expression=node.args["high"])
    return _and(exp.And(this=low, expression=high), operands)


def _like(node: exp.Expr, operands: Operands) -> Expression:
    escape = node.expression.name if isinstance(node, exp.Escape) else ""
    like = node.this if isinstance(node, exp.Escape) else node
    pattern = like.expression
    if not isinstance(like, exp.Like) or not isinstance(pattern, exp.Literal) or not pattern.is_string:
        raise operands.unsupported(node, "LIKE is supported with a literal pattern", "x LIKE 'a%'")
    subject = operands.string(like.this)
    try:
        expression: re.Pattern[str] = like_pattern(pattern.name, escape)
    except ValueError as error:
        raise operands.unsupported(pattern, str(error), "x LIKE 'a!%' ESCAPE '!'") from error
    match, wanted = expression.fullmatch, not like.args.get("negate")
    return lift(lambda value: (match(value) is not None) is wanted, subject, BOOLEAN)


def _case(node: exp.Case, operands: Operands) -> Expression:
    subject = node.this
    conditions = []
    for branch in node.args["ifs"]:
        test = exp.EQ(this=subject.copy(), expression=branch.this) if subject else branch.this
        conditions.append(operands.boolean(test).evaluate)
    default = node.args.get("default") or exp.Null()
    results = operands.alike(node, [*(branch.args["true"] for branch in node.args["ifs"]), default])
    branches = [(test, result.evaluate) for test, result in zip(conditions, results, strict=False)]
    otherwise = results[-1].evaluate

    def choose(row: Any) -> Any:
        for test, result in branches:
            if test(row) is True:
                return result(row)
        return otherwise(row)

    return Expression(choose, results[-1].type)


def _coalesce(node: exp.Coalesce, operands: Operands) -> Expression:
    parts = operands.alike(node, [node.this, *node.expressions])
    evaluations = [part.evaluate for part in parts]

    def first(row: Any) -> Any:
        for evaluate in evaluations:
            value = evaluate(row)
            if value is not None:
                return value
        return None

    return Expression(first, parts[0].type)


def _nullif(node: exp.Nullif, operands: Operands) -> Expression:
    kind = operands.compile(node.this)
    equal = _compare(exp.EQ(this=node.this, expression=node.expression), operands).evaluate
    return Expression(lambda row: None if equal(row) is True else kind.evaluate(row), kind.type)


CONDITIONS: dict[type[exp.Expr], Compiler] = {
    **dict.fromkeys(_COMPARISONS, _compare),
    exp.And: _and,
    exp.Or: _or,
    exp.Not: _not,
    exp.Is: _is,
    exp.In: _in,
    exp.Between: _between,
    exp.Like: _like,
    exp.Escape: _like,
    exp.Case: _case,
    exp.Coalesce: _coalesce,
    exp.Nullif: _nullif,
}
