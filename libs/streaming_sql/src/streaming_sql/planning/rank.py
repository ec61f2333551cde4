"""ROW_NUMBER() OVER (...) in a subquery or view, bounded by the WHERE around it: top-N and deduplication.

A SELECT with a ranking is not planned to the end: what it means depends on whether its reader bounds the rank. So its
relation carries a `Ranking`, which the reader resolves, with a bound (`plan_rank`) or without (`settled`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from streaming_sql.dialect import unsupported
from streaming_sql.expressions import Expression, boolean, constant
from streaming_sql.nodes import Node
from streaming_sql.operators.first_rows import FirstRowsNode
from streaming_sql.operators.window_top_n import WindowTopNNode
from streaming_sql.planning.over import TOP_N_FORM, OverScope, plan_over
from streaming_sql.planning.over_specification import read_over
from streaming_sql.planning.packing import Packing, used_columns
from streaming_sql.planning.rank_bounds import RankBounds, rank_bounds
from streaming_sql.planning.rank_nodes import partition_keys, rank_node
from streaming_sql.planning.scopes import RelationScope
from streaming_sql.relation import Column, Relation, both
from streaming_sql.types import BIGINT

if TYPE_CHECKING:
    from streaming_sql.planning.planner import Planner

Project = Callable[[exp.Select, Relation, RelationScope, "Planner"], Relation]
_FUNCTIONS = (exp.RowNumber, exp.Rank, exp.DenseRank)


@dataclass(frozen=True, eq=False)
class Ranking:
    """A SELECT with one ranking, whose reader is not known yet.

    Attributes:
        source: what the SELECT reads, its WHERE applied.
        rank: the expression that stands for the rank in the relation's columns until it is resolved.
        words: of the statement that the SELECT is part of.
        project: makes the selected columns.
        read: a SELECT between may have read the rank.

    """

    select: exp.Select
    source: Relation
    window: exp.Window
    rank: Expression
    words: str
    project: Project
    read: bool = False


def begin_ranking(
    select: exp.Select, source: Relation, planner: Planner, project: Project
) -> tuple[Relation, OverScope] | None:
    """A relation whose ranking is to be resolved, if OVER is used for one ranking and nothing else; else None."""
    windows = [window for item in select.expressions for window in item.find_all(exp.Window)]
    if not isinstance(windows[0].this, _FUNCTIONS) or any(window != windows[0] for window in windows):
        return None
    rank = Expression(_unresolved, BIGINT)
    ranking = Ranking(select, source, windows[0], rank, planner.statement.words, project)
    return replace(source, ranking=ranking), OverScope(source, planner.text, [(windows[0], rank)])


def projected(select: exp.Select, relation: Relation, planner: Planner, project: Project) -> Relation:
    """A SELECT of columns and nothing else from a relation with a ranking: its own reader may bound the rank."""
    ranking: Ranking = relation.ranking

    def both_projected(inner: exp.Select, after: Relation, scope: RelationScope, planner: Planner) -> Relation:
        between = _named(ranking.project(inner, after, scope, planner), relation)
        return project(select, between, RelationScope(between, planner.text), planner)

    found = project(select, relation, RelationScope(relation, planner.text), planner)
    return replace(found, ranking=replace(ranking, project=both_projected, read=True))


def settled(relation: Relation, planner: Planner) -> Relation:
    """The relation read by what does not bound its rank: a running number by ascending time, if it has a ranking.

    Raises:
        SqlError: where the order is none of time.

    """
    ranking: Ranking | None = relation.ranking
    if ranking is None:
        return relation
    after, scope = plan_over(ranking.select, ranking.source, planner)
    return _named(ranking.project(ranking.select, after, scope, planner), relation)


def plan_rank(
    select: exp.Select, relation: Relation, where: exp.Expr | None, planner: Planner
) -> tuple[Relation, exp.Expr | None]:
    """The relation read by a SELECT with this WHERE, and what of the WHERE is still to be applied.

    Raises:
        SqlError: where the ranks have no end, or Flink's streaming top-N does not know the form.

    """
    ranking: Ranking = relation.ranking
    scope = RelationScope(relation, planner.text)

    def is_rank(node: exp.Expr) -> bool:
        return isinstance(node, exp.Column) and scope.column(node)[0].expression is ranking.rank

    bounds = rank_bounds(where, is_rank)
    if bounds.last is None and bounds.first > 1:
        raise unsupported(where or select, planner.text, "the ranks need an end", "WHERE rn BETWEEN 2 AND 10")
    if bounds.last is None:
        return settled(relation, planner), where
    if bounds.first > bounds.last or bounds.last < 1:
        raise unsupported(where or select, planner.text, "no row has such a rank", "WHERE rn <= 10")
    if not isinstance(ranking.window.this, exp.RowNumber):
        message = "RANK and DENSE_RANK are not supported for top-N, in Flink neither"
        raise unsupported(ranking.window, planner.text, message, TOP_N_FORM)
    if ranking.source.updating:
        message = "a top-N reads rows that are never revised"
        raise unsupported(ranking.window, planner.text, message, "rows of a table, a window or an OVER")
    ranked = bounds.first != bounds.last and (ranking.read or _is_read(select, bounds, is_rank))
    plan = _RankPlan(ranking, bounds, ranked, planner)
    found = _named(plan.relation(), relation)
    if not found.updating or bounds.rest is None:
        return found, bounds.rest
    condition = boolean(bounds.rest, RelationScope(found, planner.text)).evaluate
    return _with_condition(found, condition), None


def _with_condition(relation: Relation, condition: Callable[[Any], Any]) -> Relation:
    """The revised rows for which the condition is True: a row that no longer fulfils it is taken away."""
    node: Any = relation.node
    return replace(relation, node=replace(node, condition=both(node.condition, condition)))


def _is_read(select: exp.Select, bounds: RankBounds, is_rank: Callable[[exp.Expr], bool]) -> bool:
    """Whether the reader uses the rank for anything but its bounds."""
    items = [*select.expressions, *([bounds.rest] if bounds.rest is not None else [])]
    if any(
        isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count) for item in items for node in item.walk()
    ):
        return True
    return any(is_rank(node) for item in items for node in item.find_all(exp.Column))


def _named(relation: Relation, known: Relation) -> Relation:
    """The resolved relation's columns by the names under which its reader knows them."""
    columns = tuple(
        replace(column, name=name.name, table=name.table)
        for column, name in zip(relation.columns, known.columns, strict=True)
    )
    return replace(relation, columns=columns, ranking=None)


