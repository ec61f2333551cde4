"""Reference tables that the engines of many key groups look rows up in: read and indexed once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streaming_sql.distribution.parts import Part
from streaming_sql.errors import UnknownReference
from streaming_sql.operators.lookup_join import LookupJoin, LookupJoinNode
from streaming_sql.reference_rows import read_reference
from streaming_sql.running import Graph

_Index = dict[Any, list[Any]]


class References:
    """The tables that the exchanged parts look rows up in where they meet, as they stand now."""

    def __init__(self, parts: Sequence[Part]) -> None:
        found = {node: None for part in parts if part.kind != "local" for node in part.program.nodes}
        self._nodes = [node for node in found if isinstance(node, LookupJoinNode)]
        self._known: dict[LookupJoinNode, tuple[str, _Index]] = {}

    @property
    def versions(self) -> dict[str, str]:
        """The version of each table by its name, "" of one that was not given yet."""
        return {node.table.name: self._known.get(node, ("", {}))[0] for node in self._nodes}

    def set(self, table: str, version: str, data: bytes) -> list[int]:
        """Take a table's file in; KeyGroup.refresh makes its engines use it. Returns the lines that are no rows.

        Raises:
            UnknownReference: if no query looks anything up in it.

        """
        malformed: list[int] | None = None
        for node in self._nodes:
            if node.table.name == table:
                rows, malformed = read_reference(node.decoder, node.table.options, data)
                self._known[node] = version, node.create().index(rows)
        if malformed is None:
            raise UnknownReference(table)
        return malformed

    def give(self, graph: Graph) -> None:
        """Let the joins of a graph use the tables from now on."""
        for node, operator in graph.operators.items():
            if isinstance(operator, LookupJoin) and isinstance(node, LookupJoinNode) and node in self._known:
                operator.use(*self._known[node])
