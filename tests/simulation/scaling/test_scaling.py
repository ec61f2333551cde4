"""What the policies for shards and tasks do to six kinds of load, and that the simulation itself can be believed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from reshard.decision import DAY_SECONDS, Limits
from scaling import loads, policies
from scaling.assumptions import MIB, TASK_BYTES
from scaling.comparison import LOADS, MODES, OTHERS, POLICIES, SPIKE_MODES, mean_lag, run_case
from scaling.metrics import CloudWatch, Point
from scaling.policies import Autoscaling, Policy, Tracking
from scaling.shards import Shards
from scaling.stream_modes import OnDemand, Resharded
from scaling.tables import spike_table
from scaling.tasks import Tasks
from scaling.world import Run, simulate

PAGE = Path(__file__).parents[3] / "docs" / "performance.md"


@pytest.fixture(scope="module")
def compared() -> list[Run]:
    """Every load by our policy and the two usual ones, on a resharded stream."""
    return [run_case((load, "resharded", policy)) for policy in POLICIES for load in LOADS]


@pytest.fixture(scope="module")
def spikes() -> dict[str, Run]:
    """The spike by each way to have shards."""
    return {mode: run_case(("spike x10", mode, "ours")) for mode in SPIKE_MODES}


def of(runs: list[Run], policy: str) -> list[Run]:
    return [run for run in runs if run.policy == policy]


def test_the_usual_policies_are_beaten_on_lag_and_on_cost(compared: list[Run]) -> None:
    """Over all loads our policy is less behind, later less often, and its tasks cost no more than either's."""
    ours = of(compared, "ours")
    for usual in ("CPU 60 %", "steps 40-70 %"):
        theirs = of(compared, usual)
        assert mean_lag(ours) < 0.6 * mean_lag(theirs)
        assert sum(run.late_minutes for run in ours) < sum(run.late_minutes for run in theirs)
        assert sum(run.task_dollars for run in ours) <= sum(run.task_dollars for run in theirs)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_no_setting_of_the_usual_policies_is_better_at_both(compared: list[Run]) -> None:
    """Whatever bound they are given: as cheap as ours they are behind more, as little behind they cost more."""
    ours = of(compared, "ours")
    for other in OTHERS:
        theirs = [run_case((load, "resharded", other)) for load in LOADS]
        cheaper = sum(run.task_dollars for run in theirs) <= sum(run.task_dollars for run in ours)
        sooner = mean_lag(theirs) <= mean_lag(ours)
        assert not (cheaper and sooner), other


def test_tasks_do_not_swing(compared: list[Run]) -> None:
    """No policy of ours goes up, down and up again within an hour, but on the load that does so itself."""
    assert {run.load.name: run.turns() for run in of(compared, "ours") if run.load.name != "recorded"} == dict.fromkeys(
        set(LOADS) - {"recorded"}, 0
    )


@pytest.mark.parametrize("shards", [2, 8, 11, 40])
def test_a_steady_load_comes_to_rest(shards: int) -> None:
    """Whatever the number of shards at first: they move one way, and tasks stay as they are after the first hour."""
    mode = Resharded(shards)
    run = simulate(loads.steady(), mode, policies.ours())
    assert len({resize.shards_after > resize.shards_before for resize in mode.ledger}) <= 1
    assert len({minute.tasks for minute in run.minutes[120:]}) == 1
    assert run.minutes[-1].waiting == 0


@pytest.mark.parametrize("load", list(LOADS))
def test_shards_do_not_swing_and_keep_the_quotas(load: str) -> None:
    """Ten changes in any 24 hours, to double at most and to half at least; no growth within an hour of a merge."""
    mode = Resharded(16, Limits(floor=2, cap=64))
    simulate(LOADS[load](), mode, policies.ours())
    for place, resize in enumerate(mode.ledger):
        assert resize.shards_before / 2 <= resize.shards_after <= 2 * resize.shards_before
        assert sum(resize.at - before.at < DAY_SECONDS for before in mode.ledger[:place]) < 10
    if load != "recorded":
        for former, later in pairwise(mode.ledger):
            shrunk, grown = former.shards_after < former.shards_before, later.shards_after > later.shards_before
            assert not (shrunk and grown and later.at - former.at < 3600)


def test_the_times_of_the_spike_stand_in_the_docs(spikes: dict[str, Run]) -> None:
    """docs/performance.md states what the simulation says now (`make simulate-scaling WRITE=1` writes it)."""
    stated = PAGE.read_text().split("<!-- spike: begin -->\n")[1].split("\n<!-- spike: end -->")[0]
    assert stated == spike_table(list(spikes.values()))


def test_a_spike_is_worked_off_in_every_mode_but_too_few_shards(spikes: dict[str, Run]) -> None:
    """Resharding takes it within half an hour, a stream that has seen the peak within minutes; six shards never do."""
    took = {mode: run.minutes_to_work_off() for mode, run in spikes.items()}
    for mode, limit in {
        "provisioned, 40 shards": 15,
        "on demand, has seen the peak": 15,
        "resharded, every 2 min": 30,
        "resharded, every 5 min": 40,
        "on demand, new": 90,
    }.items():
        minutes = took[mode]
        assert minutes is not None
        assert minutes <= limit, mode
    few = took["provisioned, 6 shards"]
    assert few is None or few > 240


