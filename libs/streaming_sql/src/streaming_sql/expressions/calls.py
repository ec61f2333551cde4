"""Calls of the functions that are declared in the registry."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from streaming_sql.expressions.choices import coalesce
from streaming_sql.expressions.expression import Expression, constant, lift_all
from streaming_sql.expressions.operands import Compiler, Operands, convert
from streaming_sql.functions.registry import BY_NAME, nearest
from streaming_sql.functions.signature import Signature
from streaming_sql.types import DOUBLE, NULL, STRING, common_of


def call(name: str, node: exp.Expr, parts: Sequence[exp.Expr], operands: Operands) -> Expression:
    """A call of a declared function.

    Raises:
        SqlError: if there is no such function, or none for arguments of these types.

    """
    function = BY_NAME.get(name)
    if function is None or not function.signatures:
        raise operands.unsupported(node, f"function {name} is not supported", nearest(name))
    arguments = [operands.compile(part) for part in parts]
    kinds = [argument.type for argument in arguments]
    for signature in function.signatures:
        if signature.accepts(kinds):
            found = _bound(name, node, signature, arguments, operands)
            if found is not None:
                return found
    given = ", ".join(map(str, kinds))
    raise operands.unsupported(node, f"{name}({given}) is not supported", function.syntax)


def _bound(
    name: str, node: exp.Expr, signature: Signature, arguments: list[Expression], operands: Operands
) -> Expression | None:
    converted = _converted(node, signature, arguments, operands)
    known = None if converted is None else [argument.argument for argument in converted]
    result = None if known is None else signature.result_type(known)
    if converted is None or known is None or result is None:
        return None
    if signature.strict and any(argument.type == NULL for argument in arguments):
        return constant(None, result)
    try:
        function = signature.bind(known)
    except ValueError as error:
        raise operands.unsupported(node, str(error), BY_NAME[name].syntax) from error
    return lift_all(function, converted, result, nullable=signature.nullable, strict=signature.strict)


def _converted(
    node: exp.Expr, signature: Signature, arguments: list[Expression], operands: Operands
) -> list[Expression] | None:
    if signature.alike >= 0:
        kind = common_of([argument.type for argument in arguments[signature.alike :]])
        if kind is None:
            return None
        return arguments[: signature.alike] + [
            convert(argument, kind, node, operands.scope) for argument in arguments[signature.alike :]
        ]
    return [
        convert(argument, DOUBLE, node, operands.scope) if signature.parameter(place) == "DOUBLE" else argument
        for place, argument in enumerate(arguments)
    ]


def _anonymous(node: exp.Anonymous, operands: Operands) -> Expression:
    name = node.name.upper()
    if name == "IFNULL":
        if len(node.expressions) != 2:
            raise operands.unsupported(node, "IFNULL needs two arguments", "IFNULL(value, replacement)")
        return coalesce(node, node.expressions, operands)
    if name == "TYPEOF" and len(node.expressions) == 1:
        return constant(operands.compile(node.expressions[0]).declared, STRING)
    return call(name, node, node.expressions, operands)


def _trim(node: exp.Trim, operands: Operands) -> Expression:
    name = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get(str(node.args.get("position") or ""), "TRIM")
    return call(name, node, [node.this, node.expression or exp.Literal.string(" ")], operands)


def _position(node: exp.StrPosition, operands: Operands) -> Expression:
    if node.args.get("position") is not None:
        raise operands.unsupported(node, "POSITION has no third argument", "LOCATE(part, text, start)")
    return call("POSITION", node, [node.args["substr"], node.this], operands)


def _substring(node: exp.Substring, operands: Operands) -> Expression:
    parts = [node.this, node.args.get("start"), node.args.get("length")]
    return call("SUBSTRING", node, [part for part in parts if part is not None], operands)


def _overlay(node: exp.Overlay, operands: Operands) -> Expression:
    parts = [node.this, node.expression, node.args.get("from_"), node.args.get("for_")]
    return call("OVERLAY", node, [part for part in parts if part is not None], operands)


CALLS: dict[type[exp.Expr], Compiler] = {
    exp.Anonymous: _anonymous,
    exp.Trim: _trim,
    exp.StrPosition: _position,
    exp.Substring: _substring,
    exp.Overlay: _overlay,
}
