"""A window that Flink writes as plain JSON and one that the aggregator writes are one document."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.rows import Stamp, window_row
from indexer.documents import Indexable, read
from indexer.plain_rows import PlainRows
from streaming_sql import ResultRow

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
milliseconds = st.integers(0, 4_000_000_000_000)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
decimals = st.decimals(-(10**12), 10**12, places=2)
doubles = st.floats(allow_nan=False, allow_infinity=False)
KINDS = {
    "plain": texts | st.integers(-(2**63), 2**63 - 1) | st.booleans(),
    "decimal": decimals,
    "double": doubles,
    "time": milliseconds,
}


@st.composite
def columns(draw):
    """Names with a type and a value each; a value may be NULL."""
    names = draw(st.lists(st.sampled_from("abcdefg"), unique=True, max_size=4))
    kinds = [draw(st.sampled_from(sorted(KINDS))) for _ in names]
    return [(name, kind, draw(st.none() | KINDS[kind])) for name, kind in zip(names, kinds, strict=True)]


def described(kind):
    return {"decimal": 2} if kind == "decimal" else kind


def sql_time(at, draw_zone):
    moment = EPOCH + timedelta(milliseconds=at)
    fraction = f".{at % 1000:03}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction}{'Z' if draw_zone else ''}"


def as_flink(kind, value):
    """The value as Flink's JSON has it: times as SQL texts, decimals without zeros at the end."""
    if value is None:
        return "null"
    if kind == "time":
        return json.dumps(sql_time(value, True))
    if kind == "decimal":
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return json.dumps(value, ensure_ascii=False)


@settings(deadline=None)
@given(columns(), columns(), milliseconds, st.integers(1, 86_400_000), st.sampled_from([None, "high"]), st.randoms())
def test_flinks_row_and_the_aggregators_are_one_document(key, values, start, size, severity, order):
    """Index, id and everything but who wrote it when are alike, whatever the values and the order of the columns."""
    values = [(name.upper(), kind, value) for name, kind, value in values]
    end = start + size
    options = {} if severity is None else {"severity": severity}
    ours = window_row(
        ResultRow(
            "q",
            start,
            end,
            {name: value for name, _, value in key},
            {name: value for name, _, value in values},
            options,
        ),
        Stamp(0, 0, 0),
    )
    stream = "aggregates" if severity is None else "alerts"
    sink = {
        "stream": stream,
        "name": "q",
        "severity": severity,
        "columns": [
            ["start", "window_start", "time"],
            ["end", "window_end", "time"],
            *([name, "key", described(kind)] for name, kind, _ in key),
            *([name, "value", described(kind)] for name, kind, _ in values),
        ],
        "told_by": "window",
        "times": [],
    }
    fields = [("start", sql_time(start, False)), ("end", sql_time(end, False))]
    parts = [f'"{name}":"{text}"' for name, text in fields]
    parts += [f'"{name}":{as_flink(kind, value)}' for name, kind, value in (*key, *values)]
    order.shuffle(parts)
    made = PlainRows(json.dumps({"version": 1, "rows": [sink]}).encode()).read(
        stream, f"{{{','.join(parts)}}}".encode()
    )
    expected = read(stream, ours.data)
    assert isinstance(made, Indexable)
    assert isinstance(expected, Indexable)
    assert (made.document.index, made.document.id) == (expected.document.index, expected.document.id)
    assert made.document.version == expected.document.version
    body = json.loads(expected.document.body, parse_float=Decimal)
    del body["emitted"]
    assert json.loads(made.document.body, parse_float=Decimal) == body
