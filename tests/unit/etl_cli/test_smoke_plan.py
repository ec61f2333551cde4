"""What a smoke run is called, costs, and may delete."""

from __future__ import annotations

import pytest

from etl_cli.smoke.plan import (
    TAG,
    CheckFailed,
    Names,
    Result,
    announcement,
    as_value,
    disorder,
    estimate,
    is_ours,
    rendered,
)
from etl_cli.smoke.wire_checks import timestamp_form

NAMES = Names("0123abcd")


@pytest.mark.parametrize(
    ("name", "tags", "ours"),
    [
        (NAMES.stream, NAMES.tags, True),
        (NAMES.table, NAMES.tags, True),
        (NAMES.table, None, True),
        (NAMES.stream, {}, False),
        (NAMES.stream, {"owner": "someone"}, False),
        ("etl-smoke-test", NAMES.tags, False),
        ("etl-smoke-0123abcd-2", NAMES.tags, False),
        ("x-etl-smoke-0123abcd", NAMES.tags, False),
    ],
)
def test_only_what_a_run_made_is_deleted(name: str, tags: dict[str, str] | None, ours: bool) -> None:
    """The name must be one that a run makes, and the tag must be there where tags can be read."""
    assert is_ours(name, tags) is ours


def test_the_cost_counts_begun_hours() -> None:
    """Three shards and two consumers of each for an hour, and small change."""
    assert estimate(900) == pytest.approx(3 * 0.015 + 6 * 0.015 + 0.01)
    assert estimate(3600) > estimate(3599)


def test_the_announcement_names_what_is_made_and_the_cost() -> None:
    said = announcement(NAMES, "account 1", 900)
    for part in (NAMES.stream, NAMES.table, "account 1", "15 minutes", "0.15 USD", TAG.split("-")[0]):
        assert part in said


def test_results_are_counted_in_the_last_line() -> None:
    results = [Result("a", "pass", "fine", 1.0), Result("bb", "fail", "bad", 2.0), Result("c", "left out", "late", 0.0)]
    lines = rendered(results).splitlines()
    assert lines[0] == "✓ a      1.0 s  fine"
    assert lines[-1] == "1 passed, 1 failed, 1 left out"
    assert as_value(results)[1] == {"check": "bb", "state": "fail", "learnt": "bad", "seconds": 2.0}


@pytest.mark.parametrize(
    ("numbers", "problem"),
    [
        ([1, 2, 3], None),
        ([1, 2, 1, 2, 3], None),
        ([1, 3, 2], "3 came after 1"),
        ([2], "2 came after 0"),
        ([], None),
    ],
)
def test_a_gap_is_disorder_and_a_repeat_is_not(numbers: list[int], problem: str | None) -> None:
    assert disorder(numbers) == problem


def test_a_timestamps_form_is_told_from_cbor_as_sent() -> None:
    """Kinesis is known to write milliseconds under the tag that means seconds."""
    before = b"\xa1\x78\x18StreamDescriptionSummary\xa1\x77StreamCreationTimestamp\xc1"
    assert timestamp_form(before + b"\x1b\x00\x00\x01\x8b\xcf\xe5h\x00") == "integers (milliseconds)"
    assert timestamp_form(before + b"\xfb" + bytes(8)) == "floats (seconds)"
    with pytest.raises(CheckFailed, match="no CBOR map"):
        timestamp_form(b'{"StreamDescriptionSummary": {}}')
