"""How values look to a person."""

from __future__ import annotations

import pytest

from shardline import Checkpoint
from shardline.cli import text

LONG = "49600000000000000000000000000000000000000000000000000007"


def test_columns_are_as_wide_as_their_longest_cell() -> None:
    """Numbers end at the same place, and no line has trailing blanks."""
    shown = text.table(("NAME", "N", ""), [("a", "10", "note"), ("longer", "9", "")], right={"N"})
    assert shown == "NAME     N\na       10  note\nlonger   9"


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [(None, "-"), (0, "0 ms"), (999, "999 ms"), (1500, "1.5 s"), (61_000, "1.0 min"), (90_000_000, "1.0 d")],
)
def test_durations_take_the_unit_that_says_most(milliseconds: int | None, shown: str) -> None:
    assert text.duration(milliseconds) == shown


@pytest.mark.parametrize(
    ("checkpoint", "shown"),
    [
        (Checkpoint("TRIM_HORIZON"), "TRIM_HORIZON"),
        (Checkpoint(LONG), "4960…00000000007"),
        (Checkpoint(LONG, 3), "4960…00000000007.3"),
        (Checkpoint("17", -1), "before 17"),
    ],
)
def test_a_checkpoint_keeps_its_last_digits(checkpoint: Checkpoint, shown: str) -> None:
    """Neighbouring records differ there."""
    assert text.place(checkpoint) == shown


def test_a_whole_checkpoint_can_be_copied() -> None:
    assert text.place(Checkpoint(LONG, 3), whole=True) == f"{LONG}.3"


def test_times_are_utc_with_milliseconds() -> None:
    assert text.moment(1_700_000_000_123) == "2023-11-14T22:13:20.123Z"


@pytest.mark.parametrize(("count", "shown"), [(None, "-"), (12, "12 B"), (1536, "1.5 KiB"), (3 << 20, "3.0 MiB")])
def test_sizes(count: int | None, shown: str) -> None:
    assert text.size(count) == shown
