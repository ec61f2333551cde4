r"""Java's regular expressions, as Flink's REGEXP functions take them, translated to Python's.

Translated are the differences that show in ordinary patterns: what `.`, `$`, `^`, `\Z` and `\z` mean at the ends of
lines, `\h`, `\v`, `\R`, `\Q..\E`, POSIX classes such as `\p{Alpha}`, named groups, flags inside a pattern, and that
classes (but not \b) are of ASCII. What has no like in Python (class intersection and union, Unicode properties,
lookbehind of varying length) is refused.
"""

from __future__ import annotations

import re
from functools import lru_cache

_END_OF_LINE = "\n\r\x85\u2028\u2029"
_DOT = f"[^{_END_OF_LINE}]"
_END = rf"(?=(?:\r\n|[{_END_OF_LINE}])?\Z)"
_LINE_BEGIN = r"(?:\A|(?<=[\n\x85\u2028\u2029])|(?<=\r)(?!\n))(?!\Z)"
_LINE_END = "(?=\\Z|[\r\x85\u2028\u2029]|(?<!\r)\n)"
_ESCAPES = {
    "h": "[ \\t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000]",
    "v": "[\n\x0b\f\r\x85\u2028\u2029]",
    "R": "(?:\r\n|[\n\x0b\f\r\x85\u2028\u2029])",
    "z": r"\Z",
    "b": r"(?u:\b)",
    "B": r"(?u:\B)",
    "Z": _END,
    "e": "\x1b",
}
_POSIX = {
    "Lower": "a-z", "Upper": "A-Z", "ASCII": r"\x00-\x7f", "Alpha": "a-zA-Z", "Digit": "0-9", "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-~", "Graph": "!-~", "Print": " -~", "Blank": r" \t", "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F", "Space": r" \t\n\x0b\f\r",
}  # fmt: skip
_PLAIN_ESCAPES = frozenset("dDwWsSAtnrfa0123456789xu")
_QUANTIFIER = re.compile(r"\{\d+(,\d*)?\}")
_FLAGS = re.compile(r"\(\?([imsdxuU]*)(-[imsdxuU]*)?([:)])")
_NAMED = re.compile(r"\(\?<([a-zA-Z][a-zA-Z0-9]*)>")
_BACK = re.compile(r"\\k<([a-zA-Z][a-zA-Z0-9]*)>")
_HEX = re.compile(r"\\x\{([0-9a-fA-F]{1,6})\}")
_MAX_PATTERN = 10_000


@lru_cache(maxsize=512)
def java_regex(pattern: str) -> re.Pattern[str]:
    """The pattern compiled.

    Raises:
        ValueError: for what is no regular expression, or has no like in Python.

    """
    if len(pattern) > _MAX_PATTERN:
        raise ValueError("the regular expression is too long")
    try:
        return re.compile(_Translation(pattern).text(), re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"regular expression {pattern!r}: {error}") from error


