"""What an upgrade keeps, as text and as JSON lines. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from streaming_sql.upgrade import QueryUpgrade, Step

_FATES = {
    "kept": ("=", "goes on with its state"),
    "anew": ("!", "starts anew: its state is discarded, open windows lose what they had counted"),
    "added": ("+", "is new"),
    "removed": ("-", "is removed, with its state"),
}


def loses(upgrades: Sequence[QueryUpgrade]) -> bool:
    """Whether any query loses state."""
    return any(upgrade.fate in {"anew", "removed"} for upgrade in upgrades)


def as_lines(upgrades: Sequence[QueryUpgrade]) -> str:
    """One JSON object a query."""
    return "\n".join(json.dumps(asdict(upgrade), ensure_ascii=False) for upgrade in upgrades)


def rendered(upgrades: Sequence[QueryUpgrade]) -> str:
    """A line a query; under one that does not just go on, its steps and what changed in them."""
    return "\n".join(line for upgrade in upgrades for line in _query(upgrade))


def _query(upgrade: QueryUpgrade) -> Iterator[str]:
    mark, says = _FATES[upgrade.fate]
    yield f"{mark} {upgrade.query} {says}"
    if upgrade.fate == "anew":
        for step in upgrade.steps:
            yield from _step(step)


def _step(step: Step) -> Iterator[str]:
    yield f"    {_FATES[step.fate][0]} {step.heading}"
    for before, after in step.changes:
        if before:
            yield f"        was: {before}"
        if after:
            yield f"        now: {after}"
    if step.fate == "anew" and not step.changes:
        yield "        its SQL, or that of what it reads, has changed"
