"""Scalar functions and casts over any input: none raises, NULL goes through, and casts come back."""

import math
from decimal import Decimal
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from streaming_sql import SqlError
from streaming_sql.expressions import Expression, compile_scalar, constant
from streaming_sql.functions.casts import cast
from streaming_sql.functions.date_parsing import lenient_parser, strict_parser
from streaming_sql.functions.json_paths import json_path
from streaming_sql.functions.numbers import double_text, to_float32
from streaming_sql.functions.regexes import java_regex
from streaming_sql.functions.registry import FUNCTIONS
from streaming_sql.functions.signature import Signature
from streaming_sql.types import (
    BIGINT,
    BOOLEAN,
    BYTES,
    DATE,
    DOUBLE,
    FLOAT,
    INT,
    NULL,
    SMALLINT,
    STRING,
    TIME,
    TIMESTAMP,
    TIMESTAMP_LTZ,
    TINYINT,
    SqlType,
    array_type,
    decimal_type,
    map_type,
)

DECIMAL = decimal_type(10, 3)
TIMES = st.integers(-62_135_596_800_000, 253_402_300_799_999) | st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["2024-02-29 12:00:00", "(a|b", "[", "%a_", "{}", "$.a", "1e999", "-", "😀"]
)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
VALUES: dict[SqlType, st.SearchStrategy[Any]] = {
    BOOLEAN: st.booleans(),
    TINYINT: st.integers(-128, 127),
    SMALLINT: st.integers(-(2**15), 2**15 - 1),
    INT: st.integers(-(2**31), 2**31 - 1) | st.integers(-3, 20),
    BIGINT: st.integers(-(2**63), 2**63 - 1),
    FLOAT: st.floats(width=32, allow_nan=False, allow_infinity=False),
    DOUBLE: DOUBLES,
    DECIMAL: st.decimals(-(10**6), 10**6, places=3).map(lambda value: value or Decimal("0.000")),
    STRING: TEXTS,
    BYTES: st.binary(max_size=8),
    DATE: st.integers(-800_000, 3_000_000),
    TIME: st.integers(0, 86_399_999),
    TIMESTAMP: TIMES,
    TIMESTAMP_LTZ: TIMES,
    array_type(INT): st.lists(st.none() | st.integers(-5, 5), max_size=4),
    map_type(STRING, INT): st.dictionaries(st.text(max_size=2), st.none() | st.integers(-5, 5), max_size=3),
}
KINDS: dict[str, list[SqlType]] = {
    "TEXT": [STRING],
    "INTEGER": [INT, BIGINT, TINYINT],
    "EXACT": [INT, DECIMAL],
    "NUMBER": [INT, BIGINT, DECIMAL, DOUBLE, FLOAT],
    "DOUBLE": [DOUBLE, INT, DECIMAL],
    "BOOLEAN": [BOOLEAN],
    "BYTES": [BYTES],
    "DATE": [DATE],
    "TIME": [TIME],
    "TIMESTAMP": [TIMESTAMP, TIMESTAMP_LTZ],
    "ARRAY": [array_type(INT)],
    "MAP": [map_type(STRING, INT)],
    "COMPARABLE": [INT, DECIMAL, STRING, TIMESTAMP],
    "ANY": [INT],
}
CALLS = [
    (function.names[0], signature)
    for function in FUNCTIONS
    for signature in function.signatures
    if signature.parameters and function.names[0] not in {"TRIM", "POSITION", "OVERLAY"}
]


class Columns:
    """A scope whose columns c0, c1, ... are the places of a tuple; some may be literals."""

    text = ""

    def __init__(self, kinds: list[SqlType], literals: dict[int, Any]) -> None:
        self._columns = [
            constant(literals[place], kind) if place in literals else Expression(itemgetter(place), kind)
            for place, kind in enumerate(kinds)
        ]

    def resolve(self, node: exp.Expr) -> Expression | None:
        return self._columns[int(node.name[1:])] if isinstance(node, exp.Column) else None


def _kinds(draw: st.DrawFn, signature: Signature) -> list[SqlType]:
    kinds = [draw(st.sampled_from(KINDS[parameter])) for parameter in signature.parameters]
    if signature.alike >= 0:
        kinds = [kinds[0], kinds[0]]
    return kinds


