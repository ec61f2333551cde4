"""Time zones as java.util.TimeZone names them: IANA names, some short ones, and GMT+8 or GMT+08:00; else GMT.

The rules come from the system's tz database (or the tzdata package), read once a zone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

_CUSTOM = re.compile(r"GMT([+-])(\d{1,2})(?::?(\d\d))?", re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}", re.ASCII)
_SHORT = {
    "PST": "America/Los_Angeles", "MST": "America/Denver", "CST": "America/Chicago", "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo", "CTT": "Asia/Shanghai", "ACT": "Australia/Darwin", "AET": "Australia/Sydney",
    "ECT": "Europe/Paris", "ART": "Africa/Cairo", "BST": "Asia/Dhaka", "NST": "Pacific/Auckland",
    "AST": "America/Anchorage", "PRT": "America/Puerto_Rico", "IET": "America/Indiana/Indianapolis",
}  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (a local time, whose zone is what is looked up)
_SECOND = timedelta(seconds=1)
_LEAST, _GREATEST = -62_135_510_400, 253_402_214_400  # a day within the years 1 to 9999


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    """The zone of that name; of any other name GMT, as in Java."""
    custom = _CUSTOM.fullmatch(name)
    if custom is not None and int(custom[2]) < 24 and int(custom[3] or 0) < 60:
        shift = timedelta(hours=int(custom[2]), minutes=int(custom[3] or 0))
        return timezone(-shift if custom[1] == "-" else shift)
    if not _NAME.fullmatch(name):
        return UTC
    try:
        return ZoneInfo(_SHORT.get(name, name))
    except (ValueError, OSError, LookupError):
        return UTC


def to_local(seconds: int, name: str) -> int | None:
    """Seconds of the epoch as the zone's clocks show them, as if they were UTC; NULL outside the years 1 to 9999."""
    if not _LEAST <= seconds <= _GREATEST:
        return None
    offset = (_EPOCH + timedelta(seconds=seconds)).astimezone(zone(name)).utcoffset()
    return seconds + (offset or timedelta()) // _SECOND


def to_utc(seconds: int, name: str) -> int | None:
    """Back: a time that the clocks skip counts by the offset before, one that they repeat is the later, as in Java."""
    if not _LEAST <= seconds <= _GREATEST:
        return None
    place = zone(name)
    local = _LOCAL_EPOCH + timedelta(seconds=seconds)
    before, after = (_offset(local, place, fold) for fold in (0, 1))
    return seconds - (min(before, after))


def _offset(local: datetime, place: tzinfo, fold: int) -> int:
    return (local.replace(tzinfo=place, fold=fold).utcoffset() or timedelta()) // _SECOND


def converter(source: str, target: str) -> Callable[[int], int | None]:
    """Local seconds of one zone as local seconds of another."""

    def convert(seconds: int) -> int | None:
        instant = to_utc(seconds, source)
        return None if instant is None else to_local(instant, target)

    return convert
