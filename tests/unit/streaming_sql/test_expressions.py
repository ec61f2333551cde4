"""Scalar expressions have Flink's values, types and NULLs."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from streaming_sql import SqlError

Evaluate = Callable[..., Any]
TRUE, FALSE, UNKNOWN = "i = 1", "i = 2", "b = 1"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (f"({TRUE}) AND ({UNKNOWN})", None),
        (f"({FALSE}) AND ({UNKNOWN})", False),
        (f"({UNKNOWN}) AND ({FALSE})", False),
        (f"({TRUE}) OR ({UNKNOWN})", True),
        (f"({UNKNOWN}) OR ({TRUE})", True),
        (f"({FALSE}) OR ({UNKNOWN})", None),
        (f"NOT ({UNKNOWN})", None),
        (f"({UNKNOWN}) IS TRUE", False),
        (f"({UNKNOWN}) IS NOT TRUE", True),
        ("b IS NULL", True),
        ("i IS NOT NULL", True),
        ("b <> 1", None),
        ("i IN (2, NULL)", None),
        ("i IN (1, NULL)", True),
        ("i NOT IN (2, 3)", True),
        ("i NOT IN (2, NULL)", None),
        ("i BETWEEN 1 AND b", None),
        ("i BETWEEN 2 AND b", False),
        ("s LIKE 'a%'", True),
        ("s LIKE 'a_'", False),
        ("s LIKE 'a!_c' ESCAPE '!'", True),
        ("s NOT LIKE '%z'", True),
        ("s NOT LIKE 'a!_c' ESCAPE '!'", False),
    ],
)
def test_conditions_follow_three_valued_logic(evaluate: Evaluate, expression: str, expected: bool | None) -> None:
    assert evaluate(expression, "BOOLEAN", i=1, s="a_c") is expected


@pytest.mark.parametrize(
    ("expression", "kind", "expected"),
    [
        ("i / 2", "INT", -3),
        ("i % 4", "INT", -3),
        ("b + 1", "BIGINT", -(2**63)),
        ("i / 0", "INT", None),
        ("x / 3", "DECIMAL(38, 11)", Decimal("0.41666666667")),
        ("x * 2", "DECIMAL(38, 2)", Decimal("2.50")),
        ("x * 0.1", "DECIMAL(38, 3)", Decimal("0.125")),
        ("d * 2", "DOUBLE", 1.0),
        ("d / 0", "DOUBLE", None),
        ("-x", "DECIMAL(8, 2)", Decimal("-1.25")),
        ("x + i", "DECIMAL(38, 2)", Decimal("-5.75")),
        ("CAST(d AS INT)", "INT", 0),
        ("CAST(x AS INT)", "INT", 1),
        ("CAST(' 12 ' AS BIGINT)", "BIGINT", 12),
        ("TRY_CAST('12a' AS BIGINT)", "BIGINT", None),
        ("CAST(i AS STRING)", "STRING", "-7"),
        ("CAST(x AS STRING)", "STRING", "1.25"),
        ("CAST(x AS DECIMAL(8, 1))", "DECIMAL(8, 1)", Decimal("1.3")),
        ("CAST(1000000 AS DECIMAL(3, 0))", "DECIMAL(3, 0)", None),
    ],
)
def test_arithmetic_has_java_integers_and_exact_decimals(
    evaluate: Evaluate, expression: str, kind: str, expected: object
) -> None:
    value = evaluate(expression, kind, i=-7, b=2**63 - 1, d=0.5, x=1.25)
    assert value == expected
    assert str(value) == str(expected), "the scale too"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("COALESCE(payload.page, s, 'none')", "Hello"),
        ("COALESCE(payload.page, 'none')", "none"),
        ("LOWER(s)", "hello"),
        ("UPPER(s)", "HELLO"),
        ("CONCAT(s, '!', s)", "Hello!Hello"),
        ("s || payload.page", None),
        ("SUBSTRING(s, 2)", "ello"),
        ("SUBSTRING(s FROM 2 FOR 3)", "ell"),
        ("SUBSTRING(s, -3, 2)", "ll"),
        ("SUBSTRING(s, 0, 2)", "He"),
        ("SUBSTRING(s, 9)", ""),
        ("NULLIF(s, 'Hello')", None),
        ("NULLIF(s, 'x')", "Hello"),
        ("CASE WHEN i > 5 THEN 'big' WHEN i IS NULL THEN 'none' ELSE 'small' END", "none"),
        ("CASE s WHEN 'x' THEN 'one' WHEN 'Hello' THEN 'two' END", "two"),
        ("payload.deep.name", None),
        ("events.s", "Hello"),
    ],
)
def test_text_and_choice(evaluate: Evaluate, expression: str, expected: str | None) -> None:
    assert evaluate(expression, "STRING", s="Hello", payload={}) == expected


def test_a_field_of_an_absent_row_is_null(evaluate: Evaluate) -> None:
    """enrichment.geo.country is NULL where an event has no enrichment, not an error."""
    assert evaluate("COALESCE(payload.deep.name, 'absent')", "STRING", payload=None) == "absent"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("s + 1", r"STRING \+ INT is not supported"),
        ("s = 1", "STRING and INT do not go together"),
        ("CAST(d AS DATE)", "DOUBLE cannot become DATE"),
        ("payload", "MAX of ROW"),
        ("payload.nothing", "ROW has no field nothing"),
        ("missing", "no column missing"),
        ("REGEXP_EXTRACT(s, '[a[b]]', 1)", "classes inside classes"),
        ("LENGTH(s)", "function LENGTH is not supported"),
        ("s LIKE 'a!' ESCAPE '!'", "must be followed by"),
        ("i AND f", "a condition is needed"),
        ("s LIKE ANY ('a')", "one pattern"),
        ("AVG(i)", "AVG"),
    ],
)
def test_what_does_not_fit_is_an_error_at_its_place(evaluate: Evaluate, expression: str, message: str) -> None:
    with pytest.raises(SqlError, match=message) as caught:
        evaluate(expression, "STRING")
    assert caught.value.file == "test.sql"
    assert caught.value.line > 8
    assert caught.value.nearest
