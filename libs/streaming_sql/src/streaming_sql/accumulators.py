# ruff: noqa: D102 (the protocol Accumulator says what each method promises)
"""Aggregates that grow by one value at a time and merge, whatever the order.

Every accumulator's state is a plain value: sums are exact (integers, decimals, and doubles as multiples of
2**-1074), so that no interleaving of records changes a result. NULLs are left out by the caller, as SQL says.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Protocol

from streaming_sql.types import BIGINT, DOUBLE, SqlType, decimal_type, fit_decimal, wrap_integer

_EXACT = Context(prec=120)
_DIVIDE = Context(prec=38, rounding=ROUND_HALF_UP)
_DOUBLE_SHIFT = 1074  # every finite double is a multiple of 2**-1074
_DOUBLE_UNIT = 1 << _DOUBLE_SHIFT


class Accumulator(Protocol):
    """One aggregate function over one argument type."""

    @property
    def type(self) -> SqlType:
        """The result's type."""

    def initial(self) -> Any:
        """The state of no values."""

    def add(self, state: Any, value: Any) -> Any:
        """The state with one more value that is not NULL; may change `state` in place."""

    def merge(self, left: Any, right: Any) -> Any:
        """The state of both; changes neither."""

    def result(self, state: Any) -> Any:
        """The aggregate's value."""

    def encode(self, state: Any) -> Any:
        """The state as JSON values."""

    def decode(self, value: Any) -> Any:
        """The state that encode gave."""


def encode_value(value: Any, kind: SqlType) -> Any:
    """A column value as a JSON value that decode_value restores exactly."""
    return str(value) if kind.name == "DECIMAL" and value is not None else value


def decode_value(value: Any, kind: SqlType) -> Any:
    """What encode_value was given."""
    if value is None:
        return None
    if kind.name == "DECIMAL":
        return Decimal(value)
    return float(value) if kind.name == "DOUBLE" else value


@dataclass(frozen=True)
class Count:
    """COUNT(*) and COUNT(x)."""

    type: SqlType = BIGINT

    def initial(self) -> int:
        return 0

    def add(self, state: int, value: object) -> int:
        return state + 1

    def merge(self, left: int, right: int) -> int:
        return left + right

    def result(self, state: int) -> int:
        return state

    def encode(self, state: int) -> int:
        return state

    def decode(self, value: int) -> int:
        return value


@dataclass(frozen=True)
class Extreme:
    """MIN and MAX; NULL of no values."""

    type: SqlType
    greatest: bool

    def initial(self) -> None:
        return None

    def add(self, state: Any, value: Any) -> Any:
        if state is None:
            return value
        return value if (value > state) is self.greatest and value != state else state

    def merge(self, left: Any, right: Any) -> Any:
        return left if right is None else self.add(left, right)

    def result(self, state: Any) -> Any:
        return state

    def encode(self, state: Any) -> Any:
        return encode_value(state, self.type)

    def decode(self, value: Any) -> Any:
        return decode_value(value, self.type)


class _Total:
    """The exact (total, count) that SUM and AVG share."""

    argument: SqlType

    def initial(self) -> tuple[Any, int]:
        return (Decimal(0) if self.argument.name == "DECIMAL" else 0), 0

    def add(self, state: tuple[Any, int], value: Any) -> tuple[Any, int]:
        total, count = state
        if self.argument.name == "DECIMAL":
            return _EXACT.add(total, value), count + 1
        if self.argument.name == "DOUBLE":
            numerator, denominator = value.as_integer_ratio()
            return total + (numerator << (_DOUBLE_SHIFT + 1 - denominator.bit_length())), count + 1
        return total + value, count + 1

    def merge(self, left: tuple[Any, int], right: tuple[Any, int]) -> tuple[Any, int]:
        return _EXACT.add(left[0], right[0]) if self.argument.name == "DECIMAL" else left[0] + right[0], left[
            1
        ] + right[1]

    def encode(self, state: tuple[Any, int]) -> list[Any]:
        total, count = state
        return [_encode_units(total) if self.argument.name == "DOUBLE" else str(total), count]

    def decode(self, value: list[Any]) -> tuple[Any, int]:
        text, count = value
        if self.argument.name == "DECIMAL":
            return Decimal(text), count
        return _decode_units(text) if self.argument.name == "DOUBLE" else int(text), count


def _encode_units(total: int) -> str:
    """Multiples of 2**-1074 as "significant bits:trailing zero bits", since most are zeros."""
    zeros = (total & -total).bit_length() - 1 if total else 0
    return f"{total >> zeros:x}:{zeros}"


def _decode_units(text: str) -> int:
    bits, zeros = text.split(":")
    return int(bits, 16) << int(zeros)


def _divide_double(total: int, count: int) -> float | None:
    try:
        return total / (_DOUBLE_UNIT * count)
    except OverflowError:
        return None


@dataclass(frozen=True)
class Sum(_Total):
    """SUM: integers keep their type and wrap as in Java, DECIMAL(p, s) gives DECIMAL(38, s); NULL of no values."""

    argument: SqlType

    @property
    def type(self) -> SqlType:
        return decimal_type(38, self.argument.scale) if self.argument.name == "DECIMAL" else self.argument

    def result(self, state: tuple[Any, int]) -> Any:
        total, count = state
        if not count:
            return None
        if self.argument.name == "DECIMAL":
            return fit_decimal(total, self.type)
        return _divide_double(total, 1) if self.argument == DOUBLE else wrap_integer(total, self.argument)


@dataclass(frozen=True)
class Average(_Total):
    """AVG: integers divide towards zero, DECIMAL(p, s) gives DECIMAL(38, max(6, s)); NULL of no values."""

    argument: SqlType

    @property
    def type(self) -> SqlType:
        return decimal_type(38, max(6, self.argument.scale)) if self.argument.name == "DECIMAL" else self.argument

    def result(self, state: tuple[Any, int]) -> Any:
        total, count = state
        if not count:
            return None
        if self.argument.name == "DECIMAL":
            return fit_decimal(_DIVIDE.divide(total, Decimal(count)), self.type)
        if self.argument == DOUBLE:
            return _divide_double(total, count)
        return wrap_integer(abs(total) // count * (1 if total >= 0 else -1), self.argument)


@dataclass(frozen=True)
class Distinct:
    """Another aggregate over each different value once."""

    inner: Accumulator
    argument: SqlType

    @property
    def type(self) -> SqlType:
        return self.inner.type

    def initial(self) -> set[Any]:
        return set()

    def add(self, state: set[Any], value: Any) -> set[Any]:
        state.add(value)
        return state

    def merge(self, left: set[Any], right: set[Any]) -> set[Any]:
        return left | right

    def result(self, state: set[Any]) -> Any:
        if isinstance(self.inner, Count):
            return len(state)
        inner = self.inner.initial()
        for value in state:
            inner = self.inner.add(inner, value)
        return self.inner.result(inner)

    def encode(self, state: set[Any]) -> list[Any]:
        return [encode_value(value, self.argument) for value in sorted(state)]

    def decode(self, value: list[Any]) -> set[Any]:
        return {decode_value(item, self.argument) for item in value}
