"""Rows that Flink wrote become the documents that the aggregator's rows would be."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from event_contract import Rejected
from indexer.documents import Indexable, read, version
from indexer.plain_rows import PlainRows, load, reader
from indexer.settings import Settings

NINE = 1_767_603_600_000  # 2026-01-05 09:00 UTC
VIEWS = {
    "stream": "aggregates",
    "name": "page_views",
    "severity": None,
    "columns": [
        ["window_start", "window_start", "time"],
        ["window_end", "window_end", "time"],
        ["page", "key", "plain"],
        ["revenue", "value", {"decimal": 2}],
        ["slowest", "value", "double"],
        ["spare", "unfilled", "plain"],
    ],
    "told_by": "window",
    "times": [],
}
CHARGED = {
    "stream": "alerts",
    "name": "charged",
    "severity": "high",
    "columns": [["card", "key", "plain"], ["first", "value", "time"], ["last", "value", "time"]],
    "told_by": "row",
    "times": ["first", "last"],
}
KEYED = {
    "stream": "aggregates",
    "name": "users",
    "severity": None,
    "columns": [["user", "key", "plain"], ["ts", "value", "time"]],
    "told_by": "key",
    "times": ["ts"],
}
ROW = {
    "window_start": "2026-01-05 09:00:00",
    "window_end": "2026-01-05 09:00:10.5",
    "page": "/é",
    "revenue": 900,
    "slowest": 12,
    "spare": None,
}


def described(*sinks: Any, epoch: int = 0) -> PlainRows:
    return PlainRows(json.dumps({"version": 1, "epoch": epoch, "rows": sinks or [VIEWS, CHARGED, KEYED]}).encode())


def row(**changes: Any) -> bytes:
    return json.dumps({**ROW, **changes}).encode()


def document(plain: PlainRows, kind: Any, data: bytes) -> Indexable:
    found = plain.read(kind, data)
    assert isinstance(found, Indexable), found
    return found


def test_a_window_has_the_aggregators_id_index_and_body():
    """Times are milliseconds, decimals have all their digits, a column that is not filled is left out."""
    made = document(described(epoch=2), "aggregates", row())
    identity = f'page_views|{NINE}|{NINE + 10_500}|{{"page":"/é"}}'
    assert (made.document.index, made.document.id) == ("aggregates-page_views-2026.01.05", identity)
    assert made.document.version == version(2, 0)
    assert made.since is None
    assert made.document.body.decode() == (
        f'{{"id":{json.dumps(identity, ensure_ascii=False)},"query":"page_views",'
        f'"window_start":{NINE},"window_end":{NINE + 10_500},"key":{{"page":"/é"}},'
        '"values":{"revenue":900.00,"slowest":12.0},"epoch":2,"revision":0}'
    )


def test_the_order_of_the_columns_is_of_no_matter():
    """A row is known by its names, and made of its values."""
    shuffled = json.dumps(dict(reversed(ROW.items()))).encode()
    assert document(described(), "aggregates", shuffled) == document(described(), "aggregates", row())


def test_a_row_that_comes_again_is_the_same_document():
    """What Flink writes anew after a failure replaces itself."""
    assert document(described(), "aggregates", row()) == document(described(), "aggregates", row())


def test_an_alert_without_a_window_is_dated_by_its_latest_time():
    """Id and index follow from the time and all values."""
    data = b'{"card":"c1","first":"2026-01-04 23:59:59Z","last":"2026-01-05 09:00:00.25Z"}'
    made = document(described(), "alerts", data)
    assert made.document.index == "alerts-2026.01.05"
    body = json.loads(made.document.body)
    assert (body["rule"], body["severity"], body["time"]) == ("charged", "high", NINE + 250)
    assert body["key"] == {"card": "c1"}
    other = document(described(), "alerts", data.replace(b"c1", b"c2"))
    assert made.document.id != other.document.id
    assert made.document.id.startswith(f"charged|{NINE + 250}|")


def test_a_null_time_is_passed_over_while_another_is_there():
    """Only a row without any time is none."""
    made = document(described(), "alerts", b'{"card":"c1","first":"2026-01-05 09:00:00Z","last":null}')
    assert json.loads(made.document.body)["values"] == {"first": NINE, "last": None}
    refused = described().read("alerts", b'{"card":"c1","first":null,"last":null}')
    assert isinstance(refused, Rejected)
    assert refused.code == "missing_field"


def test_a_primary_key_names_the_row():
    """The same key is the same document of its day."""
    made = document(described(), "aggregates", b'{"user":"u","ts":"2026-01-05 09:00:00Z"}')
    assert made.document.id == 'users|{"user":"u"}'


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("date", "1970-01-03", 2),
        ("time_of_day", "01:00:00.5", 3_600_500),
        ("time", "2026-01-05 09:00:00.123456", NINE + 123),
        ("time", "2026-01-05T09:00:00Z", NINE),
        ("plain", [1, "a"], [1, "a"]),
        ({"array": "time"}, ["2026-01-05 09:00:00", None], [NINE, None]),
        ({"map": {"decimal": 1}}, {"a": 2}, {"a": 2.0}),
        ({"row": [["at", "time"], ["n", "plain"]]}, {"at": "2026-01-05 09:00:00", "n": None}, {"at": NINE, "n": None}),
        ({"row": [["at", "time"]]}, None, None),
    ],
)
def test_every_type_is_read_as_the_aggregator_has_it(kind: Any, given: Any, expected: Any):
    """Days and milliseconds as numbers, nested ones too; NULL stays NULL."""
    sink = {**KEYED, "columns": [*KEYED["columns"], ["x", "value", kind]]}
    data = json.dumps({"user": "u", "ts": "2026-01-05 09:00:00Z", "x": given}).encode()
    assert json.loads(document(described(sink), "aggregates", data).document.body)["values"]["x"] == expected


@pytest.mark.parametrize(
    "change",
    [
        {"window_end": "soon"},
        {"window_end": 5},
        {"revenue": "much"},
        {"slowest": []},
        {"window_end": "2026-13-05 09:00:00"},
    ],
)
def test_a_row_of_another_type_is_refused_with_its_sink(change: dict[str, Any]):
    """It becomes a dead letter that names the table."""
    refused = described().read("aggregates", row(**change))
    assert isinstance(refused, Rejected)
    assert (refused.code, "page_views" in refused.message) == ("wrong_type", True)


@pytest.mark.parametrize("change", [{"window_start": None}, {"window_end": None}])
def test_a_row_without_both_bounds_is_refused(change: dict[str, Any]):
    """It has no id."""
    refused = described().read("aggregates", row(**change))
    assert isinstance(refused, Rejected)
    assert refused.code == "missing_field"


def test_a_row_from_before_1970_is_refused():
    """As a row of the aggregator is."""
    refused = described().read("aggregates", row(window_start="1969-12-31 00:00:00", window_end="1969-12-31 00:01:00"))
    assert isinstance(refused, Rejected)
    assert refused.code == "out_of_range"


def test_rows_of_the_aggregator_go_by_themselves():
    """Beside Flink's rows a stream may hold the aggregator's: they are read as ever, and so is every other kind."""
    either = reader(described())
    window = {
        "id": "i",
        "query": "q",
        "epoch": 1,
        "revision": 2,
        "emitted": 5,
        "window_end": NINE,
        "key": {},
        "values": {},
    }
    data = json.dumps(window).encode()
    assert either("aggregates", data) == read("aggregates", data)
    assert either("late", b"{}") == read("late", b"{}")
    for broken in (b"no json", b"[]", b"\xff", b'{"id":"i"}'):
        assert either("aggregates", broken) == read("aggregates", broken)
        assert isinstance(either("aggregates", broken), Rejected)
    assert isinstance(either("aggregates", row()), Indexable)


def test_a_row_of_columns_that_no_sink_has_says_what_to_give():
    """Flink runs other SQL than the indexer was told of: the dead letter names the columns and the setting."""
    refused = reader(described())("aggregates", json.dumps({**ROW, "more": 1}).encode())
    assert isinstance(refused, Rejected)
    assert refused.code == "unknown_columns"
    assert "more, page, revenue" in refused.message
    assert "INDEXER_PLAIN_ROWS" in refused.message


def test_without_a_description_nothing_is_plain():
    """The reader is then the very function that it was."""
    assert load("  ") is None
    assert reader(None) is read


def test_a_description_is_text_or_a_file(tmp_path):
    """Both say the same; what is neither is refused with what to do."""
    text = json.dumps({"version": 1, "rows": [VIEWS]})
    (tmp_path / "sinks.json").write_text(text)
    for setting in (text, str(tmp_path / "sinks.json")):
        plain = load(setting)
        assert plain is not None
        assert isinstance(plain.read("aggregates", row()), Indexable)
    with pytest.raises(ValueError, match="etl sql flink --output"):
        load(str(tmp_path / "none.json"))
    with pytest.raises(ValueError, match="no description of sinks"):
        load('{"version": 2, "rows": []}')
    with pytest.raises(ValueError, match="no type 'blob'"):
        described({**KEYED, "columns": [["user", "key", "blob"]]})


def test_two_sinks_with_the_same_columns_are_refused():
    """Nothing would tell their rows apart."""
    with pytest.raises(ValueError, match="page_views and twin have the same columns"):
        described(VIEWS, {**VIEWS, "name": "twin"})


def test_the_setting_is_judged_with_all_others():
    """A wrong description stops the service at its start, by the name of the variable."""
    with pytest.raises(ValidationError, match="no description of sinks"):
        Settings(plain_rows="{}")
