"""Errors of SQL files as a person, an editor or a code-scanning service reads them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Literal

from streaming_sql import SqlError

FORMATS = ("text", "gcc", "json", "sarif")
_WORD = re.compile(r"`[^`]*`|'(?:[^']|'')*'|[A-Za-z_][A-Za-z_0-9]*|\d+(?:\.\d+)?")
_WIDEST_LINE = 160
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_RULE = "streaming-sql"


@dataclass(frozen=True, slots=True)
class Finding:
    """An error, or a warning: what runs here and Flink would refuse."""

    error: SqlError
    severity: Literal["error", "warning"] = "error"

    @property
    def place(self) -> tuple[str, int, int]:
        """File, line and column."""
        return self.error.file, self.error.line, self.error.column


def rendered(findings: Sequence[Finding], texts: Mapping[str, str], form: str) -> str:
    """The findings in one of FORMATS; `texts` holds each file's text by its name."""
    if form == "json":
        return json.dumps([_object(found, texts[found.error.file]) for found in findings], ensure_ascii=False, indent=2)
    if form == "sarif":
        return json.dumps(_sarif(findings, texts), ensure_ascii=False, indent=2)
    if form == "gcc":
        return "\n".join(f"{_head(found.error, found.severity)}{_hint(found.error)}" for found in findings)
    return "\n\n".join(with_caret(found.error, texts.get(found.error.file, ""), found.severity) for found in findings)


def counted(findings: Sequence[Finding], files: int) -> str:
    """How many of each there are, or that all files are sound."""
    parts = []
    for severity in ("error", "warning"):
        count = sum(found.severity == severity for found in findings)
        if count:
            parts.append(f"{count} {severity}{'s' if count > 1 else ''}")
    return "\n" + ", ".join(parts) if parts else f"{files} file{'s' if files != 1 else ''} sound"


def with_caret(error: SqlError, text: str, severity: str = "error") -> str:
    """The error with its line of SQL, a mark under the place, and the nearest supported form."""
    lines = [_head(error, severity)]
    found = _line(error, text)
    if found:
        source, margin = found.replace("\t", " ").rstrip(), f"{error.line:>5} | "
        column, cut = error.column, max(0, error.column - _WIDEST_LINE // 2) if len(source) > _WIDEST_LINE else 0
        lines.append(margin + source[cut : cut + _WIDEST_LINE])
        mark = "^" * min(_width(error, text), _WIDEST_LINE - (column - 1 - cut))
        lines.append(" " * (len(margin) - 2) + "| " + " " * (column - 1 - cut) + mark)
    if error.nearest:
        hint = f"nearest supported form: {error.nearest}"
        lines += wrap(hint, _WIDEST_LINE, initial_indent=" " * 8, subsequent_indent=" " * 10, break_on_hyphens=False)
    return "\n".join(lines)


def _head(error: SqlError, severity: str) -> str:
    return f"{error.file}:{error.line}:{error.column}: {severity}: {error.message}"


def _hint(error: SqlError) -> str:
    return f" [nearest supported form: {error.nearest}]" if error.nearest else ""


def _line(error: SqlError, text: str) -> str:
    lines = text.split("\n")
    return lines[error.line - 1] if error.line <= len(lines) else ""


def _width(error: SqlError, text: str) -> int:
    """Characters of the word at the error's place, at least 1."""
    word = _WORD.match(_line(error, text), error.column - 1)
    return len(word[0]) if word else 1


def _object(found: Finding, text: str) -> dict[str, Any]:
    error = found.error
    return {
        "file": error.file,
        "line": error.line,
        "column": error.column,
        "endColumn": error.column + _width(error, text),
        "severity": found.severity,
        "message": error.message,
        "nearest": error.nearest,
    }


def _sarif(findings: Sequence[Finding], texts: Mapping[str, str]) -> dict[str, Any]:
    """SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html."""
    rule = {"id": _RULE, "shortDescription": {"text": "SQL outside the supported subset, or wrong"}}
    results = [
        {
            "ruleId": _RULE,
            "level": found.severity,
            "message": {"text": error.message + _hint(error)},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": error.file},
                        "region": {
                            "startLine": error.line,
                            "startColumn": error.column,
                            "endColumn": error.column + _width(error, texts[error.file]),
                        },
                    }
                }
            ],
        }
        for found in findings
        for error in [found.error]
    ]
    run = {"tool": {"driver": {"name": "etl sql check", "rules": [rule]}}, "results": results}
    return {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
