"""What is offered to the stream over time, and what becomes of the tasks: functions of the second, all from a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scaling.assumptions import MIB

HOUR = 3600


def nothing(second: int) -> float:
    """No load."""
    return 0.0


def _healthy(second: int) -> float:
    return 1.0


@dataclass(frozen=True)
class Load:
    """Bytes a second by second: of many keys (`demand`) and of one key (`hot`); and what part of a task works still."""

    name: str
    hours: float
    demand: Callable[[int], float]
    hot: Callable[[int], float] = nothing
    health: Callable[[int], float] = _healthy
    spike: tuple[int, int] | None = None
    """When a spike begins and ends, s."""


def steady(mib: float = 8.0, hours: float = 8) -> Load:
    """Always the same, but for 5 % of noise a minute."""
    return Load("steady", hours, lambda second: mib * MIB * _noise("steady", second, 0.05))


def diurnal() -> Load:
    """A day, 2 MiB a second at midnight and 18 at noon, with 10 % of noise."""

    def demand(second: int) -> float:
        return 2 * MIB * (5 - 4 * math.cos(2 * math.pi * second / (24 * HOUR))) * _noise("diurnal", second, 0.1)

    return Load("diurnal", 24, demand)


def spike(factor: float = 10, minutes: int = 60) -> Load:
    """3 MiB a second, and from the third hour on ten times that for an hour, from one second to the next."""
    begin, end = 3 * HOUR, 3 * HOUR + 60 * minutes

    def demand(second: int) -> float:
        return 3 * MIB * (factor if begin <= second < end else 1) * _noise("spike", second, 0.05)

    return Load(f"spike x{factor:g}", 8, demand, spike=(begin, end))


def slow_leak() -> Load:
    """A steady 12 MiB a second on tasks that lose half of what they do over twelve hours: a leak, not a load."""

    def health(second: int) -> float:
        return 1 - 0.5 * second / (12 * HOUR)

    return Load("slow leak", 12, lambda second: 12 * MIB * _noise("leak", second, 0.05), health=health)


def hot_key() -> Load:
    """8 MiB a second, and for two hours one key alone writes 1.3, more than any shard takes."""

    def hot(second: int) -> float:
        return 1.3 * MIB if 3 * HOUR <= second < 5 * HOUR else 0.05 * MIB

    return Load("hot key", 12, lambda second: 8 * MIB * _noise("hot", second, 0.05), hot=hot)


def recorded() -> Load:
    """A day of a real load balancer, whose five minutes differ by ten times and more; 8 MiB a second in the mean."""
    lines = (Path(__file__).parent / "recorded" / "requests.txt").read_text().splitlines()
    counts = [int(count) for line in lines if not line.startswith("#") for count in line.split()]
    mean = sum(counts) / len(counts)

    def demand(second: int) -> float:
        place, rest = divmod(second, 300)
        first, second_count = counts[place % len(counts)], counts[(place + 1) % len(counts)]
        return 8 * MIB / mean * (first + (second_count - first) * rest / 300)

    return Load("recorded", 24, demand)


MAKERS: tuple[Callable[[], Load], ...] = (steady, diurnal, spike, slow_leak, hot_key, recorded)
"""The loads that the policies are compared on."""


@cache
def _minute_noise(name: str, minute: int, share: float) -> float:
    return 1 + random.Random(f"{name}/{minute}").uniform(-share, share)


def _noise(name: str, second: int, share: float) -> float:
    return _minute_noise(name, second // 60, share)
