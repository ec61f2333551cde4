"""Functions of ARRAY and MAP values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streaming_sql.functions.regexes import java_regex
from streaming_sql.functions.signature import Arguments, Function, Signature, first_type
from streaming_sql.types import BOOLEAN, INT, STRING, SqlType, array_type, common_type, map_type

Values = list[Any]


def _contains(values: Values, wanted: Any) -> bool:
    return any(value == wanted if wanted is not None else value is None for value in values)


def _contains_any(values: Values | None, wanted: Any) -> bool | None:
    return None if values is None else _contains(values, wanted)


def _position(values: Values, wanted: Any) -> int:
    return next((place for place, value in enumerate(values, 1) if value is not None and value == wanted), 0)


def _distinct(values: Values) -> Values:
    kept: Values = []
    seen: set[Any] = set()
    for value in values:
        if value not in seen:
            seen.add(value)
            kept.append(value)
    return kept


def _element(values: Values) -> Any:
    return values[0] if len(values) == 1 else None


def _of_element(arguments: Arguments) -> SqlType:
    return arguments[0].type.element


def _same_element(arguments: Arguments) -> SqlType | None:
    array, item = arguments
    return None if common_type(array.type.element, item.type) != array.type.element else array.type


def _holds_element(result: SqlType) -> Callable[[Arguments], SqlType | None]:
    return lambda arguments: None if _same_element(arguments) is None else result


def _remove(values: Values | None, unwanted: Any) -> Values | None:
    return None if values is None else [value for value in values if value != unwanted]


def _str_to_map(text: str, pairs: str = ",", between: str = "=") -> dict[str, str | None]:
    if not text:
        return {}
    parts = _split(text, pairs)
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    found: dict[str, str | None] = {}
    for part in parts:
        key, *value = _split(part, between, 1)
        found[key if value else part] = value[0] if value else None
    return found


def _split(text: str, pattern: str, most: int = 0) -> list[str]:
    try:
        regex = java_regex(pattern)
    except ValueError:
        return [text]
    return regex.split(text, most) if not regex.groups else [text]


_MAP_OF_TEXT = map_type(STRING, STRING)


def _one(name: str, result: Any, call: Callable[[Any], Any], summary: str, example: tuple[str, str]) -> Function:
    return Function(
        (name,), "Collection", f"{name}(array)", summary, (Signature(("ARRAY",), result, call),), (example,)
    )


FUNCTIONS = (
    Function(
        ("CARDINALITY",), "Collection", "CARDINALITY(array), CARDINALITY(map)", "How many elements or entries.",
        (Signature(("ARRAY",), INT, len), Signature(("MAP",), INT, len)), (("CARDINALITY(ARRAY[1, 2])", "2"),),
    ),
    Function(
        ("ELEMENT",), "Collection", "ELEMENT(array)", "The only element; NULL of none, and of several.",
        (Signature(("ARRAY",), _of_element, _element, nullable=True),), (("ELEMENT(ARRAY[7])", "7"),),
    ),
    Function(
        ("ARRAY_CONTAINS",), "Collection", "ARRAY_CONTAINS(array, value)", "Whether the value, or NULL, is in it.",
        (Signature(("ARRAY", "ANY"), _holds_element(BOOLEAN), _contains_any, strict=False, nullable=True),),
        (("ARRAY_CONTAINS(ARRAY[1, 2], 2)", "TRUE"),),
    ),
    Function(
        ("ARRAY_POSITION",), "Collection", "ARRAY_POSITION(array, value)", "The value's first place; 0 if it has none.",
        (Signature(("ARRAY", "ANY"), _holds_element(INT), _position),), (("ARRAY_POSITION(ARRAY[5, 6], 6)", "2"),),
    ),
    Function(
        ("ARRAY_REMOVE",), "Collection", "ARRAY_REMOVE(array, value)", "Without the elements that equal the value.",
        (Signature(("ARRAY", "ANY"), _same_element, _remove, strict=False, nullable=True),),
        (("ARRAY_REMOVE(ARRAY[1, 2, 1], 1)", "[2]"),),
    ),
    _one("ARRAY_DISTINCT", first_type, _distinct, "Each element once.", ("ARRAY_DISTINCT(ARRAY[1, 2, 1])", "[1, 2]")),
    _one(
        "ARRAY_REVERSE", first_type, lambda values: values[::-1], "Backwards.", ("ARRAY_REVERSE(ARRAY[1, 2])", "[2, 1]")
    ),
    Function(
        ("MAP_KEYS",), "Collection", "MAP_KEYS(map)", "The keys.",
        (Signature(("MAP",), lambda given: array_type(given[0].type.fields[0][1]), list),),
        (("MAP_KEYS(MAP['a', 1])", "[a]"),),
    ),
    Function(
        ("MAP_VALUES",), "Collection", "MAP_VALUES(map)", "The values.",
        (Signature(("MAP",), lambda given: array_type(given[0].type.element), lambda value: list(value.values())),),
        (("MAP_VALUES(MAP['a', 1])", "[1]"),),
    ),
    Function(
        ("STR_TO_MAP",), "Collection", "STR_TO_MAP(text [, between pairs, between key and value])",
        "A map of a text such as a=1,b=2; the separators are Java patterns.",
        (
            Signature(("TEXT",), _MAP_OF_TEXT, _str_to_map),
            Signature(("TEXT", "TEXT", "TEXT"), _MAP_OF_TEXT, _str_to_map),
        ),
        (("STR_TO_MAP('a=1,b=2')['b']", "2"),),
    ),
)  # fmt: skip
