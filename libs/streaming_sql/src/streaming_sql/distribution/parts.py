"""The parts of a program: which queries run where a shard is read, which where rows of a key meet, and by what key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from streaming_sql.distribution.keys import KEY_GROUPS, KeyGroups, key_group
from streaming_sql.distribution.routes import (
    Route,
    agree,
    common_routes,
    first_states,
    holds_state,
    routes_of,
    states_of,
)
from streaming_sql.expressions import Evaluate
from streaming_sql.nodes import Node, Scan
from streaming_sql.operators.sink import SinkNode
from streaming_sql.operators.window_aggregate import WindowAggregateNode
from streaming_sql.operators.window_assign import WindowAssignNode
from streaming_sql.operators.window_join import WindowJoinNode
from streaming_sql.operators.window_top_n import WindowTopNNode
from streaming_sql.program import Program
from streaming_sql.tables import fingerprint

Kind = Literal["local", "keyed", "gathered"]
Sends = Literal["", "rows", "partials"]


@dataclass(frozen=True)
class Part:
    """The queries of a program that need the same of the exchange.

    Attributes:
        name: follows from what its queries need alone: a query keeps its part, whatever others come and go.
        kind: "local": at the source's shards; "keyed": in the key groups of `key`; "gathered": all in one key group.
        sends: what crosses the exchange: nothing, records as they came, or groups of windows' slices.
        program: the part's queries.
        key: what rows are sent by, as EXPLAIN tells it.
        why: the reasons of kind and sends, for EXPLAIN.
        routes: the values that rows are sent by.

    """

    name: str
    kind: Kind
    sends: Sends
    program: Program
    key: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    routes: tuple[Route, ...] = field(default=(), compare=False)

    @property
    def only_group(self) -> int | None:
        """The one key group of a gathered part."""
        return key_group((self.name,)) if self.kind == "gathered" else None

    @property
    def groups(self) -> Sequence[int]:
        """The key groups that it is in."""
        if self.kind == "local":
            return ()
        return range(KEY_GROUPS) if self.only_group is None else (self.only_group,)

    @property
    def aggregates(self) -> tuple[WindowAggregateNode, ...]:
        """The windows whose slices cross the exchange."""
        if self.sends != "partials":
            return ()
        return tuple(node for node in first_states(self.program)[0] if isinstance(node, WindowAggregateNode))

    def describe(self) -> list[str]:
        """What EXPLAIN says of its queries."""
        place = {
            "local": "local, at each shard of the stream",
            "keyed": f"keyed by {' and '.join(self.key)}, in {KEY_GROUPS} key groups",
            "gathered": "gathered, in one key group",
        }
        return [f"over many tasks: {place[self.kind]}", *(f"  {reason}" for reason in self.why)]

    @cached_property
    def steps(self) -> tuple[tuple[int, int], ...] | None:
        """When a watermark must be heard of: each time it passes a multiple of a step plus an offset, both in ms.

        None: whenever it moves. Windows of a step fire at its multiples and at no other time.
        """
        states = [node for node in self.program.nodes if holds_state(node)]
        if self.sends != "partials" or not all(_fires_with_windows(node) for node in states):
            return None
        made = [node for node in self.program.nodes if isinstance(node, WindowAggregateNode | WindowAssignNode)]
        return tuple({(node.window.slide, node.window.offset) for node in made if node.window.slide})

    def row_key(self, scan: Scan) -> tuple[Evaluate, ...]:
        """What a row of the scan is sent by."""
        return tuple(route[scan.fingerprint].evaluate for route in self.routes if scan.fingerprint in route)

    def slice_key(self, node: WindowAggregateNode) -> tuple[int, ...]:
        """The places in the node's keys of what its groups are sent by."""
        return tuple(_place(node, route) for route in self.routes if _touches(node, route))


def distribute(program: Program) -> tuple[Part, ...]:
    """The parts of a program, the local one first; every query is in one of them."""
    needs: dict[str, Part] = {}
    for query in program.queries:
        part = _part(query)
        known = needs.get(part.name)
        queries = (query,) if known is None else (*known.program.queries, query)
        needs[part.name] = replace(known or part, program=Program(queries))
    return tuple(sorted(needs.values(), key=lambda part: part.kind != "local"))


