"""Scalar functions have the values of Flink 1.20; those of the odd cases were asked of it."""

import struct
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from streaming_sql import SqlError
from streaming_sql.dialect import Flink
from streaming_sql.expressions import Expression, compile_scalar, convert
from streaming_sql.functions.numbers import double_text, float_text
from streaming_sql.functions.registry import FUNCTIONS
from streaming_sql.types import STRING

EXAMPLES = [(sql, value) for function in FUNCTIONS for sql, value in function.examples]


class NoNames:
    """A scope for expressions of literals."""

    def __init__(self, text: str) -> None:
        self.text = text

    def resolve(self, node: exp.Expr) -> Expression | None:
        return None


def compiled(sql: str) -> Expression:
    text = f"SELECT {sql}"
    tree = sqlglot.parse_one(text, dialect=Flink)
    return compile_scalar(tree.expressions[0], NoNames(text))


def text_of(sql: str) -> Any:
    expression = compiled(sql)
    return convert(expression, STRING, exp.Null(), NoNames(sql)).evaluate(None)


@pytest.mark.parametrize(("sql", "value"), EXAMPLES, ids=[sql for sql, _ in EXAMPLES])
def test_every_example_of_the_reference_has_the_value_it_shows(sql: str, value: str) -> None:
    assert text_of(sql) == (None if value == "NULL" else value)


