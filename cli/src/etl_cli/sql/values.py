"""A result row, and how it looks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from streaming_sql.alerts import AlertChange
from streaming_sql.display import jsonable, text, time_text
from streaming_sql.types import SqlType

_encode = msgspec.json.Encoder(decimal_format="number").encode
Columns = tuple[tuple[str, SqlType], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row that a query gave its sink. `change` is +I, +U or -D; `values` are by column, times in ms.

    `alert` is what became of the alert that the row tells of, where the sink has such options.
    """

    sink: str
    change: str
    values: Mapping[str, Any]
    alert: AlertChange | None = None

    @property
    def mark(self) -> str:
        """What stands before the row: the alert's status, or the change."""
        return self.change if self.alert is None else self.alert.status


def as_json(row: Row, columns: Columns) -> str:
    """One line: the sink, what the row does to it, its columns in the sink's order, and the alert if it is one."""
    values = {name: jsonable(row.values[name], kind) for name, kind in columns}
    line = {"sink": row.sink, "change": row.change, "row": values}
    if row.alert is not None:
        line["alert"] = _alert(row.alert)
    return _encode(line).decode()


def _alert(alert: AlertChange) -> dict[str, Any]:
    resolved = None if alert.resolved is None else time_text(alert.resolved, zoned=True)
    return {
        "status": alert.status,
        "opened": time_text(alert.opened, zoned=True),
        "last": time_text(alert.last, zoned=True),
        "resolved": resolved,
        "count": alert.count,
    }


def short(value: Any, kind: SqlType) -> str:
    """A value for a table that is only looked at: doubles with six digits."""
    return format(value, ".6g") if isinstance(value, float) else text(value, kind)
