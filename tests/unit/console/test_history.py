"""What is kept in memory for rates, latencies and sparklines."""

from console.history import HopHistory, ScrapeHistory
from console.scrape import Scrape


def test_rates_reach_back_some_seconds_and_latencies_as_far_as_is_kept() -> None:
    history = ScrapeHistory(rate_seconds=10, keep_seconds=60)
    for at in range(0, 101, 2):
        history.add(Scrape(at, {}))
    window = history.window()
    assert window is not None
    assert (window.now.at, window.rate_from.at, window.latency_from.at) == (100, 90, 40)


def test_a_young_history_compares_with_its_first_scrape() -> None:
    history = ScrapeHistory(rate_seconds=10, keep_seconds=60)
    history.add(Scrape(5, {}))
    history.add(Scrape(7, {}))
    window = history.window()
    assert window is not None
    assert window.rate_from.at == 5


def test_after_an_outage_nothing_is_compared_over_the_gap() -> None:
    history = ScrapeHistory(rate_seconds=10, keep_seconds=60)
    history.add(Scrape(5, {}))
    history.clear()
    assert history.window() is None


def test_a_hop_that_appears_late_and_one_that_vanishes_have_gaps_of_the_right_length() -> None:
    history = HopHistory(points=3)
    history.add({"a": (1.0, None)})
    history.add({"a": (2.0, None), "b": (5.0, 0.5)})
    history.add({"b": (6.0, 0.6)})
    assert history.as_json() == {
        "a": {"rate": [1.0, 2.0, None], "lag": [None, None, None]},
        "b": {"rate": [None, 5.0, 6.0], "lag": [None, 0.5, 0.6]},
    }


def test_only_the_newest_points_are_kept() -> None:
    history = HopHistory(points=2)
    for rate in (1.0, 2.0, 3.0):
        history.add({"a": (rate, None)})
    assert history.as_json()["a"]["rate"] == [2.0, 3.0]