@pytest.mark.parametrize("function", FUNCTIONS, ids=[function.names[0] for function in FUNCTIONS])
def test_every_function_is_described(function: Any) -> None:
    assert function.syntax
    assert function.summary.endswith(".") or function.summary.endswith(";")


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("1 + 2147483647", "-2147483648"),
        ("CAST(3000000000 AS INT)", "-1294967296"),
        ("CAST(CAST(1e20 AS DOUBLE) AS INT)", "2147483647"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("-7 / 2", "-3"),
        ("MOD(-7, 3)", "-1"),
        ("7 % CAST(4 AS BIGINT)", "3"),
        ("ROUND(-2.5)", "-3"),
        ("ROUND(CAST(2.5 AS DOUBLE))", "3.0"),
        ("TRUNCATE(-1.99)", "-1"),
        ("CAST('.' AS INT)", "0"),
        ("CAST(' 12.9 ' AS INT)", "12"),
        ("CAST('1e3' AS INT)", None),
        ("CAST('1e3' AS DOUBLE)", "1000.0"),
        ("CAST('1.5d' AS DOUBLE)", "1.5"),
        ("CAST('0x1p3' AS DOUBLE)", "8.0"),
        ("CAST('NaN' AS DOUBLE)", None),
        ("CAST(0.1 AS FLOAT)", "0.1"),
        ("CAST(123456789 AS FLOAT)", "1.23456792E8"),
        ("CAST('yes' AS BOOLEAN)", "TRUE"),
        ("CAST(TRUE AS VARCHAR(2))", "TR"),
        ("CAST('ab' AS CHAR(4)) || '!'", "ab  !"),
        ("CAST('2021-02-30 10:00:00' AS TIMESTAMP(3))", "2021-02-28 10:00:00.000"),
        ("CAST('2021-02-30' AS DATE)", None),
        ("CAST('2020-2' AS DATE)", "2020-02-01"),
        ("CAST('12:34:56.789' AS TIME)", "12:34:56"),
        ("CAST(TIMESTAMP '1969-12-31 12:00:00' AS DATE)", "1970-01-01"),
        ("CAST(INTERVAL '1 02:03:04.005' DAY TO SECOND AS STRING)", "+1 02:03:04.005"),
        ("LN(0)", None),
        ("1 / 0", None),
        ("CAST(1 AS DOUBLE) / 0", None),
    ],
)
def test_numbers_and_casts(sql: str, value: str | None) -> None:
    assert text_of(sql) == value


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("EXTRACT(HOUR FROM TIMESTAMP '1969-12-31 23:00:00')", "-1"),
        ("TO_TIMESTAMP('2020-01-01 24:00:00')", "2020-01-02 00:00:00.000"),
        ("TO_TIMESTAMP('2021-02-30', 'yyyy-MM-dd')", "2021-02-28 00:00:00.000"),
        ("TO_TIMESTAMP('20210229', 'yyyyMMdd')", "2021-02-28 00:00:00.000"),
        ("TO_TIMESTAMP('1999-9-10 05:20:10', 'yyyy-MM-dd HH:mm:ss')", "1999-09-10 05:20:10.000"),
        ("TO_TIMESTAMP('soon')", None),
        ("TO_DATE('2021-13-01', 'yyyy-MM-dd')", "2022-01-01"),
        ("UNIX_TIMESTAMP('bad')", "-9223372036854775808"),
        ("UNIX_TIMESTAMP('0001-01-01', 'yyyy-MM-dd')", "-62135769600"),
        ("DATE_FORMAT(TIMESTAMP '2024-12-31 13:05:09.070', 'EEE, d MMM yy h:mm a SSS')", "Tue, 31 Dec 24 1:05 PM 070"),
        ("DATE_FORMAT('2024-02-29 12:00:00', 'D')", "60"),
        ("CEIL(TIMESTAMP '2020-01-01 00:00:01' TO MONTH)", "2020-01-01 00:00:00"),
        ("FLOOR(TIMESTAMP '2020-03-15 10:00:00' TO WEEK)", "2020-03-15 00:00:00"),
        ("TIMESTAMP '2020-01-31 10:00:00' + INTERVAL '1' MONTH", "2020-02-29 10:00:00"),
        ("TIMESTAMPADD(YEAR, 1, DATE '2020-02-29')", "2021-02-28"),
        ("TIMESTAMPDIFF(MONTH, TIMESTAMP '2020-01-31 00:00:00', TIMESTAMP '2020-02-29 00:00:00')", "1"),
        ("CONVERT_TZ('2024-03-31 02:30:00', 'Europe/Berlin', 'UTC')", "2024-03-31 01:30:00"),
        ("CONVERT_TZ('2024-10-27 02:30:00', 'Europe/Berlin', 'UTC')", "2024-10-27 01:30:00"),
        ("TIME '23:30:00' + INTERVAL '1' HOUR", "00:30:00"),
    ],
)
def test_times_leap_days_and_clock_changes(sql: str, value: str | None) -> None:
    assert text_of(sql) == value


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("('a' || CHR(10) || 'b') LIKE 'a_b'", "FALSE"),
        ("('a' || CHR(10) || 'b') LIKE 'a%b'", "TRUE"),
        ("REGEXP_REPLACE('abc', '(b)', '[$1]')", "a[$1]c"),
        ("REGEXP_EXTRACT('a(?i)B', '(?i)b|c')", "B"),
        ("REGEXP_REPLACE('Straße ÄÖ', '\\b', '|')", "|Straße| |ÄÖ|"),
        ("CHAR_LENGTH('😀')", "1"),
        ("LPAD('😀', 3, 'x')", "x😀"),
        ("SPLIT_INDEX('a,,b', ',', 1)", ""),
        ("SPLIT_INDEX('', ',', 0)", None),
        ("INSTR('aaa', 'a', -1, 2)", "2"),
        ("OVERLAY('abc' PLACING 'x' FROM 9)", "abc"),
        ("JSON_VALUE('{\"a\":1.10}', '$.a')", "1.1"),
        ("JSON_VALUE('{\"n\":null}', '$.n' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR)", "r"),
        ("JSON_VALUE('{\"n\":null}', 'lax $.n' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR)", "e"),
        ("JSON_VALUE('{\"a\":1} x', '$.a')", "1"),
        ("JSON_QUERY('{\"b\":2,\"a\":[1,2.50]}', '$')", '{"b":2,"a":[1,2.5]}'),
        ("JSON_QUERY('{\"a\":[{\"k\":1},{}]}', '$.a[*].k')", "[1]"),
        ("JSON_QUERY('{}', '$.a[*].k')", None),
        ("JSON_QUERY('{\"a\":[1,2,3]}', '$.a[-1]')", None),
        ("JSON_EXISTS('{\"a\":null}', '$.a')", "FALSE"),
        ("'1 2' IS JSON", "TRUE"),
        ("JSON_ARRAY(1, 'x', CAST(NULL AS INT))", '[1,"x"]'),
        ("JSON_STRING(TIMESTAMP '2020-01-01 00:00:00')", '"2020-01-01T00:00:00"'),
        ("JSON_STRING(1.500)", "1.5"),
        ("JSON_STRING(100.0)", "1E+2"),
        ("JSON_STRING(CHR(31) || 'é/')", '"\\u001Fé/"'),
        ("CAST(ARRAY[1, 2, CAST(NULL AS INT)] AS STRING)", "[1, 2, NULL]"),
        ("ARRAY[1, 2][5]", None),
        ("STR_TO_MAP('a=1,b')['b']", None),
    ],
)
def test_texts_patterns_and_json(sql: str, value: str | None) -> None:
    assert text_of(sql) == value


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("1", "INT NOT NULL"),
        ("CAST(NULL AS INT)", "INT"),
        ("3000000000", "BIGINT NOT NULL"),
        ("1.50", "DECIMAL(3, 2) NOT NULL"),
        ("1e0", "DOUBLE NOT NULL"),
        ("CAST(1 AS FLOAT) + 1", "FLOAT NOT NULL"),
        ("CAST(1 AS FLOAT) + 1.5", "DOUBLE NOT NULL"),
        ("ROUND(1.2345, 2)", "DECIMAL(4, 2) NOT NULL"),
        ("TIMESTAMP '2020-01-01 00:00:00.50'", "TIMESTAMP(2) NOT NULL"),
        ("ARRAY['a']", "ARRAY<STRING> NOT NULL"),
        ("MAP['a', 1]", "MAP<STRING, INT> NOT NULL"),
        ("COALESCE(CAST(NULL AS INT), 1)", "INT NOT NULL"),
        ("CAST(1 AS INTERVAL DAY)", "INTERVAL DAY NOT NULL"),
    ],
)
def test_types_and_nullability(sql: str, kind: str) -> None:
    assert compiled(sql).declared == kind


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("UPER('a')", "function UPER is not supported"),
        ("NVL(1, 2)", "function NVL is not supported"),
        ("UPPER(1)", r"UPPER\(INT\) is not supported"),
        ("CAST(1 AS TIMESTAMP(3))", "INT cannot become TIMESTAMP"),
        ("CAST('x' AS TIMESTAMP)", "finer than the milliseconds"),
        ("CAST(1 AS DOUBLE) % 2", "DOUBLE % INT"),
        ("TIMESTAMP '2020-01-01'", "no literal of a date or time"),
        ("TO_TIMESTAMP('x', 'YYYY')", "letter Y"),
        ("UNIX_TIMESTAMP('x', 'yy')", "today's date"),
        ("REGEXP('a', '[a&&b]')", "not supported"),
        ("JSON_VALUE('{}', '$.a[?(@.b)]')", "is not supported from"),
        ("JSON_VALUE('{}', '$.a' RETURNING BIGINT)", "RETURNING BIGINT"),
        ("TIMESTAMPDIFF(PARSEC, DATE '2020-01-01', DATE '2020-01-02')", "PARSEC"),
        ("EXTRACT(HOUR FROM DATE '2020-01-01')", "EXTRACT"),
        ("CURRENT_TIMESTAMP", "the clock is not read"),
        ("ARRAY[1][0]", "counted from 1"),
        ("INTERVAL '25:00' HOUR TO SECOND", "interval is not understood"),
    ],
)
def test_what_is_outside_the_subset_is_refused_with_the_nearest_form(sql: str, message: str) -> None:
    with pytest.raises(SqlError, match=message) as caught:
        compiled(sql)
    assert caught.value.nearest


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000001", "4.9E-324"),
        ("43d0000000000000", "4.6116860184273879E18"),
        ("44b52d02c7e14af6", "9.999999999999999E22"),
        ("4415af1d78b58c40", "1.0E20"),
        ("3f50624dd2f1a9fc", "0.001"),
        ("3f847ae147ae147b", "0.01"),
        ("8000000000000000", "-0.0"),
    ],
)
def test_doubles_are_written_with_the_digits_of_java_17(bits: str, text: str) -> None:
    """Java before 19 prints digits of its own; these were printed by it."""
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert double_text(value) == text
    assert float(text) == value


def test_floats_are_written_with_the_digits_of_java_17() -> None:
    values = {"2.14748365E9": 2147483648.0, "1.23456792E8": 123456792.0, "9.6714065E24": 9.671406556917033e24}
    assert {float_text(value): value for value in values.values()} == values
