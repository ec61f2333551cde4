"""Exact sums of doubles, whatever the order: lists of doubles whose exact sum is what counts.

math.fsum rounds the exact sum of a list once (Shewchuk, "Adaptive Precision Floating-Point Arithmetic", 1997). What it
rounds away is an exact sum again, so a few doubles, the sum and its remainders, stand for any number of them:
appending costs as much as a list's append, and every few appends the list is folded.
"""

from __future__ import annotations

from fractions import Fraction
from math import fsum

FOLD_AT = 24
"""A list that is longer is folded."""
_SHIFT = 1074  # every finite double is a multiple of 2**-1074
_GREATEST = (1 << 53) - 1 << 971 + _SHIFT


def fold(values: list[float]) -> list[float]:
    """The fewest doubles of the same exact sum, greatest first; the same list for every list of that sum."""
    rest = values.copy()
    folded = []
    try:
        while (part := fsum(rest)) != 0.0:
            folded.append(part)
            rest.append(-part)
    except OverflowError:
        return _fold_large(values)
    return folded


def total(values: list[float]) -> float | None:
    """The sum, rounded once; None if no double is as large."""
    try:
        return fsum(values)
    except OverflowError:
        units = sum(map(_units, values))
    try:
        return units / (1 << _SHIFT)
    except OverflowError:
        return None


def exact_total(values: list[float]) -> Fraction:
    """The sum, not rounded."""
    return sum(map(Fraction, fold(values)), Fraction(0))


def _units(value: float) -> int:
    numerator, denominator = value.as_integer_ratio()
    return numerator << (_SHIFT + 1 - denominator.bit_length())


def _fold_large(values: list[float]) -> list[float]:
    """The slow way, for sums on the way to which no double is large enough."""
    units = sum(map(_units, values))
    folded = []
    while units:
        sign = 1 if units > 0 else -1
        part = sign * min(abs(units), _GREATEST) / (1 << _SHIFT)
        folded.append(part)
        units -= _units(part)
    return folded
