"""Texts to numbers and truth values as Flink's CAST reads them; NULL for what it cannot read.

Rules: BinaryStringDataUtil of Flink 1.20. Spaces around a number are left out, and only spaces; integers may have a
fraction, which is cut; a DOUBLE is what Java's Double.parseDouble takes.
"""

from __future__ import annotations

import re
from decimal import ROUND_DOWN, Decimal
from typing import Any

from streaming_sql.functions.numbers import to_float32
from streaming_sql.types import INTEGER_BITS, SqlType, finite, fit_decimal

_INTEGER = re.compile(r"[+-]?(?=.)(\d*)(?:\.\d*)?", re.ASCII)
_INTEGER_DIGITS = 19  # of the largest BIGINT; Python refuses to read thousands, and a large exponent takes for ever
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII)
_DOUBLE = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_HEXADECIMAL = re.compile(r"[+-]?0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?\d{1,9}", re.ASCII)
_JAVA_SPACE = "".join(map(chr, range(33)))
_MAX_DIGITS = 4_000  # of a number in a text that is read at all
_TRUE = frozenset({"t", "true", "y", "yes", "1"})
_FALSE = frozenset({"f", "false", "n", "no", "0"})


def to_integer(value: Any, target: SqlType) -> int | None:
    """Cut towards zero; NULL if it is no number or too large."""
    if isinstance(value, str):
        text = value.strip(" ")
        match = _INTEGER.fullmatch(text)
        if not match:
            return None
        digits = match[1].lstrip("0")
        if len(digits) > _INTEGER_DIGITS:
            return None
        value = int(digits or "0") * (-1 if text[0] == "-" else 1)
    elif isinstance(value, Decimal):
        if value.adjusted() >= _INTEGER_DIGITS:
            return None
        value = value.to_integral_value(ROUND_DOWN)
    number = int(value)
    half = 1 << (INTEGER_BITS[target.name] - 1)
    return number if -half <= number < half else None


def to_decimal(value: Any, target: SqlType) -> Decimal | None:
    """Rounded half up to the target's scale; NULL if it is no number or too large."""
    if isinstance(value, str):
        text = value.strip(" \n\t")
        if len(text) > _MAX_DIGITS or not _DECIMAL.fullmatch(text):
            return None
        number = Decimal(text)
        return None if number and number.adjusted() > target.precision else fit_decimal(number, target)
    return fit_decimal(Decimal(repr(value)) if isinstance(value, float) else Decimal(value), target)


def to_double(value: Any) -> float | None:
    """A finite double, or NULL."""
    try:
        return _parse_double(value) if isinstance(value, str) else finite(float(value))
    except (OverflowError, ValueError):
        return None


def to_float(value: Any) -> float | None:
    """A finite FLOAT, or NULL."""
    number = to_double(value)
    return None if number is None else to_float32(number)


def _parse_double(value: str) -> float | None:
    text = value.strip(_JAVA_SPACE)
    if text[-1:] in {"d", "D", "f", "F"} and not text[:3].lower().lstrip("+-").startswith("0x"):
        text = text[:-1]
    if len(text) > _MAX_DIGITS:
        return None
    if _DOUBLE.fullmatch(text):
        return finite(float(text))
    if text[-1:] in {"d", "D", "f", "F"}:
        text = text[:-1]
    return finite(float.fromhex(text)) if _HEXADECIMAL.fullmatch(text) else None


def to_boolean(text: str) -> bool | None:
    """True of true, t, yes, y, 1 in any case, False of their opposites, else NULL."""
    word = text.strip(" ").lower()
    return True if word in _TRUE else False if word in _FALSE else None
