"""Feeds web traffic out of a seeded generator: page views in sessions, purchases, and bursts with a stolen card.

People, cards and merchants are made up; card numbers are of a range that no bank can issue. Addresses are those of
public DNS resolvers, or with --geoip a sample out of that database; nothing is sent to any of them.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

import feeding
import orjson
from addresses import pick_addresses
from traffic import Traffic

_EVENTS_A_SECOND_ALONE = 20.0
"""Below this rate each event goes as soon as it happens; above, those of a twentieth of a second go together."""


async def feed(options: argparse.Namespace, stop: asyncio.Event) -> AsyncIterator[Sequence[bytes]]:
    """Batches of events of now, until the end."""
    random = Random(options.seed)  # noqa: S311  a sequence to repeat, no secret
    addresses = await asyncio.to_thread(pick_addresses, random, 200, options.geoip)
    traffic = Traffic(random, addresses, feeding.new_run(), fraud_every=options.fraud_every)
    size = max(1, min(options.batch, round(options.rate / _EVENTS_A_SECOND_ALONE)))
    while not stop.is_set():
        yield [orjson.dumps(traffic.next(time.time_ns() // 1_000_000)) for _ in range(size)]


def main() -> int:
    """Entry point."""
    parser = feeding.common_parser(__doc__ or "", rate=50.0)
    parser.add_argument("--seed", type=int, default=1, help="seed: the same one makes the same people and purchases")
    parser.add_argument("--geoip", type=Path, default=None, help="MaxMind database (.mmdb) to sample addresses from")
    parser.add_argument("--fraud-every", type=int, default=150, help="events between two bursts with a stolen card")
    return feeding.run("web", parser.parse_args(), feed)


if __name__ == "__main__":
    sys.exit(main())
