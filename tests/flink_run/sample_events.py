"""One stream of events for all pipelines: the examples' sample data by their times, and what the others look for.

Each file's lines keep their order, its late event and its line that is cut short among them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

DATA = Path(__file__).parents[2] / "examples" / "sql" / "data"
START = 1_767_603_600_000
"""2026-01-05 09:00 UTC, when the sample data begins."""


def lines(seed: int = 1) -> list[bytes]:
    """The events as JSON lines, in the order of arrival."""
    streams = [list(_arriving(file.read_bytes().splitlines())) for file in sorted(DATA.glob("*.jsonl"))]
    draw = random.Random(seed)
    streams += [list(_changes(draw)), list(_large_payments(draw))]
    arriving = [(at, place, line) for place, stream in enumerate(streams) for at, line in stream]
    return [line for _, _, line in sorted(arriving, key=lambda each: each[:2])]


def _arriving(given: list[bytes]) -> Iterator[tuple[int, bytes]]:
    """Each line with when it arrives: with the newest event before it."""
    newest = 0
    for line in given:
        with suppress(ValueError):  # the line that is cut short arrives where it stands
            newest = max(newest, json.loads(line)["time"])
        yield newest, line


def _changes(draw: random.Random) -> Iterator[tuple[int, bytes]]:
    """Rows created, updated and deleted in three tables of a database."""
    for number in range(400):
        at = START + number * 2_500 + draw.randrange(2_000)
        table, op = draw.choice(["orders", "customers", "stock"]), draw.choice("ccuuudr")
        yield at, _event(f"change-{number}", f"cdc.{table}", at, {"op": op, "source": {"table": table}})


def _large_payments(draw: random.Random) -> Iterator[tuple[int, bytes]]:
    """A few cards that pay three or four large sums within half a minute."""
    for card in range(8):
        begin = START + 120_000 + card * 400_000
        for payment in range(draw.choice([2, 3, 4])):
            at = begin + payment * 7_000
            payload = {
                "card": f"card-large-{card}",
                "amount": draw.randrange(20_000, 90_000) / 100,
                "currency": draw.choice(["EUR", "EUR", "USD"]),
                "merchant": f"shop-{draw.randrange(10):02}",
                "city": "Berlin",
                "latitude": 52.52,
                "longitude": 13.405,
            }
            yield at, _event(f"large-{card}-{payment}", "transaction", at, payload)


def _event(identity: str, kind: str, at: int, payload: dict[str, object]) -> bytes:
    return json.dumps({"id": identity, "type": kind, "time": at, "payload": payload}, separators=(",", ":")).encode()
