"""How items are packed and when units may go."""

import pytest

from delivery.batch import Lanes, Limits, Unit, pack


def units(*lanes: str | None, size: int = 1) -> list[Unit]:
    return [Unit(lane, b"", size, (position,)) for position, lane in enumerate(lanes)]


def test_packs_are_greedy_and_within_the_limit():
    """A pack is closed when the next size would pass the limit, the fixed part counted."""
    assert pack([4, 4, 4, 4], limit=10, fixed=2) == [range(2), range(2, 4)]


def test_what_is_too_large_for_a_pack_is_alone():
    """An oversized member does not take its neighbours along."""
    assert pack([1, 50, 1], limit=10) == [range(1), range(1, 2), range(2, 3)]


def test_nothing_makes_no_packs():
    """No sizes, no packs."""
    assert pack([], limit=10) == []


def test_a_request_holds_one_unit_of_a_lane():
    """The second unit of a lane waits until the first has ended."""
    lanes = Lanes(units("a", "a", "b"), Limits(10, 10))
    assert lanes.take(0) == [0, 2]
    assert lanes.take(0) == []
    lanes.end(0)
    assert lanes.take(0) == [1]


def test_units_without_a_lane_wait_for_none():
    """Order does not matter to them."""
    assert Lanes(units(None, None, None), Limits(10, 10)).take(0) == [0, 1, 2]


def test_a_postponed_unit_holds_its_lane_until_its_time():
    """A retry keeps the order of its key: what follows it stays behind it."""
    lanes = Lanes(units("a", "a"), Limits(10, 10))
    lanes.take(0)
    lanes.postpone(0, until=5)
    assert lanes.take(4.9) == []
    assert lanes.next_time() == 5
    assert lanes.take(5) == [0]
    assert lanes.attempts(0) == 2


def test_requests_keep_both_limits():
    """Neither the count nor the bytes of a request are passed."""
    assert Lanes(units(*"abcde"), Limits(2, 100)).take(0) == [0, 1]
    assert Lanes(units(*"abcde", size=4), Limits(10, 11)).take(0) == [0, 1]


def test_attempts_are_counted_anew_for_the_next_of_a_lane():
    """One unit's failures do not lengthen the backoff of the next."""
    lanes = Lanes(units("a", "a"), Limits(10, 10))
    lanes.take(0)
    lanes.postpone(0, until=0)
    lanes.take(0)
    lanes.end(0)
    lanes.take(0)
    assert lanes.attempts(1) == 1


def test_unfinished_counts_down_to_zero():
    """Every ended unit is counted once."""
    lanes = Lanes(units("a", "b"), Limits(10, 10))
    for position in lanes.take(0):
        lanes.end(position)
    assert lanes.unfinished == 0


def test_a_unit_that_fits_no_request_is_refused():
    """An adapter must judge sizes before; nothing is left waiting for ever."""
    with pytest.raises(ValueError, match="fits no request"):
        Lanes(units("a", size=11), Limits(10, 10))
