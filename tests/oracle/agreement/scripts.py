"""SQL text as the oracle needs it: split into statements, and with its tables on files instead of streams."""

from __future__ import annotations

import re
from pathlib import Path

_TOKEN = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|`(?:[^`]|``)*`|;|[^-/'`;]+|.", re.DOTALL)
_CREATE_TABLE = re.compile(r"\s*CREATE\s+(?:TEMPORARY\s+)?TABLE\s+`?(\w+)`?", re.IGNORECASE)
_WITH = re.compile(r"\)\s*WITH\s*\(", re.IGNORECASE)


def statements(text: str) -> list[str]:
    """The statements of a script, without comments and semicolons."""
    found = [""]
    for token in _TOKEN.findall(text):
        if token == ";":
            found.append("")
        elif not token.startswith(("--", "/*")):
            found[-1] += token
    return [statement.strip() for statement in found if statement.strip()]


def table_name(statement: str) -> str | None:
    """The name of the table that the statement creates; None if it is no CREATE TABLE."""
    found = _CREATE_TABLE.match(statement)
    return found[1] if found else None


def with_options(statement: str, options: str) -> str:
    """The CREATE TABLE with other options."""
    places = list(_WITH.finditer(statement))
    return f"{statement[: places[-1].start()] if places else statement.rstrip().removesuffix(')')}) WITH ({options})"


def reading(statement: str, file: Path) -> str:
    """The CREATE TABLE on a file of JSON lines."""
    options = f"'connector' = 'filesystem', 'path' = '{file}', 'format' = 'json', 'json.ignore-parse-errors' = 'true'"
    return with_options(statement, options)
