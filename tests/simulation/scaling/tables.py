"""What the runs come to, as the tables of docs/performance.md."""

from __future__ import annotations

from collections.abc import Sequence

from scaling.comparison import LOADS, SPIKE_MODES, mean_lag
from scaling.world import Run


def spike_table(runs: Sequence[Run]) -> str:
    """For each way to have shards: how long a spike of ten times takes."""
    lines = [
        "| way to have shards | nothing refused after | worked off after | held back at most | shards | stream, $ |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for run in sorted(runs, key=lambda run: SPIKE_MODES.index(run.mode)):
        waiting = max(minute.waiting for minute in run.minutes) / 1e9
        first, most = run.minutes[170].shards, max(minute.shards for minute in run.minutes)
        shards = f"{first}" if first == most else f"{first} → {most}"
        stream = run.dollars - run.task_dollars
        lines.append(
            f"| {run.mode} | {_minutes(run.minutes_refused())} | {_minutes(run.minutes_to_work_off())} "
            f"| {waiting:.1f} GB | {shards} | {stream:.2f} |"
        )
    return "\n".join(lines)


def policy_table(runs: Sequence[Run]) -> str:
    """For each policy: mean lag and hours of tasks by load, and over all."""
    names = list(dict.fromkeys(run.policy for run in runs))
    head = "| policy | " + " | ".join(LOADS) + " | mean lag | late | tasks, $ |"
    lines = [head, "|---|" + "--:|" * (len(LOADS) + 3)]
    for name in names:
        own = {run.load.name: run for run in runs if run.policy == name}
        cells = [f"{own[load].mean_lag:.1f} s, {own[load].task_hours:.0f} h" for load in LOADS]
        late = sum(run.late_minutes for run in own.values())
        dollars = sum(run.task_dollars for run in own.values())
        cells += [f"{mean_lag(own.values()):.2f} s", f"{late} min", f"{dollars:.2f}"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _minutes(count: int | None) -> str:
    return "not within 5 h" if count is None else f"{count} min" if count else "at once"
