"""Scalar expressions: syntax trees to typed closures over rows."""

from streaming_sql.expressions.compiler import FORMS, boolean, compile_scalar
from streaming_sql.expressions.expression import (
    Evaluate,
    Expression,
    Origin,
    Origins,
    common_origins,
    constant,
    lift,
    lift2,
)
from streaming_sql.expressions.operands import Compiler, Operands, Scope, assign, convert

__all__ = [
    "FORMS",
    "Compiler",
    "Evaluate",
    "Expression",
    "Operands",
    "Origin",
    "Origins",
    "Scope",
    "assign",
    "boolean",
    "common_origins",
    "compile_scalar",
    "constant",
    "convert",
    "lift",
    "lift2",
]
