"""When a stream gets more shards, when fewer, and when it is left alone."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import reshard.decision as decision
from reshard.decision import DAY_SECONDS, Decision, Limits, Load, Minute, Resize, decide

NOW = 1_800_000_000.0
LIMITS = Limits(floor=1, cap=200)


def minutes(part: float, shards: int, *, refused: float = 0.0, count: int = 30) -> tuple[Minute, ...]:
    """Minutes in which so much of the shards' bytes was taken, by records of 2 KiB, and a part of them refused."""
    size = part * shards * 60 * decision.SHARD_BYTES_A_SECOND
    records = size / 2048
    throttled = records * refused / (1 - refused)
    return tuple(Minute(NOW - 60 * (count - place), size, records, throttled) for place in range(count))


def decided(
    part: float,
    shards: int,
    *,
    ledger: Sequence[Resize] = (),
    limits: Limits = LIMITS,
    refused: float = 0.0,
    active: bool = True,
    behind_ms: float | None = None,
) -> Decision:
    load = Load(shards, active, minutes(part, shards, refused=refused), behind_ms)
    return decide(load, ledger, limits, NOW)


@pytest.mark.parametrize(
    ("part", "shards", "target"),
    [(0.74, 8, 8), (0.75, 8, 10), (0.90, 8, 12), (1.0, 8, 14), (0.75, 1, 2), (0.75, 3, 4), (0.75, 100, 125)],
)
def test_grows_at_three_quarters_by_the_step_that_leaves_room(part: float, shards: int, target: int) -> None:
    """From 75 % on, by the smallest step of 25 % that leaves at most 60 %."""
    assert decided(part, shards).target == target


@pytest.mark.parametrize(
    ("part", "shards", "target"),
    [(0.26, 8, 8), (0.25, 8, 6), (0.2, 8, 4), (0.0, 8, 4), (0.2, 2, 1), (0.25, 2, 2), (0.1, 3, 2), (0.1, 1, 1)],
)
def test_shrinks_at_a_quarter_by_the_step_that_leaves_room(part: float, shards: int, target: int) -> None:
    """From 25 % down, by the largest step that leaves at most 45 %."""
    assert decided(part, shards).target == target


def test_records_count_as_bytes_do() -> None:
    """800 records a second of 10 bytes on one shard are 80 % of its rate."""
    few = tuple(Minute(NOW - 60 * place, 800 * 60 * 10.0, 800 * 60.0, 0.0) for place in (3, 2, 1))
    assert decide(Load(1, True, few, None), (), LIMITS, NOW).target == 2


def test_what_was_refused_counts_as_asked_for() -> None:
    """A full stream that refuses nine of ten records doubles, not only grows by a step."""
    assert decided(0.8, 8).target == 11 + 1  # 0.8 * 8 / 12 = 0.53; ten shards would leave 0.64
    assert decided(1.0, 8, refused=0.9).target == 16


def test_throttled_shards_with_room_are_one_hot_key() -> None:
    """Throttling at 20 % is no lack of shards: the count stays, and the reason says so."""
    assert decided(0.2, 8, refused=0.3) == Decision(8, 8, "hot_shard", pytest.approx(0.2 / 0.7), 10)


def test_throttled_half_full_shards_grow() -> None:
    """Bursts within a second are refused before a minute's mean is at 75 %."""
    assert decided(0.55, 8, refused=0.05).reason == "throttled"
    assert decided(0.55, 8, refused=0.05).target > 8


def test_one_busy_minute_is_not_enough() -> None:
    """Two of the last three minutes must be busy."""
    load = Load(8, True, (*minutes(0.3, 8, count=29), minutes(0.9, 8, count=1)[0]), None)
    assert decide(load, (), LIMITS, NOW).target == 8


def test_one_minute_is_enough_when_most_is_refused() -> None:
    """A spike costs its producers more every minute; more than half refused is no chance."""
    calm = minutes(0.3, 8, count=29)
    for refused, reason in ((0.6, "throttled"), (0.4, "steady")):
        load = Load(8, True, (*calm, minutes(1.0, 8, refused=refused, count=1)[0]), None)
        assert decide(load, (), LIMITS, NOW).reason == reason


