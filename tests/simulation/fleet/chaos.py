"""What goes wrong, from the seed: drawn up before the run, carried out while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from fleet.kinesis import STREAM
from fleet.network import Link

from local_aws.errors import ServiceError
from local_aws.kinesis.faults import FAIL_CALLS, Fault
from shardline.errors import SubscriptionFailed

if TYPE_CHECKING:
    from fleet.seeds import Fleet

KINDS = (
    *("crash", "crash", "pause", "pause", "partition", "partition", "throttle"),
    *("slow sink", "sink down", "failing processor", "reset", "stall", "corrupt", "resource in use"),
    *("deploy", "scale out", "stop", "reshard storm", "answers lost"),
)


@dataclass(frozen=True, slots=True)
class Happening:
    """One fault: when it starts and how long it lasts, in seconds."""

    at: float
    kind: str
    seconds: float


@dataclass(slots=True)
class Plan:
    """All that will happen."""

    faults: list[Happening] = field(default_factory=list)
    reshards: list[float] = field(default_factory=list)
    ends: float = 0.0


def draw(rng: Any, seconds: float) -> Plan:
    """Draw a plan for so many seconds: at least five faults and a reshard."""
    faults = [
        Happening(rng.uniform(4, seconds - 8), rng.choice(KINDS), rng.choice((3.0, 8.0, 14.0, 22.0)))
        for _ in range(rng.randint(6, 9))
    ]
    faults.sort(key=lambda each: each.at)
    reshards = sorted(rng.uniform(4, seconds - 5) for _ in range(rng.randint(1, 3)))
    return Plan(faults, reshards, seconds)


class Chaos:
    """Carries a plan out on a fleet."""

    def __init__(self, fleet: Fleet, plan: Plan) -> None:
        self._fleet = fleet
        self._world = fleet.world
        self._rng = fleet.world.rng
        self.plan = plan
        self.is_over = False
        self.reshards = 0
        for each in plan.faults:
            self._world.at(each.at, partial(self._strike, each))
        for at in plan.reshards:
            self._world.at(at, self.reshard)

    def _strike(self, happening: Happening) -> None:
        strike: Callable[[float], bool | None] = getattr(self, "_" + happening.kind.replace(" ", "_"))
        kind = happening.kind
        if strike(happening.seconds) is False:  # nobody is there whom it could strike
            kind = "reset"
            self._reset(happening.seconds)
        self._fleet.faults[kind] += 1
        self._world.note(f"fault {kind} {happening.seconds:g} s")

    def end(self) -> None:
        """Let no fault go on: everything heals, whoever is paused goes on."""
        self.is_over = True
        self._fleet.services.hiccups = 0.0
        self._fleet.kinesis.account.faults.clear()
        for worker in self._fleet.workers:
            worker.processor.failure_rate = 0.0
            for link in worker.links:
                link.hiccups = 0.0
                link.heal()
            if worker.loop.is_paused:
                worker.loop.resume()
        for pipe in self._fleet.kinesis.pipes:
            pipe.stalled_until = min(pipe.stalled_until, self._world.now)

    def _some_worker(self) -> Any:
        running = [worker for worker in self._fleet.workers if worker.is_running and not worker.loop.is_paused]
        return self._rng.choice(running) if running else None

    def _later(self, seconds: float, undo: Callable[[], None]) -> None:
        self._world.after(seconds, lambda: None if self.is_over else undo())

    def _crash(self, seconds: float) -> bool:
        worker = self._some_worker()
        if worker is None:
            return False
        worker.kill()
        name = worker.name if self._rng.random() < 0.4 else None
        self._world.after(self._rng.choice((0.5, seconds)), partial(self._fleet.start_one, name))
        return True

    def _pause(self, seconds: float) -> bool:
        worker = self._some_worker()
        if worker is None:
            return False
        self._world.note(f"pause {worker.label}")
        worker.loop.pause()
        self._later(max(seconds, 12.0), lambda: self._resume(worker))
        return True

    def _resume(self, worker: Any) -> None:
        self._world.note(f"resume {worker.label}")
        worker.loop.resume()

    def _partition(self, seconds: float) -> bool:
        worker = self._some_worker()
        if worker is None:
            return False
        link = self._rng.choice((worker.dynamodb_link, worker.dynamodb_link, worker.kinesis_link, worker.sink_link))
        direction = self._rng.randrange(3)
        link.requests_cut = direction != 1
        link.answers_cut = direction != 0
        self._later(seconds, link.heal)
        return True

    def _answers_lost(self, seconds: float) -> None:
        links = [link for worker in self._fleet.workers for link in worker.links]
        for link in links:
            link.hiccups = 0.3
        self._later(seconds, lambda: _set(links, "hiccups", self._fleet.services.hiccups))

    def _throttle(self, seconds: float) -> None:
        which = self._rng.randrange(2)
        links = [worker.links[which] for worker in self._fleet.workers]
        for link in links:
            link.throttled = 0.6
        self._later(seconds, lambda: _set(links, "throttled", 0.0))

    def _slow_sink(self, seconds: float) -> None:
        links = [worker.sink_link for worker in self._fleet.workers]
        for link in links:
            link.slow = 40.0
        self._later(seconds, lambda: _set(links, "slow", 1.0))

    def _sink_down(self, seconds: float) -> None:
        links = [worker.sink_link for worker in self._fleet.workers]
        for link in links:
            link.throttled = 1.0
        self._later(seconds, lambda: _set(links, "throttled", 0.0))

    def _failing_processor(self, seconds: float) -> bool:
        worker = self._some_worker()
        if worker is None:
            return False
        worker.processor.failure_rate = 0.4
        self._later(seconds, lambda: setattr(worker.processor, "failure_rate", 0.0))
        return True

    def _reset(self, _: float) -> None:
        for pipe in list(self._fleet.kinesis.pipes):
            if self._rng.random() < 0.6:
                pipe.fail(SubscriptionFailed("connection reset"))

    def _stall(self, seconds: float) -> None:
        for pipe in self._fleet.kinesis.pipes:
            if self._rng.random() < 0.6:
                pipe.stalled_until = self._world.now + seconds + 10

    def _corrupt(self, _: float) -> None:
        for pipe in self._fleet.kinesis.pipes:
            if self._rng.random() < 0.6:
                pipe.corrupt_next = True

    def _resource_in_use(self, seconds: float) -> None:
        code = self._rng.choice(("ResourceInUseException", "LimitExceededException", "InternalFailureException"))
        fault = Fault(kind=FAIL_CALLS, operation="SubscribeToShard", code=code, count=6)
        self._fleet.kinesis.account.faults.add(fault)
        self._reset(seconds)

    def _deploy(self, _: float) -> None:
        self._fleet.deploy()

    def _scale_out(self, _: float) -> bool:
        if len([worker for worker in self._fleet.workers if worker.is_running]) > 5:
            return False
        self._fleet.start()
        return True

    def _stop(self, seconds: float) -> bool:
        worker = self._some_worker()
        if worker is None:
            return False
        worker.stop()
        self._world.after(seconds, self._fleet.start_one)
        return True

    def _reshard_storm(self, _: float) -> None:
        for place in range(4):
            self._world.after(place * 1.5, self.reshard)

    def reshard(self, tries: int = 20) -> None:
        """Split, merge or resize; while the stream is busy try again."""
        try:
            self._reshard_once()
            self.reshards += 1
            self._world.after(0.7, self._fleet.kinesis.note_shards)
        except ServiceError:
            if tries:
                self._world.after(0.4, lambda: self.reshard(tries - 1))

    def _reshard_once(self) -> None:
        kinesis, rng = self._fleet.kinesis, self._rng
        shards = kinesis.stream.open_shards
        choice = rng.random()
        if choice < 0.1:
            target = rng.choice([count for count in (3, 4, 5, 6) if count != len(shards)])
            body: dict[str, Any] = {"TargetShardCount": target, "ScalingType": "UNIFORM_SCALING"}
            kinesis.call("UpdateShardCount", {"StreamName": STREAM, **body})
            what = f"resize to {target}"
        elif len(shards) < 3 or (choice < 0.55 and len(shards) < 9):
            shard = rng.choice(shards)
            middle = str((shard.start + shard.end) // 2)
            kinesis.call("SplitShard", {"StreamName": STREAM, "ShardToSplit": shard.name, "NewStartingHashKey": middle})
            what = f"split {shard.name}"
        else:
            place = rng.randrange(len(shards) - 1)
            lower, upper = shards[place].name, shards[place + 1].name
            kinesis.call("MergeShards", {"StreamName": STREAM, "ShardToMerge": lower, "AdjacentShardToMerge": upper})
            what = f"merge {lower} {upper}"
        self._world.note(what)


def _set(links: list[Link], name: str, value: float) -> None:
    for link in links:
        setattr(link, name, value)
