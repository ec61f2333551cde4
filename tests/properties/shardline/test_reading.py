"""However a shard is read and whatever fails: the same records, each once, in order, and its end."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing

from hypothesis import given, settings
from hypothesis import strategies as st

from aws_wire import aggregation
from shardline import TRIM_HORIZON, Checkpoint, GroupSettings
from shardline.clock import LoopClock
from shardline.reading.pacing import PollBudgets
from shardline.reading.reader import Reader
from shardline.settings import Reading
from shardline.testing import MemorySource, MemoryStream, run_in_virtual_time

SHARD = "shardId-000000000000"
Place = tuple[int, int]


def fill(stream: MemoryStream, rng: random.Random) -> list[Place]:
    """Put one record, plain or an aggregate of some; returns the places of its user records."""
    count = rng.choice((0, 0, 0, 1, 3))
    if not count:
        return [(int(stream.put("key", b"x" * rng.randrange(50))), 0)]
    users = [aggregation.UserRecord("key", b"y" * rng.randrange(50), None) for _ in range(count)]
    number = int(stream.put("key", aggregation.encode(users)))
    return [(number, sub) for sub in range(count)]


async def deliver(
    seed: int, reading: Reading, failure_rate: float, start: int | None, life: float, flips: list[float]
) -> tuple[list[Place], list[Place]]:
    """Read a shard that fills while it is read, and is split at last; returns what was put and what came."""
    rng = random.Random(seed)
    stream = MemoryStream(1)
    put = [place for _ in range(30) for place in fill(stream, rng)]
    source = MemorySource(stream, life_seconds=life, failure_rate=failure_rate, rng=random.Random(seed))
    position = Checkpoint(TRIM_HORIZON)
    if start is not None:
        at = put[start % len(put)]
        position = Checkpoint(str(at[0]), at[1])
        put = put[start % len(put) + 1 :]
    policy = GroupSettings(reading=reading, fan_out_retry_seconds=10, stall_seconds=20, subscription_seconds=40)
    reader = Reader(
        source,
        policy,
        LoopClock(),
        rng.random,
        wall=lambda: asyncio.get_running_loop().time(),
        poll_budgets=PollBudgets(),
    )

    async def refuse_and_allow() -> None:
        for pause in flips:
            await asyncio.sleep(pause)
            source.refuses_fan_out = not source.refuses_fan_out
        source.refuses_fan_out = False

    async def produce() -> None:
        for _ in range(40):
            await asyncio.sleep(rng.expovariate(0.5))
            put.extend(fill(stream, rng))
        stream.split(stream.open_shards()[0])

    got: list[Place] = []
    others = asyncio.gather(refuse_and_allow(), produce())
    events = reader.events(SHARD, position)
    async with aclosing(events):  # type: ignore[type-var]
        async for event in events:
            got += [(int(record.sequence_number), record.sub_sequence_number) for record in event.records]
            assert event.size == sum(len(record.data) for record in event.records)
            if rng.random() < 0.05:
                await asyncio.sleep(rng.choice((1.0, 30.0, 400.0)))
    await others
    return put, got


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    reading=st.sampled_from(["fan_out", "polling", "auto"]),
    failure_rate=st.sampled_from([0.0, 0.1, 0.3]),
    start=st.none() | st.integers(0, 60),
    life=st.sampled_from([3.0, 30.0, 300.0]),
    flips=st.lists(st.floats(0.5, 40.0), max_size=6),
)
def test_every_way_delivers_the_same(
    seed: int, reading: Reading, failure_rate: float, start: int | None, life: float, flips: list[float]
) -> None:
    """By fan-out, by polling, or by both in turn as fan-out is refused and comes back; from any place."""
    put, got = run_in_virtual_time(deliver(seed, reading, failure_rate, start, life, flips))
    assert got == put
