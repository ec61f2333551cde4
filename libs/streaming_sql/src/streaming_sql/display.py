"""Values as people and Flink's JSON format read them: times as text, with its default, `SQL`.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/connectors/table/formats/json/
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from streaming_sql.types import SqlType

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.json.Encoder(decimal_format="number").encode


def time_text(milliseconds: int, *, zoned: bool) -> str:
    """`2026-01-01 00:00:10`, with the milliseconds where there are any, and a Z if `zoned`; ms beyond year 9999."""
    try:
        at = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return f"{milliseconds} ms"
    fraction = f".{milliseconds % 1000:03}".rstrip("0").rstrip(".")
    return f"{at.year:04}-{at:%m-%d %H:%M:%S}{fraction}{'Z' if zoned else ''}"


def jsonable(value: Any, kind: SqlType) -> Any:
    """The value as JSON has it; decimals are left for an encoder that keeps their digits."""
    if value is None:
        return None
    if kind.is_time:
        return time_text(value, zoned=kind.name == "TIMESTAMP_LTZ")
    if kind.name == "DATE":
        return time_text(value * 86_400_000, zoned=False).partition(" ")[0]
    if kind.name == "TIME":
        return time_text(value, zoned=False).rpartition(" ")[2]
    if kind.name == "BYTES":
        return base64.b64encode(value).decode()
    return _nested(value, kind) if kind.fields else value


def _nested(value: Any, kind: SqlType) -> Any:
    if kind.name == "ARRAY":
        return [jsonable(item, kind.element) for item in value]
    if kind.name == "MAP":
        key_type = kind.fields[0][1]
        return {str(jsonable(key, key_type)): jsonable(item, kind.element) for key, item in value.items()}
    parts = value if isinstance(value, tuple) else msgspec.structs.astuple(value)
    return {name: jsonable(part, inner) for (name, inner), part in zip(kind.fields, parts, strict=False)}


def text(value: Any, kind: SqlType) -> str:
    """The value in a table; NULL, TRUE and FALSE as SQL writes them, on one line."""
    shown = jsonable(value, kind)
    if shown is None:
        return "NULL"
    if isinstance(shown, bool):
        return str(shown).upper()
    if isinstance(shown, str):
        return shown.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    if isinstance(shown, Decimal):
        return format(shown, "f")
    return repr(shown) if isinstance(shown, float) else _encode(shown).decode()
