# ruff: noqa: D102 (Accumulator says what each method promises)
"""STDDEV_POP, STDDEV_SAMP, VAR_POP and VAR_SAMP.

Flink rewrites them to (SUM(x * x) - SUM(x) * SUM(x) / COUNT(x)) / n in the types of SQL arithmetic, the argument cast
to the type of AVG (Calcite's AggregateReduceFunctionsRule): of integers all of it wraps and divides as integers do, of
decimals every step rounds to its own scale. Integers and decimals follow that step by step. Doubles do not lose here
what they lose there: squares and sums are exact to twice the digits, and rounding happens once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

from streaming_sql.aggregates.accumulator import Accumulator
from streaming_sql.aggregates.exact import FOLD_AT, exact_total, fold
from streaming_sql.aggregates.totals import average_type
from streaming_sql.aggregates.values import APPROXIMATE, fit_double
from streaming_sql.functions import arithmetic
from streaming_sql.types import (
    BIGINT,
    INTEGER_BITS,
    SqlType,
    arithmetic_type,
    decimal_type,
    fit_decimal,
    wrap_integer,
)

_EXACT = Context(prec=120)
_SPLITTER = float((1 << 27) + 1)
_LARGE = 1e150
"""Squares of greater doubles are infinite or nearly so."""


@dataclass(frozen=True)
class Deviation(Accumulator):
    """Variance, or its square root; `sample` divides by n - 1 and gives NULL of one value. NULL of no values."""

    argument: SqlType
    sample: bool
    root: bool
    retractable: ClassVar[bool] = True

    @property
    def type(self) -> SqlType:
        return average_type(self.argument)

    @cached_property
    def _formula(self) -> Callable[[Any, Any, int], Any]:
        return _formula(self.argument, self.type, self.sample)

    @cached_property
    def _squared(self) -> Callable[[Any], Any]:
        """The square of one value, in the type of SQL's x * x."""
        multiply = arithmetic("*", _multiplied(self.type))
        return lambda value: multiply(value, value)

    def initial(self) -> list[Any]:
        """[count, sum, sum of squares]; of doubles [count, too large ones, sum's doubles, squares' doubles]."""
        if self.argument.name in APPROXIMATE:
            return [0, 0, [], []]
        zero: Any = Decimal(0) if self.argument.name == "DECIMAL" else 0
        return [0, zero, zero]

    def add(self, state: list[Any], value: Any, /) -> list[Any]:
        return self._change(state, value, 1)

    def retract(self, state: list[Any], value: Any, /) -> list[Any]:
        return self._change(state, value, -1)

    def _change(self, state: list[Any], value: Any, sign: int) -> list[Any]:
        state[0] += sign
        if self.argument.name in APPROXIMATE:
            if abs(value) > _LARGE:
                state[1] += sign
            else:
                _append(state, value, sign)
            return state
        square = self._squared(value)
        if self.argument.name == "DECIMAL":
            state[1] = _EXACT.add(state[1], value * sign)
            state[2] = state[2] if square is None else _EXACT.add(state[2], square * sign)
        else:
            state[1] += value * sign
            state[2] += square * sign
        return state

    def merge(self, left: list[Any], right: list[Any], /) -> list[Any]:
        if self.argument.name in APPROXIMATE:
            lists = [_short(left[place] + right[place]) for place in (2, 3)]
            return [left[0] + right[0], left[1] + right[1], *lists]
        add = _EXACT.add if self.argument.name == "DECIMAL" else int.__add__
        return [left[0] + right[0], add(left[1], right[1]), add(left[2], right[2])]

    def result(self, state: list[Any], /) -> Any:
        count = state[0]
        if not count or (self.sample and count == 1):
            return None
        if self.argument.name in APPROXIMATE:
            return None if state[1] else fit_double(self._of_doubles(state), self.argument)
        variance = self._formula(state[2], state[1], count)
        if variance is None:
            return None
        if self.root:
            root = math.sqrt(variance) if variance >= 0 else math.nan
            return _from_double(root, self.type)
        return wrap_integer(variance, self.type) if self.type.is_integer else fit_decimal(variance, self.type)

    def _of_doubles(self, state: list[Any]) -> float | None:
        count = state[0]
        first, second = exact_total(state[2]), exact_total(state[3])
        variance = max(Fraction(0), (second * count - first * first) / (count * (count - 1 if self.sample else count)))
        try:
            return math.sqrt(variance) if self.root else float(variance)
        except OverflowError:
            return None

    def encode(self, state: list[Any], /) -> list[Any]:
        if self.argument.name in APPROXIMATE:
            return [state[0], state[1], fold(state[2]), fold(state[3])]
        return [state[0], str(state[1]), str(state[2])]

    def decode(self, value: list[Any], /) -> list[Any]:
        if self.argument.name in APPROXIMATE:
            return [value[0], value[1], [float(part) for part in value[2]], [float(part) for part in value[3]]]
        number = Decimal if self.argument.name == "DECIMAL" else int
        return [value[0], number(value[1]), number(value[2])]


def _append(state: list[Any], value: float, sign: int) -> None:
    """Take in the value and both halves of its square (Veltkamp's splitting, Dekker's product)."""
    square = value * value
    split = _SPLITTER * value
    high = split - (split - value)
    low = value - high
    rest = ((high * high - square) + 2.0 * high * low) + low * low
    values, squares = state[2], state[3]
    values.append(value * sign)
    squares.append(square * sign)
    squares.append(rest * sign)
    if len(values) > FOLD_AT:
        values[:] = fold(values)
        squares[:] = fold(squares)


def _short(values: list[float]) -> list[float]:
    return fold(values) if len(values) > 2 * FOLD_AT else values


def _multiplied(kind: SqlType) -> SqlType:
    return arithmetic_type("*", kind, kind) or kind


def _formula(argument: SqlType, kind: SqlType, sample: bool) -> Callable[[Any, Any, int], Any]:
    """(sum of squares, sum, count) to the variance, each step in its SQL type."""
    squares = _multiplied(kind)
    if squares.name == "DECIMAL":
        squares = decimal_type(38, squares.scale)
    mean_type = _typed("/", _multiplied(kind), BIGINT)
    difference_type = _typed("-", squares, mean_type)
    multiply, divide = arithmetic("*", _multiplied(kind)), arithmetic("/", mean_type)
    subtract = arithmetic("-", difference_type)
    divide_last = arithmetic("/", _typed("/", difference_type, BIGINT))

    def fitted(value: Any, target: SqlType) -> Any:
        return wrap_integer(value, target) if target.name in INTEGER_BITS else fit_decimal(value, target)

    def variance(of_squares: Any, of_values: Any, count: int) -> Any:
        total = fitted(of_values, kind)
        square = None if total is None else multiply(total, total)
        mean = None if square is None else divide(square, count)
        whole = fitted(of_squares, squares)
        difference = None if mean is None or whole is None else subtract(whole, mean)
        return None if difference is None else divide_last(difference, count - 1 if sample else count)

    return variance


def _typed(operator: str, left: SqlType, right: SqlType) -> SqlType:
    found = arithmetic_type(operator, left, right)
    if found is None:
        raise ValueError(f"{left} {operator} {right} has no type")
    return found


def _from_double(value: float, target: SqlType) -> Any:
    """CAST of a double, as Java does it: NaN is 0 as an integer, and no decimal."""
    if target.is_integer:
        return 0 if math.isnan(value) else int(value)
    return None if math.isnan(value) else fit_decimal(Decimal(repr(value)), target)