class _Translation:
    """One pass over a pattern; flags hold from where they stand to the end of their group."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.place = 0
        self.flags: frozenset[str] = frozenset()
        self.groups: list[tuple[frozenset[str], list[str]]] = []
        self.opened: list[str] = []
        self.parts: list[str] = []

    def text(self) -> str:
        while self.place < len(self.pattern):
            self._next()
        if self.groups:
            raise ValueError("regular expression: ( without )")
        return "".join(self.parts) + ")" * len(self.opened)

    def _take(self, text: str, length: int = 1) -> None:
        self.parts.append(text)
        self.place += length

    def _next(self) -> None:
        character = self.pattern[self.place]
        if character == "\\":
            self._escape()
        elif character == "[":
            self._class()
        elif character == "(":
            self._group()
        elif character == ")":
            self._close()
        elif character == "|":
            self._take(f"{')' * len(self.opened)}|{''.join(self.opened)}")
        elif character == ".":
            self._take("(?s:.)" if "s" in self.flags else _DOT)
        elif character == "^":
            self._take(_LINE_BEGIN if "m" in self.flags else r"\A")
        elif character == "$":
            self._take(_LINE_END if "m" in self.flags else _END)
        elif character == "{":
            match = _QUANTIFIER.match(self.pattern, self.place)
            if match is None:
                raise ValueError("regular expression: { begins no repetition such as {2} or {2,3}")
            self._take(match[0], len(match[0]))
        else:
            self._take(character)

    def _group(self) -> None:
        flags = _FLAGS.match(self.pattern, self.place)
        named = _NAMED.match(self.pattern, self.place)
        if named is not None:
            self._open(f"(?P<{named[1]}>", len(named[0]))
        elif flags is not None:
            self._set_flags(flags)
        elif self.pattern.startswith("(?<", self.place):
            self._open(self.pattern[self.place : self.place + 4], 4)
        elif self.pattern.startswith("(?", self.place):
            self._open(self.pattern[self.place : self.place + 3], 3)
        else:
            self._open("(", 1)

    def _open(self, text: str, length: int) -> None:
        if text.startswith("(?") and text not in {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"} and text[2] not in "Pi-":
            raise ValueError(f"regular expression: {text} is not supported")
        self.groups.append((self.flags, self.opened))
        self.opened = []
        self._take(text, length)

    def _set_flags(self, match: re.Match[str]) -> None:
        on, off = frozenset(match[1]), frozenset((match[2] or "-")[1:])
        if (on | off) & set("dxuU"):
            raise ValueError("regular expression: only the flags i, m and s are supported")
        before, self.place = self.flags, match.end()
        folds = "(?i:" if "i" in on else "(?-i:" if "i" in off else "(?:"
        if match[3] == ":":
            self.groups.append((before, self.opened))
            self.opened = []
        else:
            self.opened.append(folds)
        self.flags = (before | on) - off
        self.parts.append(folds)

    def _close(self) -> None:
        if not self.groups:
            raise ValueError("regular expression: ) without (")
        self.parts.append(")" * len(self.opened))
        self.flags, self.opened = self.groups.pop()
        self._take(")")

    def _escape(self) -> None:
        following = self.pattern[self.place + 1 : self.place + 2]
        back, code = _BACK.match(self.pattern, self.place), _HEX.match(self.pattern, self.place)
        if following == "Q":
            end = self.pattern.find("\\E", self.place)
            end = len(self.pattern) if end < 0 else end
            self._take(re.escape(self.pattern[self.place + 2 : end]), end + 2 - self.place)
        elif back is not None:
            self._take(f"(?P={back[1]})", len(back[0]))
        elif code is not None:
            self._take(re.escape(_character(code[1])), len(code[0]))
        elif following in {"p", "P"}:
            members, length = self._property()
            self._take(f"[{'^' if following == 'P' else ''}{members}]", length)
        elif following in _ESCAPES:
            self._take(_ESCAPES[following], 2)
        elif following == "0":
            self._take(*self._octal())
        elif following in _PLAIN_ESCAPES or (following and not (following.isascii() and following.isalpha())):
            self._take(f"\\{following}", 2)
        else:
            raise ValueError(f"regular expression: \\{following} is not supported")

    def _octal(self) -> tuple[str, int]:
        match = re.compile(r"\\0([0-3]?[0-7]{1,2})").match(self.pattern, self.place)
        if match is None:
            raise ValueError("regular expression: \\0 needs an octal number")
        return re.escape(chr(int(match[1], 8))), len(match[0])

    def _property(self) -> tuple[str, int]:
        end = self.pattern.find("}", self.place)
        name = self.pattern[self.place + 3 : end] if self.pattern.startswith("{", self.place + 2) else ""
        if name not in _POSIX:
            raise ValueError(f"regular expression: \\p{{{name}}} is not supported, only {', '.join(_POSIX)}")
        return _POSIX[name], end + 1 - self.place

    def _class(self) -> None:
        self._take("[")
        if self.pattern.startswith("^", self.place):
            self._take("^")
        first = True
        while self.place < len(self.pattern):
            character = self.pattern[self.place]
            if character == "]" and not first:
                self._take("]")
                return
            first = False
            if character == "\\":
                self._escape_in_class()
            elif character == "[" or self.pattern.startswith(("&&", "--"), self.place):
                raise ValueError("regular expression: classes inside classes, && and -- are not supported")
            else:
                self._take(f"\\{character}" if character in "]&~|" else character)
        raise ValueError("regular expression: [ without ]")

    def _escape_in_class(self) -> None:
        following = self.pattern[self.place + 1 : self.place + 2]
        code = _HEX.match(self.pattern, self.place)
        if following == "p":
            self._take(*self._property())
        elif code is not None:
            self._take(re.escape(_character(code[1])), len(code[0]))
        elif following in {"h", "v"}:
            self._take(_ESCAPES[following][1:-1], 2)
        elif following == "0":
            self._take(*self._octal())
        elif following and (following in "dDwWsStnrfxua" or not (following.isascii() and following.isalnum())):
            self._take(f"\\{following}", 2)
        else:
            raise ValueError(f"regular expression: \\{following} is not supported in a class")


def _character(code: str) -> str:
    value = int(code, 16)
    if value > 0x10FFFF:
        raise ValueError("regular expression: no such character")
    return chr(value)
