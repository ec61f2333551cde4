"""Mathematical functions. What has no finite value, LN(0) say, is NULL; in Flink it is an infinity or NaN."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from streaming_sql.functions.casts import decimal_of
from streaming_sql.functions.numbers import EXACT, arithmetic, cut, round_half_up, to_float32
from streaming_sql.functions.signature import Arguments, Function, Parameter, Signature, common, first_type
from streaming_sql.types import (
    DOUBLE,
    MAX_PRECISION,
    STRING,
    SqlType,
    arithmetic_type,
    decimal_type,
    finite,
    fit_decimal,
    wrap_integer,
)

_MAX_PLACES = 400


def total(function: Callable[..., float]) -> Callable[..., float | None]:
    """The function, NULL where it has no finite value."""

    def call(*values: float) -> float | None:
        try:
            value = function(*values)
        except (ValueError, OverflowError, ZeroDivisionError):
            return None
        return finite(value)

    return call


def _real(name: str, function: Callable[..., float], summary: str, example: tuple[str, str] | None = None) -> Function:
    signature = Signature(("DOUBLE",), DOUBLE, total(function), nullable=True)
    examples = () if example is None else (example,)
    return Function((name,), "Math", f"{name}(x)", summary, (signature,), examples)


def _power(base: float, exponent: float) -> float:
    """Java's pow: any base to the power of zero is 1, and minus one to an endless power is NaN."""
    return math.pow(base, exponent)


def _absolute(arguments: Arguments) -> Callable[[Any], Any]:
    kind = arguments[0].type
    return (lambda value: wrap_integer(abs(value), kind)) if kind.is_integer else abs


def _sign(arguments: Arguments) -> Callable[[Any], Any]:
    kind = arguments[0].type
    if kind.name == "DECIMAL":
        return lambda value: fit_decimal(Decimal((value > 0) - (value < 0)), kind)
    if kind.is_approximate:
        return lambda value: math.copysign(1.0, value) if value else value
    return lambda value: (value > 0) - (value < 0)


def _whole(rounding: str, approximate: Callable[[float], int]) -> Callable[[Arguments], Callable[[Any], Any]]:
    def prepare(arguments: Arguments) -> Callable[[Any], Any]:
        kind = arguments[0].type
        if kind.name == "DECIMAL":
            return lambda value: fit_decimal(value.to_integral_value(rounding, EXACT), decimal_type(kind.precision, 0))
        if kind.is_approximate:
            return lambda value: math.copysign(float(approximate(value)), value)
        return lambda value: value

    return prepare


def _whole_type(arguments: Arguments) -> SqlType:
    kind = arguments[0].type
    return decimal_type(kind.precision, 0) if kind.name == "DECIMAL" else kind


def _places_type(arguments: Arguments) -> SqlType:
    """The type of a DECIMAL result depends on the value of a constant second argument."""
    return _rounded_type(arguments[0].type, arguments[1].value if arguments[1].is_constant else None)


def _rounded_type(kind: SqlType, places: int | None) -> SqlType:
    """LogicalTypeMerging.findRoundDecimalType: one more digit, for a carry."""
    if kind.name != "DECIMAL":
        return kind
    scale = kind.scale if places is None else places
    if scale >= kind.scale:
        return kind
    digits = kind.precision - kind.scale + 1
    return decimal_type(min(MAX_PRECISION, digits + max(0, scale)), max(0, scale))


def _to_places(rounding: Callable[[Decimal, int], Decimal]) -> Callable[[Arguments], Callable[..., Any]]:
    def prepare(arguments: Arguments) -> Callable[..., Any]:
        kind = arguments[0].type
        target = _places_type(arguments) if len(arguments) > 1 else _rounded_type(kind, 0)

        def call(value: Any, digits: int = 0) -> Any:
            digits = max(-_MAX_PLACES, min(_MAX_PLACES, digits))
            rounded = rounding(decimal_of(value), digits)
            if kind.is_integer:
                return wrap_integer(int(rounded), kind)
            if kind.name == "DECIMAL":
                return fit_decimal(rounded, target)
            return finite(float(rounded)) if kind == DOUBLE else to_float32(float(rounded))

        return call

    return prepare


def _rounding(
    name: str, rounding: Callable[[Decimal, int], Decimal], summary: str, examples: tuple[tuple[str, str], ...]
) -> Function:
    signatures = (
        Signature(
            ("NUMBER",), lambda given: _rounded_type(given[0].type, 0), prepare=_to_places(rounding), nullable=True
        ),
        Signature(("NUMBER", "INTEGER"), _places_type, prepare=_to_places(rounding), nullable=True),
    )
    return Function((name,), "Math", f"{name}(x [, places])", summary, signatures, examples)


def _extreme(greatest: bool) -> Callable[..., Any]:
    choose: Callable[..., Any] = max if greatest else min
    return lambda *values: choose(values)


def _modulo_type(arguments: Arguments) -> SqlType | None:
    return arithmetic_type("%", arguments[0].type, arguments[1].type)


def _modulo(arguments: Arguments) -> Callable[..., Any]:
    kind = _modulo_type(arguments)
    return (lambda *values: None) if kind is None else arithmetic("%", kind)


def _hex(arguments: Arguments) -> Callable[[Any], str]:
    if arguments[0].type.is_text:
        return lambda value: value.encode("utf-8", "replace").hex().upper()
    return lambda value: f"{value & 0xFFFF_FFFF_FFFF_FFFF:X}"


def _one(
    names: tuple[str, ...],
    kind: Parameter,
    result: Callable[[Arguments], SqlType | None],
    prepare: Callable[[Arguments], Callable[..., Any]],
    summary: str,
    *examples: tuple[str, str],
) -> Function:
    signature = Signature((kind,), result, prepare=prepare)
    return Function(names, "Math", f"{names[0]}(x)", summary, (signature,), examples)


