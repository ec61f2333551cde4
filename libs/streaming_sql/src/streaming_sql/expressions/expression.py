"""What an expression is compiled to.

A closure takes a row and returns a value of the expression's type, None for NULL. What a row is, the scope says that
resolves the names in the expression.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from streaming_sql.functions.signature import Argument
from streaming_sql.types import SqlType

Evaluate = Callable[[Any], Any]
_ABSENT = object()


@dataclass(frozen=True)
class Origin:
    """A value of a scan's rows.

    Attributes:
        scan: the scan's fingerprint.
        path: its name, and those of the fields within; of what is computed from columns its syntax tree as text.
        evaluate: its value of the scan's base row.
        is_partition_key: it is the partition key of the stream's records, in a type that gives back its text.

    """

    scan: str
    path: tuple[str, ...]
    evaluate: Evaluate = field(compare=False)
    is_partition_key: bool = False


Origins = frozenset[Origin]


@dataclass(frozen=True)
class Expression:
    """A compiled expression. `constant` is its value when that is known without a row.

    `nullable` is whether it may be NULL. A constant's is derived from its value.
    `origins` are the scans' values that it is, unchanged: of a union one for each input, of the equal
    keys of a join one for each side. Empty where that is not known.
    """

    evaluate: Evaluate
    type: SqlType
    constant: Any = _ABSENT
    nullable: bool = True
    origins: Origins = frozenset()

    def __post_init__(self) -> None:
        if self.is_constant:
            object.__setattr__(self, "nullable", self.constant is None)

    @property
    def is_constant(self) -> bool:
        """Whether the value is known without a row."""
        return self.constant is not _ABSENT

    @property
    def declared(self) -> str:
        """The type as a column would declare it: INT, or INT NOT NULL."""
        return str(self.type) if self.nullable else f"{self.type} NOT NULL"

    @property
    def argument(self) -> Argument:
        """What a function may know of it before there is a row."""
        return Argument(self.type, True, self.constant) if self.is_constant else Argument(self.type)


def constant(value: Any, kind: SqlType) -> Expression:
    """A literal."""
    return Expression(lambda row: value, kind, value)


def lift(function: Callable[[Any], Any], argument: Expression, kind: SqlType, *, nullable: bool = False) -> Expression:
    """`function` applied where the argument is not NULL. `nullable`: it may give NULL of a value."""
    if argument.is_constant:
        return constant(None if argument.constant is None else function(argument.constant), kind)
    evaluate = argument.evaluate
    if not argument.nullable:
        return Expression(lambda row: function(evaluate(row)), kind, nullable=nullable)

    def call(row: Any) -> Any:
        value = evaluate(row)
        return None if value is None else function(value)

    return Expression(call, kind)


def lift2(
    function: Callable[[Any, Any], Any], left: Expression, right: Expression, kind: SqlType, *, nullable: bool = False
) -> Expression:
    """`function` applied where neither argument is NULL."""
    if left.is_constant and right.is_constant:
        given = (left.constant, right.constant)
        return constant(None if None in given else function(*given), kind)
    first, second = left.evaluate, right.evaluate
    nullable = nullable or left.nullable or right.nullable
    if right.is_constant and right.constant is not None:
        fixed = right.constant

        def with_constant(row: Any) -> Any:
            a = first(row)
            return None if a is None else function(a, fixed)

        return Expression(with_constant, kind, nullable=nullable)

    def call(row: Any) -> Any:
        a = first(row)
        if a is None:
            return None
        b = second(row)
        return None if b is None else function(a, b)

    return Expression(call, kind, nullable=nullable)


def lift_all(
    function: Callable[..., Any], arguments: Sequence[Expression], kind: SqlType, *, nullable: bool, strict: bool
) -> Expression:
    """`function` of all arguments; if it is `strict` only where none is NULL."""
    if all(argument.is_constant for argument in arguments):
        given = [argument.constant for argument in arguments]
        return constant(None if strict and None in given else function(*given), kind)
    if strict and len(arguments) == 1:
        return lift(function, arguments[0], kind, nullable=nullable)
    if strict and len(arguments) == 2:
        return lift2(function, arguments[0], arguments[1], kind, nullable=nullable)
    evaluations = [argument.evaluate for argument in arguments]
    if not strict:
        return Expression(lambda row: function(*[evaluate(row) for evaluate in evaluations]), kind, nullable=nullable)

    def call(row: Any) -> Any:
        values = [evaluate(row) for evaluate in evaluations]
        return None if None in values else function(*values)

    return Expression(call, kind, nullable=nullable or any(argument.nullable for argument in arguments))


def common_origins(expressions: Sequence[Expression]) -> Origins:
    """The origins of a value that each expression gives for its own rows; none if one of them has none."""
    if not all(expression.origins for expression in expressions):
        return frozenset()
    return frozenset().union(*(expression.origins for expression in expressions))
