"""SQL values as JSON values and back, exactly."""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import Any

from streaming_sql.types import SqlType, finite

APPROXIMATE = frozenset({"DOUBLE", "FLOAT"})


def encode_value(value: Any, kind: SqlType) -> Any:
    """A column value as a JSON value that decode_value restores exactly."""
    if value is None:
        return None
    if kind.name == "DECIMAL":
        return str(value)
    if kind.name == "ARRAY":
        return [encode_value(item, kind.element) for item in value]
    if kind.name == "MAP":
        return [[encode_value(key, kind.fields[0][1]), encode_value(item, kind.element)] for key, item in value.items()]
    return value.hex() if kind.name == "BYTES" else value


def decode_value(value: Any, kind: SqlType) -> Any:
    """What encode_value was given."""
    if value is None:
        return None
    if kind.name == "DECIMAL":
        return Decimal(value)
    if kind.name == "BYTES":
        return bytes.fromhex(value)
    if kind.name == "ARRAY":
        return [decode_value(item, kind.element) for item in value]
    if kind.name == "MAP":
        return {decode_value(key, kind.fields[0][1]): decode_value(item, kind.element) for key, item in value}
    return float(value) if kind.name in APPROXIMATE else value


def fit_double(value: float | None, kind: SqlType) -> float | None:
    """A result as DOUBLE or FLOAT; NULL for what is not finite, since JSON carries neither infinity nor NaN."""
    if value is None or kind.name == "DOUBLE":
        return None if value is None else finite(value)
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return None
