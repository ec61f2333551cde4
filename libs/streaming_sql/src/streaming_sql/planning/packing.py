"""Rows that an operator must keep: of a relation's columns those that are used, packed to a tuple."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

from sqlglot import exp

from streaming_sql.expressions import Evaluate, Expression
from streaming_sql.relation import Column, Relation, moved, packed
from streaming_sql.types import TIMESTAMP, SqlType


@dataclass(frozen=True, eq=False)
class Packing:
    """How rows of `source` become tuples: its `columns`, then the bounds of its window, then its keys.

    Attributes:
        pack: the tuple of a base row.
        types: of the tuple's values.

    """

    source: Relation
    columns: tuple[Column, ...]

    @property
    def _hidden(self) -> list[Expression]:
        bounds = [Expression(evaluate, TIMESTAMP) for evaluate in self.source.bounds or ()]
        return [*bounds, *self.source.keys]

    @property
    def pack(self) -> Callable[[Any], tuple[Any, ...]]:
        """The tuple of a base row."""
        return packed([*(column.expression for column in self.columns), *self._hidden])

    @property
    def types(self) -> tuple[SqlType, ...]:
        """The types of the tuple's values."""
        return tuple(expression.type for expression in [*(column.expression for column in self.columns), *self._hidden])

    def unpacked(self) -> Relation:
        """The source's relation, read from the tuples; its node is still to be replaced."""
        places = {id(column.expression): place for place, column in enumerate(self.columns)}
        columns = tuple(
            replace(column, expression=moved(column.expression, place)) for place, column in enumerate(self.columns)
        )
        width = len(columns)
        bounds: tuple[Evaluate, Evaluate] | None = None
        if self.source.bounds:
            bounds = itemgetter(width), itemgetter(width + 1)
            width += 2
        keys = tuple(
            columns[places[id(key)]].expression if id(key) in places else moved(key, place)
            for place, key in enumerate(self.source.keys, width)
        )
        return replace(self.source, columns=columns, where=None, bounds=bounds, keys=keys)


def used_columns(items: Sequence[exp.Expr], relation: Relation) -> tuple[Column, ...]:
    """The columns that the items may read outside OVER, all where one is a star.

    Names that are no columns (units of time, or mistakes) are for the compiler of the items to judge.
    """
    if any(_is_star(item) for item in items):
        return relation.columns
    used = {part.name for item in items for node in _outside_over(item) for part in node.parts[:2]}
    return tuple(column for column in relation.columns if column.name in used)


def _is_star(item: exp.Expr) -> bool:
    return isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star))


def _outside_over(item: exp.Expr) -> Iterable[exp.Column]:
    for node in item.walk(prune=lambda part: isinstance(part, exp.Window | exp.Query)):
        if isinstance(node, exp.Column):
            yield node
