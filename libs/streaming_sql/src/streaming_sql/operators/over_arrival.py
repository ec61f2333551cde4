"""OVER windows ordered by processing time: a row is computed when it comes.

A record's processing time is when it arrived in its stream, so that a replay gives the same rows. As Flink does for
rows that come at different milliseconds, each row counts those before it and itself; rows of one millisecond are not
waited for, so they do not get one common value under RANGE.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields
from heapq import heappop, heappush
from typing import Any

from streaming_sql.expressions import Evaluate
from streaming_sql.operators.operator import Change, Emit, Key, Late, emit_nothing, report_nothing
from streaming_sql.operators.over import OverNode
from streaming_sql.operators.over_state import Captured, OverCodec, Partition


@dataclass(frozen=True, eq=False, kw_only=True)
class OverArrivalNode(OverNode):
    """Functions over one frame of rows in order of arrival. `arrival` is a row's processing time in ms."""

    arrival: Evaluate

    @classmethod
    def of(cls, node: OverNode, arrival: Evaluate) -> OverArrivalNode:
        """The same window, ordered by arrival."""
        return cls(**{field.name: getattr(node, field.name) for field in fields(node)}, arrival=arrival)

    def create(self) -> OverArrival:  # type: ignore[override]
        """An operator that holds nothing."""
        return OverArrival(self)

    def describe(self) -> list[str]:
        """The frame and the functions."""
        return [f"over {self.frame}, by arrival", *self.calls]


class OverArrival:
    """Computes each row as it comes. A bounded RANGE forgets a key at 1.5 ranges after its last row.

    That time is told by the arrivals of the shard that the key's last row came from.
    """

    def __init__(self, node: OverArrivalNode) -> None:
        self.emit: Emit = emit_nothing
        self.late: Late = report_nothing
        self.dirty: set[Key] = set()
        self._node = node
        self._partitions: dict[Key, Partition] = {}
        self._expiries: dict[str, list[tuple[int, int, Key]]] = {}
        self._told_by: dict[Key, str] = {}
        self._scheduled = 0
        self._rows = 0
        self._retention = node.retention
        self._codec = OverCodec(node.key_types, node.column_types, node.argument_types, node.functions)

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Compute a row and emit it at once, with its own event time."""
        node = self._node
        key = node.key(row)
        partition = self._partitions.get(key)
        if partition is None:
            partition = self._partitions[key] = Partition([function.initial() for function in node.functions])
        at = max(node.arrival(row) or 0, partition.last)
        partition.last = at
        self.dirty.add(key)
        self._make_room(partition, at)
        values, states = node.arguments(row), partition.states
        if node.frame.preceding is not None:
            partition.frame.append((at, values))
            self._rows += 1
        for place, value in enumerate(values):
            if value is not None:
                states[place] = node.functions[place].enter(states[place], value)
        results = tuple([function.result(state) for function, state in zip(node.functions, states, strict=True)])
        self.emit(node.columns(row) + results, time, watermark, shard)
        if self._retention is not None:
            self._set_expiry(key, partition, at, shard, self._retention)
            self._forget(at, shard)

    def _make_room(self, partition: Partition, at: int) -> None:
        frame, reach = partition.frame, self._node.frame.preceding
        if reach is None:
            return
        while frame and (len(frame) > reach if self._node.frame.rows else at - frame[0][0] > reach):
            _, values = frame.popleft()
            self._rows -= 1
            for place, value in enumerate(values):
                if value is not None:
                    partition.states[place] = self._node.functions[place].leave(partition.states[place], value)

    def _set_expiry(self, key: Key, partition: Partition, at: int, shard: str, retention: int) -> None:
        if partition.cleanup is None or partition.cleanup < at + retention + 1:
            partition.cleanup = at + retention * 3 // 2 + 1
            self._put_on_schedule(key, partition.cleanup, shard)

    def _put_on_schedule(self, key: Key, expiry: int, shard: str) -> None:
        self._told_by[key] = shard
        self._scheduled += 1
        heappush(self._expiries.setdefault(shard, []), (expiry, self._scheduled, key))

    def _forget(self, at: int, shard: str) -> None:
        expiries = self._expiries.get(shard, [])
        while expiries and expiries[0][0] <= at:
            expiry, _, key = heappop(expiries)
            partition = self._partitions.get(key)
            if partition is not None and partition.cleanup == expiry:
                self._rows -= len(partition.frame)
                del self._partitions[key], self._told_by[key]
                self.dirty.add(key)

    def advance(self, before: int, now: int, /) -> None:
        """Nothing waits for event time."""

    def flush_time(self) -> int | None:
        """Nothing is held back."""
        return None

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """See OverCodec; then the shard whose arrivals tell when the key expires."""
        wanted = list(self._partitions) if keys is None else keys
        captured = [(key, self._codec.capture(self._partitions.get(key)), self._told_by.get(key, "")) for key in wanted]
        return (self._encoded(key, state, shard) for key, state, shard in captured)

    def _encoded(self, key: Key, captured: Captured | None, shard: str) -> tuple[Any, Any]:
        encoded, state = self._codec.encode(key, captured, ())
        return encoded, None if state is None else [*state, shard]

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """Continue from what `snapshot` gave."""
        for encoded, state in parts:
            key, partition, _ = self._codec.decode(encoded, state)
            if partition is None:
                continue
            self._partitions[key] = partition
            self._rows += partition.rows
            shard = state[2] if len(state) > 2 else None  # a former version did not note it: the next row's will do
            if shard is None or self._retention is None:
                partition.cleanup = None
            elif partition.cleanup is not None:
                self._put_on_schedule(key, partition.cleanup, shard)

    @property
    def size(self) -> int:
        """Keys and rows of frames."""
        return len(self._partitions) + self._rows
