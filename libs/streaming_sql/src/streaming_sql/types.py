"""SQL types, and what values they hold in Python.

BOOLEAN is bool, the integers are int, DOUBLE is a finite float, DECIMAL(p, s) is decimal.Decimal with exactly
s fractional digits, STRING is str, TIMESTAMP and TIMESTAMP_LTZ are int milliseconds of the UTC epoch, ROW is
a struct. NULL is None. Result types follow Flink's LogicalTypeMerging.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

MAX_PRECISION = 38
_EXACT = Context(prec=120, rounding=ROUND_HALF_UP)


@dataclass(frozen=True)
class SqlType:
    """One type. `precision` and `scale` are of DECIMAL, `fields` of ROW (name and type, in order)."""

    name: str
    precision: int = 0
    scale: int = 0
    fields: tuple[tuple[str, SqlType], ...] = ()

    def __str__(self) -> str:
        if self.name == "DECIMAL":
            return f"DECIMAL({self.precision}, {self.scale})"
        if self.name == "ROW":
            return "ROW<" + ", ".join(f"{name} {kind}" for name, kind in self.fields) + ">"
        return self.name

    @property
    def is_integer(self) -> bool:
        """TINYINT to BIGINT."""
        return self.name in INTEGER_BITS

    @property
    def is_numeric(self) -> bool:
        """An integer, DECIMAL or DOUBLE."""
        return self.is_integer or self.name in {"DECIMAL", "DOUBLE"}

    @property
    def is_time(self) -> bool:
        """A point in time, held as milliseconds."""
        return self.name in {"TIMESTAMP", "TIMESTAMP_LTZ"}


INTEGER_BITS = {"TINYINT": 8, "SMALLINT": 16, "INT": 32, "BIGINT": 64}
_INTEGER_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INT": 10, "BIGINT": 19}

BOOLEAN = SqlType("BOOLEAN")
INT = SqlType("INT")
BIGINT = SqlType("BIGINT")
DOUBLE = SqlType("DOUBLE")
STRING = SqlType("STRING")
TIMESTAMP = SqlType("TIMESTAMP")
TIMESTAMP_LTZ = SqlType("TIMESTAMP_LTZ")
NULL = SqlType("NULL")


def decimal_type(precision: int, scale: int) -> SqlType:
    """DECIMAL(precision, scale)."""
    return SqlType("DECIMAL", precision, scale)


def as_decimal_type(kind: SqlType) -> SqlType:
    """The DECIMAL that holds every value of an integer or DECIMAL type."""
    return decimal_type(_INTEGER_DIGITS[kind.name], 0) if kind.is_integer else kind


def wrap_integer(value: int, kind: SqlType) -> int:
    """Two's complement overflow, as Java's integers do and hence Flink's."""
    bits = INTEGER_BITS[kind.name]
    half = 1 << (bits - 1)
    return (value + half) % (1 << bits) - half


def fit_decimal(value: Decimal, kind: SqlType) -> Decimal | None:
    """Round half up to the type's scale; None when the precision does not hold it, as Flink does."""
    if not value.is_finite():
        return None
    try:
        fitted = value.quantize(Decimal(1).scaleb(-kind.scale), context=_EXACT)
    except InvalidOperation:
        return None
    if fitted.adjusted() >= kind.precision - kind.scale and fitted:
        return None
    return fitted


def finite(value: float) -> float | None:
    """NULL for an infinity or NaN: JSON carries neither."""
    return value if math.isfinite(value) else None


def common_type(left: SqlType, right: SqlType) -> SqlType | None:
    """The least type that holds both (for CASE, COALESCE, comparison), or None."""
    if left == right or right.name == "NULL":
        return left
    if left.name == "NULL":
        return right
    if left.is_time and right.is_time:
        return TIMESTAMP_LTZ
    if not (left.is_numeric and right.is_numeric):
        return None
    if "DOUBLE" in (left.name, right.name):
        return DOUBLE
    if left.is_integer and right.is_integer:
        return left if INTEGER_BITS[left.name] >= INTEGER_BITS[right.name] else right
    a, b = as_decimal_type(left), as_decimal_type(right)
    scale = max(a.scale, b.scale)
    return decimal_type(min(MAX_PRECISION, max(a.precision - a.scale, b.precision - b.scale) + scale), scale)


def arithmetic_type(operator: str, left: SqlType, right: SqlType) -> SqlType | None:
    """The type of left operator right, operator one of + - * / %, or None if there is none."""
    if not (left.is_numeric and right.is_numeric):
        return None
    if "DOUBLE" in (left.name, right.name) or (left.is_integer and right.is_integer):
        return common_type(left, right)
    a, b = as_decimal_type(left), as_decimal_type(right)
    if operator in "+-":
        scale = max(a.scale, b.scale)
        return _adjust(max(a.precision - a.scale, b.precision - b.scale) + scale + 1, scale)
    if operator == "*":
        return _adjust(a.precision + b.precision + 1, a.scale + b.scale)
    if operator == "/":
        scale = max(6, a.scale + b.precision + 1)
        return _adjust(a.precision - a.scale + b.scale + scale, scale)
    scale = max(a.scale, b.scale)
    return _adjust(min(a.precision - a.scale, b.precision - b.scale) + scale, scale)


def _adjust(precision: int, scale: int) -> SqlType:
    """Keep the integer digits where 38 digits do not suffice, but at least 6 fractional ones."""
    if precision <= MAX_PRECISION:
        return decimal_type(precision, scale)
    digits = precision - scale
    return decimal_type(MAX_PRECISION, max(MAX_PRECISION - digits, min(scale, 6)))


def assignable(source: SqlType, target: SqlType) -> bool:
    """Whether INSERT converts source to target without an explicit CAST."""
    if source.name in {"NULL", target.name} and source.name != "ROW":
        return True
    if source.is_time and target.is_time:
        return True
    if target.name == "DOUBLE":
        return source.is_numeric
    if target.name == "DECIMAL":
        return source.is_integer
    return source.is_integer and target.is_integer and INTEGER_BITS[source.name] < INTEGER_BITS[target.name]