def _part(query: SinkNode) -> Part:
    program = Program((query,))
    reason = _local(program)
    if reason:
        return Part("local", "local", "", program, why=(reason,))
    routes = common_routes(program)
    refusal = _refusal(program)
    sends: Sends = "rows" if refusal else "partials"
    sent = refusal or "partials cross: the first states are windows whose functions merge"
    if routes is None:
        scans = sorted(scan.fingerprint for scan in program.sources)
        why = ("no value of the rows is in the key of every state", sent)
        return Part(f"gathered-{sends}-{fingerprint(*scans)}", "gathered", sends, program, why=why)
    places = sorted(
        f"{number}:{scan}:{origin.path}" for number, route in enumerate(routes) for scan, origin in route.items()
    )
    key = tuple(_described(route, program) for route in routes)
    what = "every state's key" if any(map(holds_state, program.nodes)) else "the sink's key"
    why = (f"{what} includes it", sent)
    return Part(f"keyed-{sends}-{fingerprint(*places)}", "keyed", sends, program, key, why, tuple(routes))


def _local(program: Program) -> str:
    """Why a shard's rows need no others, or ""."""
    states = states_of(program)
    if not states:
        return "no state: every row is for itself"
    streams = {scan.stream for scan in program.sources}
    if len(streams) > 1 or not all(any(map(_of_one_shard, routes_of(node))) for node in states):
        return ""
    what = "every state's key" if holds_state(states[0]) else "the sink's key"
    return f"{what} includes the partition key of the stream"


def _of_one_shard(route: Route) -> bool:
    return all(origin.is_partition_key for origin in route.values())


def _refusal(program: Program) -> str:
    """Why rows cross and not slices, or ""."""
    first, alone = first_states(program)
    if not holds_state(states_of(program)[0]):
        return "rows cross: those of one PRIMARY KEY replace one another"
    for node in first:
        if not isinstance(node, WindowAggregateNode):
            return f"rows cross: {node.describe()[0]} needs every row"
        ordered = [type(each.accumulator).__name__ for each in node.aggregates if each.accumulator.ordered]
        if ordered:
            return f"rows cross: {ordered[0]} goes by the order of rows"
    return "" if alone else "rows cross: some are joined by rows that come out of another state"


def _fires_with_windows(node: Node) -> bool:
    """Whether it gives out rows when windows end, and only then."""
    if isinstance(node, WindowAggregateNode):
        return not node.lateness_ms
    return isinstance(node, WindowTopNNode | WindowJoinNode)


def _touches(node: Node, route: Route) -> bool:
    return any(agree(one, route) and one.keys() & route.keys() for one in routes_of(node))


def _place(node: WindowAggregateNode, route: Route) -> int:
    for place, origins in enumerate(node.key_origins):
        if origins and all(route.get(origin.scan) == origin for origin in origins):
            return place
    raise AssertionError(f"{node.name} has no key of the route")


def _described(route: Route, program: Program) -> str:
    streams: Mapping[str, str] = {scan.fingerprint: scan.name.split("/")[0] for scan in program.sources}
    paths = {streams[scan]: ".".join(origin.path) if origin.path[0] else "" for scan, origin in route.items()}
    if len(set(paths.values())) == 1:
        return next(iter(paths.values())) or "an expression"
    return " = ".join(
        f"{table}.{path}" if path else f"an expression of {table}" for table, path in sorted(paths.items())
    )


def group_of(evaluations: Sequence[Evaluate], only: int | None) -> Callable[[Any], int]:
    """What gives a row's key group."""
    if only is not None:
        return lambda row: only
    groups = KeyGroups()
    if len(evaluations) == 1:
        first = evaluations[0]
        return lambda row: groups[(first(row),)]
    return lambda row: groups[tuple([evaluate(row) for evaluate in evaluations])]
