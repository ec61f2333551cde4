"""JSON bytes to rows by a msgspec struct made from the declared columns.

A missing field is NULL, a field of the wrong type is NULL and counted, as Flink's json.ignore-parse-errors does
(https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/connectors/table/formats/json/). Scalars convert
between one another as there: a number in a STRING column is its text, a numeric text in a BIGINT column a number.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import msgspec

from streaming_sql.functions import to_decimal, to_double, to_integer
from streaming_sql.types import INTEGER_BITS, SqlType

_untyped = msgspec.json.Decoder(float_hook=Decimal)
_text = msgspec.json.Encoder(decimal_format="number")


class RowDecoder:
    """Decodes one source's events. `decode` gives (row, fields that became NULL for their type)."""

    def __init__(self, columns: tuple[tuple[str, SqlType], ...], metadata: int = 0) -> None:
        """`metadata` more attributes, which are not read from the JSON: see `metadata_name`."""
        self.columns = columns
        self.metadata = metadata
        self._struct = _struct(columns, "Row", metadata)
        self._decode = msgspec.json.Decoder(self._struct).decode

    def decode(self, data: bytes) -> tuple[Any, int]:
        """A row of the declared columns.

        Raises:
            msgspec.DecodeError: when the bytes are no JSON object.

        """
        try:
            return self._decode(data), 0
        except msgspec.ValidationError:
            value = _untyped.decode(data)
        if not isinstance(value, dict):
            raise msgspec.DecodeError("not a JSON object")
        return self.read(value)

    def read(self, values: dict[str, Any]) -> tuple[Any, int]:
        """A row of plain values by column name, each converted as one of JSON is."""
        return _lenient_struct(values, self.columns, self._struct)


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
    if kind.is_integer or kind.is_time:
        half = 1 << (INTEGER_BITS.get(kind.name, 64) - 1)
        return Annotated[int, msgspec.Meta(ge=-half, le=half - 1)]
    return {"BOOLEAN": bool, "DOUBLE": float, "DECIMAL": Decimal, "STRING": str}[kind.name]


def _lenient_struct(
    value: dict[str, Any], columns: tuple[tuple[str, SqlType], ...], struct: type[msgspec.Struct]
) -> tuple[msgspec.Struct, int]:
    fields: dict[str, Any] = {}
    wrong = 0
    for index, (name, kind) in enumerate(columns):
        given = value.get(name)
        if given is None:
            continue
        if kind.name == "ROW":
            converted, inner = _lenient_row(given, kind, struct, index)
            wrong += inner
        else:
            converted = _lenient(given, kind)
            wrong += converted is None
        fields[field_name(index)] = converted
    return struct(**fields), wrong


def _lenient_row(given: Any, kind: SqlType, struct: type[msgspec.Struct], index: int) -> tuple[Any, int]:
    if not isinstance(given, dict):
        return None, 1
    annotation = struct.__annotations__[field_name(index)]
    return _lenient_struct(given, kind.fields, annotation.__args__[0])


def _lenient(given: Any, kind: SqlType) -> Any:
    """The value as Flink's JSON format would read it into the column, or None."""
    if kind.name == "STRING":
        return given if isinstance(given, str) else _text.encode(given).decode()
    if kind.name == "BOOLEAN":
        text = given.strip().lower() if isinstance(given, str) else given
        return {"true": True, "false": False}.get(text) if isinstance(text, str) else _only_bool(text)
    if isinstance(given, bool) or not isinstance(given, str | int | Decimal):
        return None
    if kind.name == "DOUBLE":
        return to_double(given)
    if kind.name == "DECIMAL":
        return to_decimal(given, kind)
    if isinstance(given, str) and "." in given:
        return None
    return to_integer(given, kind if kind.is_integer else SqlType("BIGINT"))


def _only_bool(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None
