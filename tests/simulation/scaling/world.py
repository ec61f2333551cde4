"""One run: a load, a way to have shards, a policy for tasks; minute by minute what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from scaling.assumptions import GB_HOUR, RECORD_BYTES, STEP_SECONDS, TASK_BYTES, TASK_GB, TASK_VCPU, VCPU_HOUR
from scaling.loads import Load
from scaling.metrics import CloudWatch, Point
from scaling.policies import Autoscaling, Policy
from scaling.shards import Shards
from scaling.stream_modes import Mode
from scaling.tasks import Tasks

_CAUGHT_UP_SECONDS = 30.0


@dataclass(slots=True)
class Minute:
    """A minute of a run; bytes are of the minute, `waiting` what producers hold at its end, `lag` its worst in s."""

    begin: int
    offered: float
    taken: float
    waiting: float
    lag: float
    tasks: int
    shards: int
    dollars: float


@dataclass
class Run:
    """What came of it."""

    load: Load
    mode: str
    policy: str
    minutes: list[Minute] = field(default_factory=list)

    @property
    def mean_lag(self) -> float:
        """How far the consumer was behind, s, over all minutes."""
        return sum(minute.lag for minute in self.minutes) / len(self.minutes)

    @property
    def worst_lag(self) -> float:
        """How far at most, s."""
        return max(minute.lag for minute in self.minutes)

    @property
    def late_minutes(self) -> int:
        """Minutes in which something was more than a minute old."""
        return sum(minute.lag > 60 for minute in self.minutes)

    @property
    def task_hours(self) -> float:
        """Hours of all tasks."""
        return sum(minute.tasks for minute in self.minutes) / 60

    @property
    def dollars(self) -> float:
        """Tasks and stream."""
        return sum(minute.dollars for minute in self.minutes)

    @property
    def task_dollars(self) -> float:
        """Tasks alone."""
        return self.task_hours * task_hour_dollars()

    def turns(self, within_minutes: int = 60) -> int:
        """How often the tasks went up, down and up again (or the other way round) within that time: oscillation."""
        moves = [
            (later.begin, later.tasks > former.tasks)
            for former, later in zip(self.minutes, self.minutes[1:], strict=False)
            if later.tasks != former.tasks
        ]
        ends = [(begin, up) for place, (begin, up) in enumerate(moves) if place == 0 or up != moves[place - 1][1]]
        return sum(third[0] - first[0] <= 60 * within_minutes for first, third in zip(ends, ends[2:], strict=False))

    def minutes_refused(self) -> int | None:
        """Minutes from the spike's beginning until the stream refused nothing more; None where it did to the end."""
        assert self.load.spike is not None
        after = [minute for minute in self.minutes if minute.begin >= self.load.spike[0]]
        refused = [minute.begin for minute in after if minute.waiting > 1]
        if refused and refused[-1] == after[-1].begin:
            return None
        return (refused[-1] - self.load.spike[0]) // 60 + 1 if refused else 0

    def minutes_to_work_off(self) -> int | None:
        """Minutes from the spike's beginning until producers hold nothing and the consumer is up with the stream."""
        assert self.load.spike is not None
        after = [minute for minute in self.minutes if minute.begin >= self.load.spike[0]]
        late = [minute.begin for minute in after if minute.waiting > 1 or minute.lag > _CAUGHT_UP_SECONDS]
        if late and late[-1] == after[-1].begin:
            return None
        return (late[-1] - self.load.spike[0]) // 60 + 1 if late else 0


def task_hour_dollars() -> float:
    """What a task costs an hour."""
    return TASK_VCPU * VCPU_HOUR + TASK_GB * GB_HOUR


def simulate(load: Load, mode: Mode, policy: Policy) -> Run:
    """Run a load from its first second to its last."""
    shards = Shards(mode.shards())
    first = -(-load.demand(0) // (0.6 * TASK_BYTES))
    tasks = Tasks(max(policy.fewest, int(first)))
    cloudwatch, autoscaling = CloudWatch(), Autoscaling(policy)
    run = Run(load, mode.name, policy.name)
    for begin in range(0, int(load.hours * 3600), 60):
        mode.look(shards, cloudwatch, begin)
        tasks.scale(autoscaling.desired(cloudwatch, tasks.desired, begin), begin)
        run.minutes.append(_minute(load, mode, shards, tasks, cloudwatch, begin))
    return run


def _minute(load: Load, mode: Mode, shards: Shards, tasks: Tasks, cloudwatch: CloudWatch, begin: int) -> Minute:
    offered = taken = throttled = lag = used = 0.0
    for now in range(begin, begin + 60, STEP_SECONDS):
        size, hot = load.demand(now) * STEP_SECONDS, load.hot(now) * STEP_SECONDS
        written, refused = shards.write(size, hot, now, STEP_SECONDS)
        used += tasks.work(shards, load.health(now), now, STEP_SECONDS)
        shards.forget_drained()
        offered, taken, throttled = offered + size + hot, taken + written, throttled + refused
        lag = max(lag, shards.behind(now))
    cpu = 100 * used * STEP_SECONDS / 60
    count = len(tasks.running)
    cloudwatch.publish(Point(begin, taken, taken / RECORD_BYTES, throttled / RECORD_BYTES, cpu, lag, count))
    dollars = mode.dollars(len(shards.open), taken, 1 / 60) + tasks.desired * task_hour_dollars() / 60
    waiting = shards.refused + shards.refused_hot
    return Minute(begin, offered, taken, waiting, lag, tasks.desired, len(shards.open), dollars)
