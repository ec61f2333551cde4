"""Errors of SQL files as a person, an editor or a code-scanning service reads them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from streaming_sql import SqlError

FORMATS = ("text", "gcc", "json", "sarif")
_WORD = re.compile(r"`[^`]*`|'(?:[^']|'')*'|[A-Za-z_][A-Za-z_0-9]*|\d+(?:\.\d+)?")
_WIDEST_LINE = 160
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_RULE = "streaming-sql"


def rendered(errors: Sequence[SqlError], texts: Mapping[str, str], form: str) -> str:
    """The errors in one of FORMATS; `texts` holds each file's text by its name."""
    if form == "json":
        return json.dumps([_object(error, texts[error.file]) for error in errors], ensure_ascii=False, indent=2)
    if form == "sarif":
        return json.dumps(_sarif(errors, texts), ensure_ascii=False, indent=2)
    if form == "gcc":
        return "\n".join(f"{_head(error)}{_hint(error)}" for error in errors)
    return "\n\n".join(with_caret(error, texts.get(error.file, "")) for error in errors)


def with_caret(error: SqlError, text: str) -> str:
    """The error with its line of SQL, a mark under the place, and the nearest supported form."""
    lines = [_head(error)]
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


def _head(error: SqlError) -> str:
    return f"{error.file}:{error.line}:{error.column}: error: {error.message}"


def _hint(error: SqlError) -> str:
    return f" [nearest supported form: {error.nearest}]" if error.nearest else ""


def _line(error: SqlError, text: str) -> str:
    lines = text.split("\n")
    return lines[error.line - 1] if error.line <= len(lines) else ""


def _width(error: SqlError, text: str) -> int:
    """Characters of the word at the error's place, at least 1."""
    word = _WORD.match(_line(error, text), error.column - 1)
    return len(word[0]) if word else 1


def _object(error: SqlError, text: str) -> dict[str, Any]:
    return {
        "file": error.file,
        "line": error.line,
        "column": error.column,
        "endColumn": error.column + _width(error, text),
        "severity": "error",
        "message": error.message,
        "nearest": error.nearest,
    }


def _sarif(errors: Sequence[SqlError], texts: Mapping[str, str]) -> dict[str, Any]:
    """SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html."""
    rule = {"id": _RULE, "shortDescription": {"text": "SQL outside the supported subset, or wrong"}}
    results = [
        {
            "ruleId": _RULE,
            "level": "error",
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
        for error in errors
    ]
    run = {"tool": {"driver": {"name": "etl sql check", "rules": [rule]}}, "results": results}
    return {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
