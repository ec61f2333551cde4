"""The comparison itself: what it must see, and what it must forgive."""

import random

import pytest
from agreement import scripts
from agreement.comparison import difference
from agreement.inputs import INPUTS, TABLES, rows
from agreement.results import final_rows, milliseconds, plain_type, reader

ROWS = [[1, "a", 0.1], [1, "a", 0.2], [2, None, None], [1, "a", 0.1]]
DOUBLES = [False, False, True]


def test_order_and_the_last_digits_of_doubles_are_forgiven() -> None:
    """The same rows in another order, their doubles apart by rounding, do not differ."""
    shuffled = [[a, b, c and c * (1 + 1e-15)] for a, b, c in random.Random(1).sample(ROWS, len(ROWS))]
    assert difference(ROWS, shuffled, DOUBLES) == ""


@pytest.mark.parametrize(
    "given",
    [
        ROWS[:3],
        [*ROWS, [2, None, None]],
        [*ROWS[:3], [1, "a", 0.1000001]],
        [*ROWS[:3], [1, "b", 0.1]],
        [*ROWS[:3], [1, "a", None]],
    ],
)
def test_every_real_difference_is_seen(given: list[list[object]]) -> None:
    """A row missing, too many, or other in any column differs."""
    assert difference(ROWS, given, DOUBLES).startswith(("1 rows missing", "0 rows missing"))


def test_numbers_are_exact_but_for_doubles() -> None:
    """Integers beyond 2**53 and decimals, which are texts, are not compared as doubles."""
    assert difference([[2**53]], [[2**53 + 1]], [False])
    assert difference([["1.10"]], [["1.1"]], [False])


def test_what_changes_leave_behind() -> None:
    """A row that is taken back is gone, once for each time."""
    changes = [("+", [1]), ("+", [1]), ("-", [1]), ("+", [2])]
    assert final_rows(iter(changes)) == ([[1], [2]], True)


def test_values_as_flink_writes_them() -> None:
    """Times become milliseconds, decimals texts of their scale, nested rows lists."""
    assert milliseconds("1969-12-31 23:59:59.999") == -1
    assert milliseconds("2024-02-29 00:00:00Z") == 1_709_164_800_000
    assert reader("DECIMAL(10, 2)")("3.5") == "3.50"
    assert reader("ROW<`a` INT, `t` DECIMAL(3, 1)>")({"a": 1, "t": "2"}) == [1, "2.0"]
    assert plain_type("TIMESTAMP(3) WITH LOCAL TIME ZONE") == "TIMESTAMP_LTZ(3)"


def test_statements_end_at_semicolons_outside_of_texts_and_comments() -> None:
    """A semicolon in a text, a name or a comment ends nothing."""
    assert scripts.statements("SELECT ';' AS `;` -- ;\n; /* ; */ SELECT 'it''s'") == [
        "SELECT ';' AS `;`",
        "SELECT 'it''s'",
    ]


def test_inputs_are_the_same_twice_and_other_with_another_seed() -> None:
    """The rows follow from table, input and seed alone."""
    for table in TABLES:
        for name in INPUTS[:-1]:
            first = list(rows(table, name))
            rows.cache_clear()
            assert rows(table, name) == first
            assert rows(table, name, "another") != first
