# ruff: noqa: D102 (Accumulator says what each method promises)
"""APPROX_COUNT_DISTINCT: HyperLogLog, mergeable, a few kilobytes a group at most.

Registers as Flajolet et al., "HyperLogLog" (2007), with 64-bit hashes; the estimate as Ertl, "New cardinality
estimation algorithms for HyperLogLog sketches" (2017), algorithm 6, which needs no table of corrections. The hash is
BLAKE2b of the value's text, so that every process and every restart counts alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from streaming_sql.aggregates.accumulator import Accumulator
from streaming_sql.types import BIGINT, SqlType

PRECISION = 12
REGISTERS = 1 << PRECISION
STANDARD_ERROR = 1.04 / math.sqrt(REGISTERS)
"""About 1.6 percent."""
_RANK_BITS = 64 - PRECISION
_DENSE_AT = 512
"""With more registers in use a bytearray is smaller than a dict."""


@lru_cache(maxsize=1 << 16, typed=True)
def register(value: Any) -> tuple[int, int]:
    """The register that a value falls in, and its rank: the place of the first 1 among the other bits of its hash."""
    if isinstance(value, Decimal):
        value = str(value.normalize())
    elif isinstance(value, float):
        value += 0.0  # -0.0 and 0.0 are one value
    text = value if isinstance(value, str) else repr(value)
    hashed = int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    rest = hashed & ((1 << _RANK_BITS) - 1)
    return hashed >> _RANK_BITS, _RANK_BITS - rest.bit_length() + 1


@dataclass(frozen=True)
class ApproxCountDistinct(Accumulator):
    """{register: rank}, and a bytearray of all ranks once many registers are in use."""

    @property
    def type(self) -> SqlType:
        return BIGINT

    def initial(self) -> dict[int, int] | bytearray:
        return {}

    def add(self, state: Any, value: Any, /) -> Any:
        place, rank = register(value)
        if isinstance(state, bytearray):
            if state[place] < rank:
                state[place] = rank
            return state
        if state.get(place, 0) < rank:
            state[place] = rank
            if len(state) > _DENSE_AT:
                return _dense(state)
        return state

    def merge(self, left: Any, right: Any, /) -> Any:
        if isinstance(left, dict) and isinstance(right, dict):
            merged = left.copy()
            for place, rank in right.items():
                if merged.get(place, 0) < rank:
                    merged[place] = rank
            return _dense(merged) if len(merged) > _DENSE_AT else merged
        return bytearray(map(max, _dense(left), _dense(right)))

    def result(self, state: Any, /) -> int:
        return round(_estimate(_dense(state))) if state else 0

    def encode(self, state: Any, /) -> str | list[Any]:
        return state.hex() if isinstance(state, bytearray) else [list(item) for item in sorted(state.items())]

    def decode(self, value: Any, /) -> Any:
        return bytearray.fromhex(value) if isinstance(value, str) else dict(value)

    def lines(self, slot: str) -> tuple[tuple[str, ...], dict[str, Callable[..., Any]]]:
        return (
            "place, rank = register(value)",
            f"state = {slot}",
            "if state.__class__ is dict:",
            "    if state.get(place, 0) < rank:",
            "        state[place] = rank",
            f"        if len(state) > {_DENSE_AT}:",
            f"            {slot} = dense(state)",
            "elif state[place] < rank:",
            "    state[place] = rank",
        ), {"register": register, "dense": _dense}


def _dense(state: dict[int, int] | bytearray) -> bytearray:
    if isinstance(state, bytearray):
        return state
    ranks = bytearray(REGISTERS)
    for place, rank in state.items():
        ranks[place] = rank
    return ranks


def _estimate(ranks: bytearray) -> float:
    counts = [ranks.count(rank) for rank in range(_RANK_BITS + 2)]
    z = REGISTERS * _tau(1 - counts[_RANK_BITS + 1] / REGISTERS)
    for count in counts[_RANK_BITS:0:-1]:
        z = (z + count) / 2
    z += REGISTERS * _sigma(counts[0] / REGISTERS)
    return REGISTERS * REGISTERS / (2 * math.log(2) * z)


def _sigma(x: float) -> float:
    if x == 1:
        return math.inf
    y, z = 1.0, x
    while True:
        x *= x
        before = z
        z += x * y
        y += y
        if z == before:
            return z


def _tau(x: float) -> float:
    if x in (0.0, 1.0):
        return 0.0
    y, z = 1.0, 1 - x
    while True:
        x = math.sqrt(x)
        before = z
        y /= 2
        z -= (1 - x) ** 2 * y
        if z == before:
            return z / 3
