"""The compiled plan: a graph of nodes, each a recipe for one operator.

Expressions that a node holds are closures over the *base rows* of its input's node: a scan's are structs of the
table's columns, every other node's are tuples. Projections and filters are no nodes: they are composed into those
closures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from streaming_sql.decode import RowDecoder
from streaming_sql.expressions import Evaluate, Origins
from streaming_sql.operators.operator import Operator


@dataclass(frozen=True, eq=False, kw_only=True)
class Node:
    """One step of a plan.

    Attributes:
        name: "<statement>/<number>:<kind>", unique in the program; the state is kept under it.
        fingerprint: equal for equal SQL of the statement and of all that it reads.
        inputs: where rows come from, by port.
        delay_ms: how far the output's watermark stands behind the input's.
        horizon_ms: for how long after its own event time a row may still matter here.
        own_time: a row's time is the value of its event-time column; False where it has several such columns.
        local: all rows of one key come from one shard, so lateness may be judged by the key.
        key_origins: what each value of the state's keys is in the scans' rows; empty where no state is kept by key.

    """

    name: str
    fingerprint: str
    inputs: tuple[Input, ...] = ()
    delay_ms: int = 0
    horizon_ms: int = 0
    own_time: bool = True
    local: bool = False
    key_origins: tuple[Origins, ...] = ()

    @property
    def partition_place(self) -> int | None:
        """Where in the state's keys the partition key of the rows' records stands; None if it is no part of them.

        With such a key, and such nodes above, all rows of a key come from one shard.
        """
        for place, origins in enumerate(self.key_origins):
            if origins and all(origin.is_partition_key for origin in origins):
                return place
        return None

    @property
    def statement(self) -> str:
        """The view or sink that the node is part of."""
        return self.name.split("/")[0]

    def key_values(self, key: Any) -> Sequence[Any]:
        """The values of one of the state's keys as a snapshot holds it, in the order of `key_origins`."""
        values: Sequence[Any] = key
        return values

    def create(self) -> Operator:
        """A fresh operator."""
        raise NotImplementedError

    def describe(self) -> list[str]:
        """What EXPLAIN says of it, the heading first."""
        return [self.name.partition(":")[2]]


@dataclass(frozen=True, eq=False)
class Input:
    """An edge of the graph. Rows for which `where` is not True do not cross; `time` None keeps the node's own."""

    node: Node
    where: Evaluate | None = None
    time: Evaluate | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Scan(Node):
    """The rows of one table definition, however many scripts declare it.

    Attributes:
        stream: the stream that the table reads.
        delay_ms: how far the watermark stays behind the greatest event time.
        rowtime: the event time of a row in ms, or None for a row that has none.
        columns: the names of the columns read from JSON.
        partition_key: the field that is the partition key of the stream's records, "" where the table does not say.
        metadata: (struct attribute, what it holds) of columns that are not in the JSON: see engine.Arrival.

    """

    stream: str
    decoder: RowDecoder
    rowtime: Evaluate
    columns: tuple[str, ...]
    partition_key: str = ""
    metadata: tuple[tuple[str, str], ...] = field(default=())

    def describe(self) -> list[str]:
        """The stream, its partition key and the watermark's delay."""
        key = [f"partition key: {self.partition_key}"] if self.partition_key else []
        delay = f"watermark: {self.delay_ms} ms behind the greatest event time of each shard"
        return [f"scan of {self.stream}", *key, delay]


@dataclass(frozen=True)
class Output:
    """One column of a sink: its name, its value from a base row, and what it is.

    `role` is "window_start", "window_end", "key" or "value".
    """

    name: str
    role: str
    evaluate: Evaluate
    type: Any
    origins: Origins = frozenset()


__all__ = ["Input", "Node", "Output", "Scan"]
