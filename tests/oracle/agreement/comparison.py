"""Whether two results say the same: rows as multisets, doubles within a tolerance, everything else exactly."""

from __future__ import annotations

import json
import math
import struct
from collections import defaultdict
from collections.abc import Sequence

from agreement.results import Row

RELATIVE = 1e-9
ABSOLUTE = 1e-9


def differs(expected: Sequence[Row], given: Sequence[Row], kinds: Sequence[str]) -> str:
    """The first difference between rows of columns of these types in words, "" if there is none."""
    singles = [place for place, kind in enumerate(kinds) if kind == "FLOAT"]
    if singles:
        expected, given = _with_singles(expected, singles), _with_singles(given, singles)
    return difference(expected, given, [kind == "DOUBLE" for kind in kinds])


def _with_singles(rows: Sequence[Row], places: Sequence[int]) -> list[Row]:
    """The rows with these columns rounded to single precision, in which Flink writes more or fewer digits than we."""
    return [
        [
            struct.unpack("f", struct.pack("f", value))[0]
            if place in places and isinstance(value, int | float)
            else value
            for place, value in enumerate(row)
        ]
        for row in rows
    ]


def difference(expected: Sequence[Row], given: Sequence[Row], doubles: Sequence[bool]) -> str:
    """The same, told which columns are doubles and so are compared with tolerance."""
    ours, theirs = _grouped(given, doubles), _grouped(expected, doubles)
    for key in theirs.keys() | ours.keys():
        wanted, found = sorted(theirs.get(key, []), key=_order), sorted(ours.get(key, []), key=_order)
        if len(wanted) != len(found) or not all(map(_close, wanted, found)):
            return _words(expected, given, doubles)
    return ""


def _words(expected: Sequence[Row], given: Sequence[Row], doubles: Sequence[bool]) -> str:
    missing, extra = _unmatched(expected, given, doubles), _unmatched(given, expected, doubles)
    parts = [f"{len(missing)} rows missing, {len(extra)} too many of {len(expected)}"]
    parts += [f"Flink {json.dumps(row, ensure_ascii=False)}" for row in missing[:3]]
    parts += [f"ours  {json.dumps(row, ensure_ascii=False)}" for row in extra[:3]]
    return "\n    ".join(parts)


def _unmatched(rows: Sequence[Row], others: Sequence[Row], doubles: Sequence[bool]) -> list[Row]:
    left = _grouped(others, doubles)
    found = []
    for row in sorted(rows, key=json.dumps):
        exact, close = _split(row, doubles)
        candidates = left.get(exact, [])
        place = next((number for number, other in enumerate(candidates) if _close(close, other)), None)
        if place is None:
            found.append(row)
        else:
            candidates.pop(place)
    return found


def _grouped(rows: Sequence[Row], doubles: Sequence[bool]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        exact, close = _split(row, doubles)
        groups[exact].append(close)
    return groups


def _split(row: Row, doubles: Sequence[bool]) -> tuple[str, Row]:
    exact = [value for value, double in zip(row, doubles, strict=True) if not double]
    return json.dumps(exact), [value for value, double in zip(row, doubles, strict=True) if double]


def _close(wanted: Row, found: Row) -> bool:
    return all(map(_same_double, wanted, found))


def _same_double(wanted: object, found: object) -> bool:
    if isinstance(wanted, int | float) and isinstance(found, int | float):
        return math.isclose(wanted, found, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return wanted == found


def _order(row: Row) -> tuple[tuple[bool, float, str], ...]:
    return tuple(
        (value is None, float(f"{value:.6g}") if isinstance(value, int | float) else 0.0, str(value)) for value in row
    )
