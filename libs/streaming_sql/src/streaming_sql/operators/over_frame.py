"""The frame of an OVER window, and the functions over it as rows enter and leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from streaming_sql.operators.operator import Key
from streaming_sql.operators.over_functions import FrameFunction
from streaming_sql.operators.over_state import Computed, Partition, Row

_by_arrival = itemgetter(0, 1)


@dataclass(frozen=True)
class Frame:
    """Which rows before the current one count: the last `preceding` rows, or those of the last `preceding` ms.

    `preceding` None is UNBOUNDED. Under RANGE all rows of one time have one frame, which ends after them.
    """

    rows: bool
    preceding: int | None = None

    @property
    def in_time(self) -> bool:
        """Whether rows leave it as time goes on."""
        return not self.rows and self.preceding is not None

    def __str__(self) -> str:
        unit = "" if self.rows else " ms"
        start = "UNBOUNDED" if self.preceding is None else f"{self.preceding}{unit}"
        return f"{'ROWS' if self.rows else 'RANGE'} BETWEEN {start} PRECEDING AND CURRENT ROW"


class FrameWalk:
    """Moves a key's frame on by the rows of one time. `step` gives how many rows fewer are held than before.

    Attributes:
        step: (key, partition, due, time, rows of that time, where to put the rows that are computed).

    """

    step: Callable[[Key, Partition, int, int, list[Row], list[Computed]], int]

    def __init__(self, functions: Sequence[FrameFunction], frame: Frame) -> None:
        self._enter = [function.enter for function in functions]
        self._leave = [function.leave for function in functions]
        self._result = [function.result for function in functions]
        self._reach = frame.preceding
        self.step = self._rows if frame.rows else self._range

    def _range(
        self, key: Key, partition: Partition, due: int, time: int, rows: list[Row], computed: list[Computed]
    ) -> int:
        states, frame, reach = partition.states, partition.frame, self._reach
        gone = len(rows)
        if gone > 1:
            rows.sort(key=_by_arrival)
        if reach is not None:
            gone = 0
            while frame and frame[0][0] < time - reach:
                self._drop(states, frame.popleft()[1])
                gone += 1
            for row in rows:
                frame.append((time, row[3]))
        for row in rows:
            self._take(states, row[3])
        results = tuple([result(state) for result, state in zip(self._result, states, strict=True)])
        for shard, number, columns, _, watermark in rows:
            computed.append((due, time, shard, number, columns + results, watermark, key))
        return gone

    def _rows(
        self, key: Key, partition: Partition, due: int, time: int, rows: list[Row], computed: list[Computed]
    ) -> int:
        states, frame, reach = partition.states, partition.frame, self._reach
        gone = len(rows) if reach is None else 0
        if len(rows) > 1:
            rows.sort(key=_by_arrival)
        for shard, number, columns, values, watermark in rows:
            if reach is not None:
                if len(frame) > reach:
                    self._drop(states, frame.popleft()[1])
                    gone += 1
                frame.append((time, values))
            self._take(states, values)
            results = tuple([result(state) for result, state in zip(self._result, states, strict=True)])
            computed.append((due, time, shard, number, columns + results, watermark, key))
        return gone

    def _take(self, states: list[Any], values: tuple[Any, ...]) -> None:
        """A row enters the frame."""
        enter = self._enter
        for place, value in enumerate(values):
            if value is not None:
                states[place] = enter[place](states[place], value)

    def _drop(self, states: list[Any], values: tuple[Any, ...]) -> None:
        """The frame's first row leaves it."""
        leave = self._leave
        for place, value in enumerate(values):
            if value is not None:
                states[place] = leave[place](states[place], value)
