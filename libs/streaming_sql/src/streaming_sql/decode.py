"""JSON bytes to rows by a msgspec struct made from the declared columns.

A missing field is NULL, a field of the wrong type is NULL and counted, as Flink's json.ignore-parse-errors does
(https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/connectors/table/formats/json/). Scalars convert
between one another as there: a number in a STRING column is its text, a numeric text in a BIGINT column a number.
Times are texts of the format's standard, SQL ("2020-02-29 12:34:56.789") by default; a whole number in a column of a
time is taken for epoch milliseconds, which Flink does not do.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from streaming_sql.functions import to_decimal, to_double, to_integer
from streaming_sql.functions.numbers import to_float32
from streaming_sql.functions.time_texts import parse_json_date, parse_json_time, parse_json_timestamp
from streaming_sql.types import INTEGER_BITS, SqlType

_untyped = msgspec.json.Decoder(float_hook=Decimal)
_text = msgspec.json.Encoder(decimal_format="number")
_CONVERTED = frozenset({"FLOAT", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_LTZ", "BYTES"})


class RowDecoder:
    """Decodes one source's events. `decode` gives (row, fields that became NULL for their type)."""

    def __init__(
        self, columns: tuple[tuple[str, SqlType], ...], metadata: int = 0, *, timestamp_format: str = "SQL"
    ) -> None:
        """`metadata` more attributes, which are not read from the JSON: see `metadata_name`.

        `timestamp_format` is that of 'json.timestamp-format.standard': SQL or ISO-8601.
        """
        self.columns = columns
        self.metadata = metadata
        self._iso = timestamp_format == "ISO-8601"
        self._struct = _struct(columns, "Row", metadata)
        self._decode = msgspec.json.Decoder(self._struct).decode
        self._by_parts = any(kind.fields and _needs_conversion(kind) for _, kind in columns)
        self._converted = [
            (field_name(index), kind) for index, (_, kind) in enumerate(columns) if kind.name in _CONVERTED
        ]

    def decode(self, data: bytes) -> tuple[Any, int]:
        """A row of the declared columns.

        Raises:
            msgspec.DecodeError: when the bytes are no JSON object.

        """
        if not self._by_parts:
            try:
                row = self._decode(data)
            except msgspec.ValidationError:
                pass
            else:
                return row, self._convert(row) if self._converted else 0
        value = _untyped.decode(data)
        if not isinstance(value, dict):
            raise msgspec.DecodeError("not a JSON object")
        return self.read(value)

    def _convert(self, row: Any) -> int:
        wrong = 0
        for field, kind in self._converted:
            given = getattr(row, field)
            if given is not None:
                value = _lenient(given, kind, self._iso)
                wrong += value is None
                setattr(row, field, value)
        return wrong

    def read(self, values: dict[str, Any]) -> tuple[Any, int]:
        """A row of plain values by column name, each converted as one of JSON is."""
        return _lenient_struct(values, self.columns, self._struct, self._iso)


def _needs_conversion(kind: SqlType) -> bool:
    """Whether what JSON has must be changed before it is a value of the type (ms of an integer column need not)."""
    if kind.fields:
        return any(_needs_conversion(inner) for _, inner in kind.fields)
    return kind.name in _CONVERTED


def field_name(index: int) -> str:
    """The struct attribute of a column by its place; column names need not be Python names."""
    return f"c{index}"


def metadata_name(index: int) -> str:
    """The struct attribute of a value that comes with the record, not in its JSON."""
    return f"m{index}"


def _struct(columns: tuple[tuple[str, SqlType], ...], name: str, metadata: int = 0) -> type[msgspec.Struct]:
    fields: list[tuple[str, Any, Any]] = []
    rename = {}
    for index, (column, kind) in enumerate(columns):
        fields.append((field_name(index), _annotation(kind, f"{name}_{index}") | None, None))
        rename[field_name(index)] = column
    for index in range(metadata):
        fields.append((metadata_name(index), Any, None))
        rename[metadata_name(index)] = f"\uffff{index}"
    return msgspec.defstruct(name, fields, rename=rename, gc=False)


