"""CASE, IF, COALESCE, IFNULL and NULLIF: values chosen by conditions; a NULL condition is not true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from streaming_sql.expressions.conditions import comparable
from streaming_sql.expressions.expression import Expression, constant, lift2
from streaming_sql.expressions.operands import Compiler, Operands, convert
from streaming_sql.types import BOOLEAN


def choice(branches: Sequence[tuple[Expression, Expression]], otherwise: Expression) -> Expression:
    """The first value whose condition is true; all values are of one type."""
    kept = [(test, value) for test, value in branches if not (test.is_constant and test.constant is not True)]
    if kept and kept[0][0].is_constant:
        return kept[0][1]
    if not kept:
        return otherwise
    nullable = otherwise.nullable or any(value.nullable for _, value in kept)
    last = otherwise.evaluate
    if len(kept) == 1:
        test, value = kept[0][0].evaluate, kept[0][1].evaluate
        return Expression(lambda row: value(row) if test(row) is True else last(row), otherwise.type, nullable=nullable)
    pairs = [(test.evaluate, value.evaluate) for test, value in kept]

    def choose(row: Any) -> Any:
        for condition, result in pairs:
            if condition(row) is True:
                return result(row)
        return last(row)

    return Expression(choose, otherwise.type, nullable=nullable)


def _case(node: exp.Case, operands: Operands) -> Expression:
    subject = node.this
    conditions = []
    for branch in node.args["ifs"]:
        test = exp.EQ(this=subject.copy(), expression=branch.this.copy()) if subject else branch.this
        conditions.append(operands.boolean(test))
    default = node.args.get("default") or exp.Null()
    results = operands.alike(node, [*(branch.args["true"] for branch in node.args["ifs"]), default])
    return choice(list(zip(conditions, results[:-1], strict=True)), results[-1])


def _if(node: exp.If, operands: Operands) -> Expression:
    if node.args.get("false") is None:
        raise operands.unsupported(node, "IF needs three arguments", "IF(condition, then, else)")
    then, otherwise = operands.alike(node, [node.args["true"], node.args["false"]])
    return choice([(operands.boolean(node.this), then)], otherwise)


def coalesce(node: exp.Expr, parts: list[exp.Expr], operands: Operands) -> Expression:
    """The first value that is not NULL."""
    values = operands.alike(node, parts)
    kept = [value for value in values if not (value.is_constant and value.constant is None)]
    for place, value in enumerate(kept):
        if not value.nullable:
            kept = kept[: place + 1]
            break
    if not kept:
        return constant(None, values[0].type)
    if len(kept) == 1:
        return kept[0]
    if len(kept) == 2:
        first, second = kept[0].evaluate, kept[1].evaluate

        def either(row: Any) -> Any:
            value = first(row)
            return second(row) if value is None else value

        return Expression(either, values[0].type, nullable=kept[1].nullable)
    evaluations = [value.evaluate for value in kept]

    def first_of(row: Any) -> Any:
        for evaluate in evaluations:
            value = evaluate(row)
            if value is not None:
                return value
        return None

    return Expression(first_of, values[0].type, nullable=all(value.nullable for value in kept))


def _nullif(node: exp.Nullif, operands: Operands) -> Expression:
    kind = operands.compile(node.this)
    left, right = comparable(node, [node.this, node.expression], operands)
    equal = lift2(lambda a, b: a == b, left, right, BOOLEAN)
    none = constant(None, kind.type)
    return choice([(equal, none)], convert(kind, kind.type, node, operands.scope))


CHOICES: dict[type[exp.Expr], Compiler] = {
    exp.Case: _case,
    exp.If: _if,
    exp.Coalesce: lambda node, operands: coalesce(node, [node.this, *node.expressions], operands),
    exp.Nullif: _nullif,
}
