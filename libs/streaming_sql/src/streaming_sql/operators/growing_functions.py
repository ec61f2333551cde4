# ruff: noqa: D102 (the protocol FrameFunction says what each method promises)
"""What is computed over a frame that only grows: FIRST_VALUE, ROW_NUMBER, RANK, DENSE_RANK and LAG."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from streaming_sql.aggregates import decode_value, encode_value
from streaming_sql.operators.over_functions import Queue
from streaming_sql.types import BIGINT, SqlType


@dataclass(frozen=True)
class First:
    """FIRST_VALUE over a frame that only grows."""

    type: SqlType

    def initial(self) -> None:
        return None

    def enter(self, state: Any, value: Any) -> Any:
        return value if state is None else state

    def leave(self, state: Any, value: Any) -> Any:
        raise AssertionError("rows leave only frames with a bound")

    def result(self, state: Any) -> Any:
        return state

    def encode(self, state: Any) -> Any:
        return encode_value(state, self.type)

    def decode(self, value: Any) -> Any:
        return decode_value(value, self.type)


@dataclass(frozen=True)
class RowNumber:
    """ROW_NUMBER() over a frame that only grows; also RANK() and DENSE_RANK().

    Flink's streaming RANK and DENSE_RANK both count the rows of the frame: rows of one time all get the number of the
    last of them.
    """

    type: SqlType = BIGINT

    def initial(self) -> int:
        return 0

    def enter(self, state: int, value: object) -> int:
        return state + 1

    def leave(self, state: int, value: object) -> int:
        raise AssertionError("rows leave only frames with a bound")

    def result(self, state: int) -> int:
        return state

    def encode(self, state: int) -> int:
        return state

    def decode(self, value: int) -> int:
        return value


@dataclass(frozen=True)
class Lag(Queue):
    """LAG(x, offset, default): the value, NULL or not, `offset` rows before the frame's last row. It takes (x,).

    As in Flink all rows of one time under RANGE have one frame, and so one result. Where a value is NULL and a default
    is given Flink 1.20 takes the result for NOT NULL and gives -1 or '' by type; here it is NULL, as SQL says.
    """

    offset: int = 1
    default: Any = None

    def enter(self, state: deque[Any], value: tuple[Any]) -> deque[Any]:
        state.append(value[0])
        if len(state) > self.offset + 1:
            state.popleft()
        return state

    def leave(self, state: deque[Any], value: Any) -> deque[Any]:
        raise AssertionError("rows leave only frames with a bound")

    def result(self, state: deque[Any]) -> Any:
        return state[0] if len(state) > self.offset else self.default
