"""Rows on the wire."""

import json
from decimal import Decimal

from aggregator.rows import Row, Stamp, late_row, letter_of, malformed_row, rejected_row, window_row
from shardline import Record, ShardLease
from streaming_sql import LateRow, ResultRow

STAMP = Stamp(epoch=3, revision=7, emitted=99)


def fired(**options: str) -> ResultRow:
    return ResultRow("revenue", 0, 10_000, {"currency": "CLP"}, {"total": Decimal("12.50"), "n": 2}, options)


def test_a_window_row_is_the_contracts_object_with_exact_decimals() -> None:
    row = window_row(fired(stream="aggregates"), STAMP)
    assert row.kind == "window"
    assert row.key == '{"currency":"CLP"}'
    assert row.data == (
        b'{"id":"revenue|0|10000|{\\"currency\\":\\"CLP\\"}","query":"revenue","window_start":0,"window_end":10000,'
        b'"key":{"currency":"CLP"},"values":{"total":12.50,"n":2},"epoch":3,"revision":7,"emitted":99}'
    )


def test_a_sink_with_a_severity_makes_alerts() -> None:
    row = window_row(fired(stream="alerts", severity="high"), STAMP)
    assert row.kind == "alert"
    body = json.loads(row.data)
    assert list(body) == [
        *("id", "rule", "severity", "time", "window_start", "window_end", "key", "values"),
        *("epoch", "revision", "emitted"),
    ]
    assert (body["rule"], body["severity"], body["time"]) == ("revenue", "high", 10_000)


def test_rows_without_a_window_are_named_by_their_key_or_by_all_their_values() -> None:
    """Equal rows have one name, different ones different names; a row that is taken away says so."""

    def identity(key: dict[str, int], values: dict[str, int], time: int, hidden: tuple[int, ...] = ()) -> str:
        made = ResultRow("q", None, None, key, values, {"stream": "aggregates"}, "-D", time, hidden)
        body = json.loads(window_row(made, STAMP).data)
        assert (body["time"], body["deleted"]) == (time, True)
        return str(body["id"])

    assert identity({"k": 1}, {"n": 1}, 5) == identity({"k": 1}, {"n": 2}, 6) == 'q|{"k":1}'
    assert identity({"k": 1}, {"n": 1}, 5, (7,)) != identity({"k": 1}, {"n": 1}, 5, (8,))
    assert identity({}, {"n": 1}, 5) == identity({}, {"n": 1}, 5)
    assert len({identity({}, {"n": n}, time) for n in (1, 2) for time in (5, 6)}) == 4


def test_rows_that_are_replaced_later_say_so_and_keep_their_name() -> None:
    """A leader board's place has one name without any key; a window's row needs no mark, its window names it."""

    def made(start: int | None, value: int) -> dict[str, object]:
        result = ResultRow("top", start, None, {}, {"n": value}, {}, "+U", 5, updating=True)
        return dict(json.loads(window_row(result, STAMP).data))

    assert made(None, 1)["id"] == made(None, 2)["id"]
    assert made(None, 1)["current"] is True
    assert "current" not in made(0, 1)


def test_a_late_row_is_named_by_event_and_query() -> None:
    row = late_row(LateRow("revenue", "shard-1", {"id": "e1", "type": "x"}, 5, 10_000, 12_000), b'{"id": "e1"}')
    assert json.loads(row.data) == {
        "id": "e1|revenue",
        "event": "e1",
        "query": "revenue",
        "time": 5,
        "window_end": 10_000,
        "watermark": 12_000,
        "shard": "shard-1",
    }


def test_a_dead_letter_keeps_the_exact_bytes_and_its_place() -> None:
    """It passes through the outbox's JSON, whatever the bytes are."""
    row = malformed_row(Record("17", "k", b"\xff{", 1.234, 2), ShardLease("enriched", "shard-1"))
    letter = letter_of(row)
    assert letter.original == b"\xff{"
    assert letter.id == "aggregator|enriched|shard-1|17|2"
    assert (letter.code, letter.first_seen) == ("malformed_json", 1234)


def test_a_refused_row_becomes_a_dead_letter_about_itself() -> None:
    row = window_row(fired(stream="aggregates"), STAMP)
    letter = letter_of(rejected_row(row, "kinesis:aggregates", "TooLarge", "no", 5))
    assert letter.original == row.data
    assert (letter.stream, letter.code, letter.event_id) == (
        "kinesis:aggregates",
        "TooLarge",
        json.loads(row.data)["id"],
    )


def test_a_partition_key_fits_kinesis() -> None:
    """1 to 256 characters."""
    long = ResultRow("q", 0, 1, {"page": "x" * 500}, {}, {"stream": "aggregates"})
    assert len(window_row(long, STAMP).key) == 256
    assert isinstance(window_row(long, STAMP), Row)
