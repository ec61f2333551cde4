"""Window rows as charts."""

from typing import Any

import pytest

from console.windows import MAX_GROUPS, MAX_WINDOWS, OTHERS, Chart, Row, as_number, chart, is_additive, parse_row


def row(end: int, key: dict[str, str], **values: float) -> Row:
    return Row("views", (end - 10, end), key, values)


def drawn(rows: list[Row], *, complete: bool = True) -> Chart:
    result = chart(rows, complete=complete)
    assert result is not None
    return result


def test_groups_are_lines_over_windows_the_heaviest_first() -> None:
    result = drawn([row(20, {"page": "/a"}, n=1), row(10, {"page": "/a"}, n=2), row(20, {"page": "/b"}, n=9)])
    assert result.windows == ((0, 10), (10, 20))
    lines = result.lines["page"]["n"]
    assert [(line.label, line.points) for line in lines] == [("/b", (None, 9.0)), ("/a", (2.0, 1.0))]


def test_what_adds_up_can_be_grouped_by_each_column_of_the_key() -> None:
    rows = [row(10, {"page": page, "country": country}, n=1) for page in "ab" for country in "xyz"]
    result = drawn(rows)
    assert result.dimensions == ("page", "country")
    assert {line.label: line.points for line in result.lines["page"]["n"]} == {"a": (3.0,), "b": (3.0,)}


def test_averages_are_never_added_up_over_groups() -> None:
    result = drawn([row(10, {"page": "a", "country": "x"}, avg_ms=5), row(10, {"page": "a", "country": "y"}, avg_ms=7)])
    assert result.dimensions == ("page · country",)
    assert result.additive == (False,)
    assert {line.label: line.points for line in result.lines["page · country"]["avg_ms"]} == {
        "a · x": (5.0,),
        "a · y": (7.0,),
    }


def test_beyond_eight_groups_the_rest_are_one() -> None:
    lines = drawn([row(10, {"page": f"/{n}"}, n=100 - n) for n in range(20)]).lines["page"]["n"]
    assert len(lines) == MAX_GROUPS + 1
    assert (lines[-1].label, lines[-1].points) == (OTHERS, (sum(100 - n for n in range(8, 20)),))


def test_the_oldest_window_of_a_cut_answer_is_left_out() -> None:
    rows = [row(10, {"page": "/a"}, n=1), row(20, {"page": "/a"}, n=2)]
    assert drawn(rows, complete=False).windows == ((10, 20),)


def test_only_the_newest_windows_are_drawn() -> None:
    result = drawn([row(10 * n, {}, n=n) for n in range(1, 100)])
    assert len(result.windows) == MAX_WINDOWS
    assert result.windows[-1] == (980, 990)
    assert result.lines["everything"]["n"][0].points[-1] == 99


def test_rows_without_numbers_give_no_chart() -> None:
    assert chart([row(10, {"page": "/a"})], complete=True) is None
    assert chart([], complete=True) is None


@pytest.mark.parametrize(
    "source",
    [
        None,
        "text",
        {},
        {"query": "q", "window_start": "1", "window_end": 2, "values": {}},
        {"query": "q", "window_start": 1, "window_end": 2, "values": "none"},
        {"query": 5, "window_start": 1, "window_end": 2, "values": {}},
    ],
)
def test_what_is_no_window_row_is_no_row(source: Any) -> None:
    assert parse_row(source) is None


def test_exact_decimals_travel_as_text_and_other_text_is_no_value() -> None:
    parsed = parse_row(
        {"query": "q", "window_start": 1, "window_end": 2, "key": {"k": None}, "values": {"sum": "10.50", "who": "x"}}
    )
    assert parsed == Row("q", (1, 2), {"k": "(none)"}, {"sum": 10.5})


@pytest.mark.parametrize("value", [True, None, [], "x", "nan", float("inf"), "1e999", 10**400])
def test_only_finite_numbers_are_numbers(value: Any) -> None:
    assert as_number(value) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("views", True), ("revenue", True), ("avg_ms", False), ("p99", False), ("max_celsius", False)],
)
def test_a_values_name_says_whether_it_adds_up(name: str, expected: bool) -> None:
    assert is_additive(name) is expected
