"""The search box: bounds, and what is shown of the answer."""

from typing import Any

import pytest

from console.search import MAX_DOCUMENT_CHARACTERS, QueryRefused, Question, body, question, read, split


def test_a_search_has_bounds_in_time_size_and_cost() -> None:
    asked = body(Question("error -debug", minutes=60, size=20), now_ms=10_000_000)
    assert asked["size"] == 20
    assert asked["timeout"] == "2s"
    assert asked["track_total_hits"] == 10_000
    assert asked["query"]["bool"]["filter"] == [{"range": {"time": {"gte": 10_000_000 - 3_600_000}}}]
    words = asked["query"]["bool"]["must"][0]["simple_query_string"]
    assert words["query"] == "error -debug"
    assert not {"FUZZY", "SLOP", "NEAR", "ALL"} & set(words["flags"].split("|"))


def test_an_empty_search_finds_the_newest() -> None:
    assert body(Question("", 60, 20), 0)["query"]["bool"]["must"] == [{"match_all": {}}]


def test_defaults_are_a_day_and_twenty() -> None:
    assert question({}) == Question("", 1440, 20)


@pytest.mark.parametrize(
    "parameters",
    [{"q": "x" * 301}, {"minutes": "0"}, {"minutes": "99999999999"}, {"minutes": "-5"}, {"size": "51"}, {"size": "٣"}],
)
def test_what_is_out_of_bounds_is_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(QueryRefused):
        question(parameters)


def hit(source: Any, **more: Any) -> dict[str, Any]:
    return {
        "took": 3,
        "timed_out": False,
        "hits": {"total": {"value": 1, "relation": "eq"}, "hits": [{"_source": source, **more}]},
    }


def test_a_result_has_type_time_place_and_the_words_found() -> None:
    source = {
        "id": "e1", "type": "log", "source": "auth", "key": "k", "time": 7, "payload": {"message": "a timeout"},
        "enrichment": {"geo": {"city": "Berlin", "country_name": "Germany"}},
    }  # fmt: skip
    marked = "a \ue000timeout\ue001"
    highlight = {"payload.message": [marked], "payload.message.keyword": [marked]}
    (found,) = read(hit(source, highlight=highlight)).found
    assert (found.type, found.time, found.place, found.preview) == ("log", 7, "Berlin, Germany", "a timeout")
    assert [(one.field, one.parts) for one in found.snippets] == [("payload.message", ("a ", "timeout", ""))]


def test_marks_in_the_event_itself_only_mark() -> None:
    assert split("\ue001x\ue000<b>\ue001\ue000") == ("\ue001x", "<b>", "\ue000")


def test_a_huge_event_is_cut() -> None:
    (found,) = read(hit({"id": "e1", "payload": {"blob": "x" * 100_000}})).found
    assert len(found.document) == MAX_DOCUMENT_CHARACTERS + 2
    assert len(found.preview) <= 400


@pytest.mark.parametrize("source", [None, {}, {"payload": 5, "enrichment": "none", "time": "later"}])
def test_an_event_of_any_shape_is_shown(source: Any) -> None:
    assert read(hit(source)).total == 1


def test_a_search_stopped_at_its_time_limit_says_so() -> None:
    assert read({**hit({}), "timed_out": True}).partial
