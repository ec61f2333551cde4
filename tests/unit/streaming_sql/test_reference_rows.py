"""Reference tables read from the bytes of their files."""

import pytest

from streaming_sql import SqlError, plan_script
from streaming_sql.decode import RowDecoder, field_name
from streaming_sql.reference_rows import read_reference
from streaming_sql.types import INT, STRING, decimal_type

DECODER = RowDecoder((("id", STRING), ("n", INT), ("price", decimal_type(6, 2))))


def values(row: object) -> tuple[object, ...]:
    return tuple(str(value) if value is not None else None for value in (getattr(row, field_name(i)) for i in range(3)))


@pytest.mark.parametrize(
    ("options", "data", "expected", "malformed"),
    [
        (
            {"format": "json"},
            b'{"id": "a", "n": 1, "price": 2.5}\n\n{"id": "b", "n": "no"}\r\n[1]\n{"id"',
            [("a", "1", "2.5"), ("b", None, None)],
            [4, 5],
        ),
        ({"format": "csv"}, b'a,1,2.50\n"b,c",x,\n"two\nlines",3,4\n1,2\n', None, [5]),
        (
            {"format": "csv", "csv.field-delimiter": ";", "csv.quote-character": "'"},
            b"'a;b';1;2.5",
            [("a;b", "1", "2.50")],
            [],
        ),
        (
            {"format": "csv", "csv.field-delimiter": "\\t", "csv.null-literal": "NULL"},
            b"NULL\t1\tNULL",
            [(None, "1", None)],
            [],
        ),
        ({"format": "csv", "csv.allow-comments": "true"}, b"#x,1,2\na,1,2\n", [("a", "1", "2.00")], []),
        ({"format": "csv"}, b"", [], []),
    ],
)
def test_lines_become_rows_of_the_declared_types(
    options: dict[str, str], data: bytes, expected: list[tuple[object, ...]] | None, malformed: list[int]
) -> None:
    """JSON lines and CSV as Flink's formats read them; a line that is no row is told by its number."""
    rows, wrong = read_reference(DECODER, options, data)
    if expected is None:
        expected = [("a", "1", "2.50"), ("b,c", None, None), ("two\nlines", "3", "4.00")]
    assert [values(row) for row in rows] == expected
    assert wrong == malformed


def test_a_field_beyond_what_the_csv_module_takes_is_no_row_and_stops_nobody() -> None:
    """An aggregator that reads such a file would otherwise fail at every start."""
    long = b'"' + b"z" * 200_000 + b'",1,2\n'
    rows, wrong = read_reference(DECODER, {"format": "csv"}, b"a,1,2\n" + long + b"b,3,4\n")
    assert ([values(row)[0] for row in rows], wrong) == (["a", "b"], [2])


@pytest.mark.parametrize("option", ["'csv.field-delimiter' = '||'", "'csv.quote-character' = ''"])
def test_a_separator_of_several_characters_is_refused_where_it_is_written(option: str) -> None:
    table = "CREATE TABLE t (a STRING) WITH ('connector' = 'filesystem', 'path' = 'x', {})"
    with pytest.raises(SqlError, match="is one character"):
        plan_script(table.format(option))
    plan_script(table.format("'csv.field-delimiter' = '\\t'"))
