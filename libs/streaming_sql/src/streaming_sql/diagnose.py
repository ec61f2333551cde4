"""Every error of a set of scripts, not only the first: for editors and for whoever mends a file.

A statement that fails is left out and the rest is planned again, so each statement is judged as if those before it
that are sound were all there were. What only fails because it reads a table whose own statement failed is not told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from streaming_sql.dialect import Flink
from streaming_sql.errors import SqlError
from streaming_sql.planning.planner import load_program

_DEFINING = frozenset({"TABLE", "VIEW"})


@dataclass(frozen=True)
class _Span:
    """A statement's place in its text, the names it mentions, and the table or view it creates ("" for none)."""

    start: int
    end: int
    words: frozenset[str]
    creates: str


def diagnose(scripts: Mapping[str, str]) -> list[SqlError]:
    """All errors of scripts by file name, at most one a statement, in the order of files and places.

    Each error names its file. Empty where the scripts make a program.
    """
    texts = dict(scripts)
    broken: dict[str, set[str]] = {file: set() for file in texts}
    found: list[SqlError] = []
    while True:
        try:
            load_program(texts)
        except SqlError as error:
            text = texts[error.file]
            span = _span_at(text, error.line, error.column)
            if span is None or not span.words & broken[error.file]:
                found.append(error)
            if span is None:
                texts[error.file] = ""
                continue
            texts[error.file] = _blanked(text, span)
            if span.creates:
                broken[error.file].add(span.creates)
        else:
            order = {file: place for place, file in enumerate(scripts)}
            return sorted(found, key=lambda error: (order[error.file], error.line, error.column))


def _span_at(text: str, line: int, column: int) -> _Span | None:
    """The statement at a place; None where the text cannot be cut into statements or none is there."""
    lines = text.split("\n")
    at = sum(len(before) + 1 for before in lines[: line - 1]) + column - 1
    spans = _spans(text)
    return next((span for span in spans if at <= span.end), spans[-1] if spans else None)


def _spans(text: str) -> list[_Span]:
    try:
        tokens = Flink().tokenize(text)
    except TokenError:
        return []
    spans: list[_Span] = []
    statement: list[Token] = []
    for token in tokens:
        if token.token_type != TokenType.SEMICOLON:
            statement.append(token)
        elif statement:
            spans.append(_span(statement, token.end))
            statement = []
    return [*spans, _span(statement, len(text))] if statement else spans


def _span(tokens: list[Token], end: int) -> _Span:
    words = [token.text for token in tokens if token.token_type != TokenType.STRING]
    return _Span(tokens[0].start, end, frozenset(words), _created(words))


def _created(words: list[str]) -> str:
    """The name that a statement's words create, "" for none."""
    if words[0].upper() != "CREATE":
        return ""
    for before, word in pairwise(words):
        if before.upper() in _DEFINING:
            return word if word.upper() != "IF" else _after(words, "EXISTS")
    return ""


def _after(words: list[str], wanted: str) -> str:
    return next((word for before, word in pairwise(words) if before.upper() == wanted), "")


def _blanked(text: str, span: _Span) -> str:
    """The text with the statement's characters as spaces, so that every other place keeps its line and column."""
    gone = "".join(character if character == "\n" else " " for character in text[span.start : span.end + 1])
    return text[: span.start] + gone + text[span.end + 1 :]
