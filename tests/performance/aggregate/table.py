"""The results as tables of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from measuring import Run
from workloads import WORKLOADS

_HEAD = ("", "events/s a core", "rows", "of plain loop", "goal", "CPU-s", "Flink CPU-s", "peak RSS")


def rendered(plain: Run, ours: Mapping[str, Run], flink: Mapping[str, Run]) -> str:
    """A line a workload under the plain loop's; `ours` and `flink` by workload, Flink's where it ran."""
    rows = [
        (
            "json.loads and dict, 1 min, COUNT and SUM by user",
            f"{plain.rate:,.0f}",
            f"{plain.rows:,.0f}",
            "1.00",
            "",
            f"{plain.process_cpu:.1f}",
            "",
            f"{plain.peak_megabytes:.0f} MB",
        )
    ]
    for name, run in ours.items():
        goal = WORKLOADS[name].goal
        rows.append(
            (
                WORKLOADS[name].name,
                f"{run.rate:,.0f}",
                f"{run.rows:,.0f}",
                f"{run.rate / plain.rate:.2f}",
                "" if goal is None else f"≥ {goal:.1f}",
                f"{run.process_cpu:.1f}",
                f"{flink[name].process_cpu:.1f}" if name in flink else "",
                f"{run.peak_megabytes:.0f} MB",
            )
        )
    return aligned(_HEAD, rows)


def aligned(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns are aligned as text too."""
    rows = [head, *body]
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    lines = [
        "| "
        + " | ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 1) + (":" if place else "-") for place, width in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
