"""ORDER BY as keys that compare: of rows, and of rows that it does not tell apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from streaming_sql.expressions import Evaluate

SortKey = tuple[Any, ...]


@dataclass(frozen=True)
class SortColumn:
    """One expression of an ORDER BY. NULL is the least value, as in Flink, unless `nulls_last` says otherwise."""

    evaluate: Evaluate
    descending: bool = False
    nulls_last: bool = False


class Reversed:
    """A value that sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: Reversed) -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reversed) and bool(self.value == other.value)

    __hash__ = None  # type: ignore[assignment]


def sort_key(columns: Sequence[SortColumn]) -> Callable[[Any], SortKey]:
    """The key by which a row sorts."""
    parts = [_part(column) for column in columns]
    if len(parts) == 1:
        return parts[0]
    return lambda row: tuple([value for part in parts for value in part(row)])


def _part(column: SortColumn) -> Callable[[Any], SortKey]:
    evaluate, null, known = column.evaluate, (1 if column.nulls_last else 0, 0), 0 if column.nulls_last else 1
    if not column.descending:

        def ascending(row: Any) -> SortKey:
            value = evaluate(row)
            return null if value is None else (known, value)

        return ascending

    def descending(row: Any) -> SortKey:
        value = evaluate(row)
        if value is None:
            return null
        return known, -value if isinstance(value, int | float | Decimal) else Reversed(value)

    return descending


def tie_key(row: tuple[Any, ...], shard: str, number: int) -> SortKey:
    """What orders rows of one sort key: the shard and the arrival from there, and without a shard the row's values.

    Rows that come from no single shard come in no order that would be the same in every run.
    """
    if shard:
        return shard, number
    return shard, tuple([(value is not None, _comparable(value)) for value in row])


def _comparable(value: Any) -> Any:
    if value is None:
        return 0
    return value if isinstance(value, int | float | str | Decimal) else repr(value)
