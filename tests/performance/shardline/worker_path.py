"""How much the way from a typed event to a processor costs: a source that replays events made beforehand.

    python tests/performance/shardline/worker_path.py [--shards 16] [--events 200] [--profile]

Nothing is decoded and no socket is read, so that what is left is the group's own work: the reader's, the
read-ahead's, the bookkeeping of batches and checkpoints. Prints records per CPU second for the callback form
and the iterator, a line each as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import pstats
import time
from collections.abc import AsyncIterator

from aws_wire.kinesis import Record, SubscribeToShardEvent
from shardline import Batch, Checkpoint, ConsumerGroup, GroupSettings, Shard, each_batch
from shardline.testing import MemoryLeaseTable, MemorySource, MemoryStream

RECORDS = 500
DATA = b"x" * 300
FIRST = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898


class Replay(MemorySource):
    """A consumer of a stream whose shards each tell the same events, as fast as they are asked for."""

    def __init__(self, shards: int, events: list[SubscribeToShardEvent]) -> None:
        self._shards = shards
        self._events = events
        super().__init__(MemoryStream(shards))

    async def list_shards(self) -> list[Shard]:
        width = 2**128 // self._shards
        return [
            Shard(f"shardId-{place:012d}", (), True, place * width, (place + 1) * width - 1)
            for place in range(self._shards)
        ]

    async def subscribe(
        self, shard_id: str, position: Checkpoint, *, after: bool
    ) -> AsyncIterator[SubscribeToShardEvent]:
        for event in self._events:
            yield event
            await asyncio.sleep(0)
        await asyncio.sleep(3600)


def made(events: int) -> list[SubscribeToShardEvent]:
    """Return the events that every shard tells: the records are made once, so that making them costs nothing."""
    told = []
    for first in range(FIRST, FIRST + events * RECORDS, RECORDS):
        records = [Record(str(first + place), "key", DATA, 1_700_000_000.0) for place in range(RECORDS)]
        last = records[-1].sequence_number
        told.append(SubscribeToShardEvent(records=records, continuation=last, millis_behind_latest=0))
    return told


async def measure(shards: int, events: list[SubscribeToShardEvent], form: str) -> dict[str, object]:
    """Read everything once; returns what it cost."""
    wanted, seen, stop = shards * len(events) * RECORDS, 0, asyncio.Event()
    group = ConsumerGroup(
        stream="stream",
        application="app",
        kinesis=None,
        lease_table=MemoryLeaseTable(),
        settings=GroupSettings(),
        source=Replay(shards, events),
    )

    async def count(batch: Batch) -> None:
        nonlocal seen
        seen += len(batch.records)
        if seen >= wanted:
            stop.set()

    began = time.process_time()
    if form == "callback":
        await group.run(each_batch(count), stop)
    else:
        async with group.batches(stop) as batches:
            async for batch in batches:
                await count(batch)
                batch.done()
    spent = time.process_time() - began
    return {
        "form": form,
        "shards": shards,
        "records": seen,
        "cpu_seconds": round(spent, 3),
        "records_per_cpu_second": round(seen / spent),
        "microseconds_per_event": round(spent / (shards * len(events)) * 1e6, 1),
    }


def main() -> None:
    """Measure both forms."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--shards", type=int, default=16)
    arguments.add_argument("--events", type=int, default=200)
    arguments.add_argument("--profile", action="store_true")
    options = arguments.parse_args()
    events = made(options.events)
    for form in ("callback", "iterator"):
        profile = cProfile.Profile()
        if options.profile:
            profile.enable()
        print(json.dumps(asyncio.run(measure(options.shards, events, form))))
        if options.profile:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
