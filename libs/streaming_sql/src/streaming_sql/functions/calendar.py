"""The proleptic Gregorian calendar over days and milliseconds of the UTC epoch, for any year.

Units, rounding and months follow DateTimeUtils of Flink 1.20; weeks begin on Sunday where FLOOR and CEIL round to
them, and are ISO weeks where EXTRACT counts them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
UNIT_MS = {"MILLISECOND": 1, "SECOND": SECOND, "MINUTE": MINUTE, "HOUR": HOUR, "DAY": DAY, "WEEK": 7 * DAY}
UNIT_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12, "DECADE": 120, "CENTURY": 1200, "MILLENNIUM": 12_000}
_DAYS_OF_400_YEARS = 146_097
GREGORIAN_SINCE = -141_427  # 1582-10-15, before which Java's old classes count by the Julian calendar
_MARCH_0000 = 719_468  # days from 0000-03-01 to the epoch


def days_of(year: int, month: int, day: int) -> int:
    """Days since the epoch; the month may be any from 1 on, a day beyond its month counts into the next."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return (
        era * _DAYS_OF_400_YEARS + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - _MARCH_0000
    )


@lru_cache(maxsize=4096)
def date_of(days: int) -> tuple[int, int, int]:
    """(year, month, day) of days since the epoch; year 0 is 1 BC."""
    era, day_of_era = divmod(days + _MARCH_0000, _DAYS_OF_400_YEARS)
    year = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
    place = (5 * day_of_year + 2) // 153
    month = place + 3 if place < 10 else place - 9
    return year + era * 400 + (month <= 2), month, day_of_year - (153 * place + 2) // 5 + 1


def julian_days_of(year: int, month: int, day: int) -> int:
    """Days since the epoch of a date of the Julian calendar, which Java's old classes use before 15 October 1582."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    year -= month <= 2
    months = month - 3 if month > 2 else month + 9
    return 365 * year + year // 4 + (153 * months + 2) // 5 + day - 1 - _MARCH_0000 - 2


def julian_date_of(days: int) -> tuple[int, int, int]:
    """(year, month, day) in the Julian calendar."""
    years, day_of_cycle = divmod(days + _MARCH_0000 + 2, 1_461)
    year = min(day_of_cycle // 365, 3)
    place = (5 * (day_of_cycle - 365 * year) + 2) // 153
    month = place + 3 if place < 10 else place - 9
    day = day_of_cycle - 365 * year - (153 * place + 2) // 5 + 1
    return years * 4 + year + (month <= 2), month, day


def is_leap(year: int) -> bool:
    """Whether the year has a 29 February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def month_length(year: int, month: int) -> int:
    """Days of the month."""
    return 28 + is_leap(year) if month == 2 else 30 if month in {4, 6, 9, 11} else 31


def add_months(days: int, months: int) -> int:
    """The same day of a later month, or that month's last."""
    year, month, day = date_of(days)
    month += months - 1
    year, month = year + month // 12, month % 12 + 1
    return days_of(year, month, min(day, month_length(year, month)))


def add_months_to_time(time: int, months: int) -> int:
    """`add_months` to the date of a time in ms, at the same time of the day."""
    days, rest = divmod(time, DAY)
    return add_months(days, months) * DAY + rest


def months_between(later: int, earlier: int) -> int:
    """Whole months from `earlier` to `later`, both in ms, counted as Flink does: back in time the other way round."""
    (day, clock), (first_day, first_clock) = divmod(later, DAY), divmod(earlier, DAY)
    months = _months_of_dates(day, first_day)
    return months - (add_months(first_day, months) == day and clock < first_clock)


def _months_of_dates(later: int, earlier: int) -> int:
    if later < earlier:
        return -_months_of_dates(earlier, later)
    first, last = date_of(earlier), date_of(later)
    months = (last[0] - first[0]) * 12 + last[1] - first[1]
    return months - (add_months(earlier, months) > later)


def weekday(days: int) -> int:
    """1 for Sunday to 7 for Saturday."""
    return (days + 4) % 7 + 1