def test_one_loud_minute_in_thirty_keeps_the_shards() -> None:
    """All of the last thirty minutes must be quiet."""
    quiet = list(minutes(0.05, 8))
    quiet[3] = Minute(quiet[3].at, 0.3 * 8 * 60 * decision.SHARD_BYTES_A_SECOND, 1.0, 0.0)
    assert decide(Load(8, True, quiet, None), (), LIMITS, NOW).reason == "steady"
    assert decide(Load(8, True, quiet[4:], None), (), LIMITS, NOW).reason == "steady", "too few minutes"


def test_a_backlog_keeps_the_shards() -> None:
    """Readers have to finish the parents of a merge first."""
    assert decided(0.1, 8, behind_ms=61_000).reason == "lagging"
    assert decided(0.1, 8, behind_ms=59_000).target == 4


def test_nothing_is_decided_while_the_stream_changes_or_says_nothing() -> None:
    """UPDATING streams refuse a change; a stream without metrics may be idle, or CloudWatch late."""
    assert decided(1.0, 8, active=False).reason == "changing"
    assert decide(Load(8, True, (), None), (), LIMITS, NOW).reason == "no_metrics"


def test_minutes_from_before_a_change_ask_for_nothing() -> None:
    """What was refused by the old shards is no sign that the new ones are too few."""
    change = Resize(NOW - 200, 4, 8)
    assert decided(1.0, 8, ledger=[change]).reason == "settling"
    assert decided(1.0, 8, ledger=[Resize(NOW - 320, 4, 8)]).reason == "busy"


def test_no_merge_within_an_hour_of_a_change() -> None:
    assert decided(0.1, 8, ledger=[Resize(NOW - 3599, 8, 16)]).reason == "settling"
    assert decided(0.1, 8, ledger=[Resize(NOW - 3601, 8, 16)]).reason == "quiet"


def test_four_changes_are_kept_for_growth() -> None:
    """Shrinking may use six of a day's ten changes, growth all of them."""
    six = [Resize(NOW - 4000 - place, 4, 4) for place in range(6)]
    ten = [*six, *(Resize(NOW - 5000 - place, 4, 4) for place in range(4))]
    assert decided(0.1, 8, ledger=six).reason == "quota_used"
    assert decided(0.9, 8, ledger=six).target > 8
    assert decided(0.9, 8, ledger=ten) == Decision(8, 8, "quota_used", pytest.approx(0.9), 0)
    yesterday = [Resize(NOW - DAY_SECONDS - 61, 4, 4)] * 10
    assert decided(0.9, 8, ledger=yesterday).target == 12


def test_the_last_changes_of_a_day_are_large_ones() -> None:
    """With three changes left a stream that needs a quarter more doubles."""
    seven = [Resize(NOW - 4000 - place, 4, 4) for place in range(7)]
    assert decided(0.75, 8, ledger=seven).target == 16


def test_limits_hold_and_are_said() -> None:
    assert decided(1.0, 8, limits=Limits(1, 10)).target == 10
    assert decided(1.0, 8, limits=Limits(1, 8)).reason == "at_cap"
    assert decided(0.1, 8, limits=Limits(8, 8)).reason == "at_floor"
    assert decided(0.1, 8, limits=Limits(6, 8)).target == 6
    assert decided(0.5, 2, limits=Limits(6, 8)) == Decision(2, 4, "below_floor", pytest.approx(0.5), 10)
    assert decided(0.5, 30, limits=Limits(6, 8)) == Decision(30, 15, "above_cap", pytest.approx(0.5), 10)


@pytest.mark.parametrize(("floor", "cap"), [(0, 4), (5, 4), (-1, -1)])
def test_impossible_limits_are_refused(floor: int, cap: int) -> None:
    with pytest.raises(ValueError, match="set 1 <= min_shards <= max_shards"):
        Limits(floor, cap)


def test_the_decision_is_pure() -> None:
    """It imports nothing that reads a clock, chance or the network."""
    path = Path(sys.modules["reshard.decision"].__file__ or "")
    tree = ast.parse(path.read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert imported == {"collections.abc", "dataclasses", "math", "typing"}
