# ruff: noqa: D102 (Accumulator says what each method promises)
"""DISTINCT: another aggregate over each different value once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from streaming_sql.aggregates.accumulator import Accumulator
from streaming_sql.aggregates.counting import Count
from streaming_sql.aggregates.totals import Average
from streaming_sql.aggregates.values import decode_value, encode_value
from streaming_sql.types import SqlType


def _over(inner: Accumulator, values: Any) -> Any:
    if isinstance(inner, Count):
        return len(values)
    state = inner.initial()
    for value in values:
        state = inner.add(state, value)
    return inner.result(state)


@dataclass(frozen=True)
class Distinct(Accumulator):
    """The values seen, as a set."""

    inner: Accumulator
    argument: SqlType
    divisible: ClassVar[bool] = True

    @property
    def type(self) -> SqlType:
        return self.inner.type

    def initial(self) -> set[Any]:
        return set()

    def add(self, state: set[Any], value: Any, /) -> set[Any]:
        state.add(value)
        return state

    def merge(self, left: set[Any], right: set[Any], /) -> set[Any]:
        return left | right

    def result(self, state: set[Any], /) -> Any:
        return _over(self.inner, state)

    def encode(self, state: set[Any], /) -> list[Any]:
        return [encode_value(value, self.argument) for value in sorted(state)]

    def decode(self, value: list[Any], /) -> set[Any]:
        return {decode_value(item, self.argument) for item in value}

    def lines(self, slot: str) -> tuple[tuple[str, ...], dict[str, Callable[..., Any]]]:
        return (f"{slot}.add(value)",), {}


@dataclass(frozen=True)
class CountedDistinct(Accumulator):
    """The values and how often each came, so that one can be taken back; the aggregate of them goes along."""

    inner: Accumulator
    argument: SqlType
    retractable: ClassVar[bool] = True
    divisible: ClassVar[bool] = True

    @property
    def type(self) -> SqlType:
        return self.inner.type

    def initial(self) -> list[Any]:
        """[{value: how often}, the state of the values once each]."""
        return [{}, self.inner.initial()]

    def add(self, state: list[Any], value: Any, /) -> list[Any]:
        counts = state[0]
        known = counts.get(value, 0)
        counts[value] = known + 1
        if not known:
            state[1] = self.inner.add(state[1], value)
        return state

    def retract(self, state: list[Any], value: Any, /) -> list[Any]:
        counts = state[0]
        if counts[value] > 1:
            counts[value] -= 1
        else:
            del counts[value]
            state[1] = self.inner.retract(state[1], value)
        return state

    def merge(self, left: list[Any], right: list[Any], /) -> list[Any]:
        counts = left[0].copy()
        for value, count in right[0].items():
            counts[value] = counts.get(value, 0) + count
        return self._of(counts)

    def _of(self, counts: dict[Any, int]) -> list[Any]:
        state = self.inner.initial()
        for value in counts:
            state = self.inner.add(state, value)
        return [counts, state]

    def result(self, state: list[Any], /) -> Any:
        return self.inner.result(state[1])

    def encode(self, state: list[Any], /) -> list[Any]:
        return [[encode_value(value, self.argument), count] for value, count in sorted(state[0].items())]

    def decode(self, value: list[Any], /) -> list[Any]:
        return self._of({decode_value(item, self.argument): count for item, count in value})


def innermost(accumulator: Accumulator) -> Accumulator:
    """The aggregate, without DISTINCT."""
    return accumulator.inner if isinstance(accumulator, Distinct | CountedDistinct) else accumulator


def wrapping(accumulator: Accumulator) -> Accumulator:
    """The same aggregate; an AVG with a sum that wraps as SUM does."""
    if isinstance(accumulator, Distinct | CountedDistinct):
        return replace(accumulator, inner=wrapping(accumulator.inner))
    return replace(accumulator, wraps=True) if isinstance(accumulator, Average) else accumulator
