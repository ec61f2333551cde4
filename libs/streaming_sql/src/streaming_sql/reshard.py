"""What a shard's engine takes over when its parents have been split or merged.

A split gives each child the keys of its hash range. A merge unites two states, one of which may stand behind in event
time: all records of the child were written after both parents had ended, so what the greater watermark passes is
complete, and the windows of the one behind fire before the states are one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streaming_sql.engine import Engine
from streaming_sql.errors import StateError
from streaming_sql.nodes import Node
from streaming_sql.operators.lookup_join import LookupJoinNode
from streaming_sql.operators.sink import ResultRow
from streaming_sql.partition import HashRange
from streaming_sql.program import Program
from streaming_sql.state import merged_state, plain


@dataclass(frozen=True)
class Inheritance:
    """What a child begins with.

    Attributes:
        state: for Engine.restore.
        rows: what the windows gave that had to fire for it, before the child's first record.

    """

    state: dict[str, Any]
    rows: list[ResultRow]


def inherit(
    program: Program,
    parents: Sequence[Mapping[str, Any]],
    shard: str,
    hashes: HashRange,
    prepare: Callable[[Engine], None] = lambda engine: None,
) -> Inheritance:
    """What the engine of `shard`, which owns `hashes`, takes over from the last whole states of its parents.

    All engines are of one shard each (`Engine(program, of_one_shard=True)`), and the program's keys local to shards.
    The same parents give the same result, however often it is asked for. `prepare` is given each engine that is made
    on the way, for its reference tables. A query that the program does not know is left for `restore` to report.

    Raises:
        StateError: where a state has another version, or keeps keys without the partition key.

    """
    known = {(node.name, node.fingerprint): node for node in program.nodes}
    ends = _ends(parents)
    rows: list[ResultRow] = []
    states: list[dict[str, Any]] = []
    for parent in parents:
        operators = {
            name: _kept(known.get((name, operator["fingerprint"])), operator, hashes)
            for name, operator in merged_state([parent])["operators"].items()
        }
        sources = {name: _standing(parent["sources"].get(name), end, shard) for name, end in ends.items()}
        state = {**parent, "sources": sources, "operators": operators}
        if len(parents) > 1:
            engine = Engine(program, of_one_shard=True)
            engine.restore(state)
            prepare(engine)
            rows += engine.advance()
            others = {name: each for name, each in operators.items() if (name, each["fingerprint"]) not in known}
            state = engine.snapshot()
            state["operators"] |= others
        states.append(state)
    return Inheritance(merged_state(states), rows)


@dataclass
class _End:
    """Where the one that went furthest of the parents' scans stands; None: nowhere yet."""

    stream: str
    watermark: int | None = None
    greatest_time: int | None = None


def _ends(parents: Sequence[Mapping[str, Any]]) -> dict[str, _End]:
    ends: dict[str, _End] = {}
    for parent in parents:
        for name, source in parent["sources"].items():
            end = ends.setdefault(name, _End(source["stream"]))
            end.watermark = _greatest([end.watermark, source["fired"], *source["shards"].values()])
            end.greatest_time = _greatest([end.greatest_time, source["greatest_time"]])
    return ends


def _greatest(times: Iterable[int | None]) -> int | None:
    return max((time for time in times if time is not None), default=None)


def _standing(source: Mapping[str, Any] | None, end: _End, shard: str) -> dict[str, Any]:
    """The child where the parents ended, with what this parent has fired."""
    return {
        "stream": end.stream,
        "shards": {shard: end.watermark},
        "greatest_time": end.greatest_time,
        "fired": None if source is None else source["fired"],
    }


def _kept(node: Node | None, operator: dict[str, Any], hashes: HashRange) -> dict[str, Any]:
    """An operator's state without the keys of other ranges. What is not kept by key belongs to every child."""
    if node is None or isinstance(node, LookupJoinNode):
        return operator
    place = node.partition_place
    if place is None:
        raise StateError(f"{node.name} keeps keys without the partition key: no shard's state can be made of it")
    keys = [part for part in operator["keys"] if hashes.holds(partition_text(node.key_values(plain(part[0]))[place]))]
    return {**operator, "keys": keys}


def partition_text(value: str | int | None) -> str:
    """A field's value as the partition key of its record: an integer in plain digits, nothing as the empty text."""
    return "" if value is None else str(value)
