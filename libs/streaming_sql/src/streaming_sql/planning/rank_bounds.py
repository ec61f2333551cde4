"""WHERE rn <= 10: the ranks that a condition asks for, and what is left of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlglot import exp

_MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {exp.LT: exp.GT, exp.LTE: exp.GTE, exp.GT: exp.LT, exp.GTE: exp.LTE}


@dataclass(frozen=True)
class RankBounds:
    """Ranks `first` to `last`, None without an end; `rest` is what else the condition says."""

    first: int
    last: int | None
    rest: exp.Expr | None


def rank_bounds(where: exp.Expr | None, is_rank: Callable[[exp.Expr], bool]) -> RankBounds:
    """The bounds that comparisons of the rank with literals set, joined by AND."""
    first, last = 1, None
    rest: list[exp.Expr] = []
    for part in _conjuncts(where):
        bounds = _bounds(part, is_rank)
        if bounds is None:
            rest.append(part)
            continue
        low, high = bounds
        first = max(first, low)
        if high is not None:
            last = high if last is None else min(last, high)
    return RankBounds(first, last, exp.and_(*rest, copy=False) if rest else None)


def _conjuncts(node: exp.Expr | None) -> Iterator[exp.Expr]:
    if isinstance(node, exp.And):
        yield from _conjuncts(node.this)
        yield from _conjuncts(node.expression)
    elif isinstance(node, exp.Paren) and isinstance(node.this, exp.And | exp.Paren):
        yield from _conjuncts(node.this)
    elif node is not None:
        yield node


def _bounds(node: exp.Expr, is_rank: Callable[[exp.Expr], bool]) -> tuple[int, int | None] | None:
    if isinstance(node, exp.Paren):
        return _bounds(node.this, is_rank)
    if isinstance(node, exp.Between):
        low, high = _number(node.args["low"]), _number(node.args["high"])
        return (low, high) if is_rank(node.this) and low is not None and high is not None else None
    if not isinstance(node, exp.EQ | exp.LT | exp.LTE | exp.GT | exp.GTE):
        return None
    kind: type[exp.Expr] = type(node)
    left, right = node.this, node.expression
    if is_rank(right):
        kind, left, right = _MIRRORED.get(kind, kind), right, left
    number = _number(right)
    if number is None or not is_rank(left):
        return None
    ranges: dict[type[exp.Expr], tuple[int, int | None]] = {
        exp.EQ: (number, number),
        exp.LT: (1, number - 1),
        exp.LTE: (1, number),
        exp.GT: (number + 1, None),
        exp.GTE: (number, None),
    }
    return ranges[kind]


def _number(node: exp.Expr) -> int | None:
    is_number = isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit()
    return int(node.name) if is_number else None
