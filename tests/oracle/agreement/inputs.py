"""Seeded inputs of the tables: the same rows on every machine and in every Python.

dense: six keys, events every second or so, somewhat out of order but never late. hostile: gaps of hours, records
that come too late by up to minutes, duplicates, NULLs, missing fields, wrong types, broken JSON, huge and tiny
numbers, ties. gaps: the same without lateness, for questions whose late records Flink itself decides by chance
(which of two inputs it happens to read first). calendar: events hours apart around leap days, changes of daylight
saving time, 1969 and 2100. empty: nothing.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

from agreement import edges

INPUTS = ("dense", "hostile", "gaps", "calendar", "empty")
START = 1_709_164_795_000  # 2024-02-28T23:59:55Z
Event = dict[str, Any]
_T = TypeVar("_T")


class Dice:
    """Random choices from random.random() alone, whose sequence Python promises to keep."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(zlib.crc32(seed.encode())).random

    def chance(self, probability: float) -> bool:
        return self._random() < probability

    def below(self, count: int) -> int:
        return int(self._random() * count)

    def between(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return low + self.below(high - low + 1)

    def pick(self, choices: Sequence[_T]) -> _T:
        return choices[self.below(len(choices))]

    def skewed(self, choices: Sequence[_T]) -> _T:
        """The first ones more often."""
        return choices[int(self._random() ** 2 * len(choices))]


@cache
def rows(table: str, name: str, seed: str = "") -> list[bytes]:
    """The JSON lines of one table in one input; other ones of the same kind with a seed."""
    if name == "empty":
        return []
    if table == "edges":
        return [encode(event) for event in edges.events()]
    dice = Dice(f"{table}/{name}{seed}")
    times = {"dense": _dense_times, "hostile": _hostile_times, "gaps": _gap_times, "calendar": _calendar_times}[name](
        dice
    )
    make = _MAKERS[table]
    events = [make(dice, place, at) for place, at in enumerate(times)]
    if name in ("hostile", "gaps"):
        return _spoiled(dice, events, keep=_REQUIRED[table], late=name == "hostile")
    return [encode(event) for event in events]


def encode(event: Event) -> bytes:
    """Compact JSON; decimals are given as text and become numbers."""
    parts = []
    for key, value in event.items():
        text = value[1:] if isinstance(value, str) and value.startswith("#") else json.dumps(value, ensure_ascii=False)
        parts.append(f"{json.dumps(key)}:{text}")
    return ("{" + ",".join(parts) + "}").encode()


def _dense_times(dice: Dice) -> list[int]:
    at, times = START, []
    for _ in range(220):
        at += dice.pick([0, 137, 400, 811, 1000, 1500])
        times.append(at - dice.pick([0, 0, 0, 0, 1, 250, 900, 1900]))
    return times


def _hostile_times(dice: Dice) -> list[int]:
    at, times = START, []
    for _ in range(200):
        step = dice.below(100)
        if step < 55:
            at += dice.between(0, 2500)
        elif step < 60:
            at += dice.between(10_000, 120_000)
        elif step < 62:
            at += dice.between(3_600_000, 40_000_000)
        elif step < 70:
            at -= at % 10_000  # on a window's edge, which may be late
        late = dice.below(100)
        times.append(at - (dice.between(0, 4000) if late < 80 else dice.between(0, 90_000) if late < 95 else 0))
    return times


def _gap_times(dice: Dice) -> list[int]:
    # In order, ties and all: nothing is late, whatever the delay of the watermark.
    return sorted(_hostile_times(dice))


def _calendar_times(dice: Dice) -> list[int]:
    anchors = [
        -1_000_000_000,  # 1969-12-20
        -1,
        951_782_400_000,  # 2000-02-29
        1_709_164_800_000,  # 2024-02-29
        1_710_054_000_000,  # 2024-03-10T07:00Z, New York goes to summer time
        1_711_846_800_000,  # 2024-03-31T01:00Z, Berlin goes to summer time
        1_729_990_800_000,  # 2024-10-27T01:00Z, Berlin goes back
        1_735_689_599_999,  # the last millisecond of 2024
        4_102_444_800_000,  # 2100-01-01
        4_107_542_400_000,  # 2100-03-01: 2100 is no leap year
    ]
    return [anchor + offset for anchor in anchors for offset in _around(dice)]


def _around(dice: Dice) -> list[int]:
    offsets = sorted(dice.between(-93_600_000, 93_600_000) for _ in range(5))
    return sorted({*offsets, -1, 0, 3_599_999, 3_600_000})


def _spoiled(dice: Dice, events: list[Event], keep: frozenset[str], late: bool) -> list[bytes]:
    lines: list[bytes] = []
    for event in events:
        for field in list(event):
            if field in keep:
                continue
            fate = dice.below(100)
            if fate < 4:
                event[field] = None
            elif fate < 6:
                del event[field]
            elif fate < 7:
                wrong = dice.pick(["", "x", "not a number", [1], {"a": 1}, True])
                # Flink's reader loses its place at a list or an object where it expects a scalar: what follows is NULL.
                event[field] = "x" if isinstance(wrong, list | dict) else wrong
        lines.append(encode(event))
        while dice.chance(0.06):
            lines.append(lines[dice.below(len(lines)) if late else -1])
        if dice.chance(0.02):
            lines.append(dice.pick([b"{", b"[]", b"null", b'"text"', b"12", lines[-1][:-1]]))
    return lines


def _clicks(dice: Dice, place: int, at: int) -> Event:
    kind = dice.skewed(["view", "view", "cart", "purchase", "remove"])
    items = [{"sku": f"s{dice.below(20)}", "n": dice.between(1, 4)} for _ in range(dice.below(4))]
    return {
        "id": f"c{place}",
        "time": at,
        "user_id": dice.skewed([f"u{number}" for number in range(8)]),
        "kind": kind,
        "page": dice.pick(
            ["/", "/shoes", "/shoes/42", "/cart", "/Søk?q=a%20b", "https://shop.example/p/9?ref=mail#top"]
        ),
        "price": "#" + _decimal(dice, 2, 9_999_999 if dice.chance(0.1) else 20_000),
        "quantity": dice.pick([1, 1, 1, 2, 3, 10, 2_147_483_647 if place % 97 == 0 else 5]),
        "cart": json.dumps({"items": items, "coupon": dice.pick(["SAVE10", None, "ü'\""]), "total": dice.below(500)}),
        "origin": {
            "country": dice.pick(["DE", "NO", "US", "de", ""]),
            "campaign": dice.pick(["spring", "mail 7", None]),
            "rank": dice.between(-3, 30),
        },
    }


def _payments(dice: Dice, place: int, at: int) -> Event:
    cents = dice.pick([999_999_999_999, 1, 0, -2_500]) if dice.chance(0.05) else dice.between(1, 60_000)
    return {
        "id": f"p{place}",
        "time": at,
        "card": dice.skewed([f"4{number:03d}" for number in range(6)]),
        "user_id": dice.skewed([f"u{number}" for number in range(8)]),
        "amount": "#" + _cents(cents),
        "currency": dice.pick(["EUR", "EUR", "USD", "JPY"]),
        "country": dice.pick(["DE", "DE", "DE", "NO", "US"]),
        "approved": dice.chance(0.8),
        "latitude": dice.between(-9000, 9000) / 100,
        "longitude": dice.between(-18_000, 18_000) / 100,
    }


_EXTREMES = [1e300, -1e300, 5e-324, 1e-300, 0.1, -0.5, 0.0, 123456789.125, 1e21, 1e-7, 9007199254740993.0]
_LEVELS = [9_223_372_036_854_775_807, -9_223_372_036_854_775_808, 9_007_199_254_740_993, 0, -1]


def _readings(dice: Dice, place: int, at: int) -> Event:
    return {
        "id": f"r{place}",
        "time": at,
        "device": dice.skewed([f"d{number}" for number in range(6)]),
        "temperature": dice.between(-2000, 9000) / 64,
        "extreme": dice.pick(_EXTREMES),
        "level": dice.pick(_LEVELS) if dice.chance(0.04) else dice.between(-50, 1000),
        "small": dice.between(-32_768, 32_767) if dice.chance(0.1) else dice.between(0, 9),
        "battery": "#" + _decimal(dice, 3, 99_999),
        "door": dice.chance(0.3),
    }


def _logs(dice: Dice, place: int, at: int) -> Event:
    error = dice.pick(["java.io.IOException: disk full", "TypeError: x is None", "Zeitüberschreitung ✗"])
    severity = dice.skewed(["INFO", "INFO", "INFO", "WARN", "ERROR", "error"])
    return {
        "id": f"l{place}",
        "time": at,
        "service": dice.skewed(["api", "auth", "billing", "mail"]),
        "severity": severity,
        "message": error if severity in ("ERROR", "error") else f"GET /item/{dice.below(50)} took={dice.below(900)}ms",
        "status": dice.pick([200, 200, 200, 201, 404, 500, 503]),
        "took": dice.between(0, 900),
    }


def _person(dice: Dice, place: int, at: int) -> Event:
    first, last = dice.pick(["Ana", "Bo", "Chi", "Dev", "Eve"]), dice.pick(["Ng", "Ozu", "Paz", "Qi"])
    city, state = dice.pick([("Boise", "ID"), ("Salem", "OR"), ("Reno", "NV"), ("Fresno", "CA"), ("Bend", "OR")])
    return {
        "id": 1000 + place,
        "name": f"{first} {last}",
        "email": f"{first}.{last}@example.net".lower(),
        "credit_card": " ".join(f"{dice.below(10_000):04d}" for _ in range(4)),
        "city": city,
        "state": state,
        "time": at,
        "extra": "x" * dice.below(12),
    }


def _auction(dice: Dice, place: int, at: int) -> Event:
    return {
        "id": 1000 + place,
        "item_name": dice.pick(["lamp", "Chair", "old map", "vase"]),
        "description": f"lot {place}",
        "initial_bid": dice.between(1, 500),
        "reserve": dice.between(300, 2000),
        "time": at,
        "expires": at + dice.pick([2_000, 10_000, 20_000, 60_000]),
        "seller": 1000 + dice.below(place + 5),
        "category": dice.between(10, 14),
        "extra": "y" * dice.below(12),
    }


def _bid(dice: Dice, place: int, at: int) -> Event:
    channel = dice.pick(["apple", "google", "facebook", "baidu", f"channel-{dice.below(30)}"])
    return {
        "auction": 1000 + dice.below(max(place, 1)) if dice.chance(0.6) else 1000 + dice.below(8),
        "bidder": 1000 + dice.skewed(range(40)),
        "price": dice.between(1, 3000),
        "channel": channel,
        "url": f"https://auctions.example/{channel}/item.htm?query=1&channel_id={dice.below(1 << 20)}",
        "time": at,
        "extra": "".join(dice.pick("abcxyz019 ") for _ in range(dice.below(16))),
    }


def _decimal(dice: Dice, scale: int, most: int) -> str:
    return f"{dice.between(0, most) / 10**scale:.{scale}f}"


def _cents(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


_MAKERS: dict[str, Callable[[Dice, int, int], Event]] = {
    "clicks": _clicks,
    "payments": _payments,
    "readings": _readings,
    "logs": _logs,
    "person": _person,
    "auction": _auction,
    "bid": _bid,
}
TABLES = tuple(_MAKERS)
_REQUIRED = {name: frozenset({"time"}) for name in TABLES} | {"auction": frozenset({"time", "expires"})}
