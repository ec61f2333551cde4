"""A sender for tests: posts events of several keys until told to stop, and keeps the exact ids that were accepted."""

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import orjson


@dataclass
class Sent:
    """What was accepted, by id, with the event as sent; and how often an answer was not a 202."""

    accepted: dict[str, dict[str, object]] = field(default_factory=dict)
    refusals: int = 0


def transaction(number: int, run: str, cards: int = 20) -> dict[str, object]:
    """The `number`th event of a run: a card payment now, keyed by its card, numbered within the key."""
    card = f"4000-{number % cards:04d}"
    return {
        "id": f"{run}-{number}",
        "type": "transaction",
        "source": "test",
        "key": card,
        "time": time.time_ns() // 1_000_000,
        "payload": {"card": card, "amount": 10.5, "currency": "EUR", "merchant": "m1", "country": "DE", "n": number},
    }


async def send(
    url: str, key: str, run: str, stop: asyncio.Event, sent: Sent, *, batch: int = 20, pause: float = 0.1
) -> None:
    """Post batches until `stop` is set. An event whose answer is no acceptance is sent again, as a client must."""
    numbers = itertools.count()
    headers = {"X-API-Key": key, "Content-Type": "application/x-ndjson"}
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        pending: list[dict[str, object]] = []
        while not stop.is_set() or pending:
            if not stop.is_set():
                pending += [transaction(next(numbers), run) for _ in range(max(0, batch - len(pending)))]
            accepted = await _post(session, url, pending)
            sent.refusals += len(pending) - len(accepted)
            sent.accepted |= {str(event["id"]): event for event in pending if event["id"] in accepted}
            pending = [event for event in pending if event["id"] not in accepted]
            await asyncio.sleep(pause)


async def _post(session: aiohttp.ClientSession, url: str, events: list[dict[str, object]]) -> set[object]:
    try:
        async with session.post(f"{url}/v1/events", data=b"\n".join(map(orjson.dumps, events))) as response:
            body = orjson.loads(await response.read())
    except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError):
        return set()
    return {entry["id"] for entry in body.get("events", ()) if entry["status"] == "accepted"}


def write_ledger(folder: Path, sent: Sent) -> None:
    """What was accepted, as the feeders write it, so that the demo's report can be made over it."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = (
        orjson.dumps({"id": id_, "sent_at": event["time"], "accepted_at": event["time"], "event": event}) + b"\n"
        for id_, event in sent.accepted.items()
    )
    (folder / "test.jsonl").write_bytes(b"".join(lines))
