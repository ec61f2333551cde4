"""Every scalar function by name: what the compiler calls and the reference page lists."""

from __future__ import annotations

from streaming_sql.functions import collections, forms, hashes, json_functions, math, strings, times
from streaming_sql.functions.signature import Function

FUNCTIONS: tuple[Function, ...] = (
    *forms.FUNCTIONS,
    *math.FUNCTIONS,
    *strings.FUNCTIONS,
    *hashes.FUNCTIONS,
    *times.FUNCTIONS,
    *json_functions.FUNCTIONS,
    *collections.FUNCTIONS,
)
BY_NAME: dict[str, Function] = {name: function for function in FUNCTIONS for name in function.names}


def nearest(name: str) -> str:
    """The syntax of the function of the most similar name, and all names."""
    known = sorted(BY_NAME, key=lambda other: (-len(_common(name, other)), abs(len(other) - len(name)), other))
    return f"{BY_NAME[known[0]].syntax}; functions are {', '.join(sorted(BY_NAME))}"


def _common(name: str, other: str) -> set[str]:
    pairs = {name[place : place + 2] for place in range(len(name) - 1)}
    return pairs & {other[place : place + 2] for place in range(len(other) - 1)}
