"""The runs that are compared: ways to have shards under a spike, and policies for tasks under every load."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor

from reshard.decision import Limits
from scaling import loads, policies
from scaling.loads import Load
from scaling.policies import Policy
from scaling.stream_modes import Mode, OnDemand, Provisioned, Resharded
from scaling.world import Run, simulate

SHARDS = 16
MODES: dict[str, Callable[[], Mode]] = {
    "provisioned, 6 shards": lambda: Provisioned(6),
    "provisioned, 40 shards": lambda: Provisioned(40),
    "resharded, every 5 min": lambda: Resharded(6),
    "resharded, every 2 min": lambda: Resharded(6, every_seconds=120),
    "on demand, new": OnDemand,
    "on demand, has seen the peak": lambda: OnDemand(64),
    "resharded": lambda: Resharded(SHARDS, Limits(floor=2, cap=64)),
}
SPIKE_MODES = tuple(MODES)[:-1]
LOADS: dict[str, Callable[[], Load]] = {load().name: load for load in loads.MAKERS}
POLICIES: dict[str, Callable[[], Policy]] = {
    "ours": policies.ours,
    "CPU 60 %": policies.cpu_only,
    "steps 40-70 %": policies.fixed_steps,
}
OTHERS: dict[str, Callable[[], Policy]] = {
    "CPU 80 %": lambda: policies.cpu_only(0.8),
    "CPU 70 %": lambda: policies.cpu_only(0.7),
    "CPU 50 %": lambda: policies.cpu_only(0.5),
    "CPU 40 %": lambda: policies.cpu_only(0.4),
    "CPU 30 %": lambda: policies.cpu_only(0.3),
    "steps 50-80 %": lambda: policies.fixed_steps(80, 50),
    "steps 30-60 %": lambda: policies.fixed_steps(60, 30),
    "steps 25-50 %": lambda: policies.fixed_steps(50, 25),
    "steps 20-40 %": lambda: policies.fixed_steps(40, 20),
}
Case = tuple[str, str, str]
"""Names of a load, a mode and a policy."""


def run_case(case: Case) -> Run:
    """Simulate one case."""
    load, mode, policy = case
    made = (POLICIES | OTHERS)[policy]()
    run = simulate(LOADS[load](), MODES[mode](), made)
    run.mode, run.policy = mode, policy
    return run


def run_all(cases: Sequence[Case], jobs: int) -> list[Run]:
    """Simulate all cases, over several processes where asked."""
    if jobs < 2:
        return [run_case(case) for case in cases]
    with ProcessPoolExecutor(jobs) as pool:
        return [run for runs in pool.map(_run_some, [[case] for case in cases]) for run in runs]


def _run_some(cases: list[Case]) -> list[Run]:
    runs = [run_case(case) for case in cases]
    for run in runs:
        # A load holds functions, which do not travel between processes; its figures do.
        run.load = Load(run.load.name, run.load.hours, loads.nothing, spike=run.load.spike)
    return runs


def mean_lag(runs: Iterable[Run]) -> float:
    """Over all minutes of the runs, s."""
    runs = list(runs)
    return sum(run.mean_lag * run.load.hours for run in runs) / sum(run.load.hours for run in runs)