def test_a_hot_key_makes_shards_grow_once_at_most(compared: list[Run]) -> None:
    """More shards do not take a key that is too hot for one, so they are not bought."""
    mode = Resharded(16)
    run = simulate(loads.hot_key(), mode, policies.ours())
    hot = [resize for resize in mode.ledger if 3 * 3600 <= resize.at <= 5 * 3600]
    assert len(hot) <= 1
    assert max(minute.waiting for minute in run.minutes) > 0
    assert run.worst_lag < 60, "the other keys go on"


def test_nothing_is_lost_in_the_simulation() -> None:
    """Through splits and merges: what was offered was read, lies in a shard, or waits at its producer."""
    shards, tasks = Shards(3), Tasks(2)
    offered = taken = 0.0
    for step in range(600):
        if step in (100, 200, 350, 450):
            shards.resize({100: 6, 200: 12, 350: 8, 450: 4}[step])
        size = 5 * MIB * 10 * (2 if step < 300 else 0.3)
        offered += size
        taken += shards.write(size, 0.0, 10.0 * step, 10.0)[0]
        before = sum(shard.backlog for shard in shards.all)
        read = tasks.work(shards, 1.0, 10.0 * step, 10.0) * TASK_BYTES * 10 * len(tasks.running)
        assert before - sum(shard.backlog for shard in shards.all) == pytest.approx(read, abs=1)
        shards.forget_drained()
    assert offered == pytest.approx(taken + shards.refused, rel=1e-9)


def test_a_child_waits_for_its_parents() -> None:
    """Order per key: no shard is read before those whose hash keys it took over have been."""
    shards = Shards(1)
    shards.write(100.0, 0.0, 0.0, 10.0)
    shards.resize(2)
    shards.write(100.0, 0.0, 10.0, 10.0)
    parent, *children = shards.all
    assert not any(child.readable for child in children)
    parent.read(100.0)
    assert all(child.readable for child in children)


def test_a_shard_refuses_what_is_above_its_rate() -> None:
    """One MiB a second; the rest is offered again and counted as refused."""
    shards = Shards(2)
    assert shards.write(30 * MIB, 0.0, 0.0, 10.0) == pytest.approx((20 * MIB, 10 * MIB))
    assert shards.write(0.0, 0.0, 10.0, 10.0) == pytest.approx((10 * MIB, 0))


def published(cpu: list[float]) -> CloudWatch:
    cloudwatch = CloudWatch()
    for place, value in enumerate(cpu):
        cloudwatch.publish(Point(60.0 * place, 0, 0, 0, value, 0, 4))
    return cloudwatch


@pytest.mark.parametrize(
    ("cpu", "tasks"),
    [
        ([90, 90], 4),  # two minutes are not three
        ([90, 50, 90], 4),
        ([90, 90, 90], 6),
        ([61, 61, 61], 5),
        ([30] * 14, 4),  # fourteen are not fifteen
        ([30] * 15, 2),
        ([30] * 14 + [55], 4),  # 55 is not below 90 % of 60
        ([53] * 15, 4),  # rounded up
    ],
)
def test_target_tracking_takes_three_minutes_up_and_fifteen_down(cpu: list[float], tasks: int) -> None:
    """As the user guide of Application Auto Scaling has it."""
    autoscaling = Autoscaling(Policy("cpu", tracking=(Tracking(lambda point: point.cpu, 60.0),)))
    assert autoscaling.desired(published(cpu), 4, 60.0 * len(cpu) + 60) == tasks


def test_metrics_come_late() -> None:
    """A minute is not known before the next one has passed."""
    cloudwatch = published([90, 90, 90])
    assert len(cloudwatch.known(180.0, 10)) == 2
    assert len(cloudwatch.known(240.0, 10)) == 3


def test_within_the_cool_down_only_a_larger_wish_counts() -> None:
    """What was added counts already: the same metric does not add it again."""
    autoscaling = Autoscaling(Policy("cpu", tracking=(Tracking(lambda point: point.cpu, 60.0),)))
    cloudwatch = published([90, 90, 90])
    assert autoscaling.desired(cloudwatch, 4, 240.0) == 6
    assert autoscaling.desired(cloudwatch, 6, 300.0) == 6
    cloudwatch.publish(Point(180.0, 0, 0, 0, 150.0, 0, 4))
    assert autoscaling.desired(cloudwatch, 6, 330.0) == 10


def test_an_on_demand_stream_doubles_once_half_full_and_a_quarter_of_an_hour_later() -> None:
    """Never more than double in 15 minutes, which is what Amazon says may be throttled."""
    run = simulate(loads.steady(mib=12.0, hours=2), OnDemand(), policies.ours())
    counts = [minute.shards for minute in run.minutes]
    assert counts[0] == 4
    assert all(later in (former, 2 * former) for former, later in pairwise(counts))
    assert counts[-1] >= 2 * 12
    changes = [place for place in range(1, len(counts)) if counts[place] != counts[place - 1]]
    assert all(later - former >= 15 for former, later in pairwise(changes))


def test_a_run_is_the_same_every_time() -> None:
    """Load, noise and all come from a seed."""
    first, second = (simulate(loads.spike(minutes=10), MODES["resharded"](), policies.ours()) for _ in range(2))
    assert first.minutes == second.minutes
