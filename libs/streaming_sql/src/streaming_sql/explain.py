"""EXPLAIN: a program as the tree of what runs, from each sink down to the streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from streaming_sql.distribution.parts import distribute
from streaming_sql.nodes import Input, Node, Scan
from streaming_sql.operators.sink import SinkNode
from streaming_sql.program import Program

_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))


def explain(program: Program) -> str:
    """The program as text: a tree for each sink; what two of them share is told once and pointed at afterwards.

    Of each sink: where its query runs when tasks share the work, and what of it crosses between them. Of each node:
    what it does, how far its watermark stands behind the newest event, how lateness is judged, and under which name its
    state is kept.
    """
    behind = _behind(program)
    told: dict[Node, str] = {}
    across = {query: part.describe() for part in distribute(program) for query in part.program.queries}
    trees = ["\n".join(_tree(Input(query), behind, told, "", "", across[query])) for query in program.queries]
    return "\n\n".join(trees)


def duration(milliseconds: int) -> str:
    """Milliseconds in the greatest unit that divides them: 90000 is `90 s`."""
    for size, unit in _UNITS:
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size} {unit}"
    return f"{milliseconds} ms"


def _behind(program: Program) -> dict[Node, int]:
    """How far the watermark of each node's output stands behind the newest event, in ms."""
    behind: dict[Node, int] = {}
    for node in program.nodes:
        behind[node] = node.delay_ms + max((behind[edge.node] for edge in node.inputs), default=0)
    return behind


def _tree(
    edge: Input, behind: dict[Node, int], told: dict[Node, str], first: str, rest: str, more: Iterable[str] = ()
) -> Iterator[str]:
    """The lines of a node and of all below it; `first` precedes the first line, `rest` all others."""
    node = edge.node
    heading, *details = node.describe()
    passing = " ← filtered" if edge.where is not None else ""
    if node in told:
        yield f"{first}{told[node]} (as above){passing}"
        return
    told[node] = heading
    yield first + heading + passing
    below = "│  " if node.inputs else "   "
    for detail in (*details, *more, *_facts(node, behind)):
        yield f"{rest}{below}{detail}"
    for place, below_edge in enumerate(node.inputs):
        last = place == len(node.inputs) - 1
        branch, further = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield from _tree(below_edge, behind, told, rest + branch, rest + further)


def _facts(node: Node, behind: dict[Node, int]) -> Iterator[str]:
    """What is known of every node that holds rows or groups."""
    if isinstance(node, Scan | SinkNode):
        return
    input_behind = max(behind[edge.node] for edge in node.inputs)
    yield f"input's watermark: {duration(input_behind)} behind the newest event"
    if node.delay_ms:
        yield f"output's watermark: {duration(behind[node])} behind the newest event"
    if node.local:
        yield "keys: local to a shard, lateness is judged by the key"
    else:
        yield "keys: from any shard, lateness is judged by the record's shard, timers wait for the slowest shard"
    kept = f", rows count for {duration(node.horizon_ms)}" if node.horizon_ms else ""
    yield f"kept under: {node.name} ({node.fingerprint}){kept}"
