"""Sessions, OVER, joins and patterns in an aggregator that is killed: the tables are those of a run without crashes.

The inputs have no late records, so that one shard read in one go gives what several must, in whatever order.
"""

import json
import random

import pytest
from crash_queries import QUERIES, Table, scripts_of, undisturbed
from killed_aggregator import Event, Worker, World, named, run_until_done, survives
from memory_shelf import MemoryShelf, memory_bound

from aggregator.pipelines import load_pipelines

SCRIPTS = scripts_of(QUERIES)
PROGRAM = load_pipelines(SCRIPTS)
CHILDREN = {"a": ("a1", "a2")}


def generate(seed: int) -> dict[str, list[Event]]:
    """Events by shard, each in order of time, no two at one time; shard a splits into a1 and a2 at 20 s."""
    rng = random.Random(seed)
    times = rng.sample(range(20_000), 16) + rng.sample(range(20_000, 40_000), 16)
    shards: dict[str, list[Event]] = {"a": [], "b": [], "a1": [], "a2": []}
    for number, time in enumerate(sorted(times)):
        shard = rng.choice(("a", "b") if time < 20_000 else ("a1", "a2", "b"))
        event = {"id": f"e{number}", "time": time, "type": rng.choice(("pay", "pay", "login"))}
        shards[shard].append(event | {"card": rng.choice("xy"), "amount": rng.randrange(100)})
    for shard, time in (("a", 19_999), ("b", 39_999), ("a1", 39_998), ("a2", 39_997)):
        event = {"id": f"last-{shard}", "time": time, "type": "pay", "card": "x", "amount": 7}
        shards[shard].append(event)
    return shards


def delivered(world: World) -> Table:
    """Every row by its id; one that was delivered twice must be the same to the byte."""
    assert not world.rows["late"], "nothing is late"
    found: Table = {}
    for identity, versions in world.rows["aggregates"].items():
        assert len(versions) == 1, f"{identity} was delivered in {len(versions)} versions"
        found[identity] = json.loads(next(iter(versions)))["values"]
    return found


async def killed_everywhere(seed: int, *, every: int) -> int:
    """One run for each `every`-th step of an uncrashed one, killed there; returns how many."""
    shards = generate(seed)
    expected = undisturbed(SCRIPTS, shards)
    queries = {identity.split("|")[0] for identity in expected}
    assert queries >= QUERIES.keys() - {"small_then_large"}, "the input must exercise every query"
    calm = World(PROGRAM, CHILDREN, shards, random.Random(seed))
    assert await run_until_done(calm) == 0
    assert delivered(calm) == expected, f"seed {seed}, without a crash"
    killed = range(1 + seed % every, calm.steps + 1, every)
    for kill_at in killed:
        world = World(PROGRAM, CHILDREN, shards, random.Random(seed), kill_at=kill_at)
        assert await run_until_done(world) == 1, f"seed {seed}, step {kill_at}"
        assert delivered(world) == expected, f"seed {seed}, step {kill_at}"
        assert set(world.objects.objects) == named(world), "what no pointer names is deleted"
    return len(killed)


async def test_a_kill_changes_no_row(capsys: pytest.CaptureFixture[str]) -> None:
    """Every fifth step of one run."""
    count = await killed_everywhere(1, every=5)
    with capsys.disabled():
        print(f" [{count} crash schedules]", end="")


@pytest.mark.parametrize("seed", range(200, 215))
async def test_repeated_kills_change_no_row(seed: int) -> None:
    """Three workers die at random steps of one run."""
    shards, rng = generate(seed), random.Random(seed)
    world = World(PROGRAM, CHILDREN, shards, rng)
    for _ in range(3):
        world.kill_at = world.steps + rng.randrange(1, 120)
        await survives(Worker(world))
    world.kill_at = 0
    await run_until_done(world)
    assert delivered(world) == undisturbed(SCRIPTS, shards)


@pytest.mark.long
async def test_a_thousand_crash_schedules_change_no_row(capsys: pytest.CaptureFixture[str]) -> None:
    """Every step of as many runs as it takes, each with another input."""
    count = seed = 0
    while count < 1_000:
        seed += 1
        count += await killed_everywhere(seed, every=1)
    with capsys.disabled():
        print(f" [{seed} seeds, {count} crash schedules, 0 rows wrong]", end="")


@pytest.mark.parametrize("seed", range(300, 306))
async def test_kills_change_no_row_with_keys_on_disk(seed: int) -> None:
    """Each operator holds one key, and a new worker has empty shelves: what the former one put down is in the chain."""
    shards, rng = generate(seed), random.Random(seed)
    shelves: list[MemoryShelf] = []
    world = World(PROGRAM, CHILDREN, shards, rng, bound=memory_bound(1, shelves))
    for _ in range(3):
        world.kill_at = world.steps + rng.randrange(1, 120)
        await survives(Worker(world))
    world.kill_at = 0
    await run_until_done(world)
    assert delivered(world) == undisturbed(SCRIPTS, shards)
    assert sum(shelf.put_down for shelf in shelves) > 100
