"""Window rows as charts: which groups over which windows, for each value of a query. Pure."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_GROUPS = 8
MAX_WINDOWS = 24
MAX_VALUES = 4
OTHERS = "others"
EVERYTHING = "everything"
_NOT_ADDITIVE = re.compile(
    r"avg|average|mean|min|max|median|p\d\d|percent|ratio|rate|distinct|unique|last|first|std|var"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One group's value in each window, oldest first; None where the group has no row."""

    label: str
    points: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """One query. `lines` is by dimension, then by value; `additive` values may be stacked and added up."""

    query: str
    windows: tuple[tuple[int, int], ...]
    dimensions: tuple[str, ...]
    values: tuple[str, ...]
    additive: tuple[bool, ...]
    lines: Mapping[str, Mapping[str, tuple[Line, ...]]]


@dataclass(frozen=True, slots=True)
class Row:
    """One window of one group: start and end in milliseconds since the epoch."""

    query: str
    window: tuple[int, int]
    key: Mapping[str, str]
    values: Mapping[str, float]


def parse_row(source: object) -> Row | None:
    """A document of the alias `aggregates`; None for what is not a window row."""
    if not isinstance(source, Mapping):
        return None
    query, start, end = source.get("query"), source.get("window_start"), source.get("window_end")
    key, values = source.get("key"), source.get("values")
    if not isinstance(query, str) or type(start) is not int or type(end) is not int:
        return None
    if not isinstance(values, Mapping):
        return None
    numbers = {str(name): number for name, value in values.items() if (number := as_number(value)) is not None}
    labels = {str(name): label(value) for name, value in key.items()} if isinstance(key, Mapping) else {}
    return Row(query, (start, end), labels, numbers)


def as_number(value: Any) -> float | None:
    """A finite number, also from the text that exact decimals travel as; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def label(value: object) -> str:
    """A group's value as a short text."""
    text = "(none)" if value is None else value if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def is_additive(name: str) -> bool:
    """Whether a value may be added up over groups, by its name: counts and sums may, averages and extremes may not."""
    return _NOT_ADDITIVE.search(name.lower()) is None


def chart(rows: Sequence[Row], *, complete: bool) -> Chart | None:
    """The chart of one query's rows; None if there is nothing to draw.

    Where the rows are only the newest part of all (`complete` is false) the oldest window is left out, since some
    of its groups may be missing.
    """
    spans = sorted({row.window for row in rows})
    if not complete and len(spans) > 1:
        spans = spans[1:]
    spans = spans[-MAX_WINDOWS:]
    kept = [row for row in rows if row.window in set(spans)]
    values = _names(row.values for row in kept)[:MAX_VALUES]
    if not kept or not values:
        return None
    columns = _names(row.key for row in kept)
    additive = tuple(is_additive(name) for name in values)
    dimensions = _dimensions(columns, may_add=all(additive))
    lines = {
        dimension: {value: _lines(kept, spans, chosen, value) for value in values}
        for dimension, chosen in dimensions.items()
    }
    return Chart(kept[0].query, tuple(spans), tuple(dimensions), tuple(values), additive, lines)


def _names(parts: Iterable[Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(name for part in parts for name in part))


def _dimensions(columns: Sequence[str], *, may_add: bool) -> dict[str, tuple[str, ...]]:
    if len(columns) > 1 and may_add:
        return {column: (column,) for column in columns[:4]}
    return {" · ".join(columns) or EVERYTHING: tuple(columns)}


def _lines(
    rows: Sequence[Row], spans: Sequence[tuple[int, int]], columns: Sequence[str], value: str
) -> tuple[Line, ...]:
    place = {span: index for index, span in enumerate(spans)}
    groups: dict[str, list[float | None]] = {}
    for row in rows:
        if value not in row.values:
            continue
        name = " · ".join(row.key.get(column, "(none)") for column in columns) or EVERYTHING
        points = groups.setdefault(name, [None] * len(spans))
        index = place[row.window]
        points[index] = (points[index] or 0.0) + row.values[value]
    ranked = sorted(groups.items(), key=lambda group: (-_weight(group[1]), group[0]))
    lines = [Line(name, tuple(points)) for name, points in ranked[:MAX_GROUPS]]
    rest = [points for _, points in ranked[MAX_GROUPS:]]
    if rest and is_additive(value):
        lines.append(Line(OTHERS, tuple(_sum(column) for column in zip(*rest, strict=True))))
    return tuple(lines)


def _weight(points: Iterable[float | None]) -> float:
    return sum(abs(point) for point in points if point is not None)


def _sum(points: Iterable[float | None]) -> float | None:
    present = [point for point in points if point is not None]
    return sum(present) if present else None
