"""Texts to times by Java's date patterns: strictly as DateTimeFormatter reads, or leniently as SimpleDateFormat does.

See `date_patterns` for where Flink uses which. What a pattern does not say is of 1970-01-01 00:00:00.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from streaming_sql.functions.calendar import (
    DAY,
    GREGORIAN_SINCE,
    HOUR,
    MINUTE,
    SECOND,
    days_of,
    julian_days_of,
    month_length,
)
from streaming_sql.functions.date_patterns import MONTHS, WEEKDAYS, Element, Field, Optional, read_pattern

_Found = dict[str, int]
_DIGITS = re.compile(r"\d+", re.ASCII)
_LENIENT_NUMBER = re.compile(r"-?\d{1,9}", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d\d)(?::?(\d\d))?", re.ASCII)
_SQL_TIMESTAMP = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2}) (\d{1,9}):(\d{1,9}):(\d{1,9})(?:\.(\d{1,9}))?", re.ASCII)
_SQL_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_RANGES = {"M": (1, 12), "L": (1, 12), "d": (1, 31), "D": (1, 366), "H": (0, 24), "k": (1, 24), "K": (0, 11)} | {
    "h": (1, 12), "m": (0, 59), "s": (0, 59)
}  # fmt: skip
_SAME = {"u": "y", "L": "M"}
_NONE: _Found = {}


@lru_cache(maxsize=256)
def strict_parser(pattern: str) -> Callable[[str], int | None]:
    """Milliseconds of a text by DateTimeFormatter, else as a plain SQL timestamp or date, else NULL: TO_TIMESTAMP.

    Raises:
        ValueError: for a letter outside the subset.

    """
    elements = read_pattern(pattern, "formatter", parsing=True)

    def parse(text: str) -> int | None:
        read = _strict(elements, text, 0, _NONE)
        if read is None or read[1] != len(text):
            return _plain(text.strip())
        return _resolve(read[0], text)

    return parse


def _strict(elements: tuple[Element, ...], text: str, place: int, found: _Found) -> tuple[_Found, int] | None:
    found = dict(found)
    for index, element in enumerate(elements):
        if isinstance(element, str):
            if not text.startswith(element, place):
                return None
            place += len(element)
        elif isinstance(element, Optional):
            inner = _strict(element.elements, text, place, found)
            if inner is not None:
                found, place = inner
        else:
            following = elements[index + 1] if index + 1 < len(elements) else ""
            read = _strict_field(element, text, place, following)
            if read is None:
                return None
            name, value, place = read
            if found.setdefault(name, value) != value:
                return None
    return found, place


def _strict_field(field: Field, text: str, place: int, following: Element) -> tuple[str, int, int] | None:
    letter, count = field.letter, field.count
    if letter in "XxZ":
        return _offset(field, text, place)
    if not field.is_number:
        return _name(field, text, place, exact=True)
    match = _DIGITS.match(text, place)
    if match is None:
        return None
    digits = match[0]
    if letter == "S" or count in {2, 4}:
        digits = digits[:count]
        if len(digits) < count:
            return None
    elif isinstance(following, Field) and following.is_number:
        digits = digits[: max(count, len(digits) - following.count)]
    if len(digits) < count or len(digits) > 9:
        return None
    if letter in "yu":
        long_year = count == 4 and text[place + 4 : place + 5].isdigit() and not isinstance(following, Field)
        value = int(digits) + (2000 if count == 2 else 0)
        return None if long_year or not value else ("y", value, place + len(digits))
    if letter == "S":
        return "S", int(digits.ljust(3, "0")[:3]), place + count
    low, high = _RANGES[letter]
    value = int(digits)
    return (_SAME.get(letter, letter), value, place + len(digits)) if low <= value <= high else None


def _resolve(found: _Found, text: str) -> int | None:
    """The fields put together as DateTimeFormatter's SMART resolver does."""
    year, month, day = found.get("y", 1970), found.get("M", 1), found.get("d", 1)
    clock = tuple(found.get(letter, 0) for letter in "msS")
    hour = found.get("H", found.get("k", 0) % 24)
    if "H" not in found and "k" not in found and "a" in found:
        hour = found["a"] * 12 + found.get("K", found.get("h", 12) % 12)
    if "H" not in found and "k" not in found and "a" not in found:
        hour = 0
    if hour == 24 and any(clock):
        return _plain(text.strip())
    if {"y", "M", "d"} <= found.keys():
        day = min(day, month_length(year, month))
    elif day > month_length(year, month):
        return None
    days = days_of(year, month, day)
    if "D" in found and "y" in found and "M" not in found:
        days = days_of(year, 1, found["D"])
    if "E" in found and {"y", "M", "d"} <= found.keys() and (days + 3) % 7 != found["E"]:
        return _plain(text.strip())
    return days * DAY + hour * HOUR + clock[0] * MINUTE + clock[1] * SECOND + clock[2]


