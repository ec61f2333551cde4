"""What an OVER window holds of one key, and its form in a snapshot."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from heapq import heapify
from typing import Any

from streaming_sql.operators.operator import Key
from streaming_sql.operators.over_functions import FrameFunction
from streaming_sql.operators.row_codec import RowCodec
from streaming_sql.types import SqlType

Row = tuple[str, int, tuple[Any, ...], tuple[Any, ...], int]
"""A buffered row: its shard, its number of arrival from there, its columns, the arguments of the functions, and its
shard's watermark when it came."""
Computed = tuple[int, int, str, int, tuple[Any, ...], int, Key]
"""A row that waits for the least watermark: when it is due, its time, shard and number, the row to emit, its shard's
watermark when it came, its key."""


class Partition:
    """One key: rows by time that wait, rows of the frame, the functions' states.

    Attributes:
        last: the greatest time whose timer has fired; of a new key 0, as in Flink.
        cleanup: when the key is forgotten.
        timers: heap of (due, time): the timer of `time` fires when the watermark reaches `due`.
        scheduled: the due time under which the operator has the key on its list, None if it has not.

    """

    __slots__ = ("cleanup", "frame", "last", "scheduled", "states", "timers", "waiting")

    def __init__(self, states: list[Any]) -> None:
        self.waiting: dict[int, list[Row]] = {}
        self.frame: deque[tuple[int, tuple[Any, ...]]] = deque()
        self.states = states
        self.last = 0
        self.cleanup: int | None = None
        self.timers: list[tuple[int, int]] = []
        self.scheduled: int | None = None

    def begin_anew(self, states: list[Any]) -> None:
        """Forget the rows that were computed; those that wait stay."""
        self.states, self.cleanup = states, None
        self.frame.clear()

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return len(self.frame) + sum(len(rows) for rows in self.waiting.values())


Captured = tuple[int, int | None, list[tuple[int, int]], list[Any], list[Any], list[tuple[int, list[Row]]]]


class OverCodec:
    """The state of one key as JSON values: [partition or null, rows that were computed ahead], or null of none."""

    def __init__(
        self,
        key_types: Sequence[SqlType],
        column_types: Sequence[SqlType],
        argument_types: Sequence[SqlType],
        functions: Sequence[FrameFunction],
    ) -> None:
        self.keys = RowCodec(key_types)
        self._columns = RowCodec(column_types)
        self._arguments = RowCodec(argument_types, structs=False)
        self._results = RowCodec([*column_types, *(function.type for function in functions)])
        self._functions = functions

    def capture(self, partition: Partition | None) -> Captured | None:
        """What later changes, copied."""
        if partition is None:
            return None
        functions = zip(self._functions, partition.states, strict=True)
        return (
            partition.last,
            partition.cleanup,
            sorted(partition.timers),
            list(partition.frame),
            [function.encode(state) for function, state in functions],
            [(time, rows.copy()) for time, rows in partition.waiting.items()],
        )

    def encode(self, key: Key, captured: Captured | None, held: Sequence[Computed]) -> tuple[Any, Any]:
        """The key and its state."""
        if captured is None and not held:
            return self.keys.encode(key), None
        rows = [[*computed[:4], self._results.encode(computed[4]), computed[5]] for computed in held]
        return self.keys.encode(key), [None if captured is None else self._partition(captured), rows]

    def _partition(self, captured: Captured) -> list[Any]:
        last, cleanup, timers, frame, states, waiting = captured
        return [
            last,
            cleanup,
            timers,
            [[time, self._arguments.encode(values)] for time, values in frame],
            states,
            [[time, [self._row(row) for row in rows]] for time, rows in waiting],
        ]

    def _row(self, row: Row) -> list[Any]:
        shard, number, columns, values, watermark = row
        return [shard, number, self._columns.encode(columns), self._arguments.encode(values), watermark]

    def decode(self, key: Any, state: Any) -> tuple[Key, Partition | None, list[Computed]]:
        """What encode was given."""
        plain = self.keys.decode(key)
        held = [
            (due, time, shard, number, self._results.decode(row), watermark, plain)
            for due, time, shard, number, row, watermark in state[1]
        ]
        return plain, None if state[0] is None else self._decoded(state[0]), held

    def _decoded(self, state: list[Any]) -> Partition:
        last, cleanup, timers, frame, states, waiting = state
        partition = Partition([function.decode(value) for function, value in zip(self._functions, states, strict=True)])
        partition.last, partition.cleanup = last, cleanup
        partition.timers = [(due, time) for due, time in timers]
        heapify(partition.timers)
        partition.frame.extend((time, self._arguments.decode(values)) for time, values in frame)
        for time, rows in waiting:
            partition.waiting[time] = [
                (shard, number, self._columns.decode(columns), self._arguments.decode(values), watermark)
                for shard, number, columns, values, watermark in rows
            ]
        return partition