def iso_week(days: int) -> tuple[int, int]:
    """(year, week) by ISO 8601."""
    thursday = days - (days + 3) % 7 + 3
    year = date_of(thursday)[0]
    return year, (thursday - days_of(year, 1, 1)) // 7 + 1


def _century(year: int, size: int) -> int:
    return (year + size - 1) // size if year > 0 else -((size - 1 - year) // size)


_OF_DATE: dict[str, Callable[[int], int]] = {
    "MILLENNIUM": lambda days: _century(date_of(days)[0], 1_000),
    "CENTURY": lambda days: _century(date_of(days)[0], 100),
    "DECADE": lambda days: date_of(days)[0] // 10,
    "YEAR": lambda days: date_of(days)[0],
    "ISOYEAR": lambda days: iso_week(days)[0],
    "QUARTER": lambda days: (date_of(days)[1] + 2) // 3,
    "MONTH": lambda days: date_of(days)[1],
    "WEEK": lambda days: iso_week(days)[1],
    "DAY": lambda days: date_of(days)[2],
    "DOW": weekday,
    "ISODOW": lambda days: (days + 3) % 7 + 1,
    "DOY": lambda days: days - days_of(date_of(days)[0], 1, 1) + 1,
}
_OF_TIME: dict[str, Callable[[int], int]] = {
    "HOUR": lambda time: time % DAY // HOUR,
    "MINUTE": lambda time: time % HOUR // MINUTE,
    "SECOND": lambda time: time % MINUTE // SECOND,
    "MILLISECOND": lambda time: time % SECOND,
    "EPOCH": lambda time: time // SECOND,
}
DATE_UNITS, TIME_UNITS = tuple(_OF_DATE), tuple(_OF_TIME)


def date_part(unit: str) -> Callable[[int], int]:
    """What EXTRACT gives of a date (days)."""
    return _OF_DATE[unit]


def day_towards_epoch(time: int) -> int:
    """The day of a time in ms; before 1970 the next one, unless it is midnight, as Flink divides."""
    return time // DAY if time >= 0 else -(-time // DAY)


def time_part(unit: str) -> Callable[[int], int]:
    """What EXTRACT gives of a time (ms of the epoch or of the day); before 1970 hours and less are negative."""
    of_date = _OF_DATE.get(unit)
    if of_date is not None:
        return lambda time: of_date(day_towards_epoch(time))
    of_time = _OF_TIME[unit]
    return lambda time: of_time(time) if time >= 0 else -of_time(-time)


def floor_date(unit: str, days: int) -> int:
    """The first day of the unit that the date is in."""
    if unit == "WEEK":
        return days - (days + 4) % 7
    if unit == "DAY":
        return days
    year, month, _ = date_of(days)
    if unit in {"DECADE", "CENTURY", "MILLENNIUM"}:
        size = UNIT_MONTHS[unit] // 12
        first = 0 if unit == "DECADE" else 1
        return days_of((year - first) // size * size + first, 1, 1)
    size = UNIT_MONTHS[unit]
    return days_of(year, (month - 1) // size * size + 1, 1)


def ceil_date(unit: str, days: int) -> int:
    """The date if it begins the unit, else the first day of the next unit."""
    first = floor_date(unit, days)
    if first == days:
        return days
    return first + 7 if unit == "WEEK" else add_months(first, UNIT_MONTHS[unit])


def floor_time(unit: str, time: int) -> int:
    """The begin of the unit that a time (ms) is in."""
    size = UNIT_MS.get(unit)
    if size is not None and unit != "WEEK":
        return time - time % size
    return floor_date(unit, day_towards_epoch(time)) * DAY


def ceil_time(unit: str, time: int) -> int:
    """The time if it begins the unit, else the begin of the next unit; beyond days the time of day is left out."""
    size = UNIT_MS.get(unit)
    if size is not None and unit != "WEEK":
        return time + -time % size
    return ceil_date(unit, day_towards_epoch(time)) * DAY
