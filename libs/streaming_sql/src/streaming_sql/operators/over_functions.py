# ruff: noqa: D102 (the protocol FrameFunction says what each method promises)
"""What is computed over the frame of a row: functions that rows enter at one end and leave at the other.

Rows enter in the order of the OVER window and leave in the order in which they entered, so that each step costs the
same however long the frame is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from streaming_sql.aggregates import Accumulator, decode_value, encode_value
from streaming_sql.types import SqlType


class FrameFunction(Protocol):
    """One function of an OVER window. Values are never NULL: of a row whose value is NULL the caller leaves it out."""

    @property
    def type(self) -> SqlType:
        """The result's type."""

    def initial(self) -> Any:
        """The state of an empty frame."""

    def enter(self, state: Any, value: Any) -> Any:
        """The state with one more row at the frame's end; may change `state` in place."""

    def leave(self, state: Any, value: Any) -> Any:
        """The state without the frame's first row, which entered with `value`; may change `state` in place."""

    def result(self, state: Any) -> Any:
        """The function's value over the frame."""

    def encode(self, state: Any) -> Any:
        """The state as JSON values."""

    def decode(self, value: Any) -> Any:
        """The state that encode gave."""


@dataclass(frozen=True)
class Accumulated:
    """An aggregate whose accumulator takes values back, or whose frame only grows.

    Attributes:
        ordered: the accumulator wants (value, time, shard, number); the order of the calls is the order here.

    """

    accumulator: Accumulator
    ordered: bool = False

    @property
    def type(self) -> SqlType:
        return self.accumulator.type

    def initial(self) -> Any:
        return self.accumulator.initial()

    @property
    def enter(self) -> Callable[[Any, Any], Any]:  # what is called for each row, without detour
        add = self.accumulator.add
        return (lambda state, value: add(state, (value, 0, "", 0))) if self.ordered else add

    @property
    def leave(self) -> Callable[[Any, Any], Any]:
        return self.accumulator.retract

    @property
    def result(self) -> Callable[[Any], Any]:
        return self.accumulator.result

    def encode(self, state: Any) -> Any:
        return self.accumulator.encode(state)

    def decode(self, value: Any) -> Any:
        return self.accumulator.decode(value)


@dataclass(frozen=True)
class Queue:
    """A state that is a queue of argument values."""

    argument: SqlType

    @property
    def type(self) -> SqlType:
        return self.argument

    def initial(self) -> deque[Any]:
        return deque()

    def encode(self, state: deque[Any]) -> list[Any]:
        return [encode_value(value, self.argument) for value in state]

    def decode(self, value: list[Any]) -> deque[Any]:
        return deque(decode_value(item, self.argument) for item in value)


@dataclass(frozen=True)
class SlidingExtreme(Queue):
    """MIN and MAX over a frame that rows leave: a queue of those values that may yet become the result."""

    greatest: bool

    def enter(self, state: deque[Any], value: Any) -> deque[Any]:
        if self.greatest:
            while state and state[-1] < value:
                state.pop()
        else:
            while state and state[-1] > value:
                state.pop()
        state.append(value)
        return state

    def leave(self, state: deque[Any], value: Any) -> deque[Any]:
        if state[0] == value:
            state.popleft()
        return state

    def result(self, state: deque[Any]) -> Any:
        return state[0] if state else None


@dataclass(frozen=True)
class SlidingFirst(Queue):
    """FIRST_VALUE over a frame that rows leave: its first value that is not NULL."""

    def enter(self, state: deque[Any], value: Any) -> deque[Any]:
        state.append(value)
        return state

    def leave(self, state: deque[Any], value: Any) -> deque[Any]:
        state.popleft()
        return state

    def result(self, state: deque[Any]) -> Any:
        return state[0] if state else None


@dataclass(frozen=True)
class Last:
    """LAST_VALUE: the last value of the frame that is not NULL. The state is that value and how many are not NULL."""

    type: SqlType

    def initial(self) -> tuple[Any, int]:
        return None, 0

    def enter(self, state: tuple[Any, int], value: Any) -> tuple[Any, int]:
        return value, state[1] + 1

    def leave(self, state: tuple[Any, int], value: Any) -> tuple[Any, int]:
        return state[0], state[1] - 1

    def result(self, state: tuple[Any, int]) -> Any:
        return state[0] if state[1] else None

    def encode(self, state: tuple[Any, int]) -> list[Any]:
        return [encode_value(state[0], self.type), state[1]]

    def decode(self, value: list[Any]) -> tuple[Any, int]:
        return decode_value(value[0], self.type), value[1]


@dataclass(frozen=True)
class Merged:
    """An aggregate that merges but takes nothing back, over a frame that rows leave.

    The frame is two stacks: of the older rows each stands with the merged state of itself and all younger ones of its
    stack; the younger rows have one state. When the older stack is empty the younger one is turned over, so that a row
    is merged twice in its life.
    """

    accumulator: Accumulator
    argument: SqlType

    @property
    def type(self) -> SqlType:
        return self.accumulator.type

    def initial(self) -> list[Any]:
        return [[], [], self.accumulator.initial()]

    def enter(self, state: list[Any], value: Any) -> list[Any]:
        state[1].append(value)
        state[2] = self.accumulator.add(state[2], value)
        return state

    def leave(self, state: list[Any], value: Any) -> list[Any]:
        if not state[0]:
            state[0] = self._turned_over(state[1])
            state[1], state[2] = [], self.accumulator.initial()
        state[0].pop()
        return state

    def _turned_over(self, values: list[Any]) -> list[tuple[Any, Any]]:
        older: list[tuple[Any, Any]] = []
        for value in reversed(values):
            alone = self.accumulator.add(self.accumulator.initial(), value)
            older.append((value, self.accumulator.merge(alone, older[-1][1]) if older else alone))
        return older

    def result(self, state: list[Any]) -> Any:
        older, _, younger = state
        return self.accumulator.result(self.accumulator.merge(older[-1][1], younger) if older else younger)

    def encode(self, state: list[Any]) -> list[Any]:
        oldest_first = [value for value, _ in reversed(state[0])] + state[1]
        return [encode_value(value, self.argument) for value in oldest_first]

    def decode(self, value: list[Any]) -> list[Any]:
        state = self.initial()
        for item in value:
            state = self.enter(state, decode_value(item, self.argument))
        return state


@dataclass(frozen=True)
class SlidingText(Queue):
    """LISTAGG over a frame that rows leave."""

    separator: str

    def enter(self, state: deque[Any], value: Any) -> deque[Any]:
        state.append(value)
        return state

    def leave(self, state: deque[Any], value: Any) -> deque[Any]:
        state.popleft()
        return state

    def result(self, state: deque[Any]) -> Any:
        return self.separator.join(state) if state else None