def _annotation(kind: SqlType, name: str) -> Any:
    if kind.name == "ROW":
        return _struct(kind.fields, name)
    if kind.name == "ARRAY":
        element: Any = _annotation(kind.element, f"{name}_e")
        return list[element | None]
    if kind.name == "MAP":
        value: Any = _annotation(kind.element, f"{name}_v")
        return dict[str, value | None]
    if kind.is_integer:
        half = 1 << (INTEGER_BITS[kind.name] - 1)
        return Annotated[int, msgspec.Meta(ge=-half, le=half - 1)]
    if kind.is_text:
        return str
    return {"BOOLEAN": bool, "DOUBLE": float, "DECIMAL": Decimal}.get(kind.name, Any)


def _lenient_struct(
    value: dict[str, Any], columns: tuple[tuple[str, SqlType], ...], struct: type[msgspec.Struct], iso: bool
) -> tuple[msgspec.Struct, int]:
    fields: dict[str, Any] = {}
    wrong = 0
    for index, (name, kind) in enumerate(columns):
        given = value.get(name)
        if given is None:
            continue
        converted, inner = _read(given, kind, _type_of(struct, field_name(index)), iso)
        wrong += inner
        fields[field_name(index)] = converted
    return struct(**fields), wrong


def _type_of(struct: type[msgspec.Struct], field: str) -> Any:
    """The annotation of a field, without `| None`."""
    annotation = struct.__annotations__[field]
    return annotation.__args__[0] if hasattr(annotation, "__args__") and annotation is not Any else annotation


def _read(given: Any, kind: SqlType, annotation: Any, iso: bool) -> tuple[Any, int]:
    """The value of a column, and how many fields in it became NULL for their type."""
    if kind.name == "ROW":
        return _lenient_struct(given, kind.fields, annotation, iso) if isinstance(given, dict) else (None, 1)
    if kind.name == "ARRAY":
        if not isinstance(given, list):
            return None, 1
        inner = _inner(annotation, 0)
        read = [(None, 0) if item is None else _read(item, kind.element, inner, iso) for item in given]
        return [value for value, _ in read], sum(wrong for _, wrong in read)
    if kind.name == "MAP":
        if not isinstance(given, dict):
            return None, 1
        inner = _inner(annotation, 1)
        pairs = {
            key: (None, 0) if item is None else _read(item, kind.element, inner, iso) for key, item in given.items()
        }
        return {key: value for key, (value, _) in pairs.items()}, sum(wrong for _, wrong in pairs.values())
    converted = _lenient(given, kind, iso)
    return converted, int(converted is None)


def _inner(annotation: Any, place: int) -> Any:
    element = annotation.__args__[place]
    return element.__args__[0] if hasattr(element, "__args__") else element


def _lenient(given: Any, kind: SqlType, iso: bool) -> Any:
    """The value as Flink's JSON format would read it into the column, or None."""
    if kind.is_text:
        return given if isinstance(given, str) else _text.encode(given).decode()
    if kind.name == "BOOLEAN":
        return given is True or (isinstance(given, str) and given.strip().lower() == "true")
    if kind.name in _READERS or kind.is_time:
        return _time_or_bytes(given, kind, iso)
    if isinstance(given, bool) or not isinstance(given, str | int | float | Decimal):
        return None
    if kind.is_approximate:
        number = to_double(given)
        return number if kind.name == "DOUBLE" or number is None else to_float32(number)
    if kind.name == "DECIMAL":
        return to_decimal(given, kind)
    if isinstance(given, str) and "." in given:
        return None
    return to_integer(given, kind if kind.is_integer else SqlType("BIGINT"))


def _time_or_bytes(given: Any, kind: SqlType, iso: bool) -> Any:
    if isinstance(given, str):
        if kind.is_time:
            return parse_json_timestamp(given, iso=iso, local=kind.name == "TIMESTAMP_LTZ")
        return _READERS[kind.name](given)
    whole = kind.is_time and isinstance(given, int) and not isinstance(given, bool)
    return to_integer(given, SqlType("BIGINT")) if whole else None


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


_READERS: dict[str, Callable[[str], Any]] = {"DATE": parse_json_date, "TIME": parse_json_time, "BYTES": _bytes}
