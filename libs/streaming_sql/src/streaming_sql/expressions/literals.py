"""Literals: numbers, texts, truth values, dates, times, intervals."""

from __future__ import annotations

import re
from decimal import Decimal

from sqlglot import exp

from streaming_sql.expressions.expression import Expression, constant
from streaming_sql.expressions.operands import Compiler, Operands
from streaming_sql.functions.calendar import UNIT_MONTHS, UNIT_MS
from streaming_sql.functions.time_texts import parse_date, parse_time, parse_timestamp
from streaming_sql.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INT,
    INTERVAL_DAY,
    INTERVAL_MONTH,
    MAX_PRECISION,
    NULL,
    STRING,
    SqlType,
    decimal_type,
    finite,
)

_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}", re.ASCII)
_TIME = re.compile(r"\d{1,2}:\d{1,2}:\d{1,2}(?:\.(\d{1,3}))?", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d{1,2}-\d{1,2} \d{1,2}:\d{1,2}:\d{1,2}(?:\.(\d{1,3}))?", re.ASCII)
_DAY_TIME = ("DAY", "HOUR", "MINUTE", "SECOND")
_DAY_TIME_SIZES = {"DAY": 86_400, "HOUR": 3_600, "MINUTE": 60, "SECOND": 1}
_INTERVAL_FORM = (
    "INTERVAL '10' SECOND (or MILLISECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER, YEAR), "
    "INTERVAL '1-2' YEAR TO MONTH, INTERVAL '1 02:03:04.005' DAY TO SECOND"
)


def _literal(node: exp.Literal, operands: Operands) -> Expression:
    if node.is_string:
        return constant(node.name, STRING)
    return _number(node, node.name, operands)


def _number(node: exp.Expr, text: str, operands: Operands) -> Expression:
    if "e" in text.lower():
        return constant(finite(float(text)), DOUBLE)
    number = Decimal(text)
    if "." in text.rstrip("."):
        scale = max(0, -int(number.as_tuple().exponent))
        precision = max(scale, len(text.lstrip("+-")) - 1)
        if precision > MAX_PRECISION:
            raise operands.unsupported(node, "the number has more than 38 digits", "a DOUBLE literal such as 1.0E40")
        return constant(number, decimal_type(precision, scale))
    if not -(1 << 63) <= int(number) < 1 << 63:
        raise operands.unsupported(node, "the number does not fit BIGINT", "a DECIMAL literal such as 1.0")
    return constant(int(number), INT if -(1 << 31) <= int(number) < 1 << 31 else BIGINT)


def negative_literal(node: exp.Neg, operands: Operands) -> Expression | None:
    """The literal with its sign, if a minus stands before a number: so the least BIGINT can be written."""
    inner = node.this
    if not isinstance(inner, exp.Literal) or inner.is_string:
        return None
    return _number(node, f"-{inner.name}", operands)


def time_literal(node: exp.Cast, operands: Operands) -> Expression | None:
    """The value of DATE '...', TIME '...' or TIMESTAMP '...', or None for any other CAST."""
    text = node.this
    if not node.meta.get("literal") or not isinstance(text, exp.Literal):
        return None
    kind = node.args["to"].this
    name = kind.value if isinstance(kind, exp.DType) else str(kind)
    if name == "DATE" and _DATE.fullmatch(text.name):
        value, found = parse_date(text.name), DATE
    elif name == "TIME" and (match := _TIME.fullmatch(text.name)):
        value, found = parse_time(text.name), SqlType("TIME", len(match[1] or ""))
    elif name == "TIMESTAMP" and (match := _TIMESTAMP.fullmatch(text.name)):
        value, found = parse_timestamp(text.name), SqlType("TIMESTAMP", len(match[1] or ""))
    else:
        value, found = None, DATE
    if value is None:
        form = "DATE '2020-02-29', TIME '12:34:56', TIMESTAMP '2020-02-29 12:34:56.789'"
        raise operands.unsupported(node, f"{name} '{text.name}' is no literal of a date or time", form)
    return constant(value, found)


def _interval(node: exp.Interval, operands: Operands) -> Expression:
    unit, number = node.args.get("unit"), node.this
    if isinstance(number, exp.Neg):
        number = number.this
    text = number.name if isinstance(number, exp.Literal) else ""
    sign = -1 if isinstance(node.this, exp.Neg) else 1
    value: int | None = None
    kind = INTERVAL_DAY
    if isinstance(unit, exp.IntervalSpan):
        first, last = _unit_name(unit.this), _unit_name(unit.expression)
        if (first, last) == ("YEAR", "MONTH"):
            value, kind = _year_to_month(text), INTERVAL_MONTH
        else:
            value = _day_to_second(text, first, last)
    elif unit is not None:
        value, kind = _single(text, _unit_name(unit))
    if value is None:
        raise operands.unsupported(node, "the interval is not understood", _INTERVAL_FORM)
    return constant(sign * value, kind)


def _unit_name(unit: exp.Expr | None) -> str:
    """The unit, whatever precision stands after it; a plural is one, too."""
    if unit is None:
        return ""
    return unit.name.upper().removesuffix("S")


def _single(text: str, unit: str) -> tuple[int | None, SqlType]:
    match = re.fullmatch(r"([+-]?)(\d{1,12})(?:\.(\d{1,3}))?", text.strip(), re.ASCII)
    if match is None or (match[3] and unit != "SECOND"):
        return None, INTERVAL_DAY
    sign = -1 if match[1] == "-" else 1
    if unit in UNIT_MS:
        return sign * (int(match[2]) * UNIT_MS[unit] + int((match[3] or "").ljust(3, "0"))), INTERVAL_DAY
    return (sign * int(match[2]) * UNIT_MONTHS[unit] if unit in UNIT_MONTHS else None), INTERVAL_MONTH


def _year_to_month(text: str) -> int | None:
    match = re.fullmatch(r"([+-]?)(\d{1,4})-(\d{1,2})", text.strip(), re.ASCII)
    if match is None or int(match[3]) > 11:
        return None
    return (-1 if match[1] == "-" else 1) * (int(match[2]) * 12 + int(match[3]))


def _day_to_second(text: str, first: str, last: str) -> int | None:
    if first not in _DAY_TIME or last not in _DAY_TIME or _DAY_TIME.index(first) >= _DAY_TIME.index(last):
        return None
    units = _DAY_TIME[_DAY_TIME.index(first) : _DAY_TIME.index(last) + 1]
    match = re.fullmatch(r"([+-]?)([\d :]+)(?:\.(\d{1,3}))?", text.strip(), re.ASCII)
    if match is None or (match[3] and last != "SECOND"):
        return None
    separators = [" " if unit == "DAY" else ":" for unit in units[:-1]]
    numbers = re.split(r"[ :]", match[2])
    if re.findall(r"[ :]", match[2]) != separators or not all(number.isdigit() for number in numbers):
        return None
    limits = {"HOUR": 24, "MINUTE": 60, "SECOND": 60}
    if any(int(number) >= limits[unit] for unit, number in zip(units[1:], numbers[1:], strict=True)):
        return None
    seconds = sum(int(number) * _DAY_TIME_SIZES[unit] for unit, number in zip(units, numbers, strict=True))
    return (-1 if match[1] == "-" else 1) * (seconds * 1_000 + int((match[3] or "").ljust(3, "0")))


LITERALS: dict[type[exp.Expr], Compiler] = {
    exp.Literal: _literal,
    exp.Interval: _interval,
    exp.Null: lambda node, operands: constant(None, NULL),
    exp.Boolean: lambda node, operands: constant(bool(node.this), BOOLEAN),
}
