"""Reading `/metrics` and turning two readings into rates and quantiles."""

import math

import pytest

from console.scrape import Scrape, Series, Unreachable, buckets, increases, merge, parse, quantile, rates

PAGE = """# HELP etl_events_in_total Events received
# TYPE etl_events_in_total counter
etl_events_in_total{stream="raw"} 100.0
etl_events_in_total{stream="enriched"} 7.0
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 3.2
# TYPE etl_lag_seconds gauge
etl_lag_seconds{stream="raw",shard="shardId-0"} 1.5
etl_lag_seconds{stream="raw",shard="a \\"quoted\\" one"} NaN
"""


def scrape(at: float, **values: float) -> Scrape:
    return Scrape(at, {Series("events_total", (("sink", name),)): value for name, value in values.items()})


def test_only_the_pipelines_own_series_are_kept() -> None:
    samples = parse(PAGE, 5.0).samples
    assert samples[Series("etl_events_in_total", (("stream", "raw"),))] == 100
    assert {series.name for series in samples} == {"etl_events_in_total", "etl_lag_seconds"}


def test_a_value_that_is_no_number_is_no_gauge() -> None:
    lags = list(parse(PAGE, 5.0).gauges("etl_lag_seconds"))
    assert [(series.label("shard"), value) for series, value in lags] == [("shardId-0", 1.5)]


@pytest.mark.parametrize("text", ["etl_x{", 'etl_x{a="b} 1', "etl_x one", "etl_x"])
def test_text_of_another_format_is_an_unreachable_backend_not_a_crash(text: str) -> None:
    with pytest.raises(Unreachable):
        parse(text, 0.0)


def test_a_page_without_our_series_is_empty() -> None:
    assert parse("<html>hello</html>", 0.0).samples == {}


def test_rates_are_growth_a_second_added_up_by_a_label() -> None:
    assert rates(scrape(10, a=100, b=5), scrape(14, a=180, b=5), "events_total", "sink") == {"a": 20, "b": 0}


def test_a_counter_that_fell_was_reset_and_has_grown_by_its_new_value() -> None:
    assert increases(scrape(0, a=1000), scrape(1, a=30), "events_total") == {
        Series("events_total", (("sink", "a"),)): 30
    }


def test_a_counter_that_is_new_has_grown_from_zero() -> None:
    assert rates(scrape(0), scrape(2, a=8), "events_total", "sink") == {"a": 4}


def test_without_time_between_them_two_scrapes_give_no_rate() -> None:
    assert rates(scrape(3, a=1), scrape(3, a=9), "events_total", "sink") == {}


def histogram(*counts: float) -> Scrape:
    bounds = ("0.1", "0.5", "+Inf")
    return Scrape(
        0,
        {
            Series("took_bucket", (("le", bound), ("step", "x"))): count
            for bound, count in zip(bounds, counts, strict=True)
        },
    )


def test_buckets_hold_what_was_observed_between_the_scrapes() -> None:
    assert buckets(histogram(5, 9, 10), histogram(6, 19, 30), "took", "step") == {
        "x": [(0.1, 1), (0.5, 10), (math.inf, 20)]
    }


def test_a_quantile_is_linear_within_its_bucket() -> None:
    assert quantile([(1.0, 10), (2.0, 20), (math.inf, 20)], 0.75) == pytest.approx(1.5)
    assert quantile([(1.0, 10), (math.inf, 10)], 0.5) == pytest.approx(0.5)


def test_a_quantile_beyond_the_last_bound_is_that_bound() -> None:
    assert quantile([(1.0, 1), (math.inf, 100)], 0.99) == 1.0


@pytest.mark.parametrize("cumulative", [[], [(1.0, 0.0), (math.inf, 0.0)]])
def test_without_observations_there_is_no_quantile(cumulative: list[tuple[float, float]]) -> None:
    assert quantile(cumulative, 0.5) is None


def test_merged_buckets_are_those_of_one_process_that_saw_everything() -> None:
    assert merge([[(1.0, 2), (2.0, 3)], [(1.0, 5), (2.0, 9)]]) == [(1.0, 7), (2.0, 12)]