@dataclass(frozen=True, eq=False)
class _RankPlan:
    """A ranking whose bounds are known."""

    ranking: Ranking
    bounds: RankBounds
    ranked: bool
    planner: Planner

    def relation(self) -> Relation:
        """The ranked rows, as the columns that the SELECT with the ranking selects."""
        ranking, planner = self.ranking, self.planner
        specification = read_over(ranking.window, ranking.select, planner.text)
        if specification.frame or not specification.order:
            message = "a ranking has an ORDER BY and no ROWS or RANGE"
            raise unsupported(ranking.window, planner.text, message, TOP_N_FORM)
        items = [
            *ranking.select.expressions,
            *specification.partition,
            *(ordered.this for ordered in specification.order),
        ]
        packing = Packing(ranking.source, used_columns(items, ranking.source))
        node, updating = rank_node(
            specification, packing, self.bounds, planner, ranked=self.ranked, words=ranking.words
        )
        after = replace(packing.unpacked(), node=node, updating=updating)
        rank = self._rank(node, len(packing.types))
        parts = partition_keys(specification.partition, after, planner.text)
        keys = self._identity(parts, rank, after, updating=updating)
        after = replace(after, columns=tuple(_as_key(column, parts) for column in after.columns), keys=keys)
        found = ranking.project(
            ranking.select, after, OverScope(after, planner.text, [(ranking.window, rank)]), planner
        )
        columns = [replace(column, role="key") if column.expression is rank else column for column in found.columns]
        return replace(found, columns=tuple(columns))

    def _rank(self, node: Node, width: int) -> Expression:
        if self.bounds.first == self.bounds.last or not (
            self.ranked or isinstance(node, WindowTopNNode | FirstRowsNode)
        ):
            return constant(self.bounds.first, BIGINT)
        return Expression(itemgetter(width), BIGINT)

    def _identity(
        self, parts: Sequence[Expression], rank: Expression, after: Relation, *, updating: bool
    ) -> tuple[Expression, ...]:
        """What tells a row from the others (of its window)."""
        if self.bounds.first == self.bounds.last:
            return tuple(parts)
        if updating and not self.ranked:
            return tuple(column.expression for column in after.columns)
        return (*parts, rank)


def _as_key(column: Column, parts: Sequence[Expression]) -> Column:
    is_key = any(column.expression is part for part in parts) and not column.role
    return replace(column, role="key") if is_key else column


def _unresolved(row: object) -> None:
    raise AssertionError("the ranking was read before it was resolved")


__all__ = ["Ranking", "begin_ranking", "plan_rank", "settled"]
