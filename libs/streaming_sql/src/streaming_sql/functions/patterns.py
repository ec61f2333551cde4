"""LIKE and SIMILAR TO patterns as regular expressions, by the rules of Calcite that Flink 1.20 uses."""

from __future__ import annotations

import re

_SIMILAR_SPECIALS = "[]()|^-+*_%?{}"
_ANY_CHARACTER = "[^\n\r\x85\u2028\u2029]"  # Java's dot leaves out the ends of lines; LIKE's % does not
_CLASSES = {
    "[:ALPHA:]": "A-Za-z", "[:alpha:]": "A-Za-z", "[:UPPER:]": "A-Z", "[:upper:]": "A-Z", "[:LOWER:]": "a-z",
    "[:lower:]": "a-z", "[:DIGIT:]": "0-9", "[:digit:]": "0-9", "[:SPACE:]": " ", "[:space:]": " ",
    "[:WHITESPACE:]": r"\s", "[:whitespace:]": r"\s", "[:ALNUM:]": "A-Za-z0-9", "[:alnum:]": "A-Za-z0-9",
}  # fmt: skip


def like_pattern(pattern: str, escape: str = "") -> re.Pattern[str]:
    r"""The regular expression of a LIKE pattern: % any text, _ any one character.

    Raises:
        ValueError: when `escape` is not one character, or is followed by neither %, _ nor itself.

    """
    if len(escape) > 1:
        raise ValueError("ESCAPE needs one character")
    parts: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if escape and character == escape:
            following = next(characters, "")
            if not following or following not in {"%", "_", escape}:
                raise ValueError(f"{escape!r} must be followed by %, _ or itself")
            parts.append(re.escape(following))
        else:
            parts.append({"%": ".*", "_": _ANY_CHARACTER}.get(character) or re.escape(character))
    return re.compile("".join(parts), re.DOTALL)


def similar_pattern(pattern: str, escape: str = "") -> re.Pattern[str]:
    """The regular expression of a SIMILAR TO pattern: % and _ as in LIKE, | ( ) [ ] * + ? { } as in regular ones.

    Raises:
        ValueError: for a pattern that is none.

    """
    if len(escape) > 1:
        raise ValueError("ESCAPE needs one character")
    parts: list[str] = []
    place = 0
    while place < len(pattern):
        character = pattern[place]
        if escape and character == escape:
            following = pattern[place + 1 : place + 2]
            if not following or (following not in _SIMILAR_SPECIALS and following != escape):
                raise ValueError(f"{escape!r} must be followed by itself or one of {_SIMILAR_SPECIALS}")
            parts.append(re.escape(following))
            place += 2
        elif character == "[":
            text, place = _enumeration(pattern, place)
            parts.append(text)
        else:
            parts.append({"%": f"{_ANY_CHARACTER}*", "_": _ANY_CHARACTER}.get(character) or _plain(character))
            place += 1
    try:
        return re.compile("".join(parts), re.DOTALL)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"SIMILAR TO pattern: {error}") from error


def _plain(character: str) -> str:
    return f"\\{character}" if character in "\\.^$" else character


def _enumeration(pattern: str, place: int) -> tuple[str, int]:
    end = place + 1
    text = "["
    while end < len(pattern) and pattern[end] != "]":
        for name, members in _CLASSES.items():
            if pattern.startswith(name, end):
                text += members
                end += len(name)
                break
        else:
            character = pattern[end]
            text += f"\\{character}" if character in "\\[&~|" else character
            end += 1
    if end >= len(pattern):
        raise ValueError("SIMILAR TO pattern: [ without ]")
    return f"{text}]", end + 1
