"""Aggregators that share shards, killed and robbed at any step, while both streams are resharded.

The final tables are those of one engine over all events in order of time, without a crash. The inputs have no late
records: then no assignment of records to shards matters.
"""

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest
from crash_queries import ALERTS, QUERIES, Event, Table, scripts_of, shard_by_shard, told, undisturbed
from killed_shards import Held, Killed, World, committed

from aggregator.pipelines import load_pipelines

WORKERS = 3
PARTITIONED = ", 'partition-key' = 'card'"
SCRIPTS = {
    "keyed": scripts_of(QUERIES | ALERTS),
    "local": scripts_of(QUERIES | ALERTS, PARTITIONED),
}
PROGRAMS = {name: load_pipelines(scripts) for name, scripts in SCRIPTS.items()}


def generate(world: World, rng: random.Random, *, late: bool = False) -> list[Event]:
    """Events in order of time, no two at one time, put by their cards while the source is split and merged twice.

    With `late` some come too late, and the source is only split: a merged shard begins where the further parent stood.
    """
    times = sorted(rng.sample(range(40_000), 36))
    reshard_at = set(rng.sample(range(4, 32), 2))
    events = []
    for number, time in enumerate(times):
        if number in reshard_at:
            reshard(world, "source", merge=not late)
        if late:
            time = max(0, time - rng.choice((0, 0, 500, 1_900, 6_000, 14_000)))
        card = rng.choice(("x", "y", "z", "w"))
        event = {"id": f"e{number}", "time": time, "type": rng.choice(("pay", "pay", "login"))}
        events.append(event | {"card": card, "amount": rng.randrange(100)})
        world.put_event(events[-1], card)
    return events


def reshard(world: World, stream: Any, *, merge: bool = True) -> None:
    """Split a shard, or merge two neighbours."""
    world.resharded += 1
    shards = world.streams[stream]
    if merge and world.rng.random() < 0.5 and shards.neighbours():
        shards.merge(*world.rng.choice(shards.neighbours()))
    else:
        shards.split(world.rng.choice([name for name, shard in shards.shards.items() if shard.is_open]))


class Run:
    """What happens to a world, drawn from its seed, until everything is read and has fired."""

    def __init__(self, world: World, kills: list[int]) -> None:
        self.world, self.kills = world, kills
        self.quiet = 0
        self.left_to_reshard = 2

    async def until_done(self) -> None:
        for _ in range(20_000):
            if self.quiet >= 5:
                return
            if not self.world.kill_at and self.kills:
                self.world.kill_at = self.world.steps + self.kills.pop(0)
            worker = self.world.rng.randrange(WORKERS)
            try:
                worker = await self.act(worker)
            except* Killed:
                self.world.kill_at = self.quiet = 0
                self.world.die(self.acting)
        raise AssertionError("the run does not come to its end")

    async def act(self, worker: int) -> int:
        world, rng = self.world, self.world.rng
        self.acting = worker
        ready = [(stream, lease) for stream in world.leases for lease in world.ready(stream)]
        unread = [held for held in world.held.values() if world.unread(held)]
        draw = rng.random()
        if ready and (draw < 0.3 or not unread):
            await world.take(*rng.choice(ready), worker)
        elif unread and draw < 0.75:
            await self.by(world.read, rng.choice(unread))
        elif unread or (self.kills and draw < 0.5):
            await self.disturb(rng.random())
        else:
            await self.rest()
        return worker

    async def by(self, action: Any, held: Held) -> None:
        self.acting = held.worker
        await action(held)

    async def disturb(self, draw: float) -> None:
        """Anything but reading on: commit, let a zombie go on, rob, hand over, reshard, clean up."""
        world, rng = self.world, self.world.rng
        held = rng.choice(list(world.held.values())) if world.held else None
        if held is None:
            return
        if draw < 0.55:
            await self.by(lambda each: each.pipeline.commit(), held)
        elif draw < 0.7:
            if world.zombies:
                zombie = rng.choice(world.zombies)
                await self.by(world.read if world.unread(zombie) else lambda each: each.pipeline.commit(), zombie)
        elif draw < 0.78:
            self.acting = (held.worker + 1) % WORKERS
            await world.rob(held, self.acting)
        elif draw < 0.85:
            await self.by(world.hand_over, held)
        elif draw < 0.9 and self.left_to_reshard:
            self.left_to_reshard -= 1
            reshard(world, "exchange")
        else:
            for stream in world.leases:
                world.clean_up(stream)
            await self.by(lambda each: each.pipeline.tidy(), held)

    async def rest(self) -> None:
        """Nothing is left to read: time goes on, and whatever is open fires."""
        world = self.world
        world.now += 100
        for held in list(world.held.values()):
            self.acting = held.worker
            await held.pipeline.process(world.batch(held, []))
            await held.pipeline.commit()
        self.quiet += 1


