"""Which indices are past their retention."""

from datetime import date

from indexer.retention import expired, today

TODAY = date(2025, 3, 10)


def test_only_days_beyond_the_retention_are_expired():
    """An index of exactly the oldest day stays."""
    names = ["events-x-2025.03.02", "events-x-2025.03.03", "alerts-2025.03.01"]
    assert expired(names, TODAY, days=7) == ["alerts-2025.03.01", "events-x-2025.03.02"]


def test_indices_of_others_are_never_expired():
    """Only this pipeline's names, exactly formed, are touched."""
    names = [
        "logs-2020.01.01",
        "events-x-2020.01.01-reindexed",
        "my-events-x-2020.01.01",
        "events-x-2020.13.01",
        "events",
        ".opensearch-2020.01.01",
        "eventsource-2020.01.01",
    ]
    assert expired(names, TODAY, days=7) == []


def test_names_with_dashes_are_understood():
    """A type or query may itself hold a dash, or look like a date."""
    assert expired(["aggregates-a-b-2020.01.01", "dead-letters-2020.01.01"], TODAY, 1) == [
        "aggregates-a-b-2020.01.01",
        "dead-letters-2020.01.01",
    ]


def test_today_is_the_utc_day():
    """Milliseconds become a UTC date."""
    assert today(1_740_787_199_999) == date(2025, 2, 28)
