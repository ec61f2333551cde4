"""Feeds the changes of a real database: a shop in SQLite that trades while this runs.

Triggers log each inserted, updated and deleted row; the log is sent in commit order as Debezium change events. How far
it was sent is kept in the database itself (--database), so a restart goes on exactly there: nothing is left out, and
what was sent twice because a crash came in between has the same event id.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

import feeding
from ingest_client import DEBEZIUM
from shop_database import Shop, ShopDatabase

_TICK_SECONDS = 0.25


async def feed(options: argparse.Namespace, stop: asyncio.Event) -> AsyncIterator[Sequence[bytes]]:
    """Trade a little, send what changed, and so on; at the end everything that was traded is sent."""
    with tempfile.TemporaryDirectory(prefix="shop-") as folder:
        path = options.database or Path(folder) / "shop.db"
        with ShopDatabase(path) as database:
            shop = Shop(database, Random(options.seed))  # noqa: S311  a sequence to repeat, no secret
            trades = max(1, round(options.rate * _TICK_SECONDS / 1.3))
            while not stop.is_set():
                for _ in range(trades):
                    shop.trade(time.time_ns() // 1_000_000)
                while changes := database.changes(options.batch):
                    yield [change.envelope for change in changes]
                    database.move_cursor(changes[-1].lsn)
                await feeding.wait(stop, _TICK_SECONDS)


def main() -> int:
    """Entry point."""
    parser = feeding.common_parser(__doc__ or "", rate=10.0)
    parser.add_argument("--database", type=Path, default=None, help="SQLite file; none: a new one that is removed")
    parser.add_argument("--seed", type=int, default=1, help="seed of the trading")
    return feeding.run("cdc", parser.parse_args(), feed, DEBEZIUM)


if __name__ == "__main__":
    sys.exit(main())
