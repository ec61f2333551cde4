"""Scalar expressions compiled to closures: one compiler for each kind of node.

Here are the compilers of what makes values: literals, arithmetic, casts and functions. What tests and chooses is
compiled in `conditions`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from sqlglot import exp

from streaming_sql.conditions import CONDITIONS
from streaming_sql.dialect import unsupported
from streaming_sql.functions import arithmetic, substring
from streaming_sql.operands import Compiler, Evaluate, Expression, Operands, Scope, constant, convert, lift, lift2
from streaming_sql.tables import read_type
from streaming_sql.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INT,
    NULL,
    STRING,
    TIMESTAMP_LTZ,
    SqlType,
    arithmetic_type,
    decimal_type,
)

__all__ = ["FORMS", "Evaluate", "Expression", "Scope", "boolean", "compile_scalar", "constant", "convert"]

FORMS = (
    "column, literal, + - * / %, = <> < <= > >=, AND OR NOT, IS [NOT] NULL/TRUE/FALSE, IN, BETWEEN, LIKE, CASE, "
    "CAST, TRY_CAST, COALESCE, NULLIF, LOWER, UPPER, CONCAT, ||, SUBSTRING, CHAR_LENGTH, TO_TIMESTAMP_LTZ"
)
_PARTS = frozenset({"this", "expression", "expressions"})
_OWN_PARTS: dict[type[exp.Expr], frozenset[str]] = {
    exp.Literal: frozenset({"is_string"}),
    exp.Between: frozenset({"low", "high"}),
    exp.Case: frozenset({"ifs", "default"}),
    exp.Cast: frozenset({"to", "_type"}),
    exp.TryCast: frozenset({"to", "_type", "safe"}),
    exp.Concat: frozenset({"safe"}),
    exp.DPipe: frozenset({"safe"}),
    exp.Like: frozenset({"negate"}),
    exp.Substring: frozenset({"start", "length"}),
}
"""What sqlglot says of a node beside its operands; anything else it says would change the meaning unseen."""
_ARITHMETIC = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}


def compile_scalar(node: exp.Expr, scope: Scope) -> Expression:
    """Compile one expression.

    Raises:
        SqlError: for what is outside the subset or does not fit in type, at its line and column.

    """
    found = scope.resolve(node)
    if found is not None:
        return found
    compiler = _COMPILERS.get(type(node))
    if compiler is None:
        name = node.name if isinstance(node, exp.Anonymous) else node.key
        raise unsupported(node, scope.text, f"{name.upper()} is not supported in an expression", FORMS)
    for name, value in node.args.items():
        if value and name not in _PARTS | _OWN_PARTS.get(type(node), frozenset()):
            raise unsupported(node, scope.text, f"{name.upper()} is not supported with {node.key.upper()}", FORMS)
    return compiler(node, _operands(scope))


def boolean(node: exp.Expr, scope: Scope) -> Expression:
    """A condition.

    Raises:
        SqlError: if its type is not BOOLEAN.

    """
    return _operands(scope).boolean(node)


def _operands(scope: Scope) -> Operands:
    return Operands(scope, partial(compile_scalar, scope=scope))


def _literal(node: exp.Literal, operands: Operands) -> Expression:
    if node.is_string:
        return constant(node.name, STRING)
    if "e" in node.name.lower():
        return constant(float(node.name), DOUBLE)
    number = Decimal(node.name)
    if "." in node.name:
        scale = max(0, -int(number.as_tuple().exponent))
        return constant(number, decimal_type(max(scale + 1, len(number.as_tuple().digits)), scale))
    if abs(int(number)) >= 1 << 63:
        raise operands.unsupported(node, "the number does not fit BIGINT", "a DECIMAL literal such as 1.0")
    return constant(int(number), INT if abs(int(number)) < 1 << 31 else BIGINT)


def _arithmetic(node: exp.Binary, operands: Operands) -> Expression:
    symbol = _ARITHMETIC[type(node)]
    left, right = operands.compile(node.this), operands.compile(node.expression)
    kind = arithmetic_type(symbol, left.type, right.type)
    if kind is None:
        message = f"{left.type} {symbol} {right.type} is not supported"
        raise operands.unsupported(node, message, "arithmetic of numbers; use CAST(x AS TYPE)")
    return lift2(arithmetic(symbol, kind), left, right, kind)


def _negate(node: exp.Neg, operands: Operands) -> Expression:
    argument = operands.compile(node.this)
    if not argument.type.is_numeric:
        raise operands.unsupported(node, f"-{argument.type} is not supported", "-1")
    zero = constant(Decimal(0) if argument.type.name == "DECIMAL" else 0, argument.type)
    subtract = arithmetic("-", argument.type)
    return lift(lambda value: subtract(zero.constant, value), argument, argument.type)


def _cast(node: exp.Cast, operands: Operands) -> Expression:
    target = read_type(node.args["to"], node, operands.scope.text)
    return convert(operands.compile(node.this), target, node, operands.scope)


def _concat(node: exp.Expr, operands: Operands) -> Expression:
    parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
    evaluations = [operands.string(part).evaluate for part in parts]

    def join(row: Any) -> str | None:
        values = [evaluate(row) for evaluate in evaluations]
        return None if None in values else "".join(values)

    return Expression(join, STRING)


def _substring(node: exp.Substring, operands: Operands) -> Expression:
    text = operands.string(node.this)
    numbers = [operands.compile(node.args[name]) for name in ("start", "length") if node.args.get(name)]
    if not numbers or not all(number.is_constant and isinstance(number.constant, int) for number in numbers):
        raise operands.unsupported(node, "SUBSTRING is supported with literal numbers", "SUBSTRING(x, 1, 4)")
    bounds = [number.constant for number in numbers]
    return lift(lambda value: substring(value, *bounds), text, STRING)


def _text_function(function: Callable[[str], Any], kind: SqlType) -> Compiler:
    return lambda node, operands: lift(function, operands.string(node.this), kind)


def _anonymous(node: exp.Anonymous, operands: Operands) -> Expression:
    if node.name.upper() != "TO_TIMESTAMP_LTZ":
        raise operands.unsupported(node, f"function {node.name.upper()} is not supported", FORMS)
    form = "TO_TIMESTAMP_LTZ(milliseconds, 3) or TO_TIMESTAMP_LTZ(seconds, 0)"
    if len(node.expressions) != 2 or node.expressions[1].name not in {"0", "3"}:
        raise operands.unsupported(node, "TO_TIMESTAMP_LTZ needs a number and a precision", form)
    number = operands.compile(node.expressions[0])
    if not number.type.is_integer:
        raise operands.unsupported(node, f"TO_TIMESTAMP_LTZ of {number.type} is not supported", form)
    if node.expressions[1].name == "3":
        return Expression(number.evaluate, TIMESTAMP_LTZ)
    return lift(lambda seconds: seconds * 1000, number, TIMESTAMP_LTZ)


_COMPILERS: dict[type[exp.Expr], Compiler] = {
    **CONDITIONS,
    exp.Literal: _literal,
    exp.Null: lambda node, operands: constant(None, NULL),
    exp.Boolean: lambda node, operands: constant(bool(node.this), BOOLEAN),
    exp.Paren: lambda node, operands: operands.compile(node.this),
    **dict.fromkeys(_ARITHMETIC, _arithmetic),
    exp.Neg: _negate,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Lower: _text_function(str.lower, STRING),
    exp.Upper: _text_function(str.upper, STRING),
    exp.Length: _text_function(len, INT),
    exp.Concat: _concat,
    exp.DPipe: _concat,
    exp.Substring: _substring,
    exp.Anonymous: _anonymous,
}
