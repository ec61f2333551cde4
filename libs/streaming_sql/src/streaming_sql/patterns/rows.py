"""The rows of a match, or of one that may become one, as the expressions of DEFINE and MEASURES see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streaming_sql.expressions import Evaluate
from streaming_sql.patterns.totals import Total

ALL = -1
"""In place of a variable: every row, whatever its variable."""


class MatchRows:
    """Rows labelled with variables. As a match is contiguous, each variable has a slice of the key's rows.

    Attributes:
        rows: of the key; the first has the number `base`.
        begins: the number of each variable's first row, of as many variables as have been reached.
        end: the number after the last row.
        row: the row under test, the last one; of a complete match None.
        totals: the states of DEFINE's aggregates.
        time: of a complete match, when it came out, in ms.

    """

    __slots__ = ("base", "begins", "end", "row", "rows", "time", "totals")

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.base = 0
        self.begins: tuple[int, ...] = ()
        self.end = 0
        self.row: Any = None
        self.totals: tuple[Any, ...] = ()
        self.time = 0

    def bounds(self, variable: int) -> tuple[int, int]:
        """The places in `rows` of the variable's first row and after its last."""
        begins = self.begins
        if variable == ALL:
            return begins[0] - self.base, self.end - self.base
        if variable >= len(begins):
            return 0, 0
        end = begins[variable + 1] if variable + 1 < len(begins) else self.end
        return begins[variable] - self.base, end - self.base


@dataclass(frozen=True)
class Condition:
    """What a row must fulfil for a variable. `alone`: it is a function of the row, else of the MatchRows so far."""

    evaluate: Evaluate
    alone: bool


@dataclass(frozen=True)
class Fold:
    """An aggregate over the rows of one variable, or of ALL. `argument` is a function of a row, None for COUNT(*)."""

    variable: int
    total: Total
    argument: Evaluate | None

    def add(self, state: Any, row: Any) -> Any:
        """The state with one more row."""
        if self.argument is None:
            return self.total.add(state, None)
        value = self.argument(row)
        return state if value is None else self.total.add(state, value)

    def result(self, match: MatchRows) -> Any:
        """The aggregate over the rows of a match."""
        first, end = match.bounds(self.variable)
        state = self.total.initial
        for row in match.rows[first:end]:
            state = self.add(state, row)
        return self.total.result(state)


def running(place: int, fold: Fold) -> Evaluate:
    """The aggregate over the rows so far, whose state is kept in `totals` at `place`."""
    result = fold.total.result
    return lambda match: result(match.totals[place])


def at_first(variable: int, offset: int, column: Evaluate) -> Evaluate:
    """A column of the variable's row number `offset` from its first; NULL if there is none."""

    def evaluate(match: MatchRows) -> Any:
        first, end = match.bounds(variable)
        place = first + offset
        return column(match.rows[place]) if place < end else None

    return evaluate


def at_last(variable: int, offset: int, column: Evaluate) -> Evaluate:
    """A column of the variable's row number `offset` from its last; NULL if there is none."""

    def evaluate(match: MatchRows) -> Any:
        first, end = match.bounds(variable)
        place = end - 1 - offset
        return column(match.rows[place]) if place >= first else None

    return evaluate


def under_test(column: Evaluate) -> Evaluate:
    """A column of the row under test."""
    return lambda match: column(match.row)
