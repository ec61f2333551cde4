"""The page itself, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streaming_sql.aggregates.registry import AGGREGATES, AggregateFunction
from streaming_sql.functions.differences import DIFFERENCES
from streaming_sql.functions.registry import FUNCTIONS
from streaming_sql.reference.constructs import CLAUSES, STATEMENTS, WINDOWS
from streaming_sql.reference.entry import Entry
from streaming_sql.reference.examples import run_select
from streaming_sql.reference.samples import TABLES, payments_table, visits_table
from streaming_sql.reference.streams import JOINS, OVER, PATTERNS
from streaming_sql.reference.types import TYPES

_HEAD = """\
# Streaming SQL reference

Made from the code by `etl sql reference`; a test keeps it so, and every result below is what the example gave. The
language is a subset of [Flink SQL 1.20](https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/overview/)
with its semantics: the same text runs on Managed Service for Apache Flink, but for what is marked *embedded only*.
[sql.md](sql.md) explains how to write a pipeline. What is not here is refused, with line, column and the nearest form.
"""


def reference() -> str:
    """The whole page."""
    return "\n".join(line for part in _parts() for line in part)


def _parts() -> Iterator[Iterator[str]]:
    yield iter([_HEAD])
    yield _samples()
    yield _section("Statements", STATEMENTS)
    yield _section("Queries", CLAUSES)
    yield _section("Window functions", WINDOWS)
    yield _section("OVER and ranking", OVER)
    yield _section("Joins and unions", JOINS)
    yield _section("Patterns", PATTERNS)
    yield _aggregates()
    yield _functions()
    yield _types()
    yield _differences()


def _samples() -> Iterator[str]:
    yield "## What the examples read"
    yield ""
    yield "Times are seconds after 2026-01-05 08:00:00 UTC, events come in this order."
    yield from _code(TABLES.strip(), "sql")
    yield "`people`, a reference table: ada lives in London, bob in Paris."
    yield ""
    yield from ("`visits`:", "", *table(visits_table()), "", "`payments`:", "", *table(payments_table()), "")


def _section(title: str, entries: Sequence[Entry]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    for entry in entries:
        yield f"### {entry.title}"
        yield from _code(entry.form, "sql")
        yield entry.says
        yield ""
        if entry.emits:
            yield f"*Emits:* {entry.emits}."
            yield ""
        if entry.example:
            yield "*Example:*"
            before = f"{entry.before}\n" if entry.before else ""
            yield from _code(before + entry.example, "sql")
            yield from (*table(run_select(entry.example, entry.before)), "")


def _aggregates() -> Iterator[str]:
    yield "## Aggregate functions"
    yield ""
    yield "In windows and, where it is said, OVER. All leave NULLs out, and take DISTINCT and FILTER (WHERE ...)."
    yield "Each result is that of the first minute of `visits`."
    yield ""
    cells: list[tuple[str, ...]] = [("function", "gives", "", "example", "result")]
    cells += [_aggregate(function) for function in AGGREGATES.values()]
    yield from (*table(cells), "")


def _aggregate(function: AggregateFunction) -> tuple[str, ...]:
    window = "TABLE(TUMBLE(TABLE visits, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end"
    result = run_select(f"SELECT {function.example} AS v FROM {window}")[1][0]  # noqa: S608 (an example)
    says = function.description + _availability(function.flink)
    return f"`{function.signature}`", function.result, says, f"`{function.example}`", result


def _availability(flink: bool | str) -> str:
    if isinstance(flink, str):
        return f" *Flink {flink} and later.*"
    return "" if flink else " *Embedded only.*"


def _functions() -> Iterator[str]:
    yield "## Scalar functions and operators"
    yield ""
    for family in dict.fromkeys(function.family for function in FUNCTIONS):
        yield f"### {family}"
        yield ""
        cells: list[tuple[str, ...]] = [("form", "", "examples")]
        for function in FUNCTIONS:
            if function.family == family:
                examples = "; ".join(f"`{written}` → `{value}`" for written, value in function.examples)
                cells.append((f"`{function.syntax}`", function.summary, examples))
        yield from (*table(cells), "")


def _types() -> Iterator[str]:
    yield "## Types"
    yield ""
    yield from (*table([("type", "values", "in JSON"), *TYPES]), "")


def _differences() -> Iterator[str]:
    yield "## Where scalar functions differ from Flink"
    yield ""
    yield from (*table([("what", "how"), *DIFFERENCES]), "")


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table; the first row is its head."""
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in escaped]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]


def _code(text: str, language: str) -> list[str]:
    return ["", f"```{language}", text, "```", ""]