def _call(name: str, kinds: list[SqlType], literals: dict[int, Any]) -> Expression:
    arguments = [exp.column(f"c{place}") for place in range(len(kinds))]
    return compile_scalar(exp.Anonymous(this=name, expressions=arguments), Columns(kinds, literals))


def _fits(value: Any, kind: SqlType) -> bool:
    if value is None or kind.is_nested or kind.is_interval:
        return True
    if kind.is_approximate:
        return isinstance(value, float) and math.isfinite(value)
    if kind.name == "DECIMAL":
        return isinstance(value, Decimal) and -int(value.as_tuple().exponent) == kind.scale
    wanted = bool if kind == BOOLEAN else str if kind.is_text else bytes if kind == BYTES else int
    return type(value) is wanted


@pytest.mark.parametrize(
    ("name", "signature"), CALLS, ids=[f"{name}{signature.parameters}" for name, signature in CALLS]
)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_a_function_of_any_values_gives_a_value_of_its_type_or_null(
    name: str, signature: Signature, data: st.DataObject
) -> None:
    kinds = data.draw(st.composite(_kinds)(signature))
    row = tuple(data.draw(st.none() | VALUES[kind]) for kind in kinds)
    literals = {place: row[place] for place in range(len(row)) if data.draw(st.booleans())}
    if name == "TO_TIMESTAMP_LTZ":
        literals[1] = data.draw(st.sampled_from([0, 3]))
    try:
        compiled = _call(name, kinds, literals)
    except SqlError:
        assert literals, "without constants there is nothing to refuse in what the signature takes"
        return
    value = compiled.evaluate(row)
    assert _fits(value, compiled.type), (value, compiled.type)
    if signature.strict and None in [literals.get(place, item) for place, item in enumerate(row)]:
        assert value is None
    if not compiled.nullable:
        assert value is not None
    if compiled.is_constant:
        assert compiled.constant == value
    assert _fits(compiled.evaluate(row), compiled.type)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_cast_of_any_value_gives_a_value_of_the_type_or_null(data: st.DataObject) -> None:
    source, target = data.draw(st.sampled_from(list(VALUES))), data.draw(st.sampled_from(list(VALUES)))
    convert = cast(source, target)
    if convert is not None:
        assert _fits(convert(data.draw(VALUES[source])), target)


@pytest.mark.parametrize("kind", [BOOLEAN, TINYINT, INT, BIGINT, DECIMAL, DOUBLE, FLOAT, DATE], ids=str)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_text_and_back_is_the_same_value(kind: SqlType, data: st.DataObject) -> None:
    value = data.draw(VALUES[kind] if kind != DATE else st.integers(-700_000, 2_900_000))
    there, back = cast(kind, STRING), cast(STRING, kind)
    assert there is not None
    assert back is not None
    assert back(there(value)) == value


@settings(max_examples=200, deadline=None)
@given(time=st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_a_timestamp_and_its_text_are_the_same_by_every_way(time: int) -> None:
    there, back = cast(TIMESTAMP, STRING), cast(STRING, TIMESTAMP)
    assert there is not None
    assert back is not None
    text = there(time)
    assert back(text) == time
    assert strict_parser("yyyy-MM-dd HH:mm:ss.SSS")(text) == time


@settings(max_examples=150, deadline=None)
@given(value=DOUBLES)
def test_the_text_of_a_double_is_the_double(value: float) -> None:
    assert float(double_text(value)) == value
    single = to_float32(value)
    assert single is None or to_float32(single) == single


@settings(max_examples=150, deadline=None)
@given(pattern=st.text(alphabet="ab.*+?()[]{}|^$\\dwQE<>=!:i-&,0123yMHmsS' ", max_size=12), text=st.text(max_size=8))
def test_patterns_of_any_kind_compile_or_are_refused(pattern: str, text: str) -> None:
    """Whatever stands in a pattern, the answer is a value or a ValueError that says what is not supported."""
    for read in (java_regex, json_path, strict_parser, lenient_parser):
        try:
            found = read(pattern)
        except ValueError:
            continue
        if read is java_regex:
            found.search(text)  # type: ignore[union-attr]
        elif read in {strict_parser, lenient_parser}:
            assert isinstance(found(text), int | None)  # type: ignore[operator]


def test_null_literals_need_no_type() -> None:
    assert compile_scalar(exp.Anonymous(this="UPPER", expressions=[exp.Null()]), Columns([], {})).constant is None
    assert NULL.name == "NULL"
