"""Operators and forms of syntax, for the reference page; the package `expressions` compiles them."""

from __future__ import annotations

from streaming_sql.functions.signature import Function


def _form(family: str, name: str, syntax: str, summary: str, *examples: tuple[str, str]) -> Function:
    return Function((name,), family, syntax, summary, (), examples)


FUNCTIONS = (
    _form("Comparison", "=", "a = b, a <> b, a < b, a <= b, a > b, a >= b", "NULL if one is NULL.", ("1 < 2", "TRUE")),
    _form("Comparison", "IS NULL", "a IS [NOT] NULL", "Whether there is no value.", ("1 IS NULL", "FALSE")),
    _form(
        "Comparison", "IS DISTINCT FROM", "a IS [NOT] DISTINCT FROM b", "Comparison in which NULL equals NULL.",
        ("1 IS DISTINCT FROM CAST(NULL AS INT)", "TRUE"),
    ),
    _form(
        "Comparison", "BETWEEN", "a [NOT] BETWEEN [ASYMMETRIC | SYMMETRIC] low AND high",
        "From low to high; SYMMETRIC in either order.", ("12 BETWEEN SYMMETRIC 15 AND 12", "TRUE"),
    ),
    _form("Comparison", "IN", "a [NOT] IN (b, ...)", "Whether one of the list equals a.", ("4 IN (1, 4)", "TRUE")),
    _form(
        "Comparison", "LIKE", "text [NOT] LIKE pattern [ESCAPE 'c']", "% is any text, _ any one character.",
        ("'a_c' LIKE 'a!_%' ESCAPE '!'", "TRUE"),
    ),
    _form(
        "Comparison", "SIMILAR TO", "text [NOT] SIMILAR TO pattern [ESCAPE 'c']",
        "A regular expression of the whole text in which % and _ mean what they do in LIKE.",
        ("'abc' SIMILAR TO '(a|x)%'", "TRUE"),
    ),
    _form("Logic", "AND", "a AND b, a OR b, NOT a", "Three-valued logic.", ("TRUE AND NOT FALSE", "TRUE")),
    _form(
        "Logic", "IS TRUE", "a IS [NOT] TRUE | FALSE | UNKNOWN", "Never NULL.",
        ("CAST(NULL AS BOOLEAN) IS NOT TRUE", "TRUE"),
    ),
    _form(
        "Math", "+", "a + b, a - b, a * b, a / b, a % b, -a", "Of integers, which wrap, of decimals or of doubles.",
        ("7 / 2", "3"), ("1.5 * 2", "3.0"),
    ),
    _form(
        "Time", "INTERVAL", "INTERVAL '1' DAY, INTERVAL '1-2' YEAR TO MONTH, INTERVAL '1 02:03:04' DAY TO SECOND",
        "A span of time, to add to or take from dates and times, or to multiply.",
        ("TIMESTAMP '2020-01-31 00:00:00' + INTERVAL '1' MONTH", "2020-02-29 00:00:00"),
    ),
    _form(
        "Time", "DATE '2020-02-29'", "DATE '...', TIME '...', TIMESTAMP '...'", "A literal of a date or time.",
        ("DATE '2020-02-29' + INTERVAL '1' YEAR", "2021-02-28"),
    ),
    _form(
        "Time", "EXTRACT", "EXTRACT(unit FROM time)",
        "MILLENNIUM, CENTURY, DECADE, YEAR, ISOYEAR, QUARTER, MONTH, WEEK, DAY, DOW, ISODOW, DOY, HOUR, MINUTE, "
        "MILLISECOND or EPOCH of a time.",
        ("EXTRACT(DAY FROM DATE '2006-06-05')", "5"),
    ),
    _form(
        "Time", "FLOOR(TO)", "FLOOR(time TO unit), CEIL(time TO unit)", "A time rounded down or up to a unit.",
        ("FLOOR(TIMESTAMP '2020-02-29 12:44:31' TO MINUTE)", "2020-02-29 12:44:00"),
    ),
    _form(
        "Time", "TIMESTAMPADD", "TIMESTAMPADD(unit, number, time)", "A time so many units later.",
        ("TIMESTAMPADD(WEEK, 1, DATE '2003-01-02')", "2003-01-09"),
    ),
    _form(
        "Time", "TIMESTAMPDIFF", "TIMESTAMPDIFF(unit, from, to)", "Whole units from one time to another.",
        ("TIMESTAMPDIFF(DAY, TIMESTAMP '2003-01-02 10:00:00', TIMESTAMP '2003-01-03 10:00:00')", "1"),
    ),
    _form("String", "||", "text || text", "The texts one after the other; NULL if one is.", ("'a' || 'b'", "ab")),
    _form(
        "Conditional", "CASE", "CASE [value] WHEN ... THEN ... [ELSE ...] END", "The first branch that holds.",
        ("CASE WHEN 1 > 2 THEN 'a' ELSE 'b' END", "b"), ("CASE 2 WHEN 1 THEN 'a' WHEN 2 THEN 'b' END", "b"),
    ),
    _form("Conditional", "IF", "IF(condition, then, else)", "One of two values.", ("IF(5 > 3, 5, 3)", "5")),
    _form("Conditional", "COALESCE", "COALESCE(value, ...)", "The first not NULL.", ("COALESCE(NULL, 'a')", "a")),
    _form(
        "Conditional", "IFNULL", "IFNULL(value, replacement)", "The value, or the replacement of NULL.",
        ("IFNULL(CAST(NULL AS INT), 5)", "5"),
    ),
    _form("Conditional", "NULLIF", "NULLIF(a, b)", "a, but NULL if it equals b.", ("NULLIF(5, 0)", "5")),
    _form(
        "Conversion", "CAST", "CAST(value AS type)", "The value as another type; NULL if it cannot be.",
        ("CAST('42' AS INT)", "42"), ("CAST(1.0E10 AS STRING)", "1.0E10"),
    ),
    _form(
        "Conversion", "TRY_CAST", "TRY_CAST(value AS type)", "The same as CAST here.", ("TRY_CAST('4x' AS INT)", "NULL")
    ),
    _form("Conversion", "TYPEOF", "TYPEOF(value)", "The name of the value's type.", ("TYPEOF(1)", "INT NOT NULL")),
    _form(
        "Collection", "ARRAY", "ARRAY[value, ...], array[index]", "An array; its element, from 1.",
        ("ARRAY['a', 'b'][2]", "b"),
    ),
    _form("Collection", "MAP", "MAP[key, value, ...], map[key]", "A map; a key's value.", ("MAP['a', 1]['a']", "1")),
    _form("Collection", "ROW", "ROW(value, ...)", "A row of values.", ("ROW(1, 'a') IS NULL", "FALSE")),
)  # fmt: skip
