# ruff: noqa: D102 (Accumulator says what each method promises)
"""PERCENTILE(x, p): exact, between two values by linear interpolation, as in Flink 2."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from streaming_sql.aggregates.accumulator import Accumulator
from streaming_sql.types import DOUBLE, SqlType, finite


@dataclass(frozen=True)
class Percentile(Accumulator):
    """{value as a double: how often}; the result is a DOUBLE, NULL of no values. `fraction` is from 0 to 1."""

    fraction: float
    retractable: ClassVar[bool] = True
    divisible: ClassVar[bool] = True

    @property
    def type(self) -> SqlType:
        return DOUBLE

    def initial(self) -> dict[float, int]:
        return {}

    def add(self, state: dict[float, int], value: Any, /) -> dict[float, int]:
        number = float(value)
        state[number] = state.get(number, 0) + 1
        return state

    def retract(self, state: dict[float, int], value: Any, /) -> dict[float, int]:
        number = float(value)
        if state[number] > 1:
            state[number] -= 1
        else:
            del state[number]
        return state

    def merge(self, left: dict[float, int], right: dict[float, int], /) -> dict[float, int]:
        merged = left.copy()
        for number, count in right.items():
            merged[number] = merged.get(number, 0) + count
        return merged

    def result(self, state: dict[float, int], /) -> float | None:
        if not state:
            return None
        position = self.fraction * (sum(state.values()) - 1) + 1
        lower, higher = math.floor(position), math.ceil(position)
        values = sorted(state.items())
        place, passed = 0, values[0][1]
        while passed < lower:
            place += 1
            passed += values[place][1]
        if passed >= higher:
            return values[place][0]
        return finite((higher - position) * values[place][0] + (position - lower) * values[place + 1][0])

    def encode(self, state: dict[float, int], /) -> list[Any]:
        return [[number, count] for number, count in sorted(state.items())]

    def decode(self, value: list[Any], /) -> dict[float, int]:
        return {float(number): count for number, count in value}
