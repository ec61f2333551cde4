"""The report finds what is missing, repeated or silent, and says so."""

from collections import Counter
from dataclasses import replace

import orjson
import pytest

from etl_cli.report.reconcile import Freshness, Report, Stores, WindowCheck, reconcile
from etl_cli.report.render import as_json, lines

ACCEPTED = {"a", "b", "c", "dead"}
STORES = Stores(
    enriched=Counter("abc"),
    indexed=Counter("abc"),
    archived=Counter("abc"),
    dead_events=frozenset({"dead"}),
    dead_letters=3,
)
WINDOWS = WindowCheck(rows=4, alerts=1, late=0)
FRESH = Freshness(10, 0.8, 1.9)


def report(stores: Stores = STORES, windows: WindowCheck = WINDOWS, freshness: Freshness | None = FRESH) -> Report:
    return reconcile(ACCEPTED, stores, windows, freshness)


def test_a_whole_run_is_well() -> None:
    """An accepted event that is in both stores, or a dead letter, is not lost."""
    assert report().ok
    assert report().figures["lost"] == 0


@pytest.mark.parametrize(
    ("stores", "figure", "value"),
    [
        (replace(STORES, indexed=Counter("ab")), "missing in OpenSearch", 1),
        (replace(STORES, archived=Counter("a")), "missing in archive", 2),
        (replace(STORES, dead_events=frozenset()), "lost", 1),
        (replace(STORES, indexed=Counter("aabc")), "duplicated in OpenSearch", 1),
    ],
)
def test_one_store_that_misses_or_repeats_an_event_is_a_problem(stores: Stores, figure: str, value: int) -> None:
    """OpenSearch and the archive are counted apart: one of them cannot stand in for the other."""
    found = report(stores)
    assert found.figures[figure] == value
    assert not found.ok


def test_an_event_missing_in_both_stores_is_lost_once() -> None:
    """Lost counts events, not absences."""
    found = report(replace(STORES, indexed=Counter("ab"), archived=Counter("ab")))
    assert found.figures["lost"] == 1


def test_a_repeat_in_the_archive_is_counted_but_allowed() -> None:
    """Firehose delivers at least once: a repeat there is a figure, not a failure."""
    found = report(replace(STORES, archived=Counter("aabc")))
    assert found.figures["duplicated"] == 1
    assert found.ok


@pytest.mark.parametrize("hop", ["enriched", "indexed", "archived"])
def test_a_silent_hop_is_a_problem(hop: str) -> None:
    """A hop that counts nothing is broken even where nothing is due from it."""
    found = reconcile({"dead"}, replace(STORES, **{hop: Counter()}), WINDOWS, FRESH)
    assert any(problem.startswith(f"{hop} is 0") for problem in found.problems)


def test_windows_that_differ_and_searches_that_never_found_are_problems() -> None:
    """The verdict needs the windows to agree and at least one event to have been searchable."""
    assert not report(windows=replace(WINDOWS, differences=("w1: 3, recomputed 4",))).ok
    assert not report(freshness=None).ok


def test_the_report_reads_as_lines_and_as_json() -> None:
    """A line a figure for people; the same figures with names in snake case for machines."""
    text = lines(report())
    assert "lost: 0" in text
    assert text[-1] == "verdict: nothing lost"
    parsed = orjson.loads(as_json(report()))
    assert parsed["ok"] is True
    assert parsed["dead_lettered"] == 3
    assert parsed["accept_to_searchable_p99_seconds"] == 1.9
