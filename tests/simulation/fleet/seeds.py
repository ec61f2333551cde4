"""One seed from its start to its end: the fleet, its traffic, its faults, and what must come true."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from fleet.chaos import Chaos, Happening, Plan, draw
from fleet.kinesis import Kinesis
from fleet.ledger import InvariantBroken, Ledger
from fleet.workers import TABLE, Services, Worker, settings
from fleet.world import World

from local_aws.kinesis.settings import KinesisSettings
from shardline.leases.dynamodb_rows import from_item, is_lease
from shardline.model import Lease
from shardline.testing.dynamodb import MemoryDynamoDB

_KEYS = 30
_DELIVERY_SECONDS = 150.0
_STOP_SECONDS = 60.0


@dataclass(slots=True)
class Result:
    """What one seed came to."""

    seed: int
    broken: str | None
    checksum: int
    last_lines: list[str]
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)


class Fleet:
    """The whole world of one seed."""

    def __init__(self, seed: int, plan: Plan | None = None, *, hiccups: float = 0.01, verbose: bool = False) -> None:
        self.seed = seed
        self.world = World(seed, verbose=verbose)
        rng = self.world.rng
        self.ledger = Ledger(self.world)
        self.faults: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.workers: list[Worker] = []
        self.is_mixed = plan is None
        self.plan = plan or draw(rng, rng.uniform(45, 75))
        kinesis_settings = KinesisSettings(
            event_bytes=rng.choice((80, 200, 400)),
            subscription_seconds=rng.choice((12.0, 40.0, 300.0)),
            event_interval_seconds=0.05,
        )
        rollover = rng.uniform(10, self.plan.ends)
        self.kinesis = Kinesis(self.world, self.ledger, kinesis_settings, rng.randint(4, 5), rollover)
        dynamodb = MemoryDynamoDB(
            clock=lambda: self.world.now,
            staleness=lambda: rng.uniform(0, 1.5),
            page_bytes=rng.choice((700, 1_000_000)),
            on_write=self.ledger.table_written,
        )
        self.services = Services(
            world=self.world,
            ledger=self.ledger,
            kinesis=self.kinesis,
            dynamodb=dynamodb,
            settings=settings(reading=rng.choice(("fan_out", "fan_out", "auto", "polling"))),
            faults=self.calls,
            flush_interval=rng.choice((0.0, 0.0, 0.4)),
            keeps_places=rng.random() < 0.4,
            hiccups=hiccups,
        )
        self._numbers: Counter[str] = Counter()
        self._started = 0
        self._is_stopping = False
        self._incarnations: Counter[str] = Counter()
        self._unowned_since: dict[str, float] = {}
        self.chaos = Chaos(self, self.plan)

    def start(self, name: str | None = None) -> Worker:
        """Start a process, under a new name or that of one that is gone."""
        if name is None:
            self._started += 1
            name = f"worker-{self._started}"
        self._incarnations[name] += 1
        worker = Worker(self.services, name, self._incarnations[name])
        self.workers.append(worker)
        return worker

    def start_one(self, name: str | None = None) -> None:
        """Start a process, unless the fleet is being stopped by now."""
        if not self._is_stopping:
            self.start(name)

    def deploy(self) -> None:
        """Replace every running worker, one after another."""
        waiting = [worker for worker in self.workers if worker.is_running]

        def replace_next() -> None:
            while waiting and (not waiting[0].is_running or waiting[0].loop.is_paused):
                waiting.pop(0)
            if not waiting:
                return
            worker = waiting.pop(0)
            worker.stop()
            poll(worker, 0)

        def poll(worker: Worker, polls: int) -> None:
            if worker.task.done() or worker.loop.is_killed or polls > 60:
                self.start_one()
                self.world.after(1.0, replace_next)
            else:
                self.world.after(0.5, lambda: poll(worker, polls + 1))

        replace_next()

    def run(self) -> Result:
        """Run the seed to its end or to the first broken invariant."""
        try:
            with _quiet():
                self._run()
        except InvariantBroken:
            pass
        finally:
            for worker in self.workers:
                worker.loop.kill()
        return self._result()

    def _run(self) -> None:
        world, rng = self.world, self.world.rng
        for place in range(rng.randint(3, 4)):
            world.at(0.6 + place * rng.random(), self.start_one)
        self.schedule_traffic()
        self._watch()
        self._until(lambda: world.now >= self.plan.ends, self.plan.ends + 1, "the plan ends")
        self.chaos.end()
        calm = world.now
        while sum(worker.is_running for worker in self.workers) < 2:
            self.start()
        world.note("calm")
        self._until(lambda: self.kinesis.stream.status == "ACTIVE", calm + 10, "the stream is active")
        self.put_last()
        if self.services.keeps_places:
            # A worker that began at the sink's place, with nothing left to read, writes no checkpoint before a record.
            for delay in (25.0, 50.0):
                world.after(delay, self._put_more)
        self._until(self._is_finished, calm + _DELIVERY_SECONDS, "everything is delivered, checkpointed and cleaned up")
        self._is_stopping = True
        for worker in self.workers:
            if worker.is_running:
                worker.stop()
        self._until(lambda: all(map(_is_over, self.workers)), world.now + _STOP_SECONDS, "every worker stops")
        held = [lease.shard_id for lease in self.leases() if lease.holder]
        if held:
            self.ledger.break_on("a stopped worker releases its leases", f"{held} are held")
        if self.is_mixed:
            self._check_richness()

    def leases(self) -> list[Lease]:
        """The lease table as it is now."""
        return [from_item(item) for item in self.services.dynamodb.items(TABLE) if is_lease(item)]

    def _until(self, holds: Callable[[], bool], deadline: float, what: str) -> None:
        ledger = self.ledger
        reached = self.world.run_until(lambda: ledger.broken is not None or holds(), deadline)
        if ledger.broken is not None:
            raise InvariantBroken(ledger.broken)
        if not reached:
            ledger.break_on("liveness", f"not within the time given: {what}; {self._missing()}")

    def _missing(self) -> str:
        late = [
            f"{shard.shard_id} {shard.safe}/{len(shard.positions)} durable, {shard.checkpoint} checkpointed"
            for shard in self.ledger.shards.values()
            if shard.safe < len(shard.positions) or shard.checkpoint < len(shard.positions)
        ]
        leased = sorted(lease.shard_id[-3:] for lease in self.leases())
        return f"{'; '.join(late) or 'all delivered and checkpointed'}; leases {leased}"

    def _is_finished(self) -> bool:
        ledger = self.ledger
        if not ledger.all_delivered:
            return False
        if any(shard.checkpoint < len(shard.positions) for shard in ledger.shards.values()):
            return False
        return {lease.shard_id for lease in self.leases()} == {
            s.shard_id for s in ledger.shards.values() if not s.is_closed
        }

    def _watch(self) -> None:
        """Look at the fleet every second: nobody died, and nothing ready stays unowned once it is calm."""
        for worker in self.workers:
            worker.check()
            if worker.group is not None and worker.group.snapshot().data_losses and not self.ledger.loss_is_expected:
                self.ledger.break_on("no record lost", f"{worker.label} reports a loss of data")
        self._check_owners()
        self.world.after(1.0, self._guarded_watch)

    def _guarded_watch(self) -> None:
        try:
            self._watch()
        except InvariantBroken:
            return

    def _check_owners(self) -> None:
        alive = {worker.name for worker in self.workers if worker.is_running}
        leases = {lease.shard_id: lease for lease in self.leases()}
        now, allowed = self.world.now, 2 * self.services.settings.lease_duration_seconds
        unowned = {}
        for shard in self.ledger.shards.values():
            if shard.has_ended or not all(self.ledger.shards[parent].has_ended for parent in shard.parents):
                continue
            lease = leases.get(shard.shard_id)
            if lease is None or lease.holder not in alive:
                unowned[shard.shard_id] = self._unowned_since.get(shard.shard_id, now)
        self._unowned_since = unowned
        for shard_id, since in unowned.items():
            if self.chaos.is_over and len(alive) > 1 and now - max(since, self.plan.ends) > allowed:
                self.ledger.break_on("every shard is owned", f"{shard_id} is not within {allowed:g} s")

    def schedule_traffic(self) -> None:
        """Plan the producers' calls, over the whole of the plan's time."""
        rng = self.world.rng
        at = 2.0
        records = 0
        while records < 520 or at < self.plan.ends - 3:
            count = rng.randint(6, 16)
            self.world.at(at, partial(self._put, count))
            records += count
            at += rng.uniform(0.3, 1.9) * self.plan.ends / 60
            if at > self.plan.ends - 1:
                at = rng.uniform(2.0, self.plan.ends - 1)

    def _put(self, count: int) -> None:
        rng = self.world.rng
        keys = [f"key{rng.randrange(_KEYS)}" for _ in range(count)]
        if rng.random() < 0.3:
            if rng.random() < 0.2:
                keys = [f"stray{rng.randrange(9)}" for _ in keys]
            else:
                home = self.kinesis.shard_of(keys[0])
                at_home = [key for key in map("key{}".format, range(_KEYS)) if self.kinesis.shard_of(key) == home]
                keys = [keys[0], *rng.choices(at_home, k=count - 1)]
            self.kinesis.put_aggregate([self._numbered(key) for key in keys])
        else:
            self.kinesis.put([self._numbered(key) for key in keys])

    def put_last(self) -> None:
        """A record into each open shard, so that every shard leaves its starting position."""
        for shard in self.kinesis.stream.open_shards:
            self.kinesis.put([self._numbered(f"last {shard.name}")], explicit=str(shard.start))

    def _put_more(self) -> None:
        if not self._is_stopping:
            self.put_last()

    def _numbered(self, key: str) -> tuple[str, int]:
        self._numbers[key] += 1
        return key, self._numbers[key] - 1

    def _check_richness(self) -> None:
        enough = {
            "workers": (len(self.workers), 3),
            "shards": (len(self.ledger.shards), 4),
            "records": (self.ledger.records, 500),
            "faults": (sum(self.faults.values()), 5),
            "reshards": (self.chaos.reshards, 1),
        }
        poor = [f"{found} {name}" for name, (found, least) in enough.items() if found < least]
        if poor:
            self.ledger.break_on("a seed is rich", ", ".join(poor))

    def _result(self) -> Result:
        ledger, world = self.ledger, self.world
        counts = Counter(
            {
                "workers": len(self.workers),
                "shards": len(ledger.shards),
                "records": ledger.records,
                "faults": sum(self.faults.values()),
                "reshards": self.chaos.reshards,
                "hand-offs": ledger.handoffs,
                "epochs": len(ledger.epochs),
                "reprocessed": ledger.reprocessed,
                "fenced": ledger.fenced,
                "virtual seconds": round(world.now),
                "steps": world.steps,
                "events": world.trace.count,
            }
        )
        calls = Counter({f"dynamodb {name}": count for name, count in self.services.dynamodb.requests.items()})
        return Result(
            self.seed,
            ledger.broken,
            world.trace.checksum,
            list(world.trace.lines),
            counts,
            self.faults,
            self.calls + calls,
        )


def _is_over(worker: Worker) -> bool:
    return worker.loop.is_killed or worker.task.done()


def run_seed(seed: int, *, verbose: bool = False) -> Result:
    """Run one seed; `verbose` keeps the whole trace."""
    return Fleet(seed, verbose=verbose).run()


@contextmanager
def _quiet() -> Iterator[None]:
    """Say nothing of the troubles that a simulation makes on purpose."""
    log = logging.getLogger("shardline")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)


def run_rolling_deploys(seed: int) -> Result:
    """Run a fleet that nothing happens to but deploys: every worker replaced in turn, three times, and two reshards."""
    deploys = [Happening(at, "deploy", 0.0) for at in (15.0, 30.0, 45.0)]
    return Fleet(seed, Plan(deploys, [10.0, 38.0], 60.0), hiccups=0.0).run()


def run_expiry(seed: int) -> tuple[Fleet, int]:
    """Kill a whole fleet for longer than the stream keeps records, then start one worker; returns its data losses."""
    fleet = Fleet(seed, Plan([], [12.0], 30.0), hiccups=0.0)
    world = fleet.world
    with _quiet():
        for _ in range(2):
            fleet.start()
        fleet.schedule_traffic()
        world.run_until(lambda: world.now >= 20.0, 21.0)
        for worker in fleet.workers:
            worker.kill()
        fleet.ledger.loss_is_expected = True
        day_after = 25 * 3600.0
        world.run_until(lambda: world.now >= day_after, day_after)
        world.now = day_after
        survivor = fleet.start()
        world.run_until(lambda: world.now >= day_after + 60.0, day_after + 60.0)
        fleet.put_last()
        deadline = day_after + 150.0
        world.run_until(lambda: world.now >= deadline, deadline)
    assert survivor.group is not None
    losses = survivor.group.snapshot().data_losses
    survivor.kill()
    return fleet, losses
