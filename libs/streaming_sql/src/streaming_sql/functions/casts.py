"""CAST and TRY_CAST between all types that Flink converts, with NULL for a value that cannot be converted.

Source: the cast rules of Flink 1.20 (https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/types/#casting).
Where Flink's CAST fails the job, a bad text say, CAST here gives NULL as TRY_CAST does: one bad record must not stop a
stream. Numbers narrow as Java's do: integers wrap, doubles saturate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any

import msgspec

from streaming_sql.functions.calendar import DAY, day_towards_epoch
from streaming_sql.functions.numbers import double_text, float_text, to_float32
from streaming_sql.functions.parsing import to_boolean, to_decimal, to_double, to_float, to_integer
from streaming_sql.functions.time_texts import (
    date_text,
    interval_day_text,
    interval_month_text,
    parse_date,
    parse_time,
    parse_timestamp,
    time_text,
    timestamp_text,
)
from streaming_sql.types import STRING, SqlType, finite, wrap_integer

Convert = Callable[[Any], Any]
_INT_MAX, _LONG_MAX = (1 << 31) - 1, (1 << 63) - 1


def cast(source: SqlType, target: SqlType) -> Convert | None:
    """The conversion, or None if there is none; a value that cannot be converted gives NULL, as TRY_CAST does."""
    if source == target or source.name == "NULL":
        return _same
    if target.is_text:
        return _to_text(source, target)
    if source.is_text:
        return _from_text(target)
    if source.is_nested or target.is_nested:
        return _nested(source, target)
    if source.is_numeric or source.name == "BOOLEAN":
        return _from_number(source, target)
    if source.name == "BYTES":
        return _bytes(target) if target.name == "BYTES" else None
    return _from_time(source, target)


def never_null(source: SqlType, target: SqlType) -> bool:
    """Whether the conversion of a value that is not NULL never gives NULL."""
    if source == target or target.name in {"STRING", "VARCHAR", "CHAR"}:
        return source.name != "BYTES"
    exact = source.is_numeric and not source.is_approximate
    if target.is_integer or target.name == "BOOLEAN":
        return source.is_numeric or source.name == "BOOLEAN"
    return (exact and target.name == "DOUBLE") or (source.is_time and target.is_time)


def _same(value: Any) -> Any:
    return value


def _to_text(source: SqlType, target: SqlType) -> Convert | None:
    text = _text_of(source)
    if text is None or not target.precision:
        return text
    length, pads = target.precision, target.name == "CHAR"

    def fitted(value: Any) -> str | None:
        whole: str | None = text(value)
        if whole is None:
            return None
        return whole[:length].ljust(length) if pads else whole[:length]

    return fitted


_TEXTS: dict[str, Convert] = {
    "STRING": _same,
    "VARCHAR": _same,
    "CHAR": _same,
    "BOOLEAN": lambda value: "TRUE" if value else "FALSE",
    "FLOAT": float_text,
    "DOUBLE": double_text,
    "DECIMAL": lambda value: format(value, "f"),
    "DATE": date_text,
    "INTERVAL DAY": interval_day_text,
    "INTERVAL MONTH": interval_month_text,
    "BYTES": lambda value: value.decode("utf-8", "replace"),
}


def _text_of(source: SqlType) -> Convert | None:
    if source.is_integer:
        return str
    precision = source.precision
    if source.is_time:
        return lambda value: timestamp_text(value, precision)
    if source.name == "TIME":
        return lambda value: time_text(value, precision)
    if source.is_nested:
        return _nested_text(source)
    return _TEXTS.get(source.name)


def _nested_text(source: SqlType) -> Convert | None:
    found = [_text_of(kind) for _, kind in source.fields]
    writers = [writer for writer in found if writer is not None]
    if len(writers) < len(found):
        return None

    def written(values: Iterable[Any]) -> list[str]:
        pairs = zip(writers, values, strict=False)
        return ["NULL" if value is None else write(value) for write, value in pairs]

    if source.name == "ROW":
        return lambda row: f"({', '.join(written(row_values(row)))})"
    if source.name == "MAP":
        return lambda value: "{" + ", ".join("=".join(written(item)) for item in value.items()) + "}"
    return lambda value: "[" + ", ".join(written((item,))[0] for item in value) + "]"


def row_values(row: Any) -> Sequence[Any]:
    """The fields of a ROW value, be it a struct or a tuple."""
    return msgspec.structs.astuple(row) if isinstance(row, msgspec.Struct) else row


def _from_text(target: SqlType) -> Convert | None:
    if target.is_integer:
        return lambda value: to_integer(value, target)
    if target.name == "DECIMAL":
        return lambda value: to_decimal(value, target)
    if target.is_time:
        return lambda value: parse_timestamp(value, target.precision)
    if target.name == "BYTES":
        length = target.precision or None
        return lambda value: value.encode("utf-8", "replace")[:length]
    readers: dict[str, Convert] = {
        "DOUBLE": to_double,
        "FLOAT": to_float,
        "BOOLEAN": to_boolean,
        "DATE": parse_date,
        "TIME": parse_time,
    }
    return readers.get(target.name)


def _bytes(target: SqlType) -> Convert:
    length = target.precision or None
    return lambda value: value[:length]


def _from_number(source: SqlType, target: SqlType) -> Convert | None:
    if target.is_integer:
        return narrowing(source, target)
    if target.name == "DOUBLE":
        return _to_double
    if target.name == "FLOAT":
        return to_float32
    if target.name == "DECIMAL":
        return lambda value: to_decimal(value, target)
    if target.name == "BOOLEAN":
        return bool
    if source.is_integer and target.is_interval:
        return _same
    return None


def _to_double(value: Any) -> float | None:
    return finite(float(value))


def narrowing(source: SqlType, target: SqlType) -> Convert:
    """A number as an integer: cut towards zero; too large a one wraps, of FLOAT and DOUBLE it saturates first."""
    if source.is_approximate:
        limit = _LONG_MAX if target.name == "BIGINT" else _INT_MAX
        return lambda value: wrap_integer(max(-limit - 1, min(limit, int(value))), target)
    if source.name == "DECIMAL":
        return lambda value: wrap_integer(int(value.to_integral_value(ROUND_DOWN)), target)
    return lambda value: wrap_integer(int(value), target)


def _from_time(source: SqlType, target: SqlType) -> Convert | None:
    if source.is_time:
        if target.is_time:
            return truncation(target.precision) if target.precision < source.precision else _same
        if target.name == "DATE":
            return day_towards_epoch if source.name == "TIMESTAMP" else lambda value: value // DAY
        return (lambda value: value % DAY) if target.name == "TIME" else None
    if source.name == "DATE":
        return (lambda value: value * DAY) if target.is_time else None
    if source.name == "TIME":
        return _same if target.is_time or target.name == "TIME" else None
    if source.is_interval and (target.is_integer or target.name == source.name):
        return lambda value: wrap_integer(value, target) if target.is_integer else value
    return None


def truncation(precision: int) -> Convert:
    """Times with only so many digits of the second's fraction, cut towards 1970."""
    step = 10 ** (3 - precision)
    return lambda value: value - value % step if value >= 0 else value + -value % step


def _nested(source: SqlType, target: SqlType) -> Convert | None:
    if source.name != target.name or len(source.fields) != len(target.fields):
        return None
    found = [cast(a, b) for (_, a), (_, b) in zip(source.fields, target.fields, strict=True)]
    inner = [convert for convert in found if convert is not None]
    if len(inner) < len(found):
        return None
    if source.name == "ARRAY":
        return lambda value: [None if item is None else inner[0](item) for item in value]

    def each(values: Iterable[Any]) -> tuple[Any, ...]:
        pairs = zip(inner, values, strict=True)
        return tuple([None if value is None else convert(value) for convert, value in pairs])

    if source.name == "MAP":
        return lambda value: dict(each(item) for item in value.items())
    return lambda value: each(row_values(value))


def text_of(source: SqlType) -> Convert:
    """The text of a value, as CAST to STRING gives it; of any type."""
    return cast(source, STRING) or str


def decimal_of(value: Any) -> Decimal:
    """A number as a DECIMAL of any size: an integer or DECIMAL exactly, a double by its shortest text."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
