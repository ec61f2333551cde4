"""The result as a table of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from measuring import Run

_HEAD = (
    "consumer",
    "records/s",
    "records/CPU-s",
    "CPU-s/1M",
    "cores",
    "peak RSS",
    "p50",
    "p99",
    "first record",
    "after restart",
    "repeated",
)


def _row(name: str, run: Run) -> list[str]:
    return [
        name,
        f"{run.rate:,.0f}",
        f"{run.rate_a_core:,.0f}",
        f"{run.cpu_seconds_a_million:.2f}",
        f"{run.cores:.2f}",
        f"{run.peak_megabytes:.0f} MB",
        "-" if run.p50_millis is None else f"{run.p50_millis:.1f} ms",
        "-" if run.p99_millis is None else f"{run.p99_millis:.1f} ms",
        f"{run.first_record_seconds:.1f} s",
        "-" if run.restart_seconds is None else f"{run.restart_seconds:.1f} s",
        f"{run.repeated:.0f}",
    ]


def rendered(results: Mapping[str, Run]) -> str:
    """A Markdown table whose columns are aligned as text too."""
    rows: list[Sequence[str]] = [_HEAD, *(_row(name, run) for name, run in results.items())]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    lines = [
        "| "
        + " | ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 1) + ("-" if place == 0 else ":") for place, width in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
