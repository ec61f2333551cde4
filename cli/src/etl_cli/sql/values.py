"""SQL values as text and as JSON. Times look as in Flink's JSON format with its default, `SQL`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from streaming_sql.types import SqlType

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.json.Encoder(decimal_format="number").encode
Columns = tuple[tuple[str, SqlType], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row that a query gave its sink. `change` is +I, +U or -D; `values` are by column, times in ms."""

    sink: str
    change: str
    values: Mapping[str, Any]


def time_text(milliseconds: int, *, zoned: bool) -> str:
    """`2026-01-01 00:00:10`, with the milliseconds where there are any, and a Z if `zoned`."""
    try:
        at = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return f"{milliseconds} ms"
    text = at.strftime("%Y-%m-%d %H:%M:%S") if at.year >= 1000 else f"{at.year:04}-{at:%m-%d %H:%M:%S}"
    fraction = f".{milliseconds % 1000:03}".rstrip("0").rstrip(".")
    return text + fraction + ("Z" if zoned else "")


def as_json(row: Row, columns: Columns) -> str:
    """One line: the sink, what the row does to it, and the row's columns in the sink's order."""
    values = {name: jsonable(row.values[name], kind) for name, kind in columns}
    return _encode({"sink": row.sink, "change": row.change, "row": values}).decode()


def jsonable(value: Any, kind: SqlType) -> Any:
    """The value with its times as text; decimals are left for an encoder that keeps their digits."""
    if value is None or not (kind.is_time or kind.fields):
        return value
    if kind.is_time:
        return time_text(value, zoned=kind.name == "TIMESTAMP_LTZ")
    parts = value if isinstance(value, tuple) else msgspec.structs.astuple(value)
    return {name: jsonable(part, inner) for (name, inner), part in zip(kind.fields, parts, strict=True)}


def writer(kind: SqlType) -> Callable[[Any], str]:
    """How a column's values look in a table."""
    if kind.is_time:
        return lambda value: "NULL" if value is None else time_text(value, zoned=kind.name == "TIMESTAMP_LTZ")
    if kind.name == "BOOLEAN":
        return lambda value: {None: "NULL", True: "TRUE", False: "FALSE"}[value]
    return lambda value: _text(jsonable(value, kind))


def short(value: Any, kind: SqlType) -> str:
    """A value for a table that is only looked at: doubles with six digits."""
    return format(value, ".6g") if isinstance(value, float) else writer(kind)(value)


def _text(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return value.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    if isinstance(value, Decimal):
        return format(value, "f")
    return repr(value) if isinstance(value, float) else _encode(value).decode()


def is_number(kind: SqlType) -> bool:
    """Whether a table sets the column to the right."""
    return kind.is_numeric
