# ruff: noqa: D102 (Accumulator says what each method promises)
"""APPROX_PERCENTILE: counts in buckets of relative width, as DDSketch keeps them (Masson, Rim, Lee, VLDB 2019).

A bucket is 1/128 of a power of two, cut linearly: taken from the bits of the double, so exactly the same everywhere.
Any quantile is within 0.4 percent of a value of its rank. Adding and merging commute, so no order changes a result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import frexp, ldexp
from typing import Any, ClassVar

from streaming_sql.aggregates.accumulator import Accumulator
from streaming_sql.types import DOUBLE, SqlType

PARTS = 128
"""Buckets a power of two."""
RELATIVE_ERROR = 1 / (2 * PARTS)
_LOWEST_EXPONENT = -1073  # of the least double, by frexp


def bucket(value: float) -> int:
    """The bucket's number: grows with the value, 0 for zero alone, below 0 for negative values."""
    if value == 0.0:
        return 0
    fraction, exponent = frexp(value)
    if value > 0.0:
        return (exponent - _LOWEST_EXPONENT) * PARTS + int((fraction - 0.5) * (2 * PARTS)) + 1
    return -((exponent - _LOWEST_EXPONENT) * PARTS + int((-fraction - 0.5) * (2 * PARTS)) + 1)


def middle(number: int) -> float:
    """The double in the middle of a bucket."""
    if number == 0:
        return 0.0
    exponent, part = divmod(abs(number) - 1, PARTS)
    value = ldexp(0.5 + (part + 0.5) / (2 * PARTS), exponent + _LOWEST_EXPONENT)
    return value if number > 0 else -value


@dataclass(frozen=True)
class ApproxPercentile(Accumulator):
    """{bucket: how many}; the result is a DOUBLE, NULL of no values. `fraction` is from 0 to 1."""

    fraction: float
    retractable: ClassVar[bool] = True
    divisible: ClassVar[bool] = True

    @property
    def type(self) -> SqlType:
        return DOUBLE

    def initial(self) -> dict[int, int]:
        return {}

    def add(self, state: dict[int, int], value: Any, /) -> dict[int, int]:
        number = bucket(float(value))
        state[number] = state.get(number, 0) + 1
        return state

    def retract(self, state: dict[int, int], value: Any, /) -> dict[int, int]:
        number = bucket(float(value))
        if state[number] > 1:
            state[number] -= 1
        else:
            del state[number]
        return state

    def merge(self, left: dict[int, int], right: dict[int, int], /) -> dict[int, int]:
        merged = left.copy()
        for number, count in right.items():
            merged[number] = merged.get(number, 0) + count
        return merged

    def result(self, state: dict[int, int], /) -> float | None:
        rank = int(self.fraction * (sum(state.values()) - 1))
        passed = 0
        for number in sorted(state):
            passed += state[number]
            if passed > rank:
                return middle(number)
        return None

    def encode(self, state: dict[int, int], /) -> list[Any]:
        return [list(item) for item in sorted(state.items())]

    def decode(self, value: list[Any], /) -> dict[int, int]:
        return dict(value)

    def lines(self, slot: str) -> tuple[tuple[str, ...], dict[str, Callable[..., Any]]]:
        return (
            f"state = {slot}",
            "number = bucket(float(value))",
            "state[number] = state.get(number, 0) + 1",
        ), {"bucket": bucket}
