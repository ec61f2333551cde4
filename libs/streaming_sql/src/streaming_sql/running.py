"""The running graph: one operator a node, wired so that rows flow and watermarks advance in the nodes' order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from streaming_sql.nodes import Input, Node, Scan
from streaming_sql.operators.operator import Change, Emit, Operator, emit_nothing
from streaming_sql.operators.shelf import Bound, bounded
from streaming_sql.operators.sink import ResultRow, Sink
from streaming_sql.program import Program
from streaming_sql.watermark import NEVER


class Graph:
    """The operators of a program.

    Attributes:
        operators: by node, each after those that it reads.
        pushes: what a scan's rows go to.

    """

    def __init__(
        self, program: Program, late: Callable[[str, int, int, int], None], bound: Bound | None = None
    ) -> None:
        """`late` is told (view or sink, time, watermark, bound) of each row that came too late."""
        nodes = program.nodes
        self._nodes = [node for node in nodes if not isinstance(node, Scan)]
        made: dict[Node, Operator] = {
            node: bounded(node.create, node.name, bound if node.key_origins else None) for node in self._nodes
        }
        self.operators = made
        self.pushes: dict[Scan, Emit] = {}
        readers: dict[Node, list[Emit]] = {node: [] for node in nodes}
        for node, operator in made.items():
            operator.late = partial(late, node.statement)
            for port, edge in enumerate(node.inputs):
                readers[edge.node].append(_crossing(edge, partial(operator.receive, port)))
        for node, emits in readers.items():
            push = _fan_out(emits)
            if isinstance(node, Scan):
                self.pushes[node] = push
            else:
                made[node].emit = push
        self._sinks = [operator for operator in made.values() if isinstance(operator, Sink)]
        self._downstream = {scan: _reading(scan, self._nodes) for scan in self.pushes}

    def advance(self, steps: Mapping[str, tuple[int, int]], *, again: bool = False) -> None:
        """Fire what is due. `steps` are the least watermark before and now of each scan, by its fingerprint.

        `again`: tell operators that were just restored where they stand, though nothing has moved.
        """
        at: dict[Node, tuple[int, int]] = {scan: steps[scan.fingerprint] for scan in self.pushes}
        for node in self._nodes:
            before = min(at[edge.node][0] for edge in node.inputs)
            now = min(at[edge.node][1] for edge in node.inputs)
            if before < now or again:
                self.operators[node].advance(before, now)
            at[node] = (max(before - node.delay_ms, NEVER), max(now - node.delay_ms, NEVER))

    def take(self) -> list[ResultRow]:
        """The rows that reached the sinks since the last call."""
        taken: list[ResultRow] = []
        for sink in self._sinks:
            if sink.rows:
                taken += sink.rows
                sink.rows = []
        return taken

    def flush_time(self, scan: Scan) -> int | None:
        """The watermark of the scan that fires all that its rows have opened; None if nothing is open."""
        ends = [
            end + delay
            for node, delay in self._downstream[scan]
            if (end := self.operators[node].flush_time()) is not None
        ]
        return max(ends, default=None)


def _reading(scan: Scan, nodes: list[Node]) -> list[tuple[Node, int]]:
    """The nodes below a scan, and how far their input's watermark stands behind the scan's."""
    behind: dict[Node, int] = {scan: 0}
    for node in nodes:
        delays = [behind[edge.node] + _delay(edge.node) for edge in node.inputs if edge.node in behind]
        if delays:
            behind[node] = max(delays)
    return [(node, delay) for node, delay in behind.items() if node is not scan]


def _delay(node: Node) -> int:
    return 0 if isinstance(node, Scan) else node.delay_ms


def _crossing(edge: Input, receive: Callable[..., None]) -> Emit:
    """What gives a row to an input: tested and with its own time where the edge says so."""
    where, time_of = edge.where, edge.time
    if time_of is not None:
        receive = _timed(receive, time_of)
    if where is None:
        return receive
    condition = where

    def filtered(row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        if condition(row) is True:
            receive(row, time, watermark, shard, change)
        elif change == "+U":  # what it replaces may have crossed
            receive(row, time, watermark, shard, "-D")

    return filtered


def _timed(receive: Callable[..., None], time_of: Callable[[Any], Any]) -> Callable[..., None]:
    def timed(row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        own = time_of(row)
        if own is not None:
            receive(row, own, watermark, shard, change)

    return timed


def _fan_out(emits: list[Emit]) -> Emit:
    if not emits:
        return emit_nothing
    if len(emits) == 1:
        return emits[0]

    def every(row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        for emit in emits:
            emit(row, time, watermark, shard, change)

    return every
