"""A result row, and how it looks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from streaming_sql.display import jsonable, text
from streaming_sql.types import SqlType

_encode = msgspec.json.Encoder(decimal_format="number").encode
Columns = tuple[tuple[str, SqlType], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row that a query gave its sink. `change` is +I, +U or -D; `values` are by column, times in ms."""

    sink: str
    change: str
    values: Mapping[str, Any]


def as_json(row: Row, columns: Columns) -> str:
    """One line: the sink, what the row does to it, and the row's columns in the sink's order."""
    values = {name: jsonable(row.values[name], kind) for name, kind in columns}
    return _encode({"sink": row.sink, "change": row.change, "row": values}).decode()


def short(value: Any, kind: SqlType) -> str:
    """A value for a table that is only looked at: doubles with six digits."""
    return format(value, ".6g") if isinstance(value, float) else text(value, kind)
