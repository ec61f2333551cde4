"""What becomes of the state when scripts are replaced: which nodes keep theirs, which start anew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from streaming_sql.nodes import Node, Scan
from streaming_sql.operators.sink import SinkNode
from streaming_sql.program import Program

Fate = Literal["kept", "anew", "added", "removed"]


@dataclass(frozen=True, slots=True)
class Step:
    """One node that holds state, or one scan with its watermarks, and what becomes of it.

    `changes` are pairs of description lines, before and after, that differ.
    """

    name: str
    heading: str
    fate: Fate
    changes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class QueryUpgrade:
    """One sink. It is `kept` if every step that it reads is."""

    query: str
    fate: Fate
    steps: tuple[Step, ...]


def compare(old: Program, new: Program) -> list[QueryUpgrade]:
    """Every sink of both programs, in the new one's order and then the removed ones.

    State is kept where a node of the same name has the same fingerprint, which is equal for equal SQL of its statement
    and of all that it reads, whatever the white space and comments.
    """
    before = {query.query: query for query in old.queries}
    upgrades = [_query(before.pop(query.query, None), query) for query in new.queries]
    return [*upgrades, *(_query(query, None) for query in before.values())]


def _query(old: SinkNode | None, new: SinkNode | None) -> QueryUpgrade:
    olds = {_identity(node): node for node in _stateful(old)}
    steps = [_step(olds.pop(_identity(node), None), node) for node in _stateful(new)]
    steps += [Step(node.name, node.describe()[0], "removed") for node in olds.values()]
    if old is None or new is None:
        one = old or new
        assert one is not None
        return QueryUpgrade(one.query, "added" if new else "removed", tuple(steps))
    same = all(step.fate == "kept" for step in steps) and old.fingerprint == new.fingerprint
    return QueryUpgrade(new.query, "kept" if same else "anew", tuple(steps))


def _identity(node: Node) -> str:
    """Scans are the same where the definition is, whatever the table's name; others where their name is."""
    return f"scan {node.fingerprint}" if isinstance(node, Scan) else node.name


def _stateful(query: SinkNode | None) -> Iterable[Node]:
    if query is None:
        return []
    return [node for node in Program((query,)).nodes if node is not query]


def _step(old: Node | None, new: Node) -> Step:
    heading, *lines = new.describe()
    if old is None:
        return Step(new.name, heading, "added")
    if old.fingerprint == new.fingerprint:
        return Step(new.name, heading, "kept")
    old_heading, *old_lines = old.describe()
    pairs = _differing([old_heading, *old_lines], [heading, *lines])
    return Step(new.name, heading, "anew", pairs)


def _differing(old: list[str], new: list[str]) -> tuple[tuple[str, str], ...]:
    """Lines that only one of both has, paired by what precedes their colon."""
    labels = {line.partition(":")[0]: line for line in old if line not in new}
    pairs = [(labels.pop(line.partition(":")[0], ""), line) for line in new if line not in old]
    return (*pairs, *((line, "") for line in labels.values()))
