"""JSON paths as Flink 1.20 reads them: Jayway JsonPath behind the words `lax` and `strict` of the SQL standard.

Without either word a path is strict, which differs from the standard. A path is definite if it names at most one
value; with a wildcard, a slice, a list or `..` it is not, and gives the array of what it finds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

_MODE = re.compile(r"\s*(strict|lax)\s+(.+)", re.IGNORECASE | re.DOTALL)
_NAME = re.compile(r"[^\[\].*()'\"\s?@,]+")
_QUOTED = re.compile(r"\s*('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\s*(,|\])", re.DOTALL)
_INDEXES = re.compile(r"\s*(-?\d{1,9})\s*((?:,\s*-?\d{1,9}\s*)*)\]", re.ASCII)
_SLICE = re.compile(r"\s*(-?\d{1,9})?\s*:\s*(-?\d{1,9})?\s*\]", re.ASCII)
_WILD = re.compile(r"\s*(?:\*|'\*'|\"\*\")\s*\]")
_FORM = "$.name, $['name'], [0], [-1], [0, 2], [1:3], [*], .* and ..name"


@dataclass(frozen=True)
class Step:
    """An indefinite step: what it finds in a value. Where all before it is definite, the value must be `wanted`."""

    find: Callable[[Any], Iterator[Any]]
    wanted: type | tuple[type, ...] = object


class PathNotFound(LookupError):
    """The document has no value where a definite path leads."""


@dataclass(frozen=True)
class JsonPath:
    """A compiled path. `find` gives its value of a document, and raises PathNotFound."""

    lax: bool
    definite: bool
    find: Callable[[Any], Any]


@lru_cache(maxsize=512)
def json_path(text: str) -> JsonPath:
    """The path compiled.

    Raises:
        ValueError: for what is no path, or a filter or function in it.

    """
    match = _MODE.fullmatch(text)
    mode, path = (match[1].lower(), match[2]) if match else ("strict", text)
    steps = _steps(path.strip())
    begin = 0
    while begin < len(steps) and isinstance(steps[begin], str | int):
        begin += 1
    keys = tuple(step for step in steps[:begin] if isinstance(step, str | int))
    if begin == len(steps):
        return JsonPath(mode == "lax", True, lambda document: _walk(document, keys))
    found = tuple(_one(step) if isinstance(step, str | int) else step for step in steps[begin:])
    wanted = found[0].wanted
    definite = len(found) == 1 and wanted is dict

    def find(document: Any) -> Any:
        value = _walk(document, keys)
        if not isinstance(value, wanted):
            raise PathNotFound
        values = list(_search(value, found))
        return values[0] if definite else values

    return JsonPath(mode == "lax", definite, find)


def parse_json(text: str) -> Any:
    """The value that a text of JSON begins with; what follows it is left out, as Flink does.

    Raises:
        ValueError: when it begins with no JSON.

    """
    global _last
    if _last[0] is text:
        return _last[1]
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        value = _parse_beginning(text)
    _last = (text, value)
    return value


_last: tuple[str | None, Any] = (None, None)
_END = re.compile(r"trailing characters \(byte (\d+)\)")


def _parse_beginning(text: str) -> Any:
    data = text.encode("utf-8", "replace")
    try:
        return msgspec.json.decode(data)
    except RecursionError as error:
        raise ValueError("too deep") from error
    except msgspec.DecodeError as error:
        match = _END.search(str(error))
        if match is None:
            raise ValueError("not JSON") from error
    return msgspec.json.decode(data[: int(match[1]) - 1])


def _walk(document: Any, keys: tuple[str | int, ...]) -> Any:
    value = document
    for key in keys:
        if isinstance(key, str):
            if value.__class__ is not dict or key not in value:
                raise PathNotFound
            value = value[key]
        else:
            if value.__class__ is not list:
                raise PathNotFound
            try:
                value = value[key]
            except IndexError:
                raise PathNotFound from None
    return value


def _search(document: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    values: Iterator[Any] = iter((document,))
    for step in steps:
        values = _each(values, step)
    return values


def _each(values: Iterator[Any], step: Step) -> Iterator[Any]:
    for value in values:
        yield from step.find(value)


def _one(key: str | int) -> Step:
    def find(value: Any) -> Iterator[Any]:
        try:
            yield _walk(value, (key,))
        except PathNotFound:
            return

    return Step(find)


def _steps(path: str) -> list[str | int | Step]:
    if not path.startswith("$"):
        raise ValueError(f"a JSON path begins with $, as in {_FORM}")
    steps: list[str | int | Step] = []
    place = 1
    while place < len(path):
        if path.startswith("..", place):
            inner, place = _step(path, place + (2 if path.startswith("[", place + 2) else 1))
            steps.append(_deep(_one(inner) if isinstance(inner, str | int) else inner))
        else:
            step, place = _step(path, place)
            steps.append(step)
    return steps


def _step(path: str, place: int) -> tuple[str | int | Step, int]:
    if path.startswith("[", place):
        return _bracket(path, place + 1)
    if path.startswith(".*", place):
        return Step(_children), place + 2
    match = _NAME.match(path, place + 1) if path.startswith(".", place) else None
    if match is None or path.startswith("(", match.end()):
        raise ValueError(f"{path!r} is not supported from character {place + 1} on, only {_FORM}")
    return match[0], match.end()


def _bracket(path: str, place: int) -> tuple[str | int | Step, int]:
    wild = _WILD.match(path, place)
    if wild is not None:
        return Step(_children), wild.end()
    names: list[str] = []
    while (match := _QUOTED.match(path, place)) is not None:
        names.append(re.sub(r"\\(.)", r"\1", match[1][1:-1], flags=re.DOTALL))
        place = match.end()
        if match[2] == "]":
            return (names[0] if len(names) == 1 else _members(tuple(names))), place
    indexes, part = _INDEXES.match(path, place), _SLICE.match(path, place)
    if indexes is not None:
        numbers = [int(indexes[1]), *(int(number) for number in indexes[2].split(",")[1:])]
        return (numbers[0] if len(numbers) == 1 else _items(numbers)), indexes.end()
    if part is not None and (part[1] or part[2]):
        bounds = slice(*(int(bound) if bound else None for bound in part.groups()))
        return Step(lambda value: iter(value[bounds] if isinstance(value, list) else ()), list), part.end()
    raise ValueError(f"{path!r} is not supported from character {place + 1} on, only {_FORM}")


def _children(value: Any) -> Iterator[Any]:
    return iter(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())


def _members(names: tuple[str, ...]) -> Step:
    """Several names give one object of those that are there."""

    def find(value: Any) -> Iterator[Any]:
        if isinstance(value, dict):
            yield {name: value[name] for name in names if name in value}

    return Step(find, dict)


def _items(indexes: list[int]) -> Step:
    def find(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            for index in indexes:
                if -len(value) <= index < len(value):
                    yield value[index]

    return Step(find, list)


def _deep(step: Step) -> Step:
    def find(value: Any) -> Iterator[Any]:
        pending = [value]
        while pending:
            current = pending.pop()
            yield from step.find(current)
            pending.extend(reversed(list(_children(current))))

    return Step(find)
