"""SQL types, and what values they hold in Python.

BOOLEAN is bool; TINYINT to BIGINT are int; FLOAT and DOUBLE are finite floats (a FLOAT is rounded to 32 bits);
DECIMAL(p, s) is decimal.Decimal with exactly s fractional digits; CHAR(n), VARCHAR(n) and STRING are str; BYTES is
bytes; DATE is int days and TIMESTAMP(p) and TIMESTAMP_LTZ(p) are int milliseconds of the UTC epoch; TIME is int
milliseconds of the day; INTERVAL DAY is int milliseconds, INTERVAL MONTH int months; ARRAY is list, MAP is dict,
ROW a struct of a source or a tuple. NULL is None. Result types follow Flink's LogicalTypeMerging
(https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/types/).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

MAX_PRECISION = 38
MAX_LENGTH = (1 << 31) - 1
_EXACT = Context(prec=120, rounding=ROUND_HALF_UP)
_QUANTA = tuple(Decimal(1).scaleb(-scale) for scale in range(MAX_PRECISION + 1))


@dataclass(frozen=True)
class SqlType:
    """One type.

    Attributes:
        precision: of DECIMAL and the times; of CHAR, VARCHAR and BYTES the greatest length (0 is unlimited).
        scale: of DECIMAL.
        fields: of ROW (name and type, in order); of ARRAY its element, of MAP its key and value.

    """

    name: str
    precision: int = 0
    scale: int = 0
    fields: tuple[tuple[str, SqlType], ...] = ()

    def __str__(self) -> str:
        if self.name == "DECIMAL":
            return f"DECIMAL({self.precision}, {self.scale})"
        if self.name == "ROW":
            return "ROW<" + ", ".join(f"{name} {kind}" for name, kind in self.fields) + ">"
        if self.fields:
            return f"{self.name}<" + ", ".join(str(kind) for _, kind in self.fields) + ">"
        if self.name in {"TIMESTAMP", "TIMESTAMP_LTZ", "TIME"} or self.precision:
            return f"{self.name}({self.precision})"
        return self.name

    @property
    def is_integer(self) -> bool:
        """TINYINT to BIGINT."""
        return self.name in INTEGER_BITS

    @property
    def is_numeric(self) -> bool:
        """An integer, DECIMAL, FLOAT or DOUBLE."""
        return self.is_integer or self.name in {"DECIMAL", "FLOAT", "DOUBLE"}

    @property
    def is_approximate(self) -> bool:
        """FLOAT or DOUBLE."""
        return self.name in {"FLOAT", "DOUBLE"}

    @property
    def is_text(self) -> bool:
        """CHAR(n), VARCHAR(n) or STRING."""
        return self.name in {"STRING", "VARCHAR", "CHAR"}

    @property
    def is_time(self) -> bool:
        """A point in time, held as milliseconds."""
        return self.name in {"TIMESTAMP", "TIMESTAMP_LTZ"}

    @property
    def is_interval(self) -> bool:
        """INTERVAL DAY (milliseconds) or INTERVAL MONTH (months)."""
        return self.name in {"INTERVAL DAY", "INTERVAL MONTH"}

    @property
    def is_nested(self) -> bool:
        """ROW, ARRAY or MAP: neither compared nor grouped by."""
        return self.name in {"ROW", "ARRAY", "MAP"}

    @property
    def element(self) -> SqlType:
        """Of ARRAY the element's type, of MAP the value's."""
        return self.fields[-1][1]


INTEGER_BITS = {"TINYINT": 8, "SMALLINT": 16, "INT": 32, "BIGINT": 64}
_INTEGER_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INT": 10, "BIGINT": 19}

BOOLEAN = SqlType("BOOLEAN")
TINYINT = SqlType("TINYINT")
SMALLINT = SqlType("SMALLINT")
INT = SqlType("INT")
BIGINT = SqlType("BIGINT")
FLOAT = SqlType("FLOAT")
DOUBLE = SqlType("DOUBLE")
STRING = SqlType("STRING")
BYTES = SqlType("BYTES")
DATE = SqlType("DATE")
TIME = SqlType("TIME", 0)
TIMESTAMP = SqlType("TIMESTAMP", 3)
TIMESTAMP_LTZ = SqlType("TIMESTAMP_LTZ", 3)
INTERVAL_DAY = SqlType("INTERVAL DAY")
INTERVAL_MONTH = SqlType("INTERVAL MONTH")
NULL = SqlType("NULL")


def decimal_type(precision: int, scale: int) -> SqlType:
    """DECIMAL(precision, scale)."""
    return SqlType("DECIMAL", precision, scale)


def array_type(element: SqlType) -> SqlType:
    """ARRAY<element>."""
    return SqlType("ARRAY", fields=(("element", element),))


def map_type(key: SqlType, value: SqlType) -> SqlType:
    """MAP<key, value>."""
    return SqlType("MAP", fields=(("key", key), ("value", value)))


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
        fitted = value.quantize(_QUANTA[kind.scale], context=_EXACT)
    except InvalidOperation:
        return None
    if not fitted:
        return abs(fitted)
    return None if fitted.adjusted() >= kind.precision - kind.scale else fitted


def finite(value: float) -> float | None:
    """NULL for an infinity or NaN: JSON carries neither."""
    return value if math.isfinite(value) else None


def common_type(left: SqlType, right: SqlType) -> SqlType | None:
    """The least type that holds both (for CASE, COALESCE, comparison), or None."""
    if left == right or right.name == "NULL":
        return left
    if left.name == "NULL":
        return right
    if left.is_text and right.is_text:
        length = max(left.precision, right.precision) if left.precision and right.precision else 0
        return SqlType("VARCHAR", length) if length else STRING
    if left.is_numeric and right.is_numeric:
        return _common_number(left, right)
    if left.is_time and right.is_time:
        name = "TIMESTAMP" if left.name == right.name == "TIMESTAMP" else "TIMESTAMP_LTZ"
        return SqlType(name, max(left.precision, right.precision))
    if left.name != right.name:
        return None
    if left.name in {"TIME", "BYTES"}:
        return SqlType(left.name, max(left.precision, right.precision) if left.precision and right.precision else 0)
    return _common_nested(left, right) if left.is_nested else None


def _common_number(left: SqlType, right: SqlType) -> SqlType:
    if left.is_approximate or right.is_approximate:
        mixed = "DECIMAL" in (left.name, right.name) or "DOUBLE" in (left.name, right.name)
        return DOUBLE if mixed else FLOAT
    if left.is_integer and right.is_integer:
        return left if INTEGER_BITS[left.name] >= INTEGER_BITS[right.name] else right
    a, b = as_decimal_type(left), as_decimal_type(right)
    scale = max(a.scale, b.scale)
    return decimal_type(min(MAX_PRECISION, max(a.precision - a.scale, b.precision - b.scale) + scale), scale)


def _common_nested(left: SqlType, right: SqlType) -> SqlType | None:
    if len(left.fields) != len(right.fields):
        return None
    fields = []
    for (name, a), (_, b) in zip(left.fields, right.fields, strict=True):
        kind = common_type(a, b)
        if kind is None:
            return None
        fields.append((name, kind))
    return SqlType(left.name, fields=tuple(fields))


def common_of(kinds: list[SqlType]) -> SqlType | None:
    """The least type that holds all, or None; NULL of none."""
    found: SqlType | None = NULL
    for kind in kinds:
        found = None if found is None else common_type(found, kind)
    return found


def arithmetic_type(operator: str, left: SqlType, right: SqlType) -> SqlType | None:
    """The type of left operator right (numbers), operator one of + - * / %, or None if there is none."""
    left, right = (left if right.name == "NULL" else right, right) if left.name == "NULL" else (left, right)
    right = left if right.name == "NULL" else right
    if not (left.is_numeric and right.is_numeric):
        return None
    if left.is_approximate or right.is_approximate:
        return None if operator == "%" else common_type(left, right)
    if left.is_integer and right.is_integer:
        return right if operator == "%" else common_type(left, right)
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
    if source.name == "NULL" or source == target:
        return True
    if source.is_text or target.is_text:
        return source.is_text and target.is_text
    if source.is_time and target.is_time:
        return True
    if source.is_numeric and target.is_numeric:
        return _assignable_number(source, target)
    if source.name != target.name or source.is_interval or len(source.fields) != len(target.fields):
        return False
    pairs = zip(source.fields, target.fields, strict=True)
    return all(assignable(inner, outer) for (_, inner), (_, outer) in pairs)


def _assignable_number(source: SqlType, target: SqlType) -> bool:
    if target.name == "DOUBLE":
        return True
    if target.name == "FLOAT":
        return source.name != "DOUBLE"
    if target.name == "DECIMAL":
        return not source.is_approximate
    return source.is_integer and INTEGER_BITS[source.name] <= INTEGER_BITS[target.name]
