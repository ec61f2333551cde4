"""What a smoke run is called, costs and found out. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

PREFIX = "etl-smoke-"
TAG = "etl-aws-smoke"
_OURS = re.compile(rf"{PREFIX}[0-9a-f]{{8}}(-leases)?")

_SHARD_HOUR = 0.015
_CONSUMER_SHARD_HOUR = 0.015
_SMALL_CHANGE = 0.01
"""Puts, retrieved bytes and DynamoDB requests of a run: some thousands of each, rounded up."""

State = Literal["pass", "fail", "left out"]
_MARKS = {"pass": "✓", "fail": "✗", "left out": "-"}


class CheckFailed(Exception):
    """What was assumed is not so; the message says what was found instead."""


@dataclass(frozen=True, slots=True)
class Names:
    """The resources of one run; `run` is eight hexadecimal digits."""

    run: str

    @property
    def stream(self) -> str:
        """The stream, which is also the prefix of all."""
        return f"{PREFIX}{self.run}"

    @property
    def table(self) -> str:
        """The lease table."""
        return f"{self.stream}-leases"

    @property
    def tags(self) -> dict[str, str]:
        """The tag of everything made."""
        return {TAG: self.run}


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one check, what was learnt, and how long it took."""

    name: str
    state: State
    learnt: str
    seconds: float


def is_ours(name: str, tags: dict[str, str] | None) -> bool:
    """Whether a stream or table may be deleted as a leftover: by its name, and by its tag where tags are known."""
    return _OURS.fullmatch(name) is not None and (tags is None or TAG in tags)


def estimate(deadline_seconds: float) -> float:
    """The most that a run can cost, in US dollars at us-east-1's list prices: at most three shards, two consumers.

    Shards and consumers are charged by the hour, each hour begun. Source: https://aws.amazon.com/kinesis/data-streams/pricing/
    """
    hours = int(deadline_seconds // 3600) + 1
    return hours * (3 * _SHARD_HOUR + 2 * 3 * _CONSUMER_SHARD_HOUR) + _SMALL_CHANGE


def announcement(names: Names, where: str, deadline_seconds: float) -> str:
    """What will be done, where, and what it can cost."""
    return (
        f"This creates, in {where}:\n"
        f"  stream  {names.stream}  (1 shard, split into 2, provisioned; 2 fan-out consumers)\n"
        f"  table   {names.table}  (on demand)\n"
        f"and deletes both at the end, also after Ctrl-C. It takes at most {deadline_seconds / 60:.0f} minutes and "
        f"costs at most {estimate(deadline_seconds):.2f} USD (us-east-1's list prices; an hour begun counts whole)."
    )


def rendered(results: Sequence[Result]) -> str:
    """The results as a table, and their counts as its last line."""
    width = max((len(result.name) for result in results), default=0)
    lines = [
        f"{_MARKS[result.state]} {result.name:<{width}}  {result.seconds:>6.1f} s  {result.learnt}"
        for result in results
    ]
    return "\n".join([*lines, summary(results)])


def summary(results: Sequence[Result]) -> str:
    """How many checks passed, failed and were left out."""
    count = {state: sum(result.state == state for result in results) for state in _MARKS}
    return f"{count['pass']} passed, {count['fail']} failed, {count['left out']} left out"


def as_value(results: Sequence[Result]) -> list[dict[str, object]]:
    """The results for machines."""
    return [
        {
            "check": result.name,
            "state": result.state,
            "learnt": result.learnt,
            "seconds": round(result.seconds, 3),
        }
        for result in results
    ]


def disorder(numbers: Sequence[int]) -> str | None:
    """What is wrong with the numbers of one key, put as 1, 2, 3 …, as they were delivered; None when nothing.

    Repeats from an earlier place on are allowed, as delivery is at least once; a gap is not.
    """
    highest = 0
    for number in numbers:
        if number > highest + 1:
            return f"{number} came after {highest}"
        highest = max(highest, number)
    return None
