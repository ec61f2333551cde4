"""JSON_VALUE, JSON_QUERY, JSON_EXISTS and IS JSON of texts, by the rules of Flink 1.20's SqlJsonUtils.

Where ERROR ON EMPTY or ERROR ON ERROR would fail the job, the value is NULL.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streaming_sql.functions.casts import cast
from streaming_sql.functions.json_paths import JsonPath, PathNotFound, json_path, parse_json
from streaming_sql.functions.json_text import scalar_text, write_json
from streaming_sql.functions.signature import Function
from streaming_sql.types import BOOLEAN, DOUBLE, INT, STRING, SqlType

FAILED = object()
"""What a lookup gives where Flink has an error: the text is no JSON, or the path leads nowhere."""
_INT_RANGE = range(-(1 << 31), 1 << 31)


@dataclass(frozen=True)
class Found:
    """What a path gave of a text: a parsed value, or FAILED."""

    value: Any
    lax: bool


def look_up(text: str, path: JsonPath) -> Found:
    """The path's value of a text; lax paths give None instead of failing."""
    try:
        document = parse_json(text)
    except ValueError:
        return Found(None if path.lax else FAILED, path.lax)
    if document is None:
        return Found(FAILED, path.lax)
    try:
        value = path.find(document)
    except PathNotFound:
        return Found((None if path.definite else []) if path.lax else FAILED, path.lax)
    return Found(FAILED if value is None and not path.lax else value, path.lax)


def runtime_path(text: str) -> JsonPath | None:
    """The compiled path; None if it is none."""
    try:
        return json_path(text)
    except ValueError:
        return None


def json_value(found: Found) -> tuple[str, Any]:
    """("", scalar), ("EMPTY", None) or ("ERROR", None)."""
    value = found.value
    if value is FAILED:
        return "ERROR", None
    if value is None:
        return "EMPTY", None
    if isinstance(value, dict | list):
        return ("EMPTY" if found.lax else "ERROR"), None
    return "", value


def json_query(found: Found, wrapper: str) -> tuple[str, str | None]:
    """("", JSON text), ("EMPTY", None) or ("ERROR", None). The wrapper is "", CONDITIONAL or UNCONDITIONAL."""
    value = found.value
    if value is FAILED:
        return "ERROR", None
    if value is not None and (wrapper == "UNCONDITIONAL" or (wrapper and not isinstance(value, list))):
        value = [value]
    if value is None:
        return "EMPTY", None
    if not isinstance(value, dict | list):
        return ("EMPTY" if found.lax else "ERROR"), None
    return "", write_json(value)


def json_exists(found: Found) -> bool | None:
    """Whether the path gives a value that is not null; None for an error."""
    return None if found.value is FAILED else found.value is not None


def returned(kind: SqlType) -> Callable[[Any], Any]:
    """A parsed scalar as the type that RETURNING names; NULL if it is of another kind."""
    if kind.name == "BOOLEAN":
        return lambda value: value if isinstance(value, bool) else None
    if kind.name == "INT":
        return lambda value: value if type(value) is int and value in _INT_RANGE else None
    if kind.name == "DOUBLE":
        return lambda value: float(value) if type(value) in {int, float} else None
    fit = cast(STRING, kind) or scalar_text
    return lambda value: fit(scalar_text(value))


RETURNABLE = (STRING, BOOLEAN, INT, DOUBLE)


def is_json(kind: str) -> Callable[[str | None], bool]:
    """IS JSON [VALUE | SCALAR | ARRAY | OBJECT]; NULL is none."""
    wanted: dict[str, Callable[[Any], bool]] = {
        "": lambda value: True,
        "VALUE": lambda value: True,
        "SCALAR": lambda value: not isinstance(value, dict | list),
        "ARRAY": lambda value: isinstance(value, list),
        "OBJECT": lambda value: isinstance(value, dict),
    }
    fits = wanted[kind]

    def test(text: str | None) -> bool:
        try:
            return text is not None and fits(parse_json(text))
        except ValueError:
            return False

    return test


FUNCTIONS = (
    Function(
        ("JSON_VALUE",), "JSON",
        "JSON_VALUE(json, path [RETURNING type] [NULL | DEFAULT x ON EMPTY] [NULL | DEFAULT x ON ERROR])",
        "The scalar at a path: STRING, or the BOOLEAN, INT or DOUBLE that RETURNING names.", (),
        (
            ("""JSON_VALUE('{"a": true}', '$.a')""", "true"),
            ("""JSON_VALUE('{"a": {"b": [1, 2]}}', '$.a.b[1]' RETURNING INT)""", "2"),
            ("""JSON_VALUE('{"a": true}', 'lax $.b' DEFAULT 'no' ON EMPTY)""", "no"),
        ),
    ),
    Function(
        ("JSON_QUERY",), "JSON",
        "JSON_QUERY(json, path [WITHOUT | WITH [CONDITIONAL | UNCONDITIONAL] [ARRAY] WRAPPER] "
        "[NULL | EMPTY ARRAY | EMPTY OBJECT ON EMPTY] [... ON ERROR])",
        "The object or array at a path, as JSON.", (),
        (
            ("""JSON_QUERY('{"a": {"b": 1}}', '$.a')""", '{"b":1}'),
            ("""JSON_QUERY('{"a": 1}', '$.a' WITH CONDITIONAL WRAPPER)""", "[1]"),
        ),
    ),
    Function(
        ("JSON_EXISTS",), "JSON", "JSON_EXISTS(json, path [TRUE | FALSE | UNKNOWN ON ERROR])",
        "Whether there is a value at a path.", (), (("""JSON_EXISTS('{"a": 1}', '$.b')""", "FALSE"),),
    ),
    Function(
        ("JSON_OBJECT",), "JSON", "JSON_OBJECT([KEY] key VALUE value, ... [NULL | ABSENT ON NULL])",
        "A JSON object, its keys sorted.", (), (("JSON_OBJECT('b' VALUE 1, 'a' VALUE 'x')", '{"a":"x","b":1}'),),
    ),
    Function(
        ("JSON_ARRAY",), "JSON", "JSON_ARRAY(value, ... [NULL | ABSENT ON NULL])", "A JSON array.", (),
        (("JSON_ARRAY(1, 'x')", '[1,"x"]'),),
    ),
    Function(
        ("JSON_STRING",), "JSON", "JSON_STRING(value)", "A value as JSON; NULL of NULL.", (),
        (("JSON_STRING(ARRAY[1, 2])", "[1,2]"),),
    ),
    Function(
        ("IS JSON",), "JSON", "text IS [NOT] JSON [VALUE | SCALAR | ARRAY | OBJECT]", "Whether a text is JSON.", (),
        (("'[]' IS JSON ARRAY", "TRUE"),),
    ),
)  # fmt: skip
