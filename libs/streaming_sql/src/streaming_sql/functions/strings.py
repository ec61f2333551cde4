"""String functions. Positions count from 1; a character is a code point unless the function says UTF-16."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from streaming_sql.functions import text
from streaming_sql.functions.parsing import to_double
from streaming_sql.functions.regexes import java_regex
from streaming_sql.functions.signature import Arguments, Function, Parameter, Signature
from streaming_sql.types import BOOLEAN, INT, STRING

_JAVA_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)


def _concat(*parts: str) -> str:
    return "".join(parts)


def _concat_ws(separator: str | None, *parts: str | None) -> str | None:
    return None if separator is None else separator.join([part for part in parts if part is not None])


def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return java_regex(pattern)
    except ValueError:
        return None


def _with_regex(arguments: Arguments, use: Callable[..., Any], otherwise: Any = None) -> Callable[..., Any]:
    """`use(regex, text, ...)` as a function of (text, pattern, ...); a pattern that is none gives `otherwise`."""
    pattern = arguments[1]
    if pattern.is_constant and pattern.value is not None:
        fixed = java_regex(pattern.value)
        return lambda subject, _, *rest: use(fixed, subject, *rest)

    def call(subject: str, source: str, *rest: Any) -> Any:
        regex = _compiled(source)
        return otherwise if regex is None else use(regex, subject, *rest)

    return call


def _matches(regex: re.Pattern[str], subject: str) -> bool:
    return bool(regex.pattern) and regex.search(subject) is not None


def _extract(regex: re.Pattern[str], subject: str, group: int = 0) -> str | None:
    match = regex.search(subject)
    return match[group] if match and 0 <= group <= regex.groups else None


def _replace_regex(regex: re.Pattern[str], subject: str, replacement: str) -> str:
    return regex.sub(lambda match: replacement, subject)


def _replace(subject: str, old: str, new: str) -> str | None:
    longest = (len(subject) + 1) * len(new) + len(subject)
    return subject.replace(old, new) if longest <= text.MAX_TEXT else None


def _is_decimal(value: Any) -> bool:
    if not isinstance(value, str):
        return value is not None
    return bool(_JAVA_INTEGER.fullmatch(value)) or value.strip() in {"NaN", "Infinity"} or _is_number(value)


def _is_number(value: str) -> bool:
    return to_double(value) is not None or bool(
        re.fullmatch(r"\s*[+-]?\d+(\.\d*)?[eE]\+?\d+[dDfF]?\s*", value, re.ASCII)
    )


def _is_digit(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value) and all(character.isdecimal() for character in value)
    return isinstance(value, int)


def _is_alpha(value: Any) -> bool:
    return isinstance(value, str) and value.isalpha()


_PAD: tuple[Parameter, ...] = ("TEXT", "INTEGER", "TEXT")


def _predicate(name: str, test: Callable[[Any], bool], summary: str, example: tuple[str, str]) -> Function:
    kinds: tuple[Parameter, ...] = ("TEXT", "NUMBER")
    signatures = tuple(Signature((kind,), BOOLEAN, test, strict=False) for kind in kinds)
    return Function((name,), "String", f"{name}(value)", summary, signatures, (example,))


def _simple(
    names: tuple[str, ...], call: Callable[[str], Any], summary: str, example: tuple[str, str], kind: Any = STRING
) -> Function:
    return Function(names, "String", f"{names[0]}(text)", summary, (Signature(("TEXT",), kind, call),), (example,))


def _upper(subject: str) -> str:
    return subject.upper()


FUNCTIONS = (
    _simple(("UPPER",), _upper, "In upper case.", ("UPPER('aé')", "AÉ")),
    _simple(("LOWER",), str.lower, "In lower case.", ("LOWER('AÉ')", "aé")),
    _simple(("CHAR_LENGTH", "CHARACTER_LENGTH"), len, "How many characters.", ("CHAR_LENGTH('aé😀')", "3"), INT),
    _simple(("REVERSE",), lambda subject: subject[::-1], "The characters backwards.", ("REVERSE('abc')", "cba")),
    _simple(
        ("INITCAP",), text.initial_capitals, "Each word's first letter in upper case, the rest in lower case.",
        ("INITCAP('hello wORLD')", "Hello World"),
    ),
    _simple(("ASCII",), text.ascii_code, "The first byte of the text's UTF-8.", ("ASCII('abc')", "97"), INT),
    Function(
        ("CONCAT",), "String", "CONCAT(text, ...)", "The texts one after the other; NULL if one is.",
        (Signature(("TEXT",), STRING, _concat, repeats=True),), (("CONCAT('AA', 'BB', 'CC')", "AABBCC"),),
    ),
    Function(
        ("CONCAT_WS",), "String", "CONCAT_WS(separator, text, ...)", "The texts that are not NULL, separated.",
        (Signature(("TEXT", "TEXT"), STRING, _concat_ws, repeats=True, strict=False, nullable=True),),
        (("CONCAT_WS('~', 'AA', CAST(NULL AS STRING), 'BB', '', 'CC')", "AA~BB~~CC"),),
    ),
    Function(
        ("SUBSTRING", "SUBSTR"), "String", "SUBSTRING(text FROM start [FOR length]), SUBSTR(text, start [, length])",
        "A part of the text; a negative start counts from the end, NULL for a negative length.",
        (
            Signature(("TEXT", "INTEGER"), STRING, text.substring),
            Signature(("TEXT", "INTEGER", "INTEGER"), STRING, text.substring, nullable=True),
        ),
        (("SUBSTRING('hello', 2, 3)", "ell"), ("SUBSTR('hello', -3)", "llo")),
    ),
    Function(
        ("LEFT",), "String", "LEFT(text, length)", "The first characters.",
        (Signature(("TEXT", "INTEGER"), STRING, text.left),), (("LEFT('hello', 2)", "he"),),
    ),
    Function(
        ("RIGHT",), "String", "RIGHT(text, length)", "The last characters.",
        (Signature(("TEXT", "INTEGER"), STRING, text.right),), (("RIGHT('hello', 2)", "lo"),),
    ),
    Function(
        ("TRIM",), "String", "TRIM([BOTH | LEADING | TRAILING] [characters FROM] text)",
        "Without blanks, or the given characters, at both or one end.",
        (Signature(("TEXT", "TEXT"), STRING, text.trim),),
        (("TRIM('  a ')", "a"), ("TRIM(LEADING 'x' FROM 'xxax')", "ax")),
    ),
    Function(
        ("LTRIM",), "String", "LTRIM(text [, characters])", "Without blanks, or the given characters, in front.",
        (
            Signature(("TEXT",), STRING, lambda subject: subject.lstrip(" ")),
            Signature(("TEXT", "TEXT"), STRING, text.trim_leading),
        ),
        (("LTRIM('  a ')", "a "), ("LTRIM('xya', 'yx')", "a")),
    ),
    Function(
        ("RTRIM",), "String", "RTRIM(text [, characters])", "Without blanks, or the given characters, at the end.",
        (
            Signature(("TEXT",), STRING, lambda subject: subject.rstrip(" ")),
            Signature(("TEXT", "TEXT"), STRING, text.trim_trailing),
        ),
        (("RTRIM(' a  ')", " a"),),
    ),
    Function(
        ("LPAD",), "String", "LPAD(text, length, pad)", "Filled from the left to so many UTF-16 units, or cut.",
        (Signature(_PAD, STRING, text.pad_left, nullable=True),), (("LPAD('hi', 4, '??')", "??hi"),),
    ),
    Function(
        ("RPAD",), "String", "RPAD(text, length, pad)", "Filled from the right to so many UTF-16 units, or cut.",
        (Signature(_PAD, STRING, text.pad_right, nullable=True),), (("RPAD('hi', 1, '??')", "h"),),
    ),
    Function(
        ("REPEAT",), "String", "REPEAT(text, times)", "The text so many times.",
        (Signature(("TEXT", "INTEGER"), STRING, text.repeat, nullable=True),), (("REPEAT('ab', 2)", "abab"),),
    ),
    Function(
        ("REPLACE",), "String", "REPLACE(text, old, new)", "Every `old` replaced.",
        (Signature(("TEXT", "TEXT", "TEXT"), STRING, _replace, nullable=True),),
        (("REPLACE('ababab', 'abab', 'z')", "zab"),),
    ),
    Function(
        ("OVERLAY",), "String", "OVERLAY(text PLACING new FROM start [FOR length])",
        "UTF-16 units from a place on replaced, as many as `new` has by default.",
        (
            Signature(("TEXT", "TEXT", "INTEGER"), STRING, text.overlay),
            Signature(("TEXT", "TEXT", "INTEGER", "INTEGER"), STRING, text.overlay),
        ),
        (("OVERLAY('xxxxxtest' PLACING 'xxxx' FROM 6)", "xxxxxxxxx"),),
    ),
    Function(
        ("POSITION",), "String", "POSITION(part IN text)", "Where `part` is first found; 0 if it is not.",
        (Signature(("TEXT", "TEXT"), INT, text.position),), (("POSITION('lo' IN 'hello')", "4"),),
    ),
    Function(
        ("LOCATE",), "String", "LOCATE(part, text [, start])", "Where `part` is first found from a place on.",
        (
            Signature(("TEXT", "TEXT"), INT, text.position),
            Signature(("TEXT", "TEXT", "INTEGER"), INT, text.position),
        ),
        (("LOCATE('l', 'hello', 4)", "4"),),
    ),
    Function(
        ("INSTR",), "String", "INSTR(text, part [, start [, occurrence]])",
        "Where `part` is found; backwards from a negative start.",
        (
            Signature(("TEXT", "TEXT"), INT, text.instr),
            Signature(("TEXT", "TEXT", "INTEGER"), INT, text.instr),
            Signature(("TEXT", "TEXT", "INTEGER", "INTEGER"), INT, text.instr, nullable=True),
        ),
        (("INSTR('hello', 'l', 1, 2)", "4"), ("INSTR('hello', 'l', -1)", "4")),
    ),
    Function(
        ("SPLIT_INDEX",), "String", "SPLIT_INDEX(text, separator, index)", "A part of the split text, from 0.",
        (
            Signature(("TEXT", "TEXT", "INTEGER"), STRING, text.split_index, nullable=True),
            Signature(("TEXT", "INTEGER", "INTEGER"), STRING, text.split_index_at_character, nullable=True),
        ),
        (("SPLIT_INDEX('a,b,c', ',', 1)", "b"),),
    ),
    Function(
        ("CHR",), "String", "CHR(code)", "The character of a code from 0 to 255.",
        (Signature(("INTEGER",), STRING, text.character),), (("CHR(97)", "a"),),
    ),
    Function(
        ("REGEXP",), "String", "REGEXP(text, pattern)", "Whether a part of the text matches a Java pattern.",
        (Signature(("TEXT", "TEXT"), BOOLEAN, prepare=lambda given: _with_regex(given, _matches, otherwise=False)),),
        (("REGEXP('foothebar', 'f.*r$')", "TRUE"),),
    ),
    Function(
        ("REGEXP_EXTRACT",), "String", "REGEXP_EXTRACT(text, pattern [, group])",
        "The first match of a Java pattern, or a group of it.",
        (
            Signature(("TEXT", "TEXT"), STRING, prepare=lambda given: _with_regex(given, _extract), nullable=True),
            Signature(
                ("TEXT", "TEXT", "INTEGER"), STRING, prepare=lambda given: _with_regex(given, _extract), nullable=True
            ),
        ),
        (("REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)', 2)", "bar"),),
    ),
    Function(
        ("REGEXP_REPLACE",), "String", "REGEXP_REPLACE(text, pattern, new)",
        "Every match of a Java pattern replaced, by `new` as it is written.",
        (
            Signature(
                ("TEXT", "TEXT", "TEXT"), STRING, prepare=lambda it: _with_regex(it, _replace_regex), nullable=True
            ),
        ),
        (("REGEXP_REPLACE('foobar', 'oo|ar', '')", "fb"),),
    ),
    _predicate("IS_DECIMAL", _is_decimal, "Whether a text is a number; FALSE for NULL.", ("IS_DECIMAL('1.5')", "TRUE")),
    _predicate("IS_DIGIT", _is_digit, "Whether a text is of digits alone; FALSE for NULL.", ("IS_DIGIT('15')", "TRUE")),
    _predicate("IS_ALPHA", _is_alpha, "Whether a text is all letters; FALSE for NULL.", ("IS_ALPHA('ab')", "TRUE")),
)  # fmt: skip
