"""Conditions in SQL's three-valued logic.

A comparison with NULL is neither true nor false but NULL. AND, OR, NOT and IN carry that on where it decides; IS
answers it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from streaming_sql.expressions.expression import Evaluate, Expression, constant, lift, lift2
from streaming_sql.expressions.operands import Compiler, Operands, convert
from streaming_sql.functions.json_functions import is_json
from streaming_sql.types import BOOLEAN, NULL

_COMPARISONS: dict[type[exp.Expr], Callable[[Any, Any], Any]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
}
_EXACT = ("TINYINT", "SMALLINT", "INT", "BIGINT", "DECIMAL")


def comparable(node: exp.Expr, parts: list[exp.Expr], operands: Operands) -> list[Expression]:
    """Every part, of types whose values compare; of exact numbers they need no conversion.

    Raises:
        SqlError: if the types do not go together, or are nested.

    """
    compiled = [operands.compile(part) for part in parts]
    kind = operands.common_type(parts, compiled)
    if kind.is_nested:
        raise operands.unsupported(node, f"{kind.name} values are not compared", "a comparison of their fields")
    if all(part.type.name in _EXACT for part in compiled):
        return compiled
    return [convert(expression, kind, node, operands.scope) for expression in compiled]


def _compare(node: exp.Binary, operands: Operands) -> Expression:
    left, right = comparable(node, [node.this, node.expression], operands)
    return lift2(_COMPARISONS[type(node)], left, right, BOOLEAN)


def _distinct(node: exp.Binary, operands: Operands) -> Expression:
    left, right = comparable(node, [node.this, node.expression], operands)
    first, second = left.evaluate, right.evaluate
    same = isinstance(node, exp.NullSafeEQ)
    if left.is_constant and right.is_constant:
        return constant((left.constant == right.constant) is same, BOOLEAN)
    return Expression(lambda row: (first(row) == second(row)) is same, BOOLEAN, nullable=False)


def _and(node: exp.And, operands: Operands) -> Expression:
    return conjunction(operands.boolean(node.this), operands.boolean(node.expression))


def conjunction(left: Expression, right: Expression) -> Expression:
    """Both."""
    if left.is_constant and right.is_constant:
        both = (
            False
            if False in (left.constant, right.constant)
            else None
            if None in (left.constant, right.constant)
            else True
        )
        return constant(both, BOOLEAN)
    if left.is_constant and left.constant is True:
        return right
    if right.is_constant and right.constant is True:
        return left
    first, second = left.evaluate, right.evaluate

    def both_of(row: Any) -> bool | None:
        a = first(row)
        if a is False:
            return False
        b = second(row)
        return False if b is False else None if a is None or b is None else True

    return Expression(both_of, BOOLEAN, nullable=left.nullable or right.nullable)


def _or(node: exp.Or, operands: Operands) -> Expression:
    return disjunction(operands.boolean(node.this), operands.boolean(node.expression))


def disjunction(left: Expression, right: Expression) -> Expression:
    """Either."""
    if left.is_constant and right.is_constant:
        given = (left.constant, right.constant)
        return constant(True if True in given else None if None in given else False, BOOLEAN)
    first, second = left.evaluate, right.evaluate

    def either(row: Any) -> bool | None:
        a = first(row)
        if a is True:
            return True
        b = second(row)
        return True if b is True else None if a is None or b is None else False

    return Expression(either, BOOLEAN, nullable=left.nullable or right.nullable)


def negation(condition: Expression) -> Expression:
    """The opposite; NULL of NULL."""
    return lift(operator.not_, condition, BOOLEAN)


def _not(node: exp.Not, operands: Operands) -> Expression:
    return negation(operands.boolean(node.this))


def _is(node: exp.Is, operands: Operands) -> Expression:
    if isinstance(node.expression, exp.JSON):
        return _is_json(node, node.expression, operands)
    unknown = node.meta.get("unknown")
    subject = operands.boolean(node.this) if unknown else operands.compile(node.this)
    if isinstance(node.expression, exp.Null):
        if subject.is_constant or not subject.nullable:
            return constant(subject.is_constant and subject.constant is None, BOOLEAN)
        return _test(subject.evaluate, lambda value: value is None)
    if isinstance(node.expression, exp.Boolean):
        operands.boolean(node.this)
        wanted = bool(node.expression.this)
        if subject.is_constant:
            return constant(subject.constant is wanted, BOOLEAN)
        return _test(subject.evaluate, lambda value: value is wanted)
    raise operands.unsupported(node, "IS is supported with NULL, TRUE, FALSE, UNKNOWN and JSON", "x IS NOT NULL")


def _is_json(node: exp.Is, what: exp.JSON, operands: Operands) -> Expression:
    if what.args.get("with_") is not None or what.args.get("unique"):
        raise operands.unsupported(node, "UNIQUE KEYS is not supported", "x IS JSON OBJECT")
    test = is_json(str(what.this or ""))
    text = operands.string(node.this)
    return constant(test(text.constant), BOOLEAN) if text.is_constant else _test(text.evaluate, test)


def _test(evaluate: Evaluate, test: Callable[[Any], bool]) -> Expression:
    return Expression(lambda row: test(evaluate(row)), BOOLEAN, nullable=False)


def _in(node: exp.In, operands: Operands) -> Expression:
    if not node.expressions:
        raise operands.unsupported(node, "IN is supported with a list", "x IN ('a', 'b')")
    subject, *items = comparable(node, [node.this, *node.expressions], operands)
    if not all(item.is_constant for item in items):
        equal = [lift2(operator.eq, subject, item, BOOLEAN) for item in items]
        found = equal[0]
        for other in equal[1:]:
            found = disjunction(found, other)
        return found
    values = frozenset(item.constant for item in items if item.constant is not None)
    if subject.type == NULL:
        return constant(None, BOOLEAN)
    missing = None if any(item.constant is None for item in items) else False
    return lift(lambda value: True if value in values else missing, subject, BOOLEAN, nullable=missing is None)


def _between(node: exp.Between, operands: Operands) -> Expression:
    within = _within(node, node.args["low"], node.args["high"], operands)
    if not node.args.get("symmetric"):
        return within
    return disjunction(within, _within(node, node.args["high"], node.args["low"], operands))


def _within(node: exp.Between, low: exp.Expr, high: exp.Expr, operands: Operands) -> Expression:
    least = lift2(operator.ge, *_pair(node, node.this, low, operands), BOOLEAN)
    return conjunction(least, lift2(operator.le, *_pair(node, node.this, high, operands), BOOLEAN))


def _pair(node: exp.Expr, left: exp.Expr, right: exp.Expr, operands: Operands) -> tuple[Expression, Expression]:
    first, second = comparable(node, [left, right], operands)
    return first, second


CONDITIONS: dict[type[exp.Expr], Compiler] = {
    **dict.fromkeys(_COMPARISONS, _compare),
    exp.NullSafeEQ: _distinct,
    exp.NullSafeNEQ: _distinct,
    exp.And: _and,
    exp.Or: _or,
    exp.Not: _not,
    exp.Is: _is,
    exp.In: _in,
    exp.Between: _between,
}
