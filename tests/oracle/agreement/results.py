"""Result rows as plain JSON values, whichever engine gave them: times in ms, decimals as text, doubles as doubles."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Row = list[Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"(-?\d+)-(\d+)-(\d+)(?:[ T](\d+):(\d+)(?::(\d+)(?:\.(\d+))?)?)?Z?")
_FIELD = re.compile(r"`((?:[^`]|``)+)` ")


def rows_of(result: dict[str, Any]) -> Iterator[tuple[str, Row]]:
    """The changes of a Flink result, in its order: ("+", row) and ("-", row)."""
    kinds = [kind for _, kind in result["columns"]]
    readers = [reader(kind) for kind in kinds]
    names = [name for name, _ in result["columns"]]
    for line in result["changes"]:
        envelope = json.loads(line, parse_float=Decimal)
        sign, values = ("+", envelope["after"]) if envelope["op"] == "c" else ("-", envelope["before"])
        yield sign, [read(values.get(name)) for name, read in zip(names, readers, strict=True)]


def final_rows(changes: Iterator[tuple[str, Row]]) -> tuple[list[Row], bool]:
    """The table that the changes leave behind, sorted, and whether any row was taken back."""
    counts: dict[str, int] = {}
    revised = False
    for sign, row in changes:
        key = json.dumps(row)
        counts[key] = counts.get(key, 0) + (1 if sign == "+" else -1)
        revised = revised or sign == "-"
    texts = [key for key, count in counts.items() for _ in range(count)]
    return [json.loads(text) for text in sorted(texts)], revised


def reader(kind: str) -> Callable[[Any], Any]:
    """From Flink's JSON of a value of the type to the plain one."""
    if kind.startswith("ROW<"):
        return _row_reader(kind)
    if kind.startswith("ARRAY<"):
        element = reader(kind[6:-1].removesuffix(" NOT NULL"))
        return lambda values: None if values is None else [element(value) for value in values]
    if kind.startswith("DECIMAL"):
        scale = int(kind.split(",")[1].strip(" )"))
        return lambda value: None if value is None else f"{Decimal(value):.{scale}f}"
    read = {"TIMESTAMP": milliseconds, "DATE": _day, "DOUBLE": _double, "FLOAT": _double}.get(
        re.split(r"[( ]", kind)[0], lambda value: value
    )
    return lambda value: None if value is None else read(value)


def _row_reader(kind: str) -> Callable[[Any], Any]:
    fields = []
    for part in split_types(kind[4:-1]):
        name = _FIELD.match(part)
        assert name is not None, kind
        fields.append((name[1], reader(part[name.end() :].removesuffix(" NOT NULL"))))
    return lambda value: None if value is None else [read(value.get(name)) for name, read in fields]


def split_types(text: str) -> list[str]:
    """The parts of "`a` INT, `b` DECIMAL(3, 2)", split at the outer commas."""
    parts, depth, quoted = [""], 0, False
    for character in text:
        quoted ^= character == "`"
        depth += (character in "<(") - (character in ">)")
        if character == "," and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def milliseconds(value: str) -> int:
    """Milliseconds of the UTC epoch of "2024-02-29 12:00:00.123"; finer digits are cut."""
    found = _TIME.fullmatch(value)
    assert found is not None, value
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    fraction = int((found[7] or "0").ljust(3, "0")[:3])
    days = (datetime(year, month, day, tzinfo=UTC) - _EPOCH).days
    return ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + fraction


def _day(value: str) -> str:
    return value


def _double(value: Any) -> Any:
    """A double; what JSON has no number for as text."""
    number = float(value)
    return number if math.isfinite(number) else str(number)


def plain_type(kind: str) -> str:
    """The type as a CREATE TABLE of the subset writes it."""
    kind = kind.replace("VARCHAR(2147483647)", "STRING").replace(" WITH LOCAL TIME ZONE", "_LTZ")
    kind = re.sub(r"TIMESTAMP\((\d)\)_LTZ", r"TIMESTAMP_LTZ(\1)", kind)
    return re.sub(r"\b(?:VAR)?CHAR\(\d+\)", "STRING", kind)
