"""How many events a second one ingest-api takes, and how long an answer takes.

Run it against a service that is up: `python tests/performance/ingest/post_events.py URL --key KEY`. Each line of the
result is one way of sending: how many events a request, how many senders at once.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from statistics import quantiles

import aiohttp
import orjson

_PAYLOAD = {"user": "u-1234567", "page": "/catalogue/item/42", "agent": "Mozilla/5.0 (X11; Linux x86_64)", "n": [1, 2]}
_WAYS = ((1, 50), (100, 16), (1000, 4))


async def measure(url: str, key: str, events: int, senders: int, seconds: float) -> str:
    """One way of sending, as a line of text."""
    took: list[float] = []
    accepted = others = 0
    end = time.perf_counter() + seconds
    headers = {"X-API-Key": key, "Content-Type": "application/json"}

    async def send(http: aiohttp.ClientSession, sender: int) -> None:
        nonlocal accepted, others
        batch = [{"type": "bench", "key": f"{sender}-{n}", "payload": _PAYLOAD} for n in range(events)]
        body = orjson.dumps(batch)
        while (started := time.perf_counter()) < end:
            async with http.post(f"{url}/v1/events", data=body, headers=headers) as response:
                answer = await response.json(loads=orjson.loads)
            took.append(time.perf_counter() - started)
            accepted += answer["accepted"]
            others += response.status != 202

    connector = aiohttp.TCPConnector(limit=senders)
    async with aiohttp.ClientSession(connector=connector) as http, asyncio.TaskGroup() as group:
        for sender in range(senders):
            group.create_task(send(http, sender))
    cuts = quantiles(took, n=100)
    return (
        f"{events} events x {senders} senders: {accepted / seconds:.0f} events/s, {len(took) / seconds:.0f} requests/s,"
        f" p50 {cuts[49] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms, not 202: {others}"
    )


async def run(url: str, key: str, seconds: float) -> None:
    """Each way in turn."""
    for events, senders in _WAYS:
        print(await measure(url, key, events, senders, seconds), flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--key", required=True)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    asyncio.run(run(options.url, options.key, options.seconds))


if __name__ == "__main__":
    main()
