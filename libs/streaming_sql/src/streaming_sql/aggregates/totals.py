# ruff: noqa: D102 (Accumulator says what each method promises)
"""SUM and AVG, with the result types of Flink's LogicalTypeMerging.findSumAggType and findAvgAggType."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, ClassVar

from streaming_sql.aggregates.accumulator import Accumulator
from streaming_sql.aggregates.exact import FOLD_AT, fold, total
from streaming_sql.aggregates.values import APPROXIMATE, fit_double
from streaming_sql.types import BIGINT, SqlType, decimal_type, fit_decimal, wrap_integer

_EXACT = Context(prec=120)
_DIVIDE = Context(prec=38, rounding=ROUND_HALF_UP)
_add_decimal, _subtract_decimal = _EXACT.add, _EXACT.subtract


def average_type(argument: SqlType) -> SqlType:
    """DECIMAL(p, s) gives DECIMAL(38, max(6, s)), every other type itself."""
    return decimal_type(38, max(6, argument.scale)) if argument.name == "DECIMAL" else argument


class _Total(Accumulator):
    """The count and the exact total that SUM and AVG share: [count, total], of doubles [count, double, ...]."""

    retractable: ClassVar[bool] = True
    argument: SqlType

    def initial(self) -> list[Any]:
        if self.argument.name in APPROXIMATE:
            return [0]
        return [0, Decimal(0) if self.argument.name == "DECIMAL" else 0]

    def add(self, state: list[Any], value: Any, /) -> list[Any]:
        state[0] += 1
        if self.argument.name in APPROXIMATE:
            _append(state, value)
        elif self.argument.name == "DECIMAL":
            state[1] = _add_decimal(state[1], value)
        else:
            state[1] += value
        return state

    def retract(self, state: list[Any], value: Any, /) -> list[Any]:
        state[0] -= 1
        if self.argument.name in APPROXIMATE:
            _append(state, -value)
        elif self.argument.name == "DECIMAL":
            state[1] = _subtract_decimal(state[1], value)
        else:
            state[1] -= value
        return state

    def merge(self, left: list[Any], right: list[Any], /) -> list[Any]:
        count = left[0] + right[0]
        if self.argument.name in APPROXIMATE:
            doubles = left[1:] + right[1:]
            return [count, *(fold(doubles) if len(doubles) > FOLD_AT else doubles)]
        if self.argument.name == "DECIMAL":
            return [count, _add_decimal(left[1], right[1])]
        return [count, left[1] + right[1]]

    def copy(self, state: list[Any], /) -> list[Any]:
        return state.copy()

    def encode(self, state: list[Any], /) -> list[Any]:
        if self.argument.name in APPROXIMATE:
            return [state[0], *fold(state[1:])]
        return [state[0], str(state[1])]

    def decode(self, value: list[Any], /) -> list[Any]:
        if self.argument.name in APPROXIMATE:
            return [value[0], *map(float, value[1:])]
        return [value[0], Decimal(value[1]) if self.argument.name == "DECIMAL" else int(value[1])]

    def lines(self, slot: str) -> tuple[tuple[str, ...], dict[str, Callable[..., Any]]]:
        start = (f"state = {slot}", "state[0] += 1")
        if self.argument.name in APPROXIMATE:
            fold_long = (f"if len(state) > {FOLD_AT}:", "    fold_doubles(state)")
            return (*start, "state.append(value)", *fold_long), {"fold_doubles": _fold}
        if self.argument.name == "DECIMAL":
            return (*start, "state[1] = add_decimal(state[1], value)"), {"add_decimal": _add_decimal}
        return (*start, "state[1] += value"), {}


def _append(state: list[Any], value: float) -> None:
    state.append(value)
    if len(state) > FOLD_AT:
        _fold(state)


def _fold(state: list[Any]) -> None:
    state[1:] = fold(state[1:])


@dataclass(frozen=True)
class Sum(_Total):
    """SUM: integers keep their type and wrap as in Java, DECIMAL(p, s) gives DECIMAL(38, s); NULL of no values."""

    argument: SqlType

    @property
    def type(self) -> SqlType:
        return decimal_type(38, self.argument.scale) if self.argument.name == "DECIMAL" else self.argument

    def result(self, state: list[Any], /) -> Any:
        if not state[0]:
            return None
        if self.argument.name in APPROXIMATE:
            return fit_double(total(state[1:]), self.argument)
        if self.argument.name == "DECIMAL":
            return fit_decimal(state[1], self.type)
        return wrap_integer(state[1], self.argument)


@dataclass(frozen=True)
class Average(_Total):
    """AVG: integers divide a BIGINT sum towards zero, doubles and decimals divide the exact sum; NULL of no values.

    With `wraps` the sum of integers is one of their own type, as SUM has it.
    """

    argument: SqlType
    wraps: bool = False

    @property
    def type(self) -> SqlType:
        return average_type(self.argument)

    def result(self, state: list[Any], /) -> Any:
        count = state[0]
        if not count:
            return None
        if self.argument.name in APPROXIMATE:
            doubles = total(state[1:])
            return None if doubles is None else fit_double(doubles / count, self.argument)
        if self.argument.name == "DECIMAL":
            return fit_decimal(_DIVIDE.divide(state[1], Decimal(count)), self.type)
        whole = wrap_integer(state[1], self.argument if self.wraps else BIGINT)
        return wrap_integer(abs(whole) // count * (1 if whole >= 0 else -1), self.argument)
