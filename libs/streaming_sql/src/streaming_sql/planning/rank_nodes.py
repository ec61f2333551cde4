"""Which operator ranks rows: by what they are partitioned and ordered, and which ranks are wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from streaming_sql.dialect import unsupported
from streaming_sql.expressions import Expression, compile_scalar
from streaming_sql.nodes import Node
from streaming_sql.operators.deduplicate import DeduplicateNode
from streaming_sql.operators.first_rows import FirstRowsNode
from streaming_sql.operators.ordering import SortColumn, SortKey, sort_key
from streaming_sql.operators.top_n import TopNNode
from streaming_sql.operators.window_top_n import WindowTopNNode
from streaming_sql.planning.over import TOP_N_FORM
from streaming_sql.planning.over_specification import OverSpecification
from streaming_sql.planning.packing import Packing
from streaming_sql.planning.rank_bounds import RankBounds
from streaming_sql.planning.scopes import RelationScope, traced
from streaming_sql.relation import Column, Relation, packed
from streaming_sql.tables import fingerprint

if TYPE_CHECKING:
    from streaming_sql.planning.planner import Planner

_TIMES = frozenset({"rowtime", "window_time", "proctime"})


def rank_node(
    over: OverSpecification, packing: Packing, bounds: RankBounds, planner: Planner, *, ranked: bool, words: str
) -> tuple[Node, bool]:
    """The node that ranks the rows, and whether they are revised. `words` are of the statement with the ranking.

    Raises:
        SqlError: where keys or the order do not fit in type.

    """
    source = packing.source
    scope = RelationScope(source, planner.text)
    window_end = _window_end(over, scope)
    time = _time(over, scope)
    descending, last = bool(over.order[0].args.get("desc")), bounds.last or 1
    keys = partition_keys(over.partition, source, planner.text, in_windows=window_end is not None)
    shared: dict[str, Any] = {
        "fingerprint": fingerprint(planner.digest(source), words),
        "inputs": (source.input(),),
        "local": planner.is_local(source, keys),
        "key_origins": tuple(key.origins for key in keys),
        "own_time": source.node.own_time,
        "key": packed(keys),
        "key_types": tuple(key.type for key in keys),
        "columns": packing.pack,
    }
    ranks: dict[str, Any] = {"first": bounds.first, "last": last}
    typed = {**shared, "column_types": packing.types}
    if window_end is None and time is not None and time.role == "proctime" and not descending:
        return FirstRowsNode(name=planner.name("first rows"), ttl_ms=planner.ttl_ms, **ranks, **shared), False
    if window_end is None and time is not None and last == 1:
        if time.role != "proctime":
            typed["inputs"] = (source.input(time),)
        name, by_arrival = planner.name("deduplicate"), time.role == "proctime"
        node = DeduplicateNode(name=name, last=descending, by_arrival=by_arrival, ttl_ms=planner.ttl_ms, **typed)
        return node, True
    order, by = _order(over, packing, planner.text)
    typed = {**typed, **ranks, "order": order, "by": by}
    if window_end is not None:
        latest = last == 1 and time is not None and descending
        return WindowTopNNode(name=planner.name("window top-n"), window_end=window_end, latest=latest, **typed), False
    return TopNNode(name=planner.name("top-n"), ranked=ranked, ttl_ms=planner.ttl_ms, **typed), True


def partition_keys(
    partition: Sequence[exp.Expr], relation: Relation, text: str, *, in_windows: bool = True
) -> list[Expression]:
    """PARTITION BY's expressions; of a ranking in windows all but the windows' bounds.

    Raises:
        SqlError: for a key that has no order.

    """
    scope = RelationScope(relation, text)
    keys = []
    for part in partition:
        column = scope.column(part)[0] if isinstance(part, exp.Column) else None
        in_bounds = column is not None and column.role in {"window_start", "window_end"}
        if in_windows and relation.bounds and in_bounds:
            continue
        key = traced(compile_scalar(part, scope), part, relation)
        if key.type.is_nested or key.type.name == "NULL":
            raise unsupported(part, text, f"PARTITION BY {key.type} is not supported", TOP_N_FORM)
        keys.append(key)
    return keys


def _window_end(over: OverSpecification, scope: RelationScope) -> Callable[[Any], Any] | None:
    """The end of a row's window, if the rows are ranked within windows."""
    roles = {scope.column(part)[0].role for part in over.partition if isinstance(part, exp.Column)}
    bounds = scope.relation.bounds
    return bounds[1] if bounds is not None and {"window_start", "window_end"} <= roles else None


def _time(over: OverSpecification, scope: RelationScope) -> Column | None:
    """The time attribute that alone gives the order."""
    if len(over.order) != 1 or not isinstance(over.order[0].this, exp.Column):
        return None
    column = scope.column(over.order[0].this)[0]
    return column if column.role in _TIMES else None


def _order(over: OverSpecification, packing: Packing, text: str) -> tuple[Callable[[Any], SortKey], str]:
    scope = RelationScope(packing.unpacked(), text)
    columns = []
    for ordered in over.order:
        value = compile_scalar(ordered.this, scope)
        if value.type.name in {"ROW", "NULL"}:
            raise unsupported(ordered, text, f"ORDER BY {value.type} is not supported", TOP_N_FORM)
        descending = bool(ordered.args.get("desc"))
        columns.append(SortColumn(value.evaluate, descending, nulls_last=not ordered.args.get("nulls_first")))
    return sort_key(columns), ", ".join(ordered.sql() for ordered in over.order)