def _plain(text: str) -> int | None:
    """What java.sql.Timestamp.valueOf and java.sql.Date.valueOf read: days and hours beyond the range count on."""
    match = (_SQL_TIMESTAMP if " " in text else _SQL_DATE).fullmatch(text)
    if match is None:
        return None
    year, month, day = (int(match[place]) for place in (1, 2, 3))
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    days = days_of(year, month, day)
    if " " not in text:
        return days * DAY
    hour, minute, second = (int(match[place]) for place in (4, 5, 6))
    fraction = int((match[7] or "").ljust(3, "0")[:3])
    return days * DAY + hour * HOUR + minute * MINUTE + second * SECOND + fraction


@lru_cache(maxsize=256)
def lenient_parser(pattern: str) -> Callable[[str], int | None]:
    """Milliseconds of a text by SimpleDateFormat: it may go on after the pattern's end, and fields may overflow.

    Raises:
        ValueError: for a letter outside the subset.

    """
    elements = read_pattern(pattern, "simple", parsing=True)

    def parse(text: str) -> int | None:
        found: _Found = {}
        place = 0
        for index, element in enumerate(elements):
            if isinstance(element, str):
                if not text.startswith(element, place):
                    return None
                place += len(element)
            elif isinstance(element, Field):
                following = elements[index + 1] if index + 1 < len(elements) else ""
                read = _lenient_field(element, text, place, following)
                if read is None:
                    return None
                found[read[0]], place = read[1], read[2]
        return _add_up(found)

    return parse


def _lenient_field(field: Field, text: str, place: int, following: Element) -> tuple[str, int, int] | None:
    while place < len(text) and text[place] in " \t":
        place += 1
    if field.letter in "XZ":
        return _offset(field, text, place)
    if not field.is_number:
        return _name(field, text, place, exact=False)
    if isinstance(following, Field) and following.is_number:
        match = _LENIENT_NUMBER.match(text, place, place + field.count)
        if place + field.count > len(text):
            return None
    else:
        match = _LENIENT_NUMBER.match(text, place)
    if match is None or (field.letter == "y" and field.count < 3 and len(match[0]) == 2):
        return None
    return "u" if field.letter == "u" else _SAME.get(field.letter, field.letter), int(match[0]), match.end()


def _add_up(found: _Found) -> int:
    date = (found.get("y", 1970), found.get("M", 1), found.get("d", 1))
    days = days_of(*date)
    if days < GREGORIAN_SINCE:
        days = julian_days_of(*date)
    if "D" in found and "d" not in found:
        days = days_of(found.get("y", 1970), 1, found["D"])
    hour = found.get("H", 0)
    if "k" in found:
        hour = 0 if found["k"] == 24 else found["k"]
    if "H" not in found and "k" not in found:
        half_day = found.get("K", 0 if found.get("h", 12) == 12 else found.get("h", 0))
        hour = half_day + 12 * found.get("a", 0)
    clock = hour * HOUR + found.get("m", 0) * MINUTE + found.get("s", 0) * SECOND + found.get("S", 0)
    return days * DAY + clock - found.get("X", 0)


def _offset(field: Field, text: str, place: int) -> tuple[str, int, int] | None:
    if field.letter == "X" and text.startswith("Z", place):
        return "X", 0, place + 1
    match = _OFFSET.match(text, place)
    if match is None:
        return None
    end, minutes = match.end(), match[3]
    if field.letter == "X" and field.count == 1 and minutes:
        end, minutes = match.end(2), ""
    size = int(match[2]) * HOUR + int(minutes or 0) * MINUTE
    return "X", -size if match[1] == "-" else size, end


def _name(field: Field, text: str, place: int, *, exact: bool) -> tuple[str, int, int] | None:
    letter = _SAME.get(field.letter, field.letter) if field.letter == "L" else field.letter
    names = MONTHS if letter == "M" else WEEKDAYS if letter == "E" else ("AM", "PM")
    for value, name in enumerate(names):
        for form in dict.fromkeys((name, name[:3])):
            wanted = (len(form) > 3) == (field.count > 3) or name == "May" or letter == "a"
            given = text[place : place + len(form)]
            if given == form if exact and wanted else not exact and given.lower() == form.lower():
                return letter, value + (letter == "M"), place + len(form)
    return None
