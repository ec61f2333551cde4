"""An estimate for people: a table for the terminal, and docs/cost-analysis.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.resources import files
from math import log10
from string import Template
from typing import Any

from rich.table import Table

from etl_cli.cost.alternatives import on_lambda, on_msk
from etl_cli.cost.lines import Line
from etl_cli.cost.model import Estimate
from etl_cli.cost.workload import Workload

STATED_LOADS = {"minimal": Workload(100, 500), "standard": Workload(2_000, 500), "scale": Workload(10_000, 500)}
"""What each profile is made for, and is estimated at."""
_LADDER = (10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
_COMPARED = (
    "profile",
    "events/s of 500 bytes",
    "$ a month",
    "$ a billion events",
    "with full KPL records",
    "as Lambda functions, $ a month",
    "with MSK instead of Kinesis, $ a month",
)
Again = Callable[[Estimate, Workload], Estimate]
"""Estimates a profile under another load."""


def table(estimate: Estimate) -> Table:
    """Every line, and the total."""
    made = Table(title=_title(estimate), title_justify="left")
    for name in ("component", "counted"):
        made.add_column(name)
    for name in ("quantity", "each, $", "$ a month"):
        made.add_column(name, justify="right")
    for line in estimate.lines:
        made.add_row(line.component, line.counted, f"{line.quantity:,.6g}", f"{line.price:.6g}", f"{line.monthly:,.2f}")
    made.add_section()
    made.add_row("total", "", "", "", f"{estimate.total:,.2f}")
    made.add_row("a billion events", "", "", "", f"{estimate.a_billion_events:,.2f}")
    return made


def as_json(estimate: Estimate) -> dict[str, Any]:
    """The same as JSON values."""
    return {
        "profile": estimate.profile.name,
        "region": estimate.prices.region,
        "prices_of": estimate.prices.as_of,
        "events_per_second": estimate.workload.events_per_second,
        "event_bytes": estimate.workload.event_bytes,
        "monthly_usd": round(estimate.total, 2),
        "usd_a_billion_events": round(estimate.a_billion_events, 2),
        "warnings": list(estimate.warnings),
        "lines": [
            {
                "component": line.component,
                "counted": line.counted,
                "quantity": line.quantity,
                "price": line.price,
                "monthly_usd": round(line.monthly, 2),
            }
            for line in estimate.lines
        ],
    }


def document(estimates: Sequence[Estimate], again: Again) -> str:
    """docs/cost-analysis.md."""
    prices = estimates[0].prices
    template = Template(files("etl_cli.cost").joinpath("document.md").read_text())
    return template.substitute(
        as_of=prices.as_of,
        region=prices.region,
        note=prices.note,
        compared=_compared(estimates, again),
        profiles="".join(_profile(estimate) for estimate in estimates),
        sensitivity=_sensitivity(estimates, again),
        sources="\n".join(f"- {name.replace('_', ' ')}: <{address}>" for name, address in prices.sources.items()),
    )


def _title(estimate: Estimate) -> str:
    load = estimate.workload
    rate = f"{load.events_per_second:,.0f} events/s of {load.event_bytes} bytes"
    return f"{estimate.profile.name}: {rate}, {estimate.prices.region}"


def _compared(estimates: Sequence[Estimate], again: Again) -> str:
    rows = []
    for one in estimates:
        filled = again(one, one.workload.filled())
        figures = (one.a_billion_events, filled.a_billion_events, _sum(on_lambda(one)), _sum(on_msk(one)))
        rate = f"{one.workload.events_per_second:,.0f}"
        rows.append((one.profile.name, rate, f"**{one.total:,.0f}**", *(f"{figure:,.0f}" for figure in figures)))
    return _markdown(_COMPARED, rows)


def _profile(estimate: Estimate) -> str:
    total = estimate.total
    rows = [(name, f"{monthly:,.2f}", f"{monthly / total:.0%}") for name, monthly in estimate.by_component().items()]
    warnings = "".join(f"- beyond the profile: {warning}\n" for warning in estimate.warnings)
    made = _markdown(("component", "$ a month", "share"), [*rows, ("**total**", f"**{total:,.2f}**", "")])
    return f"## {_title(estimate)}\n\n{made}\n{warnings}"


def _sensitivity(estimates: Sequence[Estimate], again: Again) -> str:
    lines, rows = [], []
    for one in estimates:
        ladder = [again(one, replace(one.workload, events_per_second=rate)) for rate in _LADDER]
        lines.append(f"    line [{', '.join(f'{log10(each.total):.2f}' for each in ladder)}]")
        rows.append((one.profile.name, *(f"{each.total:,.0f}{'*' if each.warnings else ''}" for each in ladder)))
    rates = ", ".join(f'"{rate:,}"' for rate in _LADDER)
    names = ", ".join(one.profile.name for one in estimates)
    chart = [
        *("```mermaid", "xychart-beta", f'    x-axis "events a second" [{rates}]'),
        *('    y-axis "log10 of US dollars a month" 1 --> 6', *lines, "```"),
    ]
    made = _markdown(("events/s", *(f"{rate:,}" for rate in _LADDER)), rows)
    return f"{made}\nThe same as powers of ten; from below: {names}.\n\n" + "\n".join(chart) + "\n"


def _markdown(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _sum(lines: Sequence[Line]) -> float:
    return sum(line.monthly for line in lines)
