"""The parts of an expression, compiled in its scope and checked for the type that the expression needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from sqlglot import exp

from streaming_sql.dialect import unsupported
from streaming_sql.errors import SqlError
from streaming_sql.expressions.expression import Expression, lift
from streaming_sql.functions.casts import cast, never_null
from streaming_sql.types import NULL, STRING, SqlType, common_type


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
    """The compiler of an expression's parts.

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
        """A text, or NULL."""
        compiled = self.compile(node)
        if compiled.type == NULL:
            return convert(compiled, STRING, node, self.scope)
        if not compiled.type.is_text:
            raise self.unsupported(node, f"a STRING is needed, not {compiled.type}", "CAST(x AS STRING)")
        return compiled

    def alike(self, node: exp.Expr, parts: list[exp.Expr]) -> list[Expression]:
        """Every part, converted to their common type."""
        compiled = [self.compile(part) for part in parts]
        kind = self.common_type(parts, compiled)
        return [convert(expression, kind, node, self.scope) for expression in compiled]

    def common_type(self, parts: list[exp.Expr], compiled: list[Expression]) -> SqlType:
        """The least type that holds every part."""
        kind: SqlType = NULL
        for part, expression in zip(parts, compiled, strict=True):
            common = common_type(kind, expression.type)
            if common is None:
                message = f"{kind} and {expression.type} do not go together"
                raise self.unsupported(part, message, "both sides of one type; use CAST(x AS TYPE)")
            kind = common
        return kind

    def unsupported(self, node: exp.Expr, message: str, form: str) -> SqlError:
        """The error to raise: what is wrong at `node`, and the form that is supported."""
        return unsupported(node, self.scope.text, message, form)


Compiler = Callable[[Any, Operands], Expression]
"""What compiles one kind of node, given the node and the compiler of its operands."""

CAST_FORM = (
    "CAST between numbers, BOOLEAN and STRING; between STRING, DATE, TIME, TIMESTAMP(3) and TIMESTAMP_LTZ(3); between "
    "STRING and BYTES; a number becomes a time by TO_TIMESTAMP_LTZ(x, 3)"
)


def convert(source: Expression, target: SqlType, node: exp.Expr, scope: Scope) -> Expression:
    """`source` as a value of `target`; the same expression if it is one already.

    Raises:
        SqlError: if there is no such conversion.

    """
    if source.type == target:
        return source
    function = cast(source.type, target)
    if function is None:
        raise unsupported(node, scope.text, f"{source.type} cannot become {target}", CAST_FORM)
    if source.type.is_text and target in {STRING, source.type}:
        return (
            Expression(source.evaluate, target, nullable=source.nullable, origins=source.origins)
            if not source.is_constant
            else lift(function, source, target)
        )
    return lift(function, source, target, nullable=not never_null(source.type, target))


def assign(source: Expression, target: SqlType, node: exp.Expr, scope: Scope) -> Expression:
    """`source` as INSERT puts it into a column of `target`: as `convert`, but a long text is not cut, as in Flink.

    Raises:
        SqlError: if there is no such conversion.

    """
    if source.type.is_text and target.is_text:
        return convert(source, STRING, node, scope)
    return convert(source, target, node, scope)
