"""One join as it is planned: its inputs, and what its operator keeps of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from streaming_sql.expressions import Evaluate, Expression
from streaming_sql.operators.join_side import JoinSide
from streaming_sql.planning.join_conditions import Conditions, JoinScope
from streaming_sql.relation import Column, Relation, packed, unpacked

if TYPE_CHECKING:
    from streaming_sql.planning.planner import Planner

OUTER = {"": (False, False), "LEFT": (True, False), "RIGHT": (False, True), "FULL": (True, True)}


@dataclass
class Join:
    """One join as it is planned. `filters` are the conditions of WHERE, `named` the columns that anything reads."""

    tree: exp.Join
    filters: list[exp.Expr]
    named: set[str] | None
    left: Relation
    right: Relation
    planner: Planner

    @property
    def text(self) -> str:
        """The script that errors point into."""
        return self.planner.text

    @property
    def outer(self) -> tuple[bool, bool]:
        """Which sides' rows come out without a partner."""
        return OUTER[str(self.tree.side).upper()]

    def read_too(self, nodes: Iterable[object]) -> None:
        """Keep what these expressions read, too."""
        more = names_in(nodes)
        self.named = None if self.named is None or more is None else self.named | more

    def kept(self, relation: Relation) -> list[Column]:
        """The columns of an input that anything reads."""
        return [column for column in relation.columns if self.named is None or column.name in self.named]


def names_read(select: exp.Select) -> set[str] | None:
    """Every name that the SELECT's clauses but WHERE and the joins use, None for all."""
    parts = [part for name, part in select.args.items() if name not in {"from_", "joins", "with_", "where"}]
    return names_in([node for part in parts for node in (part if isinstance(part, list) else [part])])


def names_in(nodes: Iterable[object]) -> set[str] | None:
    """Every name that the expressions use, None for all."""
    names: set[str] = set()
    for node in nodes:
        if not isinstance(node, exp.Expr):
            continue
        if any(_reads_all(star) for star in node.find_all(exp.Star)):
            return None
        names.update(identifier.name for identifier in node.find_all(exp.Identifier))
    return names


def _reads_all(star: exp.Star) -> bool:
    of_exists = isinstance(star.parent, exp.Select) and isinstance(star.parent.parent, exp.Exists)
    return not of_exists and not isinstance(star.parent, exp.Count)


def join_sides(
    join: Join, found: Conditions, keys: list[tuple[Expression, Expression]]
) -> tuple[tuple[JoinSide, JoinSide], tuple[Column, ...]]:
    """Both sides, only what is read of them; and their columns over the joined rows."""
    join.read_too([*found.left, *found.right, *found.rest])
    kept = []
    sides = []
    for place, relation in enumerate((join.left, join.right)):
        columns = join.kept(relation)
        of_side = [pair[place] for pair in keys]
        sides.append(
            JoinSide(
                packed(of_side),
                packed([column.expression for column in columns]),
                tuple(key.type for key in of_side),
                tuple(column.expression.type for column in columns),
                join.outer[place],
            )
        )
        kept += [without_origin(column) for column in columns] if join.outer[1 - place] else columns
    return (sides[0], sides[1]), unpacked(kept)


def without_origin(column: Column) -> Column:
    """Of a side that may be padded: its NULL says nothing of the row that it stands beside."""
    return replace(column, expression=replace(column.expression, origins=frozenset()))


def residual(
    join: Join, found: Conditions, columns: tuple[Column, ...], names: type[JoinScope] = JoinScope
) -> Evaluate | None:
    """The conditions that are neither keys nor bounds, over joined rows; `names` says what their names mean."""
    width = len(join.kept(join.left))
    over = names(replace(join.left, columns=columns[:width]), replace(join.right, columns=columns[width:]), join.text)
    condition = over.all_of([*found.left, *found.right, *found.rest])
    return None if condition is None else condition.evaluate


def bounds_of(columns: tuple[Column, ...]) -> tuple[Evaluate, Evaluate] | None:
    """The window of a joined row, if its bounds are among the columns."""
    roles = [column.role for column in columns]
    if "window_start" not in roles or "window_end" not in roles:
        return None
    return itemgetter(roles.index("window_start")), itemgetter(roles.index("window_end"))


def window_of(bounds: tuple[Evaluate, Evaluate]) -> Callable[[Any], tuple[int, int]]:
    """The (end, start) of a base row."""
    start, end = bounds
    return lambda row: (end(row), start(row))
