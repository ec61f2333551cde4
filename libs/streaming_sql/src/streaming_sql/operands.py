"""What an expression is compiled to, and the operands that it is compiled from.

A closure takes a row and returns a value of the expression's type, None for NULL. What a row is, the scope says:
it resolves the names (and, after grouping, the aggregates) that the expression is made of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from sqlglot import exp

from streaming_sql.dialect import unsupported
from streaming_sql.errors import SqlError
from streaming_sql.functions import cast
from streaming_sql.types import NULL, SqlType, common_type

Evaluate = Callable[[Any], Any]
_ABSENT = object()


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


@dataclass(frozen=True)
class Operands:
    """The parts of one expression, compiled in its scope and checked for the type that the expression needs.

    `compile`, `boolean`, `string` and `alike` raise SqlError, at its line and column, for what is outside the subset or
    does not fit in type.
    """

    scope: Scope
    compile: Callable[[exp.Expr], Expression]

    def boolean(self, node: exp.Expr) -> Expression:
        """A condition: BOOLEAN or NULL."""
        compiled = self.compile(node)
        if compiled.type.name not in {"BOOLEAN", "NULL"}:
            raise self.unsupported(node, f"a condition is needed, not {compiled.type}", "x = 'value'")
        return compiled

    def string(self, node: exp.Expr) -> Expression:
        """A text: STRING or NULL."""
        compiled = self.compile(node)
        if compiled.type.name not in {"STRING", "NULL"}:
            raise self.unsupported(node, f"a STRING is needed, not {compiled.type}", "CAST(x AS STRING)")
        return compiled

    def alike(self, node: exp.Expr, parts: list[exp.Expr]) -> list[Expression]:
        """Every part, converted to their common type."""
        compiled = [self.compile(part) for part in parts]
        kind: SqlType = NULL
        for part, expression in zip(parts, compiled, strict=True):
            common = None if expression.type.name == "ROW" else common_type(kind, expression.type)
            if common is None:
                message = f"{kind} and {expression.type} do not go together"
                raise self.unsupported(part, message, "both sides of one type; use CAST(x AS TYPE)")
            kind = common
        return [convert(expression, kind, node, self.scope) for expression in compiled]

    def unsupported(self, node: exp.Expr, message: str, form: str) -> SqlError:
        """The error to raise: what is wrong at `node`, and the form that is supported."""
        return unsupported(node, self.scope.text, message, form)


Compiler = Callable[[Any, Operands], Expression]
"""What compiles one kind of node, given the node and the compiler of its operands."""


def convert(source: Expression, target: SqlType, node: exp.Expr, scope: Scope) -> Expression:
    """`source` as a value of `target`; the same expression if it is one already.

    Raises:
        SqlError: if there is no such conversion.

    """
    if source.type == target:
        return source
    function = cast(source.type, target)
    if function is None:
        form = "CAST between numbers, between STRING and numbers except DOUBLE to STRING"
        raise unsupported(node, scope.text, f"{source.type} cannot become {target}", form)
    return lift(function, source, target)


def constant(value: Any, kind: SqlType) -> Expression:
    """A literal."""
    return Expression(lambda row: value, kind, value)


def lift(function: Callable[[Any], Any], argument: Expression, kind: SqlType) -> Expression:
    """`function` applied where the argument is not NULL."""
    if argument.is_constant:
        return constant(None if argument.constant is None else function(argument.constant), kind)
    evaluate = argument.evaluate

    def call(row: Any) -> Any:
        value = evaluate(row)
        return None if value is None else function(value)

    return Expression(call, kind)


def lift2(function: Callable[[Any, Any], Any], left: Expression, right: Expression, kind: SqlType) -> Expression:
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
