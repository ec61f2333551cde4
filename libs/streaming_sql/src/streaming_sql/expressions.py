"""Scalar expressions compiled to closures with SQL's three-valued logic.

A closure takes a row and returns a value of the expression's type, None for NULL. What a row is, the scope says:
it resolves the names (and, after grouping, the aggregates) that the expression is made of.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from sqlglot import exp

from streaming_sql.dialect import unsupported
from streaming_sql.functions import arithmetic, cast, like_pattern, substring
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
    common_type,
    decimal_type,
)

Evaluate = Callable[[Any], Any]
_ABSENT = object()

FORMS = (
    "column, literal, + - * / %, = <> < <= > >=, AND OR NOT, IS [NOT] NULL/TRUE/FALSE, IN, BETWEEN, LIKE, CASE, "
    "CAST, TRY_CAST, COALESCE, NULLIF, LOWER, UPPER, CONCAT, ||, SUBSTRING, CHAR_LENGTH, TO_TIMESTAMP_LTZ"
)
_COMPARISONS: dict[type[exp.Expr], Callable[[Any, Any], Any]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
}
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


@dataclass(frozen=True)
class Expression:
    """A compiled expression. `constant` is its value when it is a literal."""

    evaluate: Evaluate
    type: SqlType
    constant: Any = _ABSENT

    @property
    def is_constant(self) -> bool:
        """Whether the value is known without a row."""
        return self.constant is not _ABSENT


class Scope(Protocol):
    """What the names in an expression mean."""

    text: str

    def resolve(self, node: exp.Expr) -> Expression | None:
        """The expression that the scope itself knows for `node`, or None to compile it by its parts.

        Raises:
            SqlError: for a name that the scope does not know.

        """


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
    return compiler(node, scope)


def convert(source: Expression, target: SqlType, node: exp.Expr, scope: Scope) -> Expression:
    """`source` as a value of `target`; the same expression if it is one already."""
    if source.type == target:
        return source
    function = cast(source.type, target)
    if function is None:
        form = "CAST between numbers, between STRING and numbers except DOUBLE to STRING"
        raise unsupported(node, scope.text, f"{source.type} cannot become {target}", form)
    return _lift(function, source, target)


def constant(value: Any, kind: SqlType) -> Expression:
    """A literal."""
    return Expression(lambda row: value, kind, value)


def _lift(function: Callable[[Any], Any], argument: Expression, kind: SqlType) -> Expression:
    """`function` applied where the argument is not NULL."""
    if argument.is_constant:
        return constant(None if argument.constant is None else function(argument.constant), kind)
    evaluate = argument.evaluate

    def call(row: Any) -> Any:
        value = evaluate(row)
        return None if value is None else function(value)

    return Expression(call, kind)


def _lift2(function: Callable[[Any, Any], Any], left: Expression, right: Expression, kind: SqlType) -> Expression:
    """`function` applied where neither argument is NULL."""
    first, second = left.evaluate, right.evaluate
    if right.is_constant and right.constant is not None:
        fixed = right.constant

        def with_constant(row: Any) -> Any:
            a = first(row)
            return None if a is None else function(a, fixed)

        return Expression(with_constant, kind)

    def call(row: Any) -> Any:
        a = first(row)
        if a is None:
            return None
        b = second(row)
        return None if b is None else function(a, b)

    return Expression(call, kind)


def _literal(node: exp.Literal, scope: Scope) -> Expression:
    if node.is_string:
        return constant(node.name, STRING)
    if "e" in node.name.lower():
        return constant(float(node.name), DOUBLE)
    number = Decimal(node.name)
    if "." in node.name:
        scale = max(0, -int(number.as_tuple().exponent))
        return constant(number, decimal_type(max(scale + 1, len(number.as_tuple().digits)), scale))
    if abs(int(number)) >= 1 << 63:
        raise unsupported(node, scope.text, "the number does not fit BIGINT", "a DECIMAL literal such as 1.0")
    return constant(int(number), INT if abs(int(number)) < 1 << 31 else BIGINT)


def _compare(node: exp.Binary, scope: Scope) -> Expression:
    left, right = _alike(node, [node.this, node.expression], scope)
    return _lift2(_COMPARISONS[type(node)], left, right, BOOLEAN)


def _alike(node: exp.Expr, parts: list[exp.Expr], scope: Scope) -> list[Expression]:
    """Every part, converted to their common type."""
    compiled = [compile_scalar(part, scope) for part in parts]
    kind: SqlType = NULL
    for part, expression in zip(parts, compiled, strict=True):
        common = None if expression.type.name == "ROW" else common_type(kind, expression.type)
        if common is None:
            message = f"{kind} and {expression.type} do not go together"
            raise unsupported(part, scope.text, message, "both sides of one type; use CAST(x AS TYPE)")
        kind = common
    return [convert(expression, kind, node, scope) for expression in compiled]


def boolean(node: exp.Expr, scope: Scope) -> Expression:
    """A condition.

    Raises:
        SqlError: if its type is not BOOLEAN.

    """
    compiled = compile_scalar(node, scope)
    if compiled.type.name not in {"BOOLEAN", "NULL"}:
        raise unsupported(node, scope.text, f"a condition is needed, not {compiled.type}", "x = 'value'")
    return compiled


def _and(node: exp.And, scope: Scope) -> Expression:
    first, second = boolean(node.this, scope).evaluate, boolean(node.expression, scope).evaluate

    def both(row: Any) -> bool | None:
        a = first(row)
        if a is False:
            return False
        b = second(row)
        return False if b is False else None if a is None or b is None else True

    return Expression(both, BOOLEAN)


def _or(node: exp.Or, scope: Scope) -> Expression:
    first, second = boolean(node.this, scope).evaluate, boolean(node.expression, scope).evaluate

    def either(row: Any) -> bool | None:
        a = first(row)
        if a is True:
            return True
        b = second(row)
        return True if b is True else None if a is None or b is None else False

    return Expression(either, BOOLEAN)


def _is(node: exp.Is, scope: Scope) -> Expression:
    evaluate = compile_scalar(node.this, scope).evaluate
    if isinstance(node.expression, exp.Null):
        return Expression(lambda row: evaluate(row) is None, BOOLEAN)
    if isinstance(node.expression, exp.Boolean):
        boolean(node.this, scope)
        wanted = bool(node.expression.this)
        return Expression(lambda row: evaluate(row) is wanted, BOOLEAN)
    raise unsupported(node, scope.text, "IS is supported with NULL, TRUE and FALSE", "x IS NOT NULL")


def _in(node: exp.In, scope: Scope) -> Expression:
    if not node.expressions:
        raise unsupported(node, scope.text, "IN is supported with a list", "x IN ('a', 'b')")
    subject, *items = _alike(node, [node.this, *node.expressions], scope)
    if not all(item.is_constant for item in items):
        raise unsupported(node, scope.text, "IN is supported with literals", "x IN ('a', 'b')")
    values = frozenset(item.constant for item in items if item.constant is not None)
    missing = None if any(item.constant is None for item in items) else False
    return _lift(lambda value: True if value in values else missing, subject, BOOLEAN)


def _between(node: exp.Between, scope: Scope) -> Expression:
    low = exp.GTE(this=node.this, expression=node.args["low"])
    high = exp.LTE(this=node.this.copy(), expression=node.args["high"])
    return _and(exp.And(this=low, expression=high), scope)


def _like(node: exp.Expr, scope: Scope) -> Expression:
    escape = node.expression.name if isinstance(node, exp.Escape) else ""
    like = node.this if isinstance(node, exp.Escape) else node
    pattern = like.expression
    if not isinstance(like, exp.Like) or not isinstance(pattern, exp.Literal) or not pattern.is_string:
        raise unsupported(node, scope.text, "LIKE is supported with a literal pattern", "x LIKE 'a%'")
    subject = _string(like.this, scope)
    try:
        expression: re.Pattern[str] = like_pattern(pattern.name, escape)
    except ValueError as error:
        raise unsupported(pattern, scope.text, str(error), "x LIKE 'a!%' ESCAPE '!'") from error
    match, wanted = expression.fullmatch, not like.args.get("negate")
    return _lift(lambda value: (match(value) is not None) is wanted, subject, BOOLEAN)


def _string(node: exp.Expr, scope: Scope) -> Expression:
    compiled = compile_scalar(node, scope)
    if compiled.type.name not in {"STRING", "NULL"}:
        raise unsupported(node, scope.text, f"a STRING is needed, not {compiled.type}", "CAST(x AS STRING)")
    return compiled


def _case(node: exp.Case, scope: Scope) -> Expression:
    subject = node.this
    conditions = []
    for branch in node.args["ifs"]:
        test = exp.EQ(this=subject.copy(), expression=branch.this) if subject else branch.this
        conditions.append(boolean(test, scope).evaluate)
    default = node.args.get("default") or exp.Null()
    results = _alike(node, [*(branch.args["true"] for branch in node.args["ifs"]), default], scope)
    branches = [(test, result.evaluate) for test, result in zip(conditions, results, strict=False)]
    otherwise = results[-1].evaluate

    def choose(row: Any) -> Any:
        for test, result in branches:
            if test(row) is True:
                return result(row)
        return otherwise(row)

    return Expression(choose, results[-1].type)


def _coalesce(node: exp.Coalesce, scope: Scope) -> Expression:
    parts = _alike(node, [node.this, *node.expressions], scope)
    evaluations = [part.evaluate for part in parts]

    def first(row: Any) -> Any:
        for evaluate in evaluations:
            value = evaluate(row)
            if value is not None:
                return value
        return None

    return Expression(first, parts[0].type)


def _nullif(node: exp.Nullif, scope: Scope) -> Expression:
    kind = compile_scalar(node.this, scope)
    equal = _compare(exp.EQ(this=node.this, expression=node.expression), scope).evaluate
    return Expression(lambda row: None if equal(row) is True else kind.evaluate(row), kind.type)


def _arithmetic(node: exp.Binary, scope: Scope) -> Expression:
    symbol = _ARITHMETIC[type(node)]
    left, right = compile_scalar(node.this, scope), compile_scalar(node.expression, scope)
    kind = arithmetic_type(symbol, left.type, right.type)
    if kind is None:
        message = f"{left.type} {symbol} {right.type} is not supported"
        raise unsupported(node, scope.text, message, "arithmetic of numbers; use CAST(x AS TYPE)")
    return _lift2(arithmetic(symbol, kind), left, right, kind)


def _negate(node: exp.Neg, scope: Scope) -> Expression:
    argument = compile_scalar(node.this, scope)
    if not argument.type.is_numeric:
        raise unsupported(node, scope.text, f"-{argument.type} is not supported", "-1")
    zero = constant(Decimal(0) if argument.type.name == "DECIMAL" else 0, argument.type)
    subtract = arithmetic("-", argument.type)
    return _lift(lambda value: subtract(zero.constant, value), argument, argument.type)


def _cast(node: exp.Cast, scope: Scope) -> Expression:
    target = read_type(node.args["to"], node, scope.text)
    return convert(compile_scalar(node.this, scope), target, node, scope)


def _concat(node: exp.Expr, scope: Scope) -> Expression:
    parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
    evaluations = [_string(part, scope).evaluate for part in parts]

    def join(row: Any) -> str | None:
        values = [evaluate(row) for evaluate in evaluations]
        return None if None in values else "".join(values)

    return Expression(join, STRING)


def _substring(node: exp.Substring, scope: Scope) -> Expression:
    text = _string(node.this, scope)
    numbers = [compile_scalar(node.args[name], scope) for name in ("start", "length") if node.args.get(name)]
    if not numbers or not all(number.is_constant and isinstance(number.constant, int) for number in numbers):
        raise unsupported(node, scope.text, "SUBSTRING is supported with literal numbers", "SUBSTRING(x, 1, 4)")
    bounds = [number.constant for number in numbers]
    return _lift(lambda value: substring(value, *bounds), text, STRING)


def _text_function(function: Callable[[str], Any], kind: SqlType) -> Callable[[Any, Scope], Expression]:
    return lambda node, scope: _lift(function, _string(node.this, scope), kind)


def _anonymous(node: exp.Anonymous, scope: Scope) -> Expression:
    if node.name.upper() != "TO_TIMESTAMP_LTZ":
        raise unsupported(node, scope.text, f"function {node.name.upper()} is not supported", FORMS)
    form = "TO_TIMESTAMP_LTZ(milliseconds, 3) or TO_TIMESTAMP_LTZ(seconds, 0)"
    if len(node.expressions) != 2 or node.expressions[1].name not in {"0", "3"}:
        raise unsupported(node, scope.text, "TO_TIMESTAMP_LTZ needs a number and a precision", form)
    number = compile_scalar(node.expressions[0], scope)
    if not number.type.is_integer:
        raise unsupported(node, scope.text, f"TO_TIMESTAMP_LTZ of {number.type} is not supported", form)
    if node.expressions[1].name == "3":
        return Expression(number.evaluate, TIMESTAMP_LTZ)
    return _lift(lambda seconds: seconds * 1000, number, TIMESTAMP_LTZ)


def _not(node: exp.Not, scope: Scope) -> Expression:
    return _lift(operator.not_, boolean(node.this, scope), BOOLEAN)


_COMPILERS: dict[type[exp.Expr], Callable[[Any, Scope], Expression]] = {
    exp.Literal: _literal,
    exp.Null: lambda node, scope: constant(None, NULL),
    exp.Boolean: lambda node, scope: constant(bool(node.this), BOOLEAN),
    exp.Paren: lambda node, scope: compile_scalar(node.this, scope),
    **dict.fromkeys(_COMPARISONS, _compare),
    **dict.fromkeys(_ARITHMETIC, _arithmetic),
    exp.And: _and,
    exp.Or: _or,
    exp.Not: _not,
    exp.Neg: _negate,
    exp.Is: _is,
    exp.In: _in,
    exp.Between: _between,
    exp.Like: _like,
    exp.Escape: _like,
    exp.Case: _case,
    exp.Coalesce: _coalesce,
    exp.Nullif: _nullif,
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
