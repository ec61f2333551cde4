from pathlib import Path

import pytest

from streaming_sql.aggregates.registry import AGGREGATES
from streaming_sql.errors import SqlError
from streaming_sql.functions.registry import FUNCTIONS
from streaming_sql.reference import reference
from streaming_sql.reference.constructs import CLAUSES, STATEMENTS, WINDOWS
from streaming_sql.reference.examples import evaluate_all, run_select
from streaming_sql.reference.streams import JOINS, OVER, PATTERNS

PAGE = Path(__file__).parents[3] / "docs" / "sql-reference.md"
FAMILIES = list(dict.fromkeys(function.family for function in FUNCTIONS))


def test_the_committed_page_is_the_one_that_the_code_makes():
    """docs/sql-reference.md is what `etl sql reference` prints: make it again after a change."""
    assert PAGE.read_text(encoding="utf-8") == reference()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_example_of_a_function_gives_what_the_page_says(family):
    """The value that is shown beside each expression is the one that a query computes."""
    examples = [example for function in FUNCTIONS if function.family == family for example in function.examples]
    values = evaluate_all([written for written, _ in examples])
    assert dict(zip([written for written, _ in examples], values, strict=True)) == dict(examples)


def test_every_example_of_a_construct_gives_rows():
    """An example that shows nothing teaches nothing."""
    for entry in (*STATEMENTS, *CLAUSES, *WINDOWS, *OVER, *JOINS, *PATTERNS):
        if entry.example:
            assert len(run_select(entry.example, entry.before)) > 1, entry.title


def test_everything_that_the_registries_know_is_on_the_page():
    """No aggregate and no function is left out."""
    page = reference()
    for function in AGGREGATES.values():
        assert f"| `{function.signature}` |" in page
    for scalar in FUNCTIONS:
        assert scalar.summary.replace("|", "\\|") in page


def test_an_example_that_is_outside_the_subset_fails():
    """A wrong example is no empty table."""
    with pytest.raises(SqlError):
        run_select("SELECT nothing FROM visits")
