# ruff: noqa: D102 (Accumulator says what each method promises)
"""COUNT, MIN and MAX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from streaming_sql.aggregates.accumulator import Accumulator
from streaming_sql.aggregates.values import decode_value, encode_value
from streaming_sql.types import BIGINT, SqlType


@dataclass(frozen=True)
class Count(Accumulator):
    """COUNT(*) and COUNT(x)."""

    retractable: ClassVar[bool] = True

    @property
    def type(self) -> SqlType:
        return BIGINT

    def initial(self) -> int:
        return 0

    def add(self, state: int, value: object, /) -> int:
        return state + 1

    def retract(self, state: int, value: object, /) -> int:
        return state - 1

    def merge(self, left: int, right: int, /) -> int:
        return left + right

    def copy(self, state: int, /) -> int:
        return state

    def result(self, state: int, /) -> int:
        return state

    def encode(self, state: int, /) -> int:
        return state

    def decode(self, value: int, /) -> int:
        return value

    def lines(self, slot: str) -> tuple[tuple[str, ...], dict[str, Callable[..., Any]]]:
        return (f"{slot} += 1",), {}


@dataclass(frozen=True)
class Extreme(Accumulator):
    """MIN and MAX, of texts by code point; NULL of no values. DISTINCT changes nothing."""

    argument: SqlType
    greatest: bool

    @property
    def type(self) -> SqlType:
        return self.argument

    def initial(self) -> None:
        return None

    def add(self, state: Any, value: Any, /) -> Any:
        if state is None or (value > state if self.greatest else value < state):
            return value
        return state

    def merge(self, left: Any, right: Any, /) -> Any:
        return left if right is None else self.add(left, right)

    def copy(self, state: Any, /) -> Any:
        return state

    def result(self, state: Any, /) -> Any:
        return state

    def encode(self, state: Any, /) -> Any:
        return encode_value(state, self.argument)

    def decode(self, value: Any, /) -> Any:
        return decode_value(value, self.argument)

    def lines(self, slot: str) -> tuple[tuple[str, ...], dict[str, Callable[..., Any]]]:
        sign = ">" if self.greatest else "<"
        return (f"state = {slot}", f"if state is None or value {sign} state:", f"    {slot} = value"), {}
