"""Scalar expressions compiled to closures: one compiler for each kind of node."""

from __future__ import annotations

from functools import partial

from sqlglot import exp

from streaming_sql.dialect import unsupported
from streaming_sql.expressions.arithmetic import ARITHMETIC
from streaming_sql.expressions.calls import CALLS
from streaming_sql.expressions.choices import CHOICES
from streaming_sql.expressions.collection_forms import COLLECTION_FORMS, row
from streaming_sql.expressions.conditions import CONDITIONS
from streaming_sql.expressions.expression import Expression
from streaming_sql.expressions.json_forms import JSON_FORMS
from streaming_sql.expressions.literals import LITERALS, time_literal
from streaming_sql.expressions.matching import MATCHING
from streaming_sql.expressions.operands import Compiler, Operands, Scope, convert
from streaming_sql.expressions.time_forms import TIME_FORMS, timestamp_add, timestamp_diff
from streaming_sql.functions.registry import FUNCTIONS
from streaming_sql.type_names import read_type

FORMS = (
    "; ".join(function.syntax for function in FUNCTIONS if not function.signatures)
    + "; and the functions "
    + (", ".join(name for function in FUNCTIONS if function.signatures for name in function.names))
)
_PARTS = frozenset({"this", "expression", "expressions"})
_CAST_PARTS = frozenset({"to", "_type", "safe"})
_OWN_PARTS: dict[type[exp.Expr], frozenset[str]] = {
    exp.Literal: frozenset({"is_string"}),
    exp.Interval: frozenset({"unit", "fraction_in_string"}),
    exp.Between: frozenset({"low", "high", "symmetric"}),
    exp.Case: frozenset({"ifs", "default"}),
    exp.If: frozenset({"true", "false"}),
    exp.Cast: _CAST_PARTS,
    exp.TryCast: _CAST_PARTS,
    exp.Concat: frozenset({"safe"}),
    exp.DPipe: frozenset({"safe"}),
    exp.Div: frozenset({"typed", "safe"}),
    exp.Like: frozenset({"negate"}),
    exp.Substring: frozenset({"start", "length"}),
    exp.Trim: frozenset({"position"}),
    exp.StrPosition: frozenset({"substr", "position"}),
    exp.Overlay: frozenset({"from_", "for_"}),
    exp.Floor: frozenset({"to", "decimals"}),
    exp.Ceil: frozenset({"to", "decimals"}),
}
"""What sqlglot says of a node beside its operands; anything else it says would change the meaning unseen."""
_CLOCK = frozenset({exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentTime})


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
        if type(node) in _CLOCK:
            message = "the clock is not read in an expression"
            raise unsupported(node, scope.text, message, "a column p AS PROCTIME(), or the event time")
        raise unsupported(node, scope.text, f"{node.key.upper()} is not supported in an expression", FORMS)
    allowed = _OWN_PARTS.get(type(node), frozenset())
    for name, value in node.args.items():
        if value and name not in _PARTS and name not in allowed and isinstance(node, exp.Func | exp.Condition):
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


def _cast(node: exp.Cast, operands: Operands) -> Expression:
    literal = time_literal(node, operands)
    if literal is not None:
        return literal
    target = read_type(node.args["to"], node, operands.scope.text)
    return convert(operands.compile(node.this), target, node, operands.scope)


_NAMED: dict[str, Compiler] = {
    "ROW": lambda node, operands: row(node, node.expressions, operands),
    "TIMESTAMPADD": lambda node, operands: timestamp_add(node, node.expressions, operands),
    "TIMESTAMPDIFF": lambda node, operands: timestamp_diff(node, node.expressions, operands),
}


def _anonymous(node: exp.Anonymous, operands: Operands) -> Expression:
    return _NAMED.get(node.name.upper(), CALLS[exp.Anonymous])(node, operands)


_COMPILERS: dict[type[exp.Expr], Compiler] = {
    **LITERALS,
    **CONDITIONS,
    **MATCHING,
    **CHOICES,
    **ARITHMETIC,
    **TIME_FORMS,
    **JSON_FORMS,
    **COLLECTION_FORMS,
    **CALLS,
    exp.Anonymous: _anonymous,
    exp.Paren: lambda node, operands: operands.compile(node.this),
    exp.Cast: _cast,
    exp.TryCast: _cast,
}
