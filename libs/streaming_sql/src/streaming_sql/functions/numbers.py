"""Arithmetic with Java's integers, exact decimals and finite doubles, and numbers as text.

Where Flink fails the job (a division of integers by zero) or gives what JSON cannot carry (an infinity, NaN), the
result is NULL.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

from streaming_sql.functions.java_doubles import double_digits, float_digits
from streaming_sql.types import SqlType, finite, fit_decimal, wrap_integer

EXACT = Context(prec=160, rounding=ROUND_HALF_UP)
_DIVIDE = Context(prec=38, rounding=ROUND_HALF_UP)
_FLOAT = struct.Struct("<f")
_PLAIN_FROM, _PLAIN_TO = 1e-3, 1e7
_SHORT = 16  # of 15 digits or fewer in that range Java's are the fewest that read back, as repr's are


def to_float32(value: float) -> float | None:
    """The nearest FLOAT; NULL where there is none."""
    try:
        return finite(float(_FLOAT.unpack(_FLOAT.pack(value))[0]))
    except OverflowError:
        return None


def arithmetic(operator: str, result: SqlType) -> Callable[[Any, Any], Any]:
    """The function of left and right in the result's type; NULL where Flink fails the job or gives no JSON number."""
    if result.name == "DOUBLE":
        return _double(operator)
    if result.name == "FLOAT":
        return _float32(operator)
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


def _float32(operator: str) -> Callable[[Any, Any], Any]:
    compute = _double(operator)

    def rounded(a: Any, b: Any) -> float | None:
        left, right = to_float32(a), to_float32(b)
        value = None if left is None or right is None else compute(left, right)
        return None if value is None else to_float32(value)

    return rounded


def _decimal(operator: str, result: SqlType) -> Callable[[Any, Any], Any]:
    exact = {"+": EXACT.add, "-": EXACT.subtract, "*": EXACT.multiply}

    def compute(a: Any, b: Any) -> Decimal | None:
        return fit_decimal(exact[operator](Decimal(a), Decimal(b)), result)

    def divide(a: Any, b: Any) -> Decimal | None:
        return fit_decimal(_DIVIDE.divide(Decimal(a), Decimal(b)), result) if b else None

    def remainder(a: Any, b: Any) -> Decimal | None:
        return fit_decimal(EXACT.remainder(Decimal(a), Decimal(b)), result) if b else None

    return {"/": divide, "%": remainder}.get(operator, compute)


def divide_integers(a: int, b: int) -> int:
    """The quotient cut towards zero, as Java's."""
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _integer(operator: str, result: SqlType) -> Callable[[int, int], int | None]:
    def divide(a: int, b: int) -> int | None:
        return wrap_integer(divide_integers(a, b), result) if b else None

    def remainder(a: int, b: int) -> int | None:
        return (abs(a) % abs(b)) * (1 if a >= 0 else -1) if b else None

    def add(a: int, b: int) -> int:
        return wrap_integer(a + b, result)

    def subtract(a: int, b: int) -> int:
        return wrap_integer(a - b, result)

    def multiply(a: int, b: int) -> int:
        return wrap_integer(a * b, result)

    return {"+": add, "-": subtract, "*": multiply, "/": divide, "%": remainder}[operator]


def double_text(value: float) -> str:
    """The text of a DOUBLE, as Java's Double.toString writes it: 1.0, 1.0E10, 1.0E-5."""
    if _PLAIN_FROM <= value < _PLAIN_TO or -_PLAIN_TO < value <= -_PLAIN_FROM:
        text = repr(value)
        if len(text) <= _SHORT:
            return text
    return _java_text(value, double_digits)


def float_text(value: float) -> str:
    """The text of a FLOAT, as Java's Float.toString writes it."""
    return _java_text(value, float_digits)


def _java_text(value: float, digits_of: Callable[[float], tuple[str, int]]) -> str:
    mark = "-" if math.copysign(1, value) < 0 else ""
    if value == 0:
        return f"{mark}0.0"
    digits, point = digits_of(abs(value))
    if 0 < point < 8:
        return f"{mark}{digits[:point].ljust(point, '0')}.{digits[point:] or '0'}"
    if -3 < point <= 0:
        return f"{mark}0.{'0' * -point}{digits}"
    return f"{mark}{digits[0]}.{digits[1:] or '0'}E{point - 1}"


def round_half_up(value: Decimal, places: int) -> Decimal:
    """Rounded to so many fractional digits, a half away from zero; a negative number rounds before the point."""
    return _to_places(value, places, "ROUND_HALF_UP")


def cut(value: Decimal, places: int) -> Decimal:
    """Cut towards zero to so many fractional digits."""
    return _to_places(value, places, "ROUND_DOWN")


def _to_places(value: Decimal, places: int, rounding: str) -> Decimal:
    exponent = int(value.as_tuple().exponent)
    if places >= -exponent:
        return value
    if -places > value.adjusted() + 1:
        return Decimal(0)
    try:
        return value.quantize(Decimal(1).scaleb(-places), rounding, EXACT)
    except InvalidOperation:
        return value
