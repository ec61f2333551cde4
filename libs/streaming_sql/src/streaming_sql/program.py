"""A compiled plan: what an engine runs."""

from __future__ import annotations

from dataclasses import dataclass

from streaming_sql.nodes import Node, Scan
from streaming_sql.operators.sink import SinkNode


@dataclass(frozen=True)
class Program:
    """The graph of one or more scripts. Tables of one definition are one scan, however many scripts declare them.

    Attributes:
        outlets: nodes at which rows leave for other engines, see streaming_sql.distribution.

    """

    queries: tuple[SinkNode, ...]
    outlets: tuple[Node, ...] = ()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, each after those that it reads."""
        found: dict[Node, None] = {}

        def visit(node: Node) -> None:
            if node not in found:
                for edge in node.inputs:
                    visit(edge.node)
                found[node] = None

        for query in (*self.queries, *self.outlets):
            visit(query)
        return tuple(found)

    @property
    def sources(self) -> tuple[Scan, ...]:
        """The scans."""
        return tuple(node for node in self.nodes if isinstance(node, Scan))

    @property
    def horizon_ms(self) -> int:
        """For how long after its event time a record may still matter: the longest path of windows and bounds."""
        reach: dict[Node, int] = {}
        for node in self.nodes:
            reach[node] = node.horizon_ms + max((reach[edge.node] for edge in node.inputs), default=0)
        return max(reach.values(), default=0)