def delivered(world: World) -> Table:
    """Every row by its id; one that was delivered twice must be the same to the byte."""
    found: Table = {}
    for rows in world.rows.values():
        for name, versions in rows.items():
            assert len(versions) == 1, f"{name} was delivered in {len(versions)} versions"
            identity, values = told(json.loads(next(iter(versions))))
            found[identity] = values
    return found


async def run(seed: int, program: str, kills: Sequence[int] = (), *, late: bool = False) -> World:
    """One run of a seed; its tables are right, and nothing is left over but what a robbed owner saved in vain.

    `kills` are the steps from the last kill to the next.
    """
    rng = random.Random(seed)
    world = World(PROGRAMS[program], rng)
    events = generate(world, rng, late=late)
    if late:
        shards = world.streams["source"].shards.items()
        read = {name: ([record.data for record in shard.records], shard.children) for name, shard in shards}
        expected = shard_by_shard(PROGRAMS[program], read)
        assert any(identity.startswith("late|") for identity in expected), "the input must have late records"
    else:
        expected = undisturbed(SCRIPTS[program], {"all": events})
    queries = {identity.split("|")[0] for identity in expected}
    rare = {"small_then_large", "burst"} if late else {"small_then_large"}
    assert queries >= (QUERIES | ALERTS).keys() - rare, "the input must exercise every query"
    await Run(world, list(kills)).until_done()
    world.kill_at, steps = 0, world.steps
    assert delivered(world) == expected, f"seed {seed}, {program}"
    for stream in world.leases:
        world.clean_up(stream)
    for held in world.held.values():
        await held.pipeline.tidy()
    named = committed(world)
    left = world.objects.objects.keys() - set().union(*named.values())
    assert {int(key.split("-")[-2]) for key in left} <= world.robbed_epochs, "what no pointer names is deleted"
    units = {name.rpartition("/")[2] for name in named}
    assert units <= world.leases["source"].keys() | world.leases["exchange"].keys(), "states of past shards are swept"
    world.steps = steps  # without those of the tidying
    return world


def some_kills(seed: int, count: int) -> list[int]:
    """Steps from kill to kill."""
    rng = random.Random(seed)
    return [rng.randrange(1, 400) for _ in range(count)]


async def killed_everywhere(seed: int, program: str, *, every: int) -> int:
    """A run for each `every`-th step of one without kills, killed there; returns how many."""
    steps = range(1 + seed % every, (await run(seed, program)).steps + 1, every)
    for step in steps:
        assert (await run(seed, program, [step])).died == 1, f"seed {seed}, step {step}"
    return len(steps)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("seed", [1, 2, 3, 1_050, 1_078, 1_304])
async def test_kills_robberies_and_reshards_change_no_row(seed: int, program: str) -> None:
    """Workers die at three random steps of one run, and leases move while their owners believe to have them."""
    await run(seed, program, some_kills(seed, 3))


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("seed", range(31, 35))
async def test_late_events_are_told_once_through_kills(seed: int, program: str) -> None:
    """For the same records in the same shards every row, and every late event, is that of one engine."""
    await run(seed, program, some_kills(seed, 3), late=True)


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_kill_changes_no_row(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every sixtieth step of one run."""
    count = await killed_everywhere(7, program, every=60)
    with capsys.disabled():
        print(f" [{program}: {count} crash schedules]", end="")


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("seed", [21, 22])
async def test_a_kill_between_any_two_steps_changes_no_row(
    seed: int, program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every third step of a run."""
    count = await killed_everywhere(seed, program, every=3)
    with capsys.disabled():
        print(f" [seed {seed}, {program}: {count} crash schedules, 0 rows wrong]", end="")


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("first", range(1_000, 1_600, 60))
async def test_hundreds_of_crash_schedules_change_no_row(first: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Sixty seeds, each with another input, up to eight kills, and both kinds of keys."""
    steps = died = robbed = resharded = 0
    for seed in range(first, first + 60):
        world = await run(seed, list(PROGRAMS)[seed % 2], some_kills(seed, seed % 9))
        steps, died = steps + world.steps, died + world.died
        robbed, resharded = robbed + len(world.robbed_epochs), resharded + world.resharded
    with capsys.disabled():
        print(
            f" [seeds {first} to {seed}: {steps} steps, {died} kills, {robbed} stolen leases, {resharded} reshards, "
            "0 rows wrong]",
            end="",
        )
