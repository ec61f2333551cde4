"""The queries: one a file, run on several inputs; and files of expressions, one a line, run on the table of edges."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agreement import scripts

HERE = Path(__file__).parents[1]
QUERIES = HERE / "queries"
EXPRESSIONS = HERE / "expressions"
DEFAULT_INPUTS = ("dense", "hostile", "calendar", "empty")
JOIN_INPUTS = ("dense", "gaps", "calendar", "empty")
"""Of a query with several inputs: which record comes first in Flink is chance, and late ones then are late or not."""
_INPUTS = re.compile(r"^-- inputs: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """Views and one SELECT over tables of tables.sql, on one input (see inputs.py).

    Attributes:
        file: the query file's name, or the expression file's.
        label: tells the runs of a file apart: the input, or the expression.

    """

    file: str
    label: str
    views: tuple[str, ...]
    select: str
    input: str

    @property
    def name(self) -> str:
        """What no other run is called."""
        return f"{self.file} {self.label}"

    @property
    def tables(self) -> list[str]:
        """The tables that it reads."""
        text = " ".join([*self.views, self.select])
        return [name for name in tables() if re.search(rf"\b(?:FROM|JOIN|TABLE)\s+{name}\b", text, re.IGNORECASE)]


@cache
def tables() -> dict[str, str]:
    """The CREATE TABLE of each table, by name."""
    found = scripts.statements((HERE / "tables.sql").read_text())
    return {str(scripts.table_name(statement)): statement for statement in found}


def query_runs(file: Path) -> list[Run]:
    """A query file's runs: one for each input."""
    text = file.read_text()
    *views, select = scripts.statements(text)
    named = _INPUTS.search(text)
    joined = re.search(r"\bJOIN\b|\bUNION\b|\bEXISTS\b|IN \(\s*SELECT", text)
    default = JOIN_INPUTS if joined else DEFAULT_INPUTS
    given = tuple(part.strip() for part in named[1].split(",")) if named else default
    return [Run(file.stem, name, tuple(views), select, name) for name in given]


def expression_runs(file: Path) -> list[Run]:
    """An expression file's runs: one for each line that is neither empty nor a comment."""
    lines = [line.strip() for line in file.read_text().splitlines()]
    return [
        Run(f"expressions_{file.stem}", line, (), f"SELECT `id`, {line} AS v FROM edges", "edges")
        for line in dict.fromkeys(lines)
        if line and not line.startswith("--")
    ]


def all_runs() -> list[Run]:
    """Every run, file by file."""
    queries = [run for file in sorted(QUERIES.glob("*.sql")) for run in query_runs(file)]
    return queries + [run for file in sorted(EXPRESSIONS.glob("*.sql")) for run in expression_runs(file)]
