"""What the feeders share: their common options, the pace, the end, and the summary."""

import argparse
import asyncio
import os
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import aiohttp
from ingest_client import NDJSON, GivenUp, IngestClient, Ledger, NotAdmitted

Batches = AsyncIterator[Sequence[bytes]]
Feed = Callable[[argparse.Namespace, asyncio.Event], Batches]


def common_parser(description: str, *, rate: float) -> argparse.ArgumentParser:
    """A parser with the options that every feeder has."""
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        epilog="Ctrl-C ends it cleanly.",
    )
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="address of the ingest API")
    parser.add_argument(
        "--key", default=None, help="API key; better given as the environment's ETL_API_KEY, which ps does not show"
    )
    parser.add_argument("--duration", type=_positive, default=None, help="seconds to run; without it, until Ctrl-C")
    parser.add_argument("--rate", type=_positive, default=rate, help="most events a second")
    parser.add_argument(
        "--batch", type=int, choices=range(1, 501), metavar="1-500", default=50, help="events a request"
    )
    parser.add_argument("--ledger", type=Path, default=None, help="file that gets a JSON line for each accepted event")
    parser.add_argument("--patience", type=_positive, default=120.0, help="seconds to retry one batch before giving up")
    return parser


def run(name: str, options: argparse.Namespace, feed: Feed, content_type: str = NDJSON) -> int:
    """Feed until the duration is over or a signal comes, print the summary, and return the exit code.

    0: every event was accepted or refused for good; 1: some were given up, or the key is not known.
    """
    return asyncio.run(_run(name, options, feed, content_type))


def api_key(options: argparse.Namespace) -> str:
    """The key of --key, else of the environment's ETL_API_KEY, else none."""
    return str(options.key if options.key is not None else os.environ.get("ETL_API_KEY", ""))


def stop_at_the_end(options: argparse.Namespace) -> asyncio.Event:
    """Set when the duration is over, at Ctrl-C and at SIGTERM. Call it in the running loop."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if options.duration is not None:
        loop.call_later(options.duration, stop.set)
    return stop


def new_run() -> str:
    """Eight hexadecimal digits that tell this run's event ids from those of other runs."""
    return uuid.uuid4().hex[:8]


def say(text: str) -> None:
    """Tell the person at the terminal something that is no event."""
    print(text, file=sys.stderr, flush=True)


async def wait(stop: asyncio.Event, seconds: float) -> bool:
    """Wait so long, or less where the end comes first; whether the end has come."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True


class Pace:
    """Spreads events evenly: at most `rate` a second, counted from the first. Time lost is not made up for."""

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._next = clock()

    def delay(self, events: int) -> float:
        """Seconds to wait before this many events may go."""
        now = self._clock()
        due = max(self._next, now)
        self._next = due + events / self._rate
        return due - now


async def _run(name: str, options: argparse.Namespace, feed: Feed, content_type: str) -> int:
    stop = stop_at_the_end(options)
    timeout = aiohttp.ClientTimeout(total=60, connect=10)
    code = 0
    async with aiohttp.ClientSession(timeout=timeout) as session:
        with Ledger(options.ledger) as ledger:
            client = IngestClient(session, options.url, api_key(options), ledger, patience_seconds=options.patience)
            try:
                await _send_all(client, feed(options, stop), Pace(options.rate, time.monotonic), stop, content_type)
            except (GivenUp, NotAdmitted) as error:
                say(f"{name}: {error}")
                code = 1
    print(client.totals.lines(name), flush=True)
    return code


async def _send_all(client: IngestClient, batches: Batches, pace: Pace, stop: asyncio.Event, content_type: str) -> None:
    # A feed goes on after its `yield` only when the batch was taken: there it may remember how far it is.
    async for batch in batches:
        if batch:
            await wait(stop, pace.delay(len(batch)))
            await client.send(batch, content_type)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be a positive number")
    return value
