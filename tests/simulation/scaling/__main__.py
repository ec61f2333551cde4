"""Simulate how shards and tasks follow their load; print the tables, write the plots.

    python tests/simulation/scaling [--plots artifacts/scaling] [--write docs/performance.md] [--jobs 2]

Everything is computed from a seed: the same tree prints the same tables. docs/performance.md tells what they mean.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests" / "simulation"), str(ROOT / "functions" / "reshard" / "src")]

from scaling.comparison import LOADS, OTHERS, POLICIES, SPIKE_MODES, run_all  # noqa: E402 - the folders come first
from scaling.plot import Curve, Panel, chart  # noqa: E402
from scaling.tables import policy_table, spike_table  # noqa: E402
from scaling.world import Minute, Run  # noqa: E402

_KEPT = ("spike-shards", "spike-tasks")


def main() -> int:
    """Run what the command line asks for; returns the exit status."""
    options = _options()
    options.plots.mkdir(parents=True, exist_ok=True)
    spikes = run_all([("spike x10", mode, "ours") for mode in SPIKE_MODES], options.jobs)
    tables = {"spike": spike_table(spikes)}
    print(f"A spike of ten times for an hour, by the way to have shards:\n\n{tables['spike']}\n")
    runs = run_all([(load, "resharded", policy) for policy in (*POLICIES, *OTHERS) for load in LOADS], options.jobs)
    tables["policies"] = policy_table(runs)
    print(f"Policies for tasks, on a resharded stream:\n\n{tables['policies']}\n")
    drawn = _drawings(spikes, runs)
    for name, drawing in drawn.items():
        (options.plots / f"{name}.svg").write_text(drawing)
    print(f"{len(drawn)} plots in {options.plots}")
    if options.write:
        _write(options.write, tables)
        for name in _KEPT:
            (ROOT / "docs" / "images" / f"scaling-{name}.svg").write_text(drawn[name])
    return 0


def _drawings(spikes: Sequence[Run], runs: Sequence[Run]) -> dict[str, str]:
    drawn = {
        "spike-shards": _drawing("A spike of ten times, by the way to have shards", spikes, lambda run: run.mode),
        "spike-tasks": _drawing(
            "A spike of ten times, by the policy for tasks (resharded stream)",
            [run for run in runs if run.load.spike and run.policy in POLICIES],
            lambda run: run.policy,
        ),
    }
    for load in LOADS:
        own = [run for run in runs if run.load.name == load and run.policy in POLICIES]
        drawn[load.replace(" ", "-")] = _drawing(f"{load}: policies for tasks", own, lambda run: run.policy)
    return drawn


def _drawing(title: str, runs: Sequence[Run], name: Callable[[Run], str]) -> str:
    def panel(text: str, value: Callable[[Minute], float]) -> Panel:
        return Panel(text, [Curve(name(run), [value(minute) for minute in run.minutes]) for run in runs])

    offered = Panel("offered, MiB/s", [Curve("offered", [m.offered / 60 / 2**20 for m in runs[0].minutes])])
    cost = Panel("cost so far, $", [Curve(name(run), _summed([m.dollars for m in run.minutes])) for run in runs])
    return chart(
        title,
        runs[0].load.hours,
        [
            offered,
            panel("lag of the consumer, s", lambda minute: minute.lag),
            panel("held back by producers, GB", lambda minute: minute.waiting / 1e9),
            panel("tasks", lambda minute: minute.tasks),
            panel("shards", lambda minute: minute.shards),
            cost,
        ],
    )


def _summed(values: Sequence[float]) -> list[float]:
    total, sums = 0.0, []
    for value in values:
        total += value
        sums.append(total)
    return sums


def _write(page: Path, tables: dict[str, str]) -> None:
    """Put each table between its marks."""
    text = page.read_text()
    for name, table in tables.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{table}\n{end}{rest.split(end)[1]}"
    page.write_text(text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--plots", type=Path, default=ROOT / "artifacts" / "scaling", help="folder of the plots")
    parser.add_argument("--write", type=Path, help="page whose tables are to be written anew, with its plots")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="processes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
