"""What is asked of OpenSearch for the page, and what its answers mean."""

import base64
import gzip
from typing import Any

import pytest

from console.views import MAX_ORIGINAL_BYTES, hex_dump, original, page_searches, read_page, window_indices


def answer(*sources: Any, total: int | None = None) -> dict[str, Any]:
    found = [{"_id": f"id-{place}", "_source": source} for place, source in enumerate(sources)]
    return {"hits": {"total": {"value": len(found) if total is None else total}, "hits": found}}


def test_each_query_is_asked_over_its_newest_three_days() -> None:
    names = [f"aggregates-page-views-2026.01.0{day}" for day in range(1, 6)] + ["aggregates-page-2026.01.01", "other"]
    assert window_indices(dict.fromkeys(names)) == {
        "page": ("aggregates-page-2026.01.01",),
        "page-views": tuple(f"aggregates-page-views-2026.01.0{day}" for day in (5, 4, 3)),
    }


def test_no_search_of_the_page_is_unbounded() -> None:
    searches = page_searches({"q": ("aggregates-q-2026.01.01",)})
    assert [index for index, _ in searches] == ["alerts", "dead-letters", "late", "aggregates-q-2026.01.01"]
    assert all(0 <= body["size"] <= 1000 for _, body in searches)
    assert searches[1][1]["_source"] == {"excludes": ["original"]}


def test_the_answers_become_the_page_in_the_same_order() -> None:
    alert = {"rule": "r", "severity": "HIGH", "time": 5, "window_start": 1, "window_end": 2, "key": {"card": "4242"}}
    letter = {"stage": "enricher", "code": "bad", "message": "m", "field": None, "first_seen": 1, "last_seen": 2}
    window = {"query": "q", "window_start": 0, "window_end": 10, "key": {}, "values": {"n": 1}}
    views = read_page([answer(alert), answer(letter, total=900), answer(total=3), answer(window)])
    assert (views.alerts[0].severity, views.alerts[0].window, views.alerts[0].facts) == (
        "high",
        (1, 2),
        (("card", "4242"),),
    )
    assert (views.dead_letters[0].id, views.dead_letters[0].code, views.dead_letters[0].field) == ("id-0", "bad", "")
    assert (views.dead_letter_count, views.late_count, views.charts[0].query) == (900, 3, "q")


@pytest.mark.parametrize("nonsense", [None, [], "text", {"hits": None}, {"hits": {"hits": ["x", {"_source": 5}]}}])
def test_answers_of_any_shape_give_a_page(nonsense: Any) -> None:
    views = read_page([nonsense] * 4)
    assert (views.alerts, views.dead_letters, views.charts, views.late_count) == ((), (), (), 0)


def test_an_alert_tells_whether_it_is_over() -> None:
    """One whose rule resolves nothing has no status."""
    found = read_page([answer({"rule": "r", "status": "resolved"}, {"rule": "r"}), answer(), answer()]).alerts
    assert [alert.status for alert in found] == ["resolved", ""]


def test_alerts_and_dead_letters_of_wrong_types_are_shown_as_text() -> None:
    wrong = {"rule": ["x"], "severity": 5, "time": "now", "key": "k", "code": None, "message": {"a": 1}}
    views = read_page([answer(wrong), answer(wrong), answer()])
    assert (views.alerts[0].rule, views.alerts[0].severity, views.alerts[0].time) == ("['x']", "5", 0)
    assert (views.dead_letters[0].code, views.dead_letters[0].message) == ("unknown", "{'a': 1}")


def packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_an_original_that_is_text_is_shown_as_it_was() -> None:
    shown = original({"original": packed("<b>größe".encode())})
    assert (shown.text, shown.encoding, shown.size, shown.truncated) == ("<b>größe", "utf-8", 10, False)


def test_an_original_that_is_no_text_is_shown_as_hex() -> None:
    shown = original({"original": packed(b"\xff\x00A")})
    assert (shown.text, shown.encoding) == (hex_dump(b"\xff\x00A"), "hex")
    assert shown.text == f"00000000  {'ff 00 41':<47}  ..A"


def test_a_long_original_is_cut_between_characters() -> None:
    shown = original({"original": packed(b"x" + "ü".encode() * MAX_ORIGINAL_BYTES)})
    assert shown.truncated
    assert shown.text == "x" + "ü" * (MAX_ORIGINAL_BYTES // 2 - 1)


def test_a_compressed_original_is_inflated_only_as_far_as_it_is_shown() -> None:
    shown = original({"original": packed(gzip.compress(b"a" * 5_000_000)), "encoding": "gzip+base64"})
    assert (len(shown.text), shown.size, shown.truncated) == (MAX_ORIGINAL_BYTES, 5_000_000, True)


def test_an_original_kept_elsewhere_is_named() -> None:
    shown = original({"original": "", "encoding": "s3", "bucket": "b", "object": "o/1"})
    assert (shown.encoding, "s3://b/o/1" in shown.text) == ("elsewhere", True)


@pytest.mark.parametrize("source", [{"original": "!"}, {"original": packed(b"no gzip"), "encoding": "gzip+base64"}])
def test_a_stored_original_that_cannot_be_decoded_says_so(source: dict[str, Any]) -> None:
    assert original(source).encoding == "none"
