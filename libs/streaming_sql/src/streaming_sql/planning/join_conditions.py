"""What the conditions of a join say: equal keys, bounds in time, equal windows, and the rest.

Bounds are read as Flink's planner reads them: two comparisons of the inputs' event-time columns (give or take
intervals) that bound it on both sides, or one equality.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from sqlglot import exp

from streaming_sql.dialect import unsupported
from streaming_sql.errors import SqlError
from streaming_sql.expressions import Expression, boolean, compile_scalar, convert
from streaming_sql.planning.scopes import RelationScope
from streaming_sql.relation import Column, Relation
from streaming_sql.tables import read_interval
from streaming_sql.types import common_type

INTERVAL_FORM = "FROM a JOIN b ON a.id = b.id AND b.ts BETWEEN a.ts - INTERVAL '5' MINUTE AND a.ts + INTERVAL '1' HOUR"
_MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.EQ,
    exp.LT: exp.GT,
    exp.GT: exp.LT,
    exp.LTE: exp.GTE,
    exp.GTE: exp.LTE,
}
_WINDOW_ROLES = ("window_start", "window_end")


@dataclass
class Bounds:
    """left time - right time is from `lower` to `upper` ms, in terms of one column of each side."""

    left: Column
    right: Column
    lower: int
    upper: int


@dataclass
class Conditions:
    """The conditions of one join, sorted.

    Attributes:
        keys: what must be equal, left and right, in one type each.
        key_nodes: the conditions that `keys` were read from.
        times: comparisons of the two sides' event times.
        windows: roles of the window columns that are compared with their like.
        left, right: conditions on one side alone.
        rest: all others that name columns of the join.

    """

    keys: list[tuple[Expression, Expression]] = field(default_factory=list)
    key_nodes: list[exp.Expr] = field(default_factory=list)
    times: list[exp.Expr] = field(default_factory=list)
    windows: set[str] = field(default_factory=set)
    left: list[exp.Expr] = field(default_factory=list)
    right: list[exp.Expr] = field(default_factory=list)
    rest: list[exp.Expr] = field(default_factory=list)


class JoinScope(RelationScope):
    """Names over both inputs; what is compiled from one side's names alone is a closure over its base rows."""

    def __init__(self, left: Relation, right: Relation, text: str) -> None:
        super().__init__(replace(left, columns=left.columns + right.columns), text)
        self._right = frozenset(id(column) for column in right.columns)

    def side(self, column: Column) -> int:
        """0 for a column of the left input, 1 of the right."""
        return int(id(column) in self._right)

    def sides(self, node: exp.Expr) -> set[int]:
        """Which inputs the expression names columns of.

        Raises:
            SqlError: for an unknown or ambiguous name.

        """
        return {self.side(self.column(part)[0]) for part in columns_in(node)}

    def sort(self, conditions: list[exp.Expr]) -> Conditions:
        """Tell the conditions apart.

        Raises:
            SqlError: where names are unknown or keys do not fit in type.

        """
        found = Conditions()
        for node in conditions:
            self._sort_one(node, found)
        return found

    def _sort_one(self, node: exp.Expr, found: Conditions) -> None:
        sides = self.sides(node)
        if len(sides) == 1:
            (found.right if 1 in sides else found.left).append(node)
        elif type(node) in _MIRRORED and self.sides(node.this) != self.sides(node.expression) and self._apart(node):
            if self._time(node.this) and self._time(node.expression):
                found.times.append(node)
            elif not isinstance(node, exp.EQ):
                found.rest.append(node)
            elif (role := self._window(node.this)) and role == self._window(node.expression):
                found.windows.add(role)
            else:
                found.keys.append(self._key(node))
                found.key_nodes.append(node)
        else:
            found.rest.append(node)

    def _apart(self, node: exp.Expr) -> bool:
        return len(self.sides(node.this)) == len(self.sides(node.expression)) == 1

    def _window(self, node: exp.Expr) -> str:
        if not isinstance(node, exp.Column):
            return ""
        role = self.column(node)[0].role
        return role if role in _WINDOW_ROLES else ""

    def _key(self, node: exp.Expr) -> tuple[Expression, Expression]:
        parts = (node.this, node.expression) if self.sides(node.this) == {0} else (node.expression, node.this)
        left, right = (compile_scalar(part, self) for part in parts)
        kind = None if "ROW" in {left.type.name, right.type.name} else common_type(left.type, right.type)
        if kind is None:
            message = f"{left.type} and {right.type} do not go together"
            raise unsupported(node, self.text, message, "both sides of one type; use CAST(x AS TYPE)")
        return convert(left, kind, parts[0], self), convert(right, kind, parts[1], self)

    def _time(self, node: exp.Expr) -> tuple[Column, int] | None:
        """An event-time column, and the ms that are added to it."""
        node = node.unnest()
        if isinstance(node, exp.Column):
            column, fields = self.column(node)
            return (column, 0) if column.role in {"rowtime", "window_time"} and not fields else None
        if not isinstance(node, exp.Add | exp.Sub):
            return None
        moved, interval = node.this, node.expression
        if isinstance(node, exp.Add) and isinstance(moved, exp.Interval):
            moved, interval = interval, moved
        known = self._time(moved)
        if known is None or not isinstance(interval, exp.Interval):
            return None
        ms = read_interval(interval, self.text)
        return known[0], known[1] + (ms if isinstance(node, exp.Add) else -ms)

    def bounds(self, times: list[exp.Expr], place: exp.Expr) -> Bounds:
        """How far apart in time two rows may be.

        Raises:
            SqlError: if the comparisons do not bound it on both sides.

        """
        equal = [node for node in times if isinstance(node, exp.EQ)]
        if not times or len(times) > 2 or (len(times) == 1) != bool(equal):
            message = "a join of streams needs bounds in event time, or its rows would be kept for ever"
            raise unsupported(times[0] if times else place, self.text, message, INTERVAL_FORM)
        lower: int | None = None
        upper: int | None = None
        columns: list[tuple[Column, Column]] = []
        for node in times:
            left, right, kind, apart = self._difference(node)
            columns.append((left, right))
            if kind in {exp.EQ, exp.GT, exp.GTE}:
                lower = apart + (kind is exp.GT)
            if kind in {exp.EQ, exp.LT, exp.LTE}:
                upper = apart - (kind is exp.LT)
        if lower is None or upper is None or any(pair != columns[0] for pair in columns):
            message = "the event times must be bounded on both sides, by the same columns"
            raise unsupported(times[0], self.text, message, INTERVAL_FORM)
        return Bounds(*columns[0], lower, upper)

    def _difference(self, node: exp.Expr) -> tuple[Column, Column, type[exp.Expr], int]:
        """The node as `left - right <kind> ms`."""
        first, second = self._time(node.this), self._time(node.expression)
        assert first is not None
        assert second is not None
        if self.side(first[0]) == 0:
            return first[0], second[0], type(node), second[1] - first[1]
        return second[0], first[0], _MIRRORED[type(node)], first[1] - second[1]

    def all_of(self, nodes: list[exp.Expr]) -> Expression | None:
        """The conditions compiled as one, or None of none."""
        return boolean(exp.and_(*nodes, copy=False), self) if nodes else None


def conjuncts(node: exp.Expr | None) -> list[exp.Expr]:
    """The conditions that must all hold: AND taken apart, and BETWEEN into its two comparisons."""
    if node is None:
        return []
    node = node.unnest()
    if isinstance(node, exp.And):
        return conjuncts(node.this) + conjuncts(node.expression)
    if isinstance(node, exp.Between) and set(filter(node.args.get, node.args)) == {"this", "low", "high"}:
        low, high = node.args["low"], node.args["high"]
        return [exp.GTE(this=node.this, expression=low), exp.LTE(this=node.this.copy(), expression=high)]
    return [node]


def columns_in(node: exp.Expr) -> Iterator[exp.Column | exp.Dot]:
    """The columns and fields of columns that an expression names."""
    if isinstance(node, exp.Column | exp.Dot):
        yield node
        return
    for part in node.iter_expressions():
        yield from columns_in(part)


def resolvable(scope: JoinScope, node: exp.Expr) -> bool:
    """Whether all names are columns of the two inputs; a condition of a later join has others."""
    try:
        scope.sides(node)
    except SqlError:
        return False
    return not node.find(exp.Query)
