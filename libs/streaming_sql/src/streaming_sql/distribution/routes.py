"""By what rows can be told apart so that all which one state needs meet: from the origins of the states' keys.

Every state's key must include the value that rows are sent by. Two rows of one key then go to one group, whatever else
is in the key. A value is followed from the scans to the keys by what it is (streaming_sql.expressions.Origin), so it
may have one name in the table, another in a view, and on each side of a join its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from streaming_sql.alerts import RESOLVE_AFTER_MS
from streaming_sql.expressions import Origin, Origins
from streaming_sql.nodes import Node, Scan
from streaming_sql.operators.alert_sink import AlertSinkNode
from streaming_sql.operators.lookup_join import LookupJoinNode
from streaming_sql.operators.sink import SinkNode
from streaming_sql.operators.union import UnionNode
from streaming_sql.operators.window_assign import WindowAssignNode
from streaming_sql.program import Program

Route = dict[str, Origin]
"""By the fingerprint of a scan the value of its rows: one and the same value, where rows of several scans meet."""
_STATELESS = (Scan, UnionNode, WindowAssignNode, LookupJoinNode)


def holds_state(node: Node) -> bool:
    """Whether what a row comes to depends on rows before it."""
    if isinstance(node, SinkNode):
        return isinstance(node, AlertSinkNode)
    return not isinstance(node, _STATELESS)


def states_of(program: Program) -> list[Node]:
    """The states of a program. Without any: sinks whose rows replace one another by their PRIMARY KEY, if it has some.

    The row that stays must be told by one owner. Rows that come out of states are told by the states' owners.
    """
    found = [node for node in program.nodes if holds_state(node)]
    return found or [query for query in program.queries if keys_of(query)]


def keys_of(query: SinkNode) -> list[Origins]:
    """What the columns are by which a sink's rows replace one another, window by window left out."""
    return [] if query.bounds else [output.origins for output in query.outputs if output.role == "key"]


def common_routes(program: Program) -> list[Route] | None:
    """The values that every state's key includes, for all scans; None if some state shares none with the others.

    Scans whose rows never meet in a state have routes of their own.
    """
    reached = scans_below(program)
    states = states_of(program)
    routes: list[Route] = []
    for scans in _meeting([reached[node] for node in states]):
        found: list[Route] | None = None
        for node in states:
            if reached[node] <= scans:
                found = _narrowed(found, routes_of(node))
        covering = [route for route in found or [] if route.keys() == scans]
        if not covering:
            return None
        routes += covering
    return sorted(routes, key=lambda route: sorted((scan, one.path) for scan, one in route.items()))


def routes_of(node: Node) -> list[Route]:
    """What the values of a state's key are in the scans' rows, those that are one value of each scan."""
    found = []
    plain_sink = isinstance(node, SinkNode) and not isinstance(node, AlertSinkNode)
    for origins in keys_of(node) if plain_sink and isinstance(node, SinkNode) else node.key_origins:
        route = {origin.scan: origin for origin in origins}
        if route and len(route) == len(origins):
            found.append(route)
    return found


def agree(one: Route, other: Route) -> bool:
    """Whether both are the same value where they speak of the same scan."""
    return all(other[scan] == origin for scan, origin in one.items() if scan in other)


def _narrowed(found: list[Route] | None, routes: Sequence[Route]) -> list[Route]:
    """The routes that are one of `found` and one of `routes` in one."""
    if found is None:
        return list(routes)
    joined = [{**one, **other} for one in found for other in routes if agree(one, other)]
    return [route for place, route in enumerate(joined) if route not in joined[:place]]


def _meeting(groups: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """The scans whose rows meet in some state, directly or by way of others."""
    apart: list[frozenset[str]] = []
    for group in groups:
        touching = [known for known in apart if known & group]
        apart = [known for known in apart if not known & group]
        apart.append(group.union(*touching))
    return apart


def scans_below(program: Program) -> dict[Node, frozenset[str]]:
    """The fingerprints of the scans whose rows reach a node."""
    reached: dict[Node, frozenset[str]] = {}
    for node in program.nodes:
        own = frozenset({node.fingerprint}) if isinstance(node, Scan) else frozenset()
        reached[node] = own.union(*(reached[edge.node] for edge in node.inputs))
    return reached


def first_states(program: Program) -> tuple[list[Node], bool]:
    """The nodes that rows of a scan reach before any state: states and sinks. And whether no others reach them."""
    fresh: set[Node] = set()
    worked: set[Node] = set()
    first: list[Node] = []
    for node in program.nodes:
        above = [edge.node for edge in node.inputs]
        reached = any(one in fresh for one in above)
        if any(one in worked for one in above):
            worked.add(node)
        if reached and (holds_state(node) or isinstance(node, SinkNode)):
            first.append(node)
        elif reached or isinstance(node, Scan):
            fresh.add(node)
        if holds_state(node):
            worked.add(node)
    inputs = {edge.node for node in first for edge in node.inputs}
    return first, not inputs & worked


def reach_ms(program: Program) -> int:
    """How far beyond a row's time the watermark must be for nothing that the row opened to be open any more."""
    reach: dict[Node, int] = {}
    for node in program.nodes:
        below = max((reach[edge.node] for edge in node.inputs), default=0)
        if isinstance(node, AlertSinkNode):
            resolve = RESOLVE_AFTER_MS if node.policy.resolve_ms is None else node.policy.resolve_ms
            below += max(resolve, below)
        reach[node] = below if isinstance(node, Scan) else below + node.horizon_ms + node.delay_ms + 2
    return max(reach.values(), default=0)
