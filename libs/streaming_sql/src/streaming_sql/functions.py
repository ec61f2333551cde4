"""Scalar functions over values that are not NULL."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from typing import Any

from streaming_sql.types import INTEGER_BITS, SqlType, finite, fit_decimal, wrap_integer

_EXACT = Context(prec=120, rounding=ROUND_HALF_UP)
_DIVIDE = Context(prec=38, rounding=ROUND_HALF_UP)
_INTEGER = re.compile(r"\s*([+-]?\d+)(\.\d*)?\s*", re.ASCII)
_INTEGER_DIGITS = 19  # of the largest BIGINT; Python refuses to read thousands, and a large exponent takes for ever
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?\s*", re.ASCII)


def substring(text: str, start: int, length: int | None = None) -> str | None:
    """SUBSTRING: 1-based; a negative start counts from the end; NULL for a negative length."""
    if length is not None and length < 0:
        return None
    begin = start - 1 if start > 0 else len(text) + start if start < 0 else 0
    if begin < 0 or begin >= len(text):
        return ""
    return text[begin:] if length is None else text[begin : begin + length]


def like_pattern(pattern: str, escape: str = "") -> re.Pattern[str]:
    """The regular expression of a LIKE pattern: % any text, _ any one character.

    Raises:
        ValueError: when `escape` is followed by neither %, _ nor itself.

    """
    parts: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if escape and character == escape:
            following = next(characters, "")
            if not following or following not in {"%", "_", escape}:
                raise ValueError(f"{escape!r} must be followed by %, _ or itself")
            parts.append(re.escape(following))
        else:
            parts.append({"%": ".*", "_": "."}.get(character) or re.escape(character))
    return re.compile("".join(parts), re.DOTALL)


def arithmetic(operator: str, result: SqlType) -> Callable[[Any, Any], Any]:
    """The function of left and right in the result's type; NULL where Flink fails the job or gives no JSON number."""
    if result.name == "DOUBLE":
        return _double(operator)
    if result.name == "DECIMAL":
        return _decimal(operator, result)
    return _integer(operator, result)


def _double(operator: str) -> Callable[[Any, Any], Any]:
    def add(a: Any, b: Any) -> float | None:
        return finite(float(a) + float(b))

    def subtract(a: Any, b: Any) -> float | None:
        return finite(float(a) - float(b))

    def multiply(a: Any, b: Any) -> float | None:
        return finite(float(a) * float(b))

    def divide(a: Any, b: Any) -> float | None:
        return finite(float(a) / float(b)) if b else None

    def remainder(a: Any, b: Any) -> float | None:
        return math.fmod(float(a), float(b)) if b else None

    return {"+": add, "-": subtract, "*": multiply, "/": divide, "%": remainder}[operator]


def _decimal(operator: str, result: SqlType) -> Callable[[Any, Any], Any]:
    exact = {"+": _EXACT.add, "-": _EXACT.subtract, "*": _EXACT.multiply}

    def compute(a: Any, b: Any) -> Decimal | None:
        return fit_decimal(exact[operator](Decimal(a), Decimal(b)), result)

    def divide(a: Any, b: Any) -> Decimal | None:
        return fit_decimal(_DIVIDE.divide(Decimal(a), Decimal(b)), result) if b else None

    def remainder(a: Any, b: Any) -> Decimal | None:
        return fit_decimal(_EXACT.remainder(Decimal(a), Decimal(b)), result) if b else None

    return {"/": divide, "%": remainder}.get(operator, compute)


def _integer(operator: str, result: SqlType) -> Callable[[int, int], int | None]:
    def divide(a: int, b: int) -> int | None:
        if not b:
            return None
        quotient = abs(a) // abs(b)
        return wrap_integer(quotient if (a < 0) == (b < 0) else -quotient, result)

    def remainder(a: int, b: int) -> int | None:
        return (abs(a) % abs(b)) * (1 if a >= 0 else -1) if b else None

    def add(a: int, b: int) -> int:
        return wrap_integer(a + b, result)

    def subtract(a: int, b: int) -> int:
        return wrap_integer(a - b, result)

    def multiply(a: int, b: int) -> int:
        return wrap_integer(a * b, result)

    return {"+": add, "-": subtract, "*": multiply, "/": divide, "%": remainder}[operator]


def cast(source: SqlType, target: SqlType) -> Callable[[Any], Any] | None:
    """The conversion, or None if there is none; a value that cannot be converted gives NULL, as TRY_CAST does."""
    if source == target or source.name == "NULL" or (source.is_time and target.is_time):
        return lambda value: value
    if target.name == "STRING":
        if source.is_integer:
            return str
        return (lambda value: format(value, "f")) if source.name == "DECIMAL" else None
    if not (source.is_numeric or source.name == "STRING"):
        return None
    if target.name == "DOUBLE":
        return to_double
    if target.name == "DECIMAL":
        return lambda value: to_decimal(value, target)
    return (lambda value: to_integer(value, target)) if target.is_integer else None


def to_double(value: Any) -> float | None:
    """A finite double, or NULL."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    try:
        return finite(float(value))
    except OverflowError:
        return None


def to_decimal(value: Any, target: SqlType) -> Decimal | None:
    """Rounded half up to the target's scale; NULL if it is no number or too large."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return fit_decimal(number, target)


def to_integer(value: Any, target: SqlType) -> int | None:
    """Cut towards zero; NULL if it is no number or too large."""
    if isinstance(value, str):
        match = _INTEGER.fullmatch(value)
        if not match:
            return None
        digits = match[1].lstrip("+-0")
        if len(digits) > _INTEGER_DIGITS:
            return None
        value = ("-" if match[1][0] == "-" else "") + (digits or "0")
    elif isinstance(value, Decimal):
        if value.adjusted() >= _INTEGER_DIGITS:
            return None
        value = value.to_integral_value(ROUND_DOWN)
    number = int(value)
    half = 1 << (INTEGER_BITS[target.name] - 1)
    return number if -half <= number < half else None
