"""Dates and times to text and back as CAST does it in Flink 1.20 (DateTimeUtils)."""

from __future__ import annotations

import re

from streaming_sql.functions.calendar import DAY, HOUR, MINUTE, SECOND, date_of, days_of, month_length

_TIMESTAMP = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?: (\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{0,9}))?)?", re.ASCII)
_JSON_TIMESTAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)([ T])(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{0,9}))?)?(Z?)", re.ASCII)
_JSON_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_JSON_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.(\d{0,9}))?Z?", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_MAX_HOURS = 596  # of an int of milliseconds


def date_text(days: int) -> str:
    """2020-02-29; a year beyond 9999 shows its last four digits."""
    year, month, day = date_of(days)
    return f"{year % 10_000:04}-{month:02}-{day:02}"


def clock_text(time: int) -> str:
    """12:34:56 of ms of the day."""
    seconds = time % DAY // SECOND
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def time_text(time: int, precision: int) -> str:
    """12:34:56 and, of TIME(1) to TIME(3), at least one digit of the second's fraction."""
    if not precision:
        return clock_text(time)
    fraction = f"{time % SECOND:03}"[:precision].rstrip("0")
    return f"{clock_text(time)}.{fraction or '0'}"


def timestamp_text(time: int, precision: int) -> str:
    """2020-02-29 12:34:56.789, with as many digits of the second's fraction as the precision, more if not zero."""
    fraction = f"{time % SECOND:03}".ljust(precision, "0")
    while len(fraction) > precision and fraction.endswith("0"):
        fraction = fraction[:-1]
    return f"{date_text(time // DAY)} {clock_text(time)}{'.' if fraction else ''}{fraction}"


def interval_day_text(interval: int) -> str:
    """+1 02:03:04.005 of milliseconds."""
    size = abs(interval)
    return f"{'-' if interval < 0 else '+'}{size // DAY} {clock_text(size)}.{size % SECOND:03}"


def interval_month_text(months: int) -> str:
    """+1-02 of months."""
    return f"{'-' if months < 0 else '+'}{abs(months) // 12}-{abs(months) % 12:02}"


def parse_timestamp(text: str, precision: int = 3) -> int | None:
    """Milliseconds of 2020-2-29[ 1:02:03[.456]]; a day beyond its month is the month's last; else NULL."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction = int((match[7] or "").ljust(3, "0")[:3])
    return _milliseconds((year, month, day), (hour, minute, second, fraction), precision)


def _milliseconds(date: tuple[int, int, int], clock: tuple[int, int, int, int], precision: int) -> int | None:
    year, month, day = date
    hour, minute, second, fraction = clock
    midnight = clock == (24, 0, 0, 0)
    if not (year and 1 <= month <= 12 and 1 <= day <= 31 and (hour < 24 or midnight) and minute < 60 and second < 60):
        return None
    if precision < 3:
        fraction -= fraction % 10 ** (3 - precision)
    days = days_of(year, month, min(day, month_length(year, month)))
    return days * DAY + hour * HOUR + minute * MINUTE + second * SECOND + fraction


def _integer(text: str) -> int | None:
    digits = text.strip()
    return int(digits) if _NUMBER.fullmatch(digits) else None


def parse_date(text: str) -> int | None:
    """Days of 2020-2-29, 2020-2 or 2020, with anything after a blank left out; else NULL."""
    blank = text.find(" ")
    parts = (text[:blank] if blank > 0 else text).split("-", 2)
    numbers = [_integer(part) for part in parts]
    year, month, day = (*numbers, 1, 1)[:3]
    if year is None or month is None or day is None or not (year <= 9999 and 1 <= month <= 12):
        return None
    return days_of(year, month, day) if 1 <= day <= month_length(year, month) else None


def parse_time(text: str) -> int | None:
    """Milliseconds of 1:02:03.456, 1:02 or 1, with a zone such as +02:00 added; else NULL."""
    mark = text.find("-")
    sign = -1
    if mark < 0:
        mark, sign = text.find("+"), 1
    clock, zone = (text, "0") if mark < 0 else (text[:mark], text[mark + 1 :])
    shift = [_integer(part) for part in zone.split(":", 1)]
    parts = clock.split(":", 2)
    second, dot, fraction = parts[2].partition(".") if len(parts) == 3 else ("0", "", "")
    numbers = [_integer(part) for part in (*parts[:2], "0")[:2]]
    if None in shift or None in numbers or _integer(second) is None:
        return None
    hours = numbers[0] + sign * shift[0]  # type: ignore[operator] # None was just ruled out
    minutes = numbers[1] + sign * (shift[1] if len(shift) > 1 else 0)  # type: ignore[operator]
    if abs(hours) > _MAX_HOURS:
        return None
    return hours * HOUR + minutes * MINUTE + int(second) * SECOND + (_fraction(fraction.strip()) if dot else 0)


def _fraction(digits: str) -> int:
    value = int("".join(digit if digit in "0123456789" else "0" for digit in digits[:3]).ljust(3, "0"))
    return value + (len(digits) > 3 and digits[3] >= "5")


def parse_json_date(text: str) -> int | None:
    """Days of 2020-02-29, else NULL."""
    match = _JSON_DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day = (int(part) for part in match.groups())
    return days_of(year, month, day) if 1 <= month <= 12 and 1 <= day <= month_length(year, month) else None


def parse_json_time(text: str) -> int | None:
    """Milliseconds of 12:34:56[.789], with a Z or without, else NULL."""
    match = _JSON_TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = (int(match[place]) for place in (1, 2, 3))
    if hour > 23 or minute > 59 or second > 59:
        return None
    return hour * HOUR + minute * MINUTE + second * SECOND + int((match[4] or "").ljust(3, "0")[:3])


def parse_json_timestamp(text: str, *, iso: bool, local: bool) -> int | None:
    """Milliseconds of a JSON timestamp: 2020-02-29 12:34:56.789 (ISO-8601: T for the blank; with local zone a Z)."""
    match = _JSON_TIMESTAMP.fullmatch(text)
    if match is None or (match[4] == "T") is not iso or bool(match[9]) is not local:
        return None
    if match[7] is None and not iso:
        return None
    year, month, day, hour, minute = (int(match[place]) for place in (1, 2, 3, 5, 6))
    fraction = int((match[8] or "").ljust(3, "0")[:3])
    if hour > 23 or not 1 <= month <= 12 or day > month_length(year, month):
        return None
    return _milliseconds((year, month, day), (hour, minute, int(match[7] or 0), fraction), 3)
