"""GROUP BY of SESSION windows: rows of one key at most `gap` apart belong together.

A session [first row, last row + gap) takes in every row that falls into it or touches it, as Flink's
SessionWindowAssigner merges windows. Where all rows of a key come from one shard, Flink's rule holds to the letter: a
session whose last millisecond that shard's watermark has passed is closed, and a row is late if the session that it
makes or joins is. Where shards share keys, that would depend on how they interleave: there a row is late when its own
shard's watermark has reached its time, sessions are what the rows in time make of themselves, and one fires when the
least watermark has reached its end.
"""

from __future__ import annotations

from dataclasses import dataclass

from streaming_sql.aggregates import Aggregate
from streaming_sql.expressions import Evaluate, Expression
from streaming_sql.nodes import Node
from streaming_sql.operators.sessions import SessionAggregate
from streaming_sql.operators.window_layout import describe_window
from streaming_sql.relation import WindowSpec


@dataclass(frozen=True, eq=False, kw_only=True)
class SessionAggregateNode(Node):
    """Groups of sessions; rows are (window start, window end, key..., aggregate...), their time the session's last ms.

    Attributes:
        window: its `size` is the gap in ms.
        partition: the keys that make the sessions, if there are others beside them. Flink gives each row its session
            first then, so rows that the WHERE leaves out make and stretch sessions too.
        counted: with `partition`, the rows of a session that are aggregated; None for all.
        lateness_ms: how long a session that has fired takes late rows in, and gives out revised rows.

    """

    window: WindowSpec
    keys: tuple[Expression, ...]
    aggregates: tuple[Aggregate, ...]
    partition: tuple[Expression, ...] | None = None
    counted: Evaluate | None = None
    lateness_ms: int = 0

    def create(self) -> SessionAggregate:
        """No open sessions."""
        return SessionAggregate(self)

    def describe(self) -> list[str]:
        """The gap, and how rows are judged late."""
        rule = "the session that a row makes or joins" if self.local else "each row, since shards share keys"
        lines = ["session aggregate", f"window: {describe_window(self.window)}", f"late: judged by {rule}"]
        if self.lateness_ms:
            lines.append(f"allowed lateness: {self.lateness_ms} ms, late rows revise what was given out")
        return lines
