"""LIKE and SIMILAR TO."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlglot import exp

from streaming_sql.expressions.expression import Expression, lift, lift2
from streaming_sql.expressions.operands import Compiler, Operands
from streaming_sql.functions.patterns import like_pattern, similar_pattern
from streaming_sql.types import BOOLEAN

_Matches = Callable[[str], bool]
_FORMS = {"LIKE": "x LIKE 'a!%' ESCAPE '!'", "SIMILAR TO": "x SIMILAR TO '(a|b)%' ESCAPE '!'"}


def _like(node: exp.Expr, operands: Operands) -> Expression:
    escape = ""
    match = node.this if isinstance(node, exp.Escape) else node
    name = "SIMILAR TO" if isinstance(match, exp.SimilarTo) else "LIKE"
    if isinstance(node, exp.Escape):
        if not isinstance(node.expression, exp.Literal):
            raise operands.unsupported(node, "ESCAPE needs a literal", _FORMS[name])
        escape = node.expression.name
        if len(escape) != 1:
            raise operands.unsupported(node.expression, "ESCAPE needs one character", _FORMS[name])
    if not isinstance(match, exp.Like | exp.SimilarTo) or isinstance(match.expression, exp.Paren | exp.Any | exp.All):
        raise operands.unsupported(node, "LIKE is supported with one pattern", _FORMS["LIKE"])
    subject, pattern = operands.string(match.this), operands.string(match.expression)
    wanted = not match.args.get("negate")
    compile_pattern = _compiler(name, escape)
    if pattern.is_constant and pattern.constant is not None:
        try:
            matches = compile_pattern(pattern.constant)
        except ValueError as error:
            raise operands.unsupported(match.expression, str(error), _FORMS[name]) from error
        return lift(matches if wanted else lambda text: not matches(text), subject, BOOLEAN)
    compiled = lru_cache(maxsize=1024)(_lenient(compile_pattern))

    def call(text: str, source: str) -> bool | None:
        found = compiled(source)
        return None if found is None else found(text) is wanted

    return lift2(call, subject, pattern, BOOLEAN, nullable=True)


def _compiler(name: str, escape: str) -> Callable[[str], _Matches]:
    if name == "LIKE":
        return lambda pattern: _plain_like(pattern, escape) or _full(like_pattern(pattern, escape))
    return lambda pattern: _full(similar_pattern(pattern, escape))


def _full(pattern: re.Pattern[str]) -> _Matches:
    match = pattern.fullmatch
    return lambda text: match(text) is not None


def _plain_like(pattern: str, escape: str) -> _Matches | None:
    """A pattern without _ and with % only at its ends needs no regular expression."""
    inner = pattern.strip("%")
    if "_" in pattern or "%" in inner or (escape and escape in pattern):
        return None
    before, after = pattern.startswith("%"), pattern.endswith("%")
    if before and after:
        return lambda text: inner in text
    if before:
        return lambda text: text.endswith(inner)
    return (lambda text: text.startswith(inner)) if after else (lambda text: text == inner)


def _lenient(compile_pattern: Callable[[str], _Matches]) -> Callable[[str], _Matches | None]:
    """A pattern that is none, where Flink fails the job, gives None."""

    def compiled(pattern: str) -> Any:
        try:
            return compile_pattern(pattern)
        except ValueError:
            return None

    return compiled


MATCHING: dict[type[exp.Expr], Compiler] = {exp.Like: _like, exp.SimilarTo: _like, exp.Escape: _like}
