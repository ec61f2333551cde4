"""Makes the sample events of this folder, the same ones every time: `python generate.py` writes data/*.jsonl.

Every file holds events as the enricher writes them: id, type, time in ms, payload. Each has something to be found in
it, and the functions below say what. Events arrive up to two seconds out of order.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

START_MS = 1_767_603_600_000  # 2026-01-05T09:00:00Z
SECOND, MINUTE = 1_000, 60_000
_LATENESS_MS = 2_000
_CITIES = {
    "Berlin": (52.52, 13.405),
    "Hamburg": (53.551, 9.994),
    "Paris": (48.857, 2.352),
    "Lisbon": (38.722, -9.139),
    "New York": (40.713, -74.006),
    "Singapore": (1.352, 103.82),
}

Event = dict[str, Any]


def web(draw: random.Random) -> Iterator[Event]:
    """Visits of 30 people in 45 minutes. Some go from product to cart to purchase, most leave before."""
    for number in range(30):
        user = f"user-{number:02}"
        at = START_MS + draw.randrange(30 * MINUTE)
        for _ in range(draw.choice((1, 1, 2))):
            yield from _visit(draw, user, at)
            at += draw.randrange(8 * MINUTE, 15 * MINUTE)


def _visit(draw: random.Random, user: str, at: int) -> Iterator[Event]:
    pages = ["/", *draw.choices(("/search", "/product/1", "/product/2", "/help"), k=draw.randrange(1, 5))]
    if draw.random() < 0.5:
        pages += ["/product/3", "/cart"]
        if draw.random() < 0.6:
            pages += ["/purchase"]
    for page in pages:
        latency = round(draw.lognormvariate(4.4, 0.6), 1)
        yield _event("page_view", at, {"page": page, "user": user, "latency_ms": latency}, draw)
        at += draw.randrange(4 * SECOND, 70 * SECOND)


def iot(draw: random.Random) -> Iterator[Event]:
    """Six thermometers, a reading every 10 s for 20 minutes.

    device-2 gives the same value from minute 8 to 14, device-3 jumps at minute 12, device-4 is hot from minute 5 to 6,
    device-5 is silent from minute 10 to 13.
    """
    for number in range(120):
        minute = number / 6
        for device in range(1, 7):
            at = START_MS + number * 10 * SECOND + device * 137
            value = 20.0 + device + draw.gauss(0, 0.3)
            if device == 2 and 8 <= minute < 14:
                value = 22.5
            if device == 3 and 12 <= minute < 12.5:
                value += 6
            if device == 4 and 5 <= minute < 6:
                value += 60
            if device == 5 and 10 <= minute < 13:
                continue
            payload = {"device": f"device-{device}", "metric": "temperature", "value": round(value, 2), "unit": "C"}
            yield _event("iot.reading", at, payload, draw)


def logs(draw: random.Random) -> Iterator[Event]:
    """Lines of two services in 20 minutes: 3 % are errors, in minute 12 40 %; new exceptions at minutes 7 and 15."""
    for number in range(800):
        at = START_MS + number * 1_500 + draw.randrange(1_000)
        minute = (at - START_MS) / MINUTE
        payload: Event = {"service": draw.choice(("checkout", "search")), "level": "info", "message": "served"}
        if draw.random() < (0.4 if 12 <= minute < 13 else 0.03):
            known = ["TimeoutError", *(["KeyError"] if minute >= 7 else []), *(["OutOfStock"] if minute >= 15 else [])]
            payload |= {"level": "error", "message": "failed", "exception": draw.choice(known)}
        yield _event("log", at, payload, draw)


def payments(draw: random.Random) -> Iterator[Event]:
    """Payments with 12 cards in an hour, about one a card every five minutes, and four frauds.

    card-03 pays in Berlin and 20 minutes later in Singapore; card-05 pays 8 times within a minute; card-07 pays forty
    times its usual amount; card-09 pays five times under a euro and then 900.
    """
    for number in range(12):
        card = f"card-{number:02}"
        usual = draw.uniform(8, 40)
        city = list(_CITIES)[number % len(_CITIES)]
        at = START_MS + draw.randrange(4 * MINUTE)
        while at < START_MS + 60 * MINUTE:
            if number != 3:
                yield _payment(draw, card, at, usual * draw.uniform(0.6, 1.5), city)
            at += draw.randrange(4 * MINUTE, 7 * MINUTE)
    yield _payment(draw, "card-03", START_MS + 10 * MINUTE, 35.0, "Berlin")
    yield _payment(draw, "card-03", START_MS + 30 * MINUTE, 410.0, "Singapore")
    for number in range(8):
        yield _payment(draw, "card-05", START_MS + 22 * MINUTE + number * 6 * SECOND, draw.uniform(10, 90), "Singapore")
    yield _payment(draw, "card-07", START_MS + 41 * MINUTE, 1_250.0, "Hamburg")
    for number in range(5):
        yield _payment(draw, "card-09", START_MS + 50 * MINUTE + number * 9 * SECOND, draw.uniform(0.2, 0.9), "Lisbon")
    yield _payment(draw, "card-09", START_MS + 51 * MINUTE, 900.0, "Lisbon")


def _payment(draw: random.Random, card: str, at: int, amount: float, city: str) -> Event:
    latitude, longitude = _CITIES[city]
    payload = {
        "card": card,
        "amount": round(amount, 2),
        "currency": "EUR",
        "merchant": f"shop-{draw.randrange(20):02}",
        "city": city,
        "latitude": latitude,
        "longitude": longitude,
    }
    return _event("transaction", at, payload, draw)


def _event(kind: str, at: int, payload: Event, draw: random.Random) -> Event:
    return {"id": str(uuid.UUID(int=draw.getrandbits(128), version=4)), "type": kind, "time": at, "payload": payload}


def as_lines(events: Iterable[Event], draw: random.Random) -> list[str]:
    """The events in the order of their arrival; the last but 20 comes minutes late, and one line is cut short."""
    arrived = sorted(events, key=lambda event: (event["time"] + draw.randrange(_LATENESS_MS), event["id"]))
    late = {**arrived[len(arrived) // 4], "id": str(uuid.UUID(int=draw.getrandbits(128), version=4))}
    lines = [json.dumps(event, separators=(",", ":")) for event in arrived]
    lines.insert(len(lines) - 20, json.dumps(late, separators=(",", ":")))
    lines.insert(10, lines[10][:40])
    return lines


FILES: dict[str, Callable[[random.Random], Iterator[Event]]] = {
    "web": web,
    "iot": iot,
    "logs": logs,
    "payments": payments,
}


def main() -> None:
    """Write the files."""
    folder = Path(__file__).with_name("data")
    folder.mkdir(exist_ok=True)
    for name, make in FILES.items():
        draw = random.Random(name)  # noqa: S311 (a seeded generator of sample events)
        (folder / f"{name}.jsonl").write_text("\n".join(as_lines(make(draw), draw)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
