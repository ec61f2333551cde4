"""GROUP BY and OVER in one SELECT: the same as OVER in a SELECT around the grouped one."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from streaming_sql.aggregates import is_aggregate

_INNER = ("from_", "joins", "where", "group", "having", "match")


def nested(select: exp.Select) -> exp.Select:
    """A SELECT with the same columns, from a subquery that groups. Positions in the text are kept."""
    group = select.args.get("group")
    parts = _Parts(list(group.expressions) if group else [])
    items = [_item(item, parts, place) for place, item in enumerate(select.expressions)]
    inner = exp.Select(expressions=parts.items, **{name: select.args.get(name) for name in _INNER})
    outer = exp.Select(expressions=items, windows=[_swapped(part, parts) for part in select.args.get("windows") or []])
    outer.set("from_", exp.From(this=exp.Subquery(this=inner)))
    inner.set("expressions", parts.items)
    return outer


@dataclass
class _Parts:
    """What the grouped SELECT gives: group expressions and aggregates, each under a name."""

    keys: list[exp.Expr]
    known: list[tuple[exp.Expr, str]] = field(default_factory=list)
    items: list[exp.Expr] = field(default_factory=list)

    def column(self, node: exp.Expr) -> exp.Column:
        """The column of the outer SELECT that stands for the part."""
        name = next((name for known, name in self.known if known == node), "")
        if not name:
            name = node.name if isinstance(node, exp.Column) else f"part {len(self.known)}"
            self.known.append((node, name))
            self.items.append(exp.alias_(node.copy(), exp.to_identifier(name, quoted=False)))
        column = exp.column(exp.to_identifier(name, quoted=False))
        positions = [part.meta for part in node.walk() if "start" in part.meta]
        if positions:
            column.meta.update(min(positions, key=lambda meta: meta["start"]))
        return column


def _item(item: exp.Expr, parts: _Parts, place: int) -> exp.Expr:
    if isinstance(item, exp.Alias):
        renamed = item.copy()
        renamed.set("this", _swapped(item.this, parts))
        return renamed
    swapped = _swapped(item, parts)
    return exp.alias_(swapped, exp.to_identifier(item.alias_or_name or f"EXPR${place}", quoted=False))


def _swapped(node: exp.Expr, parts: _Parts) -> exp.Expr:
    """The node with group expressions and aggregates read from the grouped SELECT."""
    if node in parts.keys or (is_aggregate(node) and not isinstance(node.parent, exp.Window)) or _is_bound(node):
        return parts.column(node)
    swapped = node.copy()
    for name, value in node.args.items():
        if isinstance(value, exp.Expr):
            swapped.set(name, _swapped(value, parts))
        elif isinstance(value, list):
            swapped.set(name, [_swapped(part, parts) if isinstance(part, exp.Expr) else part for part in value])
    return swapped


def _is_bound(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and node.name in {"window_start", "window_end", "window_time"}
