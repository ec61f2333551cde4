"""What is to be said of SQL files. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from etl_cli.sql.diagnostics import Finding
from streaming_sql import SqlError
from streaming_sql.diagnose import diagnose
from streaming_sql.reserved import reserved_names


def find(texts: Mapping[str, str]) -> list[Finding]:
    """The errors of all files and, in files that can be read, the names that Flink would refuse, by place."""
    findings = [Finding(error) for error in diagnose(texts)]
    for file, text in texts.items():
        try:
            findings += [Finding(error.in_file(file), "warning") for error in reserved_names(text)]
        except SqlError:  # what cannot be read is among the errors
            continue
    order = {file: place for place, file in enumerate(texts)}
    return sorted(findings, key=lambda found: (order[found.error.file], *found.place[1:]))
