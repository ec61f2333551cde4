"""Characters of texts: a character is a code point, as in Flink's strings, unless said otherwise."""

from __future__ import annotations

import re

MAX_TEXT = 1 << 24
"""The longest text that LPAD, RPAD and REPEAT make; beyond it they give NULL instead of taking the memory."""
_BLANK = re.compile(r"[ \t\n\x0b\f\r\x1c-\x1f]")


def substring(text: str, start: int, length: int | None = None) -> str | None:
    """SUBSTRING: 1-based; a negative start counts from the end; NULL for a negative length."""
    if length is not None and length < 0:
        return None
    begin = start - 1 if start > 0 else len(text) + start if start < 0 else 0
    if begin < 0 or begin >= len(text):
        return ""
    return text[begin:] if length is None else text[begin : begin + length]


def left(text: str, length: int) -> str:
    """The first characters."""
    return text[:length] if length > 0 else ""


def right(text: str, length: int) -> str:
    """The last characters."""
    return text[-length:] if length > 0 else ""


def pad_left(text: str, length: int, pad: str) -> str | None:
    """Filled from the left to `length` UTF-16 units, or cut to it."""
    return _padded(text, length, pad, before=True)


def pad_right(text: str, length: int, pad: str) -> str | None:
    """Filled from the right to `length` UTF-16 units, or cut to it."""
    return _padded(text, length, pad, before=False)


def _padded(text: str, length: int, pad: str, *, before: bool) -> str | None:
    if length < 0 or not pad or length > MAX_TEXT:
        return None
    if text.isascii() and pad.isascii():
        fill = (pad * ((length - len(text)) // len(pad) + 1))[: max(0, length - len(text))]
        return fill + text[:length] if before else text[:length] + fill
    units, filler = _units(text)[: 2 * length], _units(pad)
    missing = 2 * length - len(units)
    fill_units = (filler * (missing // len(filler) + 1))[:missing]
    return _text(fill_units + units if before else units + fill_units)


def _units(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _text(units: bytes) -> str:
    """A half of a surrogate pair becomes ?, as in Java's UTF-8."""
    return units.decode("utf-16-le", "surrogatepass").encode("utf-8", "replace").decode()


def repeat(text: str, times: int) -> str | None:
    """The text so many times."""
    return "" if times <= 0 else text * times if len(text) * times <= MAX_TEXT else None


def initial_capitals(text: str) -> str:
    """Each word's first character in upper case and the rest in lower case; words are of ASCII letters and digits."""
    result: list[str] = []
    inside = False
    for character in text:
        if character.isascii() and character.isalnum():
            result.append(character.lower() if inside else character.upper())
            inside = True
        else:
            result.append(character)
            inside = False
    return "".join(result)


def overlay(text: str, replacement: str, start: int, length: int | None = None) -> str:
    """`length` UTF-16 units (those of the replacement by default) from `start` on replaced."""
    if text.isascii() and replacement.isascii():
        size = len(replacement) if length is None else length
        if start <= 0 or start > len(text):
            return text
        rest = text[start - 1 + size :] if size > 0 and start + size <= len(text) else ""
        return text[: start - 1] + replacement + rest
    units, new = _units(text), _units(replacement)
    count, size = len(units) // 2, len(new) // 2 if length is None else length
    if start <= 0 or start > count:
        return text
    tail = units[2 * (start - 1 + size) :] if size > 0 and start + size <= count else b""
    return _text(units[: 2 * (start - 1)] + new + tail)


def position(part: str, text: str, start: int = 1) -> int:
    """The 1-based place of the first `part` in `text` from `start` on; 0 if there is none."""
    return text.find(part, max(0, start - 1)) + 1 if part else 1


def instr(text: str, part: str, start: int = 1, occurrence: int = 1) -> int | None:
    """The place of the so-manieth occurrence, searched backwards from a negative start; 0 if there is none."""
    if occurrence <= 0:
        return None
    if start == 0:
        return 0
    if start < 0:
        found = instr(text[::-1], part[::-1], -start, occurrence)
        return found and len(text) + 2 - found - len(part)
    index = 0
    for _ in range(min(occurrence, len(text) + 2)):
        index = position(part, text, start)
        if index == 0:
            return 0
        start = index + 1
    return index


def split_index(text: str, separator: str, index: int) -> str | None:
    """The part at the 0-based index; an empty separator splits at blanks."""
    if index < 0 or not text:
        return None
    parts = text.split(separator) if separator else _BLANK.split(text)
    return parts[index] if index < len(parts) else None


def split_index_at_character(text: str, code: int, index: int) -> str | None:
    """The part at the 0-based index, split at the character of a code from 1 to 255."""
    if not 1 <= code <= 255:
        return None
    return split_index(text, chr(code), index)


def trim_leading(text: str, characters: str) -> str:
    """Without the leading characters that `characters` has; a set that begins with a blank means blanks alone."""
    return text.lstrip(_trimmed(characters))


def trim_trailing(text: str, characters: str) -> str:
    """Without the trailing characters that `characters` has."""
    return text.rstrip(_trimmed(characters))


def trim(text: str, characters: str) -> str:
    """Without the leading and trailing characters that `characters` has."""
    return text.strip(_trimmed(characters))


def _trimmed(characters: str) -> str:
    return " " if characters == " " else characters


def ascii_code(text: str) -> int:
    """The first byte of the text's UTF-8, from -128 to 127; 0 of an empty text."""
    if not text:
        return 0
    first = text[0].encode("utf-8", "replace")[0]
    return first - 256 if first > 127 else first


def character(code: int) -> str:
    """The character of the code's lowest 8 bits; "" of a negative one."""
    return "" if code < 0 else chr(code & 0xFF)
