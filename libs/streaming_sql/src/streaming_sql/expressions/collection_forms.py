"""ARRAY[...], MAP[...], ROW(...), and what is picked out of them."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from streaming_sql.expressions.expression import Expression, constant, lift2, lift_all
from streaming_sql.expressions.operands import Compiler, Operands, convert
from streaming_sql.types import SqlType, array_type, map_type


def _array(node: exp.Array, operands: Operands) -> Expression:
    if not node.expressions:
        raise operands.unsupported(node, "an array needs an element", "ARRAY[1, 2]")
    parts = operands.alike(node, node.expressions)
    return lift_all(lambda *values: list(values), parts, array_type(parts[0].type), nullable=False, strict=False)


def _bracket(node: exp.Bracket, operands: Operands) -> Expression:
    if isinstance(node.this, exp.Column) and node.this.name.upper() == "MAP" and not node.this.table:
        return _map(node, operands)
    if len(node.expressions) != 1:
        raise operands.unsupported(node, "one index is supported", "items[1]")
    subject, place = operands.compile(node.this), operands.compile(node.expressions[0])
    if subject.type.name == "ARRAY" and place.type.is_integer:
        if place.is_constant and place.constant is not None and place.constant < 1:
            raise operands.unsupported(node, "the elements of an array are counted from 1", "items[1]")
        return lift2(_element, subject, place, subject.type.element, nullable=True)
    if subject.type.name == "MAP":
        key = convert(place, subject.type.fields[0][1], node, operands.scope)
        return lift2(lambda value, name: value.get(name), subject, key, subject.type.element, nullable=True)
    form = "array[index] with a whole number, map[key]"
    raise operands.unsupported(node, f"{subject.type}[{place.type}] is not supported", form)


def _element(values: list[Any], place: int) -> Any:
    return values[place - 1] if 1 <= place <= len(values) else None


def _map(node: exp.Bracket, operands: Operands) -> Expression:
    if len(node.expressions) % 2:
        raise operands.unsupported(node, "MAP needs pairs of key and value", "MAP['a', 1, 'b', 2]")
    keys = operands.alike(node, node.expressions[::2])
    values = operands.alike(node, node.expressions[1::2])
    if keys[0].type.is_nested:
        raise operands.unsupported(node, f"{keys[0].type} is no key of a map", "MAP['a', 1]")
    half = len(keys)

    def build(*given: Any) -> dict[Any, Any]:
        return dict(zip(given[:half], given[half:], strict=True))

    kind = map_type(keys[0].type, values[0].type)
    return lift_all(build, [*keys, *values], kind, nullable=False, strict=False)


def row(node: exp.Expr, parts: list[exp.Expr], operands: Operands) -> Expression:
    """ROW(value, ...): fields are called EXPR$0, EXPR$1, ... as in Flink."""
    compiled = [operands.compile(part) for part in parts]
    fields = tuple((f"EXPR${place}", part.type) for place, part in enumerate(compiled))
    kind = SqlType("ROW", fields=fields)
    if not compiled:
        return constant((), kind)
    return lift_all(lambda *values: values, compiled, kind, nullable=False, strict=False)


COLLECTION_FORMS: dict[type[exp.Expr], Compiler] = {
    exp.Array: _array,
    exp.Bracket: _bracket,
    exp.Tuple: lambda node, operands: row(node, node.expressions, operands),
}
