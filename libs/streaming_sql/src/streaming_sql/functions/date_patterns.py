"""Java's date patterns read into elements, and what each element writes.

Flink 1.20 formats and parses with java.time's DateTimeFormatter (DATE_FORMAT of a timestamp, TO_TIMESTAMP) and with
SimpleDateFormat (DATE_FORMAT of a text or date, TO_DATE, FROM_UNIXTIME, UNIX_TIMESTAMP): the letters are much the
same, their widths are not. Names are English, as in a JVM with the locale en_US.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from streaming_sql.functions.calendar import (
    DAY,
    GREGORIAN_SINCE,
    HOUR,
    MINUTE,
    SECOND,
    date_of,
    days_of,
    julian_date_of,
)

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
Style = Literal["formatter", "simple"]
"""java.time.format.DateTimeFormatter or java.text.SimpleDateFormat."""
_LETTERS = {"formatter": "GyuMLDdEaHkKhmsSQq", "simple": "GyMLDdEuaHkKhmsSzZX"}
_PARSED = {"formatter": "yuMLDdEaHkKhmsSXxZ", "simple": "yMLDdEuaHkKhmsSZX"}
_WIDTHS = {
    "G": 3,
    "M": 4,
    "L": 4,
    "D": 3,
    "E": 4,
    "a": 1,
    "Q": 3,
    "q": 3,
    "S": 9,
    "y": 9,
    "u": 9,
    "X": 3,
    "x": 3,
    "Z": 3,
}
_MAX_PATTERN = 200


@dataclass(frozen=True)
class Field:
    """A letter of a pattern, and how often it stands."""

    letter: str
    count: int

    @property
    def is_number(self) -> bool:
        """Whether it is written in digits."""
        return self.letter not in "GEazZXx" and not (self.letter in "MLQq" and self.count > 2)


@dataclass(frozen=True)
class Optional:
    """A part in square brackets."""

    elements: tuple[Element, ...]


Element = str | Field | Optional


@lru_cache(maxsize=256)
def read_pattern(pattern: str, style: Style, *, parsing: bool) -> tuple[Element, ...]:
    """The pattern's elements; a str is text that stands for itself.

    Raises:
        ValueError: for a letter outside the subset.

    """
    if len(pattern) > _MAX_PATTERN:
        raise ValueError("the date pattern is too long")
    elements, rest = _read(pattern, 0, style, parsing)
    if rest != len(pattern):
        raise ValueError("the date pattern has a ] without [")
    return elements


def _read(pattern: str, place: int, style: Style, parsing: bool) -> tuple[tuple[Element, ...], int]:
    elements: list[Element] = []
    while place < len(pattern):
        character = pattern[place]
        if character == "'":
            text, place = _quoted(pattern, place)
            elements.append(text)
        elif character.isascii() and character.isalpha():
            end = place
            while end < len(pattern) and pattern[end] == character:
                end += 1
            elements.append(_field(Field(character, end - place), style, parsing))
            place = end
        elif style == "formatter" and character == "[":
            inner, place = _read(pattern, place + 1, style, parsing)
            elements.append(Optional(inner))
            place += 1
        elif style == "formatter" and character == "]":
            break
        elif style == "formatter" and character in "{}#":
            raise ValueError(f"{character} is reserved in a date pattern")
        else:
            elements.append(character)
            place += 1
    return tuple(elements), place


def _quoted(pattern: str, place: int) -> tuple[str, int]:
    if pattern[place + 1 : place + 2] == "'":
        return "'", place + 2
    text, place = "", place + 1
    while True:
        end = pattern.find("'", place)
        if end < 0:
            raise ValueError("the date pattern has a quote that does not end")
        text += pattern[place:end]
        if pattern[end + 1 : end + 2] != "'":
            return text, end + 1
        text, place = f"{text}'", end + 2


def _field(field: Field, style: Style, parsing: bool) -> Field:
    letters = (_PARSED if parsing else _LETTERS)[style]
    if field.letter not in letters:
        raise ValueError(f"letter {field.letter} of a date pattern is not supported, only {letters}")
    if style == "formatter" and field.count > _WIDTHS.get(field.letter, 2):
        raise ValueError(f"{field.letter * field.count} is too long in a date pattern")
    if parsing and style == "simple" and field.letter == "y" and field.count == 2:
        raise ValueError("yy is read by today's date: use yyyy")
    return field


class Moment:
    """A time in milliseconds taken apart as a pattern needs it."""

    __slots__ = ("clock", "day", "days", "month", "year")

    def __init__(self, time: int, style: Style) -> None:
        self.days, self.clock = divmod(time, DAY)
        julian = style == "simple" and self.days < GREGORIAN_SINCE
        self.year, self.month, self.day = julian_date_of(self.days) if julian else date_of(self.days)


@lru_cache(maxsize=256)
def formatter(pattern: str, style: Style) -> Callable[[int], str]:
    """The text of a time in milliseconds.

    Raises:
        ValueError: for a letter outside the subset.

    """
    writers = [_writer(element, style) for element in _flat(read_pattern(pattern, style, parsing=False))]

    def write(time: int) -> str:
        moment = Moment(time, style)
        return "".join([writer(moment) for writer in writers])

    return write


def _flat(elements: tuple[Element, ...]) -> list[str | Field]:
    flat: list[str | Field] = []
    for element in elements:
        flat.extend(_flat(element.elements) if isinstance(element, Optional) else [element])
    return flat


def _writer(element: str | Field, style: Style) -> Callable[[Moment], str]:
    if isinstance(element, str):
        return lambda moment: element
    letter, count = element.letter, element.count
    if letter in "yu" and not (letter == "u" and style == "simple"):
        return _year_writer(letter, count, style)
    if letter in "ML" and count > 2:
        return _name_writer(lambda moment: MONTHS[moment.month - 1], count, style)
    if letter == "E":
        return _name_writer(lambda moment: WEEKDAYS[(moment.days + 3) % 7], count, style)
    if letter == "S":
        return _fraction_writer(count, style)
    if letter in "Qq" and count == 3:
        return lambda moment: f"Q{(moment.month + 2) // 3}"
    if letter in _WORDS:
        word = _WORDS[letter]
        return lambda moment: word(moment, count)
    number = _NUMBERS[letter]
    return lambda moment: str(number(moment)).zfill(count)


def _year_writer(letter: str, count: int, style: Style) -> Callable[[Moment], str]:
    def year(moment: Moment) -> int:
        return moment.year if letter == "u" or moment.year > 0 else 1 - moment.year

    if count == 2:
        return lambda moment: f"{year(moment) % 100:02}"
    if style == "formatter" and count >= 4:
        limit = 10**count
        return lambda moment: f"{'+' if year(moment) >= limit else ''}{str(year(moment)).zfill(count)}"
    return lambda moment: str(year(moment)).zfill(count)


def _name_writer(name: Callable[[Moment], str], count: int, style: Style) -> Callable[[Moment], str]:
    return name if count >= 4 else lambda moment: name(moment)[:3]


def _fraction_writer(count: int, style: Style) -> Callable[[Moment], str]:
    if style == "simple":
        return lambda moment: str(moment.clock % SECOND).zfill(count)
    return lambda moment: f"{moment.clock % SECOND:03}".ljust(9, "0")[:count]


_WORDS: dict[str, Callable[[Moment, int], str]] = {
    "G": lambda moment, count: "AD" if moment.year > 0 else "BC",
    "a": lambda moment, count: "AM" if moment.clock < 12 * HOUR else "PM",
    "z": lambda moment, count: "UTC" if count < 4 else "Coordinated Universal Time",
    "Z": lambda moment, count: "+0000",
    "X": lambda moment, count: "Z",
}
_NUMBERS: dict[str, Callable[[Moment], int]] = {
    "M": lambda moment: moment.month,
    "L": lambda moment: moment.month,
    "Q": lambda moment: (moment.month + 2) // 3,
    "q": lambda moment: (moment.month + 2) // 3,
    "d": lambda moment: moment.day,
    "D": lambda moment: moment.days - days_of(moment.year, 1, 1) + 1,
    "u": lambda moment: (moment.days + 3) % 7 + 1,
    "H": lambda moment: moment.clock // HOUR,
    "k": lambda moment: moment.clock // HOUR or 24,
    "K": lambda moment: moment.clock // HOUR % 12,
    "h": lambda moment: moment.clock // HOUR % 12 or 12,
    "m": lambda moment: moment.clock // MINUTE % 60,
    "s": lambda moment: moment.clock // SECOND % 60,
}
