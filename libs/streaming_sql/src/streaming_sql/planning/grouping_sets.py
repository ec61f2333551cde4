"""GROUPING SETS, ROLLUP and CUBE: the lists of expressions that a GROUP BY groups by, one after another."""

from __future__ import annotations

from itertools import combinations, product

from sqlglot import exp

_SETS = (exp.GroupingSets, exp.Rollup, exp.Cube)


def grouping_sets(group: exp.Group | None) -> list[list[exp.Expr]]:
    """Every list that is grouped by; one list for a GROUP BY of plain expressions, or none at all.

    Elements combine as SQL says: `a, GROUPING SETS ((b), (c))` groups by (a, b) and by (a, c).
    """
    elements = [_alternatives(element) for element in group.expressions] if group else []
    return [[node for part in chosen for node in part] for chosen in product(*elements)]


def _alternatives(element: exp.Expr) -> list[list[exp.Expr]]:
    if not isinstance(element, _SETS):
        return [[element]]
    parts = [_listed(part) for part in element.expressions]
    if isinstance(element, exp.Rollup):
        chosen = [parts[:count] for count in range(len(parts), -1, -1)]
    elif isinstance(element, exp.Cube):
        chosen = [list(some) for count in range(len(parts), -1, -1) for some in combinations(parts, count)]
    else:
        return [nested for part in element.expressions for nested in _nested(part)]
    return [[node for part in some for node in part] for some in chosen]


def _nested(part: exp.Expr) -> list[list[exp.Expr]]:
    return _alternatives(part) if isinstance(part, _SETS) else [_listed(part)]


def _listed(part: exp.Expr) -> list[exp.Expr]:
    """The expressions of `a`, `(a)`, `(a, b)` or `()`."""
    if isinstance(part, exp.Tuple):
        return list(part.expressions)
    return [part.this] if isinstance(part, exp.Paren) else [part]
