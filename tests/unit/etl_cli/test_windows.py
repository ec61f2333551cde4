"""The recomputation counts by plain loops and notices any window that differs, is missing or is one too many."""

from typing import Any

from etl_cli.report.windows import QUERIES, check_windows, recompute

START = 1_700_000_000_000  # a multiple of ten seconds


def payment(number: int, time: int, amount: float = 400.0) -> dict[str, Any]:
    payload = {"card": "c1", "currency": "EUR", "amount": amount, "merchant": f"m{number}"}
    return {"id": f"e{number}", "type": "transaction", "time": time, "payload": payload}


EVENTS = {event["id"]: event for event in (payment(n, START + n * 1000) for n in range(3))}
REVENUE = {
    "query": "revenue",
    "window_start": START,
    "window_end": START + 10_000,
    "key": {"currency": "EUR"},
    "values": {"transactions": 3, "cards": 1, "revenue": 1200.00, "largest": 400.0},
}


def velocity(start: int) -> dict[str, Any]:
    return {
        "rule": "card_velocity",
        "window_start": start,
        "window_end": start + 30_000,
        "key": {"card": "c1", "currency": "EUR"},
        "values": {"transactions": 3, "total": 1200.0, "merchants": 3},
    }


ALERTS = [velocity(START - 20_000), velocity(START - 10_000), velocity(START)]


def test_equal_windows_have_no_differences() -> None:
    """One tumbling window of revenue and the three sliding ones of the fraud rule, sums exact."""
    assert check_windows(EVENTS, [REVENUE], ALERTS, []) == []


def test_a_wrong_value_a_missing_window_and_an_extra_one_are_each_named() -> None:
    """The comparison is both ways and covers every value."""
    wrong = {**REVENUE, "values": {**REVENUE["values"], "revenue": 1200.01}}
    extra = {**REVENUE, "window_start": START + 10_000, "window_end": START + 20_000}
    assert "recomputed" in check_windows(EVENTS, [wrong], ALERTS, [])[0]
    assert "is missing" in check_windows(EVENTS, [], ALERTS, [])[0]
    assert "should not be there" in check_windows(EVENTS, [REVENUE, extra], ALERTS, [])[0]


def test_a_window_below_its_threshold_is_not_kept() -> None:
    """The fraud rule needs three payments and more than 1000; two payments make no alert."""
    two = {key: event for key, event in EVENTS.items() if key != "e2"}
    assert all(key[0] == "revenue" for key in recompute(two.values(), set(), {}))


def test_a_late_event_is_left_out_of_the_windows_it_missed_alone() -> None:
    """Lateness is judged window by window: an event late for the first sliding window still counts in the next."""
    pair = ("e0", "card_velocity")
    windows = recompute(EVENTS.values(), {pair}, {pair: START + 10_000})
    kept = sorted(key[1] for key in windows if key[0] == "card_velocity")
    assert kept == [START - 10_000, START]
    assert windows["revenue", START, START + 10_000, ("EUR",)]["transactions"] == 3


def test_an_impossible_claim_of_lateness_is_a_difference() -> None:
    """Calling an event late for a window that the watermark had not passed would hide a loss."""
    claim = {"event": "e0", "query": "revenue", "window_end": START + 10_000, "watermark": START}
    differences = check_windows(EVENTS, [], ALERTS, [claim])
    assert "called late" in differences[0]


def test_windows_begin_at_multiples_of_the_slide_and_hold_the_time() -> None:
    """A time on a boundary belongs to the window that starts there."""
    by_name = {query.name: query for query in QUERIES}
    assert list(by_name["revenue"].windows(START)) == [(START, START + 10_000)]
    assert list(by_name["card_velocity"].windows(START + 1)) == [
        (START, START + 30_000),
        (START - 10_000, START + 20_000),
        (START - 20_000, START + 10_000),
    ]
