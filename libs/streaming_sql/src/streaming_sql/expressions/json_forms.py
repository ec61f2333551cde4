"""JSON_VALUE, JSON_QUERY, JSON_EXISTS, JSON_OBJECT, JSON_ARRAY and JSON_STRING with their clauses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from streaming_sql.expressions.expression import Evaluate, Expression, constant, lift
from streaming_sql.expressions.operands import Compiler, Operands, convert
from streaming_sql.function_syntax import JsonCall
from streaming_sql.functions import json_functions
from streaming_sql.functions.json_functions import FAILED, Found, look_up, runtime_path
from streaming_sql.functions.json_paths import json_path
from streaming_sql.functions.json_text import json_writer, write_object
from streaming_sql.functions.registry import BY_NAME
from streaming_sql.type_names import read_type
from streaming_sql.types import BOOLEAN, STRING, SqlType

_FALLBACKS = {"NULL": None, "EMPTY ARRAY": "[]", "EMPTY OBJECT": "{}", "ERROR": None}


def _lookup(node: JsonCall, operands: Operands) -> tuple[Expression, Callable[[Any], Found | None]]:
    """The input, and what a row's lookup finds; None of a NULL input or path."""
    if len(node.expressions) != 2:
        raise operands.unsupported(node, f"{node.name} needs a text and a path", BY_NAME[node.name].syntax)
    text, path = (operands.string(part) for part in node.expressions)
    evaluate = text.evaluate
    if not path.is_constant or path.constant is None:
        return text, _dynamic(evaluate, path.evaluate)
    try:
        compiled = json_path(path.constant)
    except ValueError as error:
        raise operands.unsupported(node.expressions[1], str(error), "'$.name' or 'lax $.list[0].name'") from error

    def find(row: Any) -> Found | None:
        value = evaluate(row)
        return None if value is None else look_up(value, compiled)

    return text, find


def _dynamic(text: Evaluate, path: Evaluate) -> Callable[[Any], Found | None]:
    def find(row: Any) -> Found | None:
        value, source = text(row), path(row)
        if value is None or source is None:
            return None
        compiled = runtime_path(source)
        return Found(FAILED, False) if compiled is None else look_up(value, compiled)

    return find


def _folded(text: Expression, node: JsonCall, evaluate: Evaluate, kind: SqlType, operands: Operands) -> Expression:
    if text.is_constant and all(isinstance(part, exp.Literal) for part in node.expressions):
        return constant(evaluate(None), kind)
    return Expression(evaluate, kind)


def _value(node: JsonCall, operands: Operands) -> Expression:
    text, find = _lookup(node, operands)
    kind = STRING
    if node.args.get("returning") is not None:
        kind = read_type(node.args["returning"], node, operands.scope.text)
        if kind not in json_functions.RETURNABLE and kind.name != "VARCHAR":
            form = "RETURNING STRING, BOOLEAN, INT or DOUBLE; else CAST(JSON_VALUE(...) AS TYPE)"
            raise operands.unsupported(node, f"RETURNING {kind} is not supported", form)
    finish = json_functions.returned(kind)
    otherwise = {when: _fallback(node, when, kind, operands) for when in ("EMPTY", "ERROR")}

    def evaluate(row: Any) -> Any:
        found = find(row)
        if found is None:
            return None
        failure, value = json_functions.json_value(found)
        return otherwise[failure](row) if failure else finish(value)

    constants = all(not isinstance(node.args.get(name), exp.Expr) for name in ("empty_default", "error_default"))
    return _folded(text, node, evaluate, kind, operands) if constants else Expression(evaluate, kind)


def _fallback(node: JsonCall, when: str, kind: SqlType, operands: Operands) -> Evaluate:
    default = node.args.get(f"{when.lower()}_default")
    if default is None:
        return lambda row: None
    return convert(operands.compile(default), kind, node, operands.scope).evaluate


def _query(node: JsonCall, operands: Operands) -> Expression:
    text, find = _lookup(node, operands)
    wrapper = str(node.args.get("wrapper") or "")
    otherwise = {when: _FALLBACKS[str(node.args.get(f"on_{when.lower()}") or "NULL")] for when in ("EMPTY", "ERROR")}

    def evaluate(row: Any) -> str | None:
        found = find(row)
        if found is None:
            return None
        failure, value = json_functions.json_query(found, wrapper)
        return otherwise[failure] if failure else value

    return _folded(text, node, evaluate, STRING, operands)


def _exists(node: JsonCall, operands: Operands) -> Expression:
    text, find = _lookup(node, operands)
    otherwise = {"TRUE": True, "FALSE": False}.get(str(node.args.get("on_error") or "FALSE"))

    def evaluate(row: Any) -> bool | None:
        found = find(row)
        if found is None:
            return None
        answer = json_functions.json_exists(found)
        return otherwise if answer is None else answer

    return _folded(text, node, evaluate, BOOLEAN, operands)


def _written(part: exp.Expr, operands: Operands) -> tuple[Evaluate, Callable[[Any], str]]:
    """A value and what is written of it; a nested JSON_OBJECT or JSON_ARRAY goes in as it is."""
    compiled = operands.compile(part)
    if isinstance(part, JsonCall) and part.name in {"JSON_OBJECT", "JSON_ARRAY", "JSON_QUERY"}:
        return compiled.evaluate, lambda value: "null" if value is None else value
    return compiled.evaluate, json_writer(compiled.type)


def _object(node: JsonCall, operands: Operands) -> Expression:
    keys = [operands.string(part) for part in node.expressions[::2]]
    if any(not key.is_constant or key.constant is None for key in keys):
        raise operands.unsupported(node, "a key must be a literal", "JSON_OBJECT('a' VALUE x)")
    values = [_written(part, operands) for part in node.expressions[1::2]]
    pairs = [(key.constant, evaluate, write) for key, (evaluate, write) in zip(keys, values, strict=True)]
    absent = node.args.get("on_null") == "ABSENT"

    def evaluate_all(row: Any) -> str:
        given = [(key, evaluate(row), write) for key, evaluate, write in pairs]
        return write_object([(key, write(value)) for key, value, write in given if not (absent and value is None)])

    return Expression(evaluate_all, STRING, nullable=False)


def _array(node: JsonCall, operands: Operands) -> Expression:
    values = [_written(part, operands) for part in node.expressions]
    absent = node.args.get("on_null") != "NULL"

    def evaluate_all(row: Any) -> str:
        given = [(evaluate(row), write) for evaluate, write in values]
        return f"[{','.join([write(value) for value, write in given if not (absent and value is None)])}]"

    return Expression(evaluate_all, STRING, nullable=False)


def _string(node: JsonCall, operands: Operands) -> Expression:
    if len(node.expressions) != 1:
        raise operands.unsupported(node, "JSON_STRING needs one argument", "JSON_STRING(value)")
    value = operands.compile(node.expressions[0])
    return lift(json_writer(value.type), value, STRING)


_BY_NAME: dict[str, Compiler] = {
    "JSON_VALUE": _value,
    "JSON_QUERY": _query,
    "JSON_EXISTS": _exists,
    "JSON_OBJECT": _object,
    "JSON_ARRAY": _array,
    "JSON_STRING": _string,
}
JSON_FORMS: dict[type[exp.Expr], Compiler] = {
    JsonCall: lambda node, operands: _BY_NAME[node.name](node, operands),
}
