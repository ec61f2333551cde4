"""Scalar expressions: syntax trees to typed closures over rows."""

from streaming_sql.expressions.compiler import FORMS, boolean, compile_scalar
from streaming_sql.expressions.expression import Evaluate, Expression, constant, lift, lift2
from streaming_sql.expressions.operands import Compiler, Operands, Scope, assign, convert

__all__ = [
    "FORMS",
    "Compiler",
    "Evaluate",
    "Expression",
    "Operands",
    "Scope",
    "assign",
    "boolean",
    "compile_scalar",
    "constant",
    "convert",
    "lift",
    "lift2",
]
