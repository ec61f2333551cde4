"""What a table, a view or a SELECT gives to the query that reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, Literal

from streaming_sql.expressions import Evaluate, Expression
from streaming_sql.nodes import Input, Node

Role = Literal["", "rowtime", "proctime", "window_start", "window_end", "window_time", "key"]
"""What a column is beside its value: a time attribute, a bound of the row's window, or part of the grouping key."""


@dataclass(frozen=True, eq=False)
class Column:
    """One column: its value from a base row of the relation's node. `table` is the name it may be qualified with."""

    name: str
    expression: Expression
    role: Role = ""
    table: str = ""


@dataclass(frozen=True)
class WindowSpec:
    """A window function applied to a relation whose rows are not assigned to windows yet; all in ms.

    `kind` is TUMBLE, HOP, CUMULATE or SESSION. `size` is the (greatest) size, of SESSION the gap; `slide` the step of
    HOP and CUMULATE, equal to `size` of TUMBLE. `partition` are SESSION's PARTITION BY columns.
    """

    kind: str
    size: int
    slide: int
    offset: int = 0
    partition: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Relation:
    """Rows of `node` that pass `where`, as columns.

    Attributes:
        window: a window function that was applied and waits for its GROUP BY (or join, or ranking).
        of_sessions: a WHERE over a SESSION that waits so: rows that do not pass may yet stretch a session.
        bounds: the start and end of the window that a row belongs to, if it belongs to one.
        keys: what tells two rows (of one window) apart, if the rows are grouped.
        updating: later rows may replace or take away earlier ones.
        time: the event-time column that `window` was applied to.
        ranking: a ROW_NUMBER() that waits to know whether its reader bounds it, see planning.rank.

    """

    node: Node
    columns: tuple[Column, ...]
    where: Evaluate | None = None
    window: WindowSpec | None = None
    of_sessions: Evaluate | None = None
    bounds: tuple[Evaluate, Evaluate] | None = None
    keys: tuple[Expression, ...] = ()
    updating: bool = False
    time: Column | None = None
    ranking: Any = None

    def column(self, name: str, table: str = "") -> Column | None:
        """The first column of that name (and table, if given), or None."""
        for column in self.columns:
            if column.name == name and (not table or column.table == table):
                return column
        return None

    def of_role(self, *roles: Role) -> Column | None:
        """The first column of one of the roles, or None."""
        return next((column for column in self.columns if column.role in roles), None)

    def aliased(self, table: str) -> Relation:
        """The same relation, its columns qualified by another name."""
        return replace(self, columns=tuple(replace(column, table=table) for column in self.columns))

    def filtered(self, condition: Evaluate) -> Relation:
        """Only the rows for which the condition is True."""
        if self.window is not None and self.window.kind == "SESSION":
            return replace(self, of_sessions=both(self.of_sessions, condition))
        return replace(self, where=both(self.where, condition))

    def input(self, time: Column | None = None) -> Input:
        """The edge to an operator that reads the relation by one of its event-time columns, `time` by default."""
        column = time or self.time
        where = both(self.where, self.of_sessions)
        return Input(self.node, where, None if column is None or self.node.own_time else column.expression.evaluate)


def both(first: Evaluate | None, second: Evaluate | None) -> Evaluate | None:
    """A condition that is True where both are; None is always True."""
    if first is None or second is None:
        return first or second
    return lambda row: first(row) is True and second(row) is True


def packed(expressions: Sequence[Expression]) -> Callable[[Any], tuple[Any, ...]]:
    """The expressions' values as a tuple."""
    evaluations = [expression.evaluate for expression in expressions]
    if not evaluations:
        return lambda row: ()
    if len(evaluations) == 1:
        only = evaluations[0]
        return lambda row: (only(row),)
    if len(evaluations) == 2:
        first, second = evaluations
        return lambda row: (first(row), second(row))
    if len(evaluations) == 3:
        a, b, c = evaluations
        return lambda row: (a(row), b(row), c(row))
    return lambda row: tuple([evaluate(row) for evaluate in evaluations])


def moved(expression: Expression, place: int) -> Expression:
    """The same value read from a place of a tuple that holds it."""
    return Expression(itemgetter(place), expression.type, origins=expression.origins)


def unpacked(columns: Sequence[Column], start: int = 0) -> tuple[Column, ...]:
    """The same columns read from a tuple that holds their values from place `start` on."""
    return tuple(
        replace(column, expression=moved(column.expression, place)) for place, column in enumerate(columns, start)
    )
