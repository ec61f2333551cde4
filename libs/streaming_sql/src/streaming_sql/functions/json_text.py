"""SQL and JSON values as the JSON text that Flink 1.20 writes: compact, keys of made objects sorted."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from streaming_sql.functions.calendar import DAY
from streaming_sql.functions.casts import row_values
from streaming_sql.functions.numbers import EXACT, double_text, float_text
from streaming_sql.functions.time_texts import clock_text, date_text
from streaming_sql.types import SqlType

ToJson = Callable[[Any], str]
_quote = json.encoder.encode_basestring
_RARE = re.compile(r"[\x00-\x07\x0b\x0e-\x1f]")
_ESCAPES = {
    **{code: f"\\u{code:04X}" for code in range(32)},
    **{ord(character): _quote(character)[1:-1] for character in '\b\f\n\r\t"\\'},
}


def quoted(text: str) -> str:
    """A JSON string; control characters in upper-case hexadecimal, as Jackson writes them."""
    return f'"{text.translate(_ESCAPES)}"' if _RARE.search(text) else _quote(text)


def write_json(value: Any) -> str:
    """A parsed JSON value as text, the keys of objects in their order."""
    if isinstance(value, str):
        return quoted(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{quoted(key)}:{write_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write_json, value)) + "]"
    return str(value)


def scalar_text(value: Any) -> str:
    """A parsed JSON scalar as SQL text: a string without quotes."""
    return value if isinstance(value, str) else write_json(value)


def json_writer(kind: SqlType) -> ToJson:
    """What JSON_STRING, JSON_OBJECT and JSON_ARRAY write of a value of the type; NULL is null."""
    write = _writer(kind)
    return lambda value: "null" if value is None else write(value)


def _writer(kind: SqlType) -> ToJson:
    if kind.is_text:
        return quoted
    if kind.is_integer:
        return str
    if kind.is_time:
        zone = "Z" if kind.name == "TIMESTAMP_LTZ" else ""
        return lambda value: quoted(iso_timestamp(value) + zone)
    if kind.name == "ROW":
        return _row_writer(kind)
    if kind.name == "ARRAY":
        element = json_writer(kind.element)
        return lambda value: f"[{','.join(map(element, value))}]"
    if kind.name == "MAP":
        written = json_writer(kind.element)
        return lambda value: _object((str(key), written(item)) for key, item in value.items())
    return _WRITERS.get(kind.name, lambda value: quoted(str(value)))


def _row_writer(kind: SqlType) -> ToJson:
    writers = [(name, json_writer(field)) for name, field in kind.fields]

    def write(row: Any) -> str:
        pairs = zip(writers, row_values(row), strict=False)
        return _object((name, writer(value)) for (name, writer), value in pairs)

    return write


def _object(pairs: Any) -> str:
    return "{" + ",".join(f"{quoted(name)}:{text}" for name, text in sorted(dict(pairs).items())) + "}"


def write_object(pairs: list[tuple[str, str]]) -> str:
    """A JSON object of names and written values, sorted by name; of equal names the last counts."""
    return _object(pairs)


def decimal_json(value: Decimal) -> str:
    """A JSON number of a DECIMAL without the zeros at its end, as Jackson writes it: 1.5, 1E+2."""
    return str(value.normalize(EXACT)) if value else "0"


def iso_timestamp(time: int) -> str:
    """2020-02-29T12:34:56.789, without seconds and fraction where they are zero."""
    fraction = time % 1000
    return f"{date_text(time // DAY)}T{clock_text(time)}" + (f".{fraction:03}".rstrip("0") if fraction else "")


_WRITERS: dict[str, ToJson] = {
    "BOOLEAN": lambda value: "true" if value else "false",
    "DOUBLE": double_text,
    "FLOAT": float_text,
    "DECIMAL": decimal_json,
    "BYTES": lambda value: quoted(base64.b64encode(value).decode()),
    "DATE": lambda value: quoted(date_text(value)),
    "TIME": lambda value: quoted(clock_text(value)),
}
