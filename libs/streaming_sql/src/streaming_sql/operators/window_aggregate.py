"""GROUP BY of TUMBLE, HOP and CUMULATE windows, and of windows that rows belong to already.

Windows are kept as slices that overlapping windows share (streaming_sql.operators.window_layout). A window [start, end)
is late, and fires, when its shard's or the least watermark has reached end - 1, plus the allowed lateness for being
late: until then late rows give out their key's row again. A key without rows in a window has no row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from streaming_sql.aggregates import Aggregate
from streaming_sql.aggregates.groups import GroupFunctions, group_functions
from streaming_sql.expressions import Evaluate, Expression
from streaming_sql.nodes import Node
from streaming_sql.operators.open_windows import WindowAggregate
from streaming_sql.operators.window_layout import describe_window
from streaming_sql.relation import WindowSpec


@dataclass(frozen=True, eq=False, kw_only=True)
class WindowAggregateNode(Node):
    """Groups of windows; rows are (window start, window end, key..., aggregate...), their time the window's last ms.

    Attributes:
        bounds: the start and end of the window that a row belongs to; None: `window` says it by the row's time.
        lateness_ms: how long a window that has fired takes late rows in, and gives out revised rows.

    """

    window: WindowSpec
    keys: tuple[Expression, ...]
    aggregates: tuple[Aggregate, ...]
    bounds: tuple[Evaluate, Evaluate] | None = None
    lateness_ms: int = 0

    @cached_property
    def functions(self) -> GroupFunctions:
        """What is done with its groups, compiled once for all operators."""
        return group_functions([key.evaluate for key in self.keys], self.aggregates)

    def create(self) -> WindowAggregate:
        """No open windows."""
        return WindowAggregate(self)

    def describe(self) -> list[str]:
        """The windows, what is kept of them, and lateness."""
        lines = ["window aggregate", f"window: {describe_window(self.window, attached=self.bounds is not None)}"]
        lines.append(f"keys: {len(self.keys)}, aggregates: {', '.join(_names(self.aggregates)) or 'none'}")
        if self.lateness_ms:
            lines.append(f"allowed lateness: {self.lateness_ms} ms, late rows revise what was given out")
        return lines


def _names(aggregates: tuple[Aggregate, ...]) -> list[str]:
    return [type(aggregate.accumulator).__name__ for aggregate in aggregates]


__all__ = ["WindowAggregate", "WindowAggregateNode"]
