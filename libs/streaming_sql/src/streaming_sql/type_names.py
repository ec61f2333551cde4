"""Types as they are written in CREATE TABLE and CAST."""

from __future__ import annotations

from sqlglot import exp

from streaming_sql.dialect import unsupported
from streaming_sql.types import (
    BIGINT,
    BOOLEAN,
    BYTES,
    DATE,
    DOUBLE,
    FLOAT,
    INT,
    INTERVAL_DAY,
    INTERVAL_MONTH,
    SMALLINT,
    STRING,
    TINYINT,
    SqlType,
    array_type,
    decimal_type,
    map_type,
)

TYPES_FORM = (
    "BOOLEAN, TINYINT, SMALLINT, INT, BIGINT, FLOAT, DOUBLE, DECIMAL(p, s), CHAR(n), VARCHAR(n), STRING, BYTES, DATE, "
    "TIME(p), TIMESTAMP(p), TIMESTAMP_LTZ(p) with p from 0 to 3, ARRAY<TYPE>, MAP<TYPE, TYPE> or ROW<name TYPE, ...>"
)
_SIMPLE = {
    "BOOLEAN": BOOLEAN,
    "TINYINT": TINYINT,
    "SMALLINT": SMALLINT,
    "INT": INT,
    "BIGINT": BIGINT,
    "FLOAT": FLOAT,
    "DOUBLE": DOUBLE,
    "TEXT": STRING,
    "DATE": DATE,
    "BYTES": BYTES,
}
_SIZED = {"CHAR": "CHAR", "VARCHAR": "VARCHAR", "BINARY": "BYTES", "VARBINARY": "BYTES"}
_TIMES = {"TIMESTAMP": "TIMESTAMP", "TIMESTAMPLTZ": "TIMESTAMP_LTZ", "TIME": "TIME"}
_MAX_SIZE = (1 << 31) - 1
_INTERVALS = {"DAY": INTERVAL_DAY, "SECOND": INTERVAL_DAY, "MONTH": INTERVAL_MONTH, "YEAR": INTERVAL_MONTH}


def read_type(node: exp.Expr | None, place: exp.Expr, text: str) -> SqlType:
    """The SqlType of a parsed type.

    Raises:
        SqlError: for a type outside the subset; it names the supported ones.

    """
    if isinstance(node, exp.DataType):
        if isinstance(node.this, exp.Interval):
            unit = node.this.args.get("unit")
            name = unit.name if isinstance(unit, exp.Var) else ""
            found: SqlType | None = _INTERVALS.get(name.upper())
        else:
            found = _named(node, place, text)
        if found is not None:
            return found
    written = node.sql() if node else "no type"
    raise unsupported(place, text, f"type {written} is not supported", TYPES_FORM)


def _named(node: exp.DataType, place: exp.Expr, text: str) -> SqlType | None:
    name = node.this.value if isinstance(node.this, exp.DType) else str(node.this)
    if name == "USER-DEFINED":
        name = str(node.args.get("kind") or "").upper()
    sizes = [int(size.name) for size in node.expressions if isinstance(size, exp.DataTypeParam)]
    inner = [part for part in node.expressions if not isinstance(part, exp.DataTypeParam)]
    if name == "STRUCT" and inner:
        return SqlType("ROW", fields=tuple(_row_field(part, text) for part in inner))
    if name == "ARRAY" and len(inner) == 1:
        return array_type(read_type(inner[0], place, text))
    if name == "MAP" and len(inner) == 2:
        return map_type(read_type(inner[0], place, text), read_type(inner[1], place, text))
    if name == "DECIMAL":
        precision, scale = (*sizes, 0)[:2] if sizes else (10, 0)
        return decimal_type(precision, scale) if 0 < precision <= 38 and 0 <= scale <= precision else None
    if name in _TIMES:
        return _time(_TIMES[name], sizes, place, text)
    if name in _SIZED:
        return _sized(name, sizes)
    return None if sizes else _SIMPLE.get(name)


def _time(name: str, sizes: list[int], place: exp.Expr, text: str) -> SqlType:
    precision = sizes[0] if sizes else 0 if name == "TIME" else 6
    if precision > 3:
        message = f"{name}({precision}){'' if sizes else f', which {name} means,'} is finer than the milliseconds kept"
        raise unsupported(place, text, message, f"{name}(3)")
    return SqlType(name, precision)


def _sized(name: str, sizes: list[int]) -> SqlType | None:
    if not sizes and name in {"CHAR", "BINARY"}:
        sizes = [1]
    size = sizes[0] if sizes else 1 if name == "VARCHAR" else 0
    if not sizes or size == _MAX_SIZE:
        return STRING if name == "VARCHAR" else SqlType(_SIZED[name])
    return SqlType(_SIZED[name], size) if 0 < size < _MAX_SIZE else None


def _row_field(part: exp.Expr, text: str) -> tuple[str, SqlType]:
    if not isinstance(part, exp.ColumnDef):
        raise unsupported(part, text, "a ROW field needs a name and a type", "ROW<name TYPE, ...>")
    return part.name, read_type(part.args.get("kind"), part, text)
