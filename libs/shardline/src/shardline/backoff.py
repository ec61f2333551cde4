"""Waiting between tries: exponential, with full jitter. Pure.

Source: "Exponential backoff and jitter", https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from __future__ import annotations

from collections.abc import Callable


class Backoff:
    """The next waiting time, in seconds, after failures in a row. `fraction` gives numbers in [0, 1)."""

    def __init__(self, base: float, cap: float, fraction: Callable[[], float]) -> None:
        self._base = base
        self._cap = cap
        self._fraction = fraction
        self._failures = 0

    def reset(self) -> None:
        """Start from the base again, after a success."""
        self._failures = 0

    def next(self) -> float:
        """Return a random time up to base * 2^failures, at most the cap."""
        ceiling = min(self._cap, self._base * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return ceiling * self._fraction()