_COMPARABLES: tuple[Parameter, ...] = ("COMPARABLE",)

FUNCTIONS = (
    _one(("ABS",), "NUMBER", first_type, _absolute, "The absolute value.", ("ABS(-1.5)", "1.5")),
    _one(("SIGN",), "NUMBER", first_type, _sign, "-1, 0 or 1, of the argument's type.", ("SIGN(-7)", "-1")),
    _one(
        ("FLOOR",), "NUMBER", _whole_type, _whole(ROUND_FLOOR, math.floor), "The next whole number below.",
        ("FLOOR(1.7)", "1"), ("FLOOR(CAST(-1.5 AS DOUBLE))", "-2.0"),
    ),
    _one(
        ("CEIL", "CEILING"), "NUMBER", _whole_type, _whole(ROUND_CEILING, math.ceil), "The next whole number above.",
        ("CEIL(1.2)", "2"),
    ),
    _rounding(
        "ROUND", round_half_up, "Rounded, a half away from zero, to so many digits after the point.",
        (("ROUND(2.345, 2)", "2.35"), ("ROUND(1250, -2)", "1300")),
    ),
    _rounding("TRUNCATE", cut, "Cut towards zero to so many digits.", (("TRUNCATE(42.324, 2)", "42.32"),)),
    Function(
        ("POWER",), "Math", "POWER(base, exponent)", "The base to the power of the exponent.",
        (Signature(("DOUBLE", "DOUBLE"), DOUBLE, total(_power), nullable=True),), (("POWER(2, 10)", "1024.0"),),
    ),
    _real("SQRT", math.sqrt, "The square root.", ("SQRT(16)", "4.0")),
    _real("EXP", math.exp, "e to the power of x.", ("EXP(0)", "1.0")),
    _real("LN", math.log, "The natural logarithm.", ("LN(1)", "0.0")),
    _real("LOG10", math.log10, "The logarithm to the base 10.", ("LOG10(1000)", "3.0")),
    _real("LOG2", lambda x: math.log(x) / math.log(2), "The logarithm to the base 2.", ("LOG2(4)", "2.0")),
    Function(
        ("LOG",), "Math", "LOG([base,] x)", "The natural logarithm, or the one to a base.",
        (
            Signature(("DOUBLE",), DOUBLE, total(math.log), nullable=True),
            Signature(
                ("DOUBLE", "DOUBLE"), DOUBLE, total(lambda base, x: math.log(x) / math.log(base)), nullable=True
            ),
        ),
        (("LOG(2, 4)", "2.0"),),
    ),
    _real("SIN", math.sin, "The sine of radians.", ("SIN(0)", "0.0")),
    _real("COS", math.cos, "The cosine of radians.", ("COS(0)", "1.0")),
    _real("TAN", math.tan, "The tangent of radians."),
    _real("COT", lambda x: 1 / math.tan(x), "The cotangent of radians."),
    _real("ASIN", math.asin, "The arc sine."),
    _real("ACOS", math.acos, "The arc cosine."),
    _real("ATAN", math.atan, "The arc tangent."),
    Function(
        ("ATAN2",), "Math", "ATAN2(y, x)", "The angle of the point (x, y).",
        (Signature(("DOUBLE", "DOUBLE"), DOUBLE, total(math.atan2), nullable=True),), (("ATAN2(0, 1)", "0.0"),),
    ),
    _real("SINH", math.sinh, "The hyperbolic sine."),
    _real("COSH", math.cosh, "The hyperbolic cosine."),
    _real("TANH", math.tanh, "The hyperbolic tangent."),
    _real("DEGREES", lambda x: x * (180.0 / math.pi), "Degrees of radians.", ("DEGREES(PI())", "180.0")),
    _real("RADIANS", lambda x: x * (math.pi / 180.0), "Radians of degrees."),
    Function(
        ("PI",), "Math", "PI()", "The number pi.", (Signature((), DOUBLE, lambda: math.pi),),
        (("PI()", "3.141592653589793"),),
    ),
    Function(
        ("E",), "Math", "E()", "Euler's e.", (Signature((), DOUBLE, lambda: math.e),), (("E()", "2.718281828459045"),)
    ),
    Function(
        ("MOD",), "Math", "MOD(x, y)", "The remainder, with the sign of x; also x % y.",
        (Signature(("EXACT", "EXACT"), _modulo_type, prepare=_modulo, nullable=True),), (("MOD(-7, 3)", "-1"),),
    ),
    Function(
        ("GREATEST",), "Math", "GREATEST(value, ...)", "The greatest value; NULL if one is NULL.",
        (Signature(_COMPARABLES, common, _extreme(greatest=True), repeats=True, alike=0),),
        (("GREATEST(1, 3, 2)", "3"),),
    ),
    Function(
        ("LEAST",), "Math", "LEAST(value, ...)", "The least value; NULL if one is NULL.",
        (Signature(_COMPARABLES, common, _extreme(greatest=False), repeats=True, alike=0),),
        (("LEAST('b', 'a')", "a"),),
    ),
    Function(
        ("HEX",), "Math", "HEX(integer), HEX(text)", "In hexadecimal digits.",
        (Signature(("INTEGER",), STRING, prepare=_hex), Signature(("TEXT",), STRING, prepare=_hex)),
        (("HEX(100)", "64"), ("HEX('hello,world')", "68656C6C6F2C776F726C64")),
    ),
    Function(
        ("BIN",), "Math", "BIN(integer)", "In binary digits.",
        (Signature(("INTEGER",), STRING, lambda value: f"{value & 0xFFFF_FFFF_FFFF_FFFF:b}"),), (("BIN(12)", "1100"),),
    ),
)  # fmt: skip
