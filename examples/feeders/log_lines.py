"""Reads single log lines: when, how bad, who, what. Pure; lines of an unknown form are messages as they stand."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import orjson

LONGEST_MESSAGE = 4096
"""Characters of a message that are kept."""

_TOMORROW = timedelta(days=1)
_ISO = re.compile(
    r"(?P<time>\d{4}-\d{2}-\d{2}[T ]{1,2}\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?)\s?(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
)
_SYSLOG_TIME = re.compile(r"(?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) (?P<clock>\d{2}:\d{2}:\d{2})")
_SYSLOG_REST = re.compile(r"\S+ (?P<program>[\w./-]+)(?:\[\d+\])?: (?P<message>.*)", re.DOTALL)
_PREFIX = re.compile(r"^(?P<who>[\w-]+) $|^(?P<label>[\w -]+): $")
_LEVEL = re.compile(
    r"\b(?P<level>trace|debug\d?|info|notice|log|warn(?:ing)?|error|err|crit(?:ical)?|fatal|panic|alert|emerg(?:ency)?)\b",
    re.IGNORECASE,
)
_LEVELS = {"trace": "debug", "notice": "info", "log": "info", "warn": "warning", "err": "error"}
_LEVELS |= dict.fromkeys(("crit", "fatal", "panic", "alert", "emerg", "emergency"), "critical")
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_LEVEL_WITHIN = 40


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line taken apart; `time` is in ms since the epoch, None where the line states none."""

    message: str
    level: str
    logger: str
    time: int | None


def parse_line(line: str, *, program: str, now: datetime, zone: tzinfo) -> LogLine:
    """The parts of a line. `program` is the logger of lines that name none; times without a zone are in `zone`.

    `now` gives syslog's times their year. A time of tomorrow or later is not believed.
    """
    parsed = _json_line(line, program, zone) if line.lstrip()[:1] == "{" else None
    if parsed is None:
        parsed = _syslog_line(line, now, zone) or _iso_line(line, program, zone)
    if parsed.time is not None and parsed.time > (now + _TOMORROW).timestamp() * 1000:
        parsed = LogLine(parsed.message, parsed.level, parsed.logger, None)
    return parsed


def level_of(text: str) -> str:
    """The first word for a level near the start of a message, in one of five spellings; info where there is none."""
    match = _LEVEL.search(text[:_LEVEL_WITHIN])
    if match is None:
        return "info"
    word = match["level"].lower().rstrip("0123456789")
    return _LEVELS.get(word, word)


def _json_line(line: str, program: str, zone: tzinfo) -> LogLine | None:
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(fields, dict):
        return None
    message = _first(fields, "event", "message", "msg")
    if message is None:
        return None
    known = {"event", "message", "msg", "level", "severity", "timestamp", "time", "ts", "logger", "service", "name"}
    rest = {name: value for name, value in fields.items() if name not in known}
    text = message if not rest else f"{message} {orjson.dumps(rest).decode()}"
    level = (_first(fields, "level", "severity") or "info").lower()
    stamp = _ISO.search(_first(fields, "timestamp", "time", "ts") or "")
    logger = _first(fields, "logger", "service", "name") or program
    return LogLine(text[:LONGEST_MESSAGE], _LEVELS.get(level, level), logger, _iso(stamp, zone))


def _syslog_line(line: str, now: datetime, zone: tzinfo) -> LogLine | None:
    stamp = _SYSLOG_TIME.match(line)
    iso = None if stamp else _ISO.match(line)
    end = stamp.end() if stamp else iso.end() if iso and "T" in iso["time"] else None
    rest = _SYSLOG_REST.fullmatch(line[end:].lstrip()) if end is not None else None
    if rest is None:
        return None
    time = _syslog_time(stamp, now, zone) if stamp else _iso(iso, zone)
    message = rest["message"]
    return LogLine(message[:LONGEST_MESSAGE], level_of(message), rest["program"].rsplit("/", 1)[-1], time)


def _iso_line(line: str, program: str, zone: tzinfo) -> LogLine:
    stamp = _ISO.search(line[:80])
    if stamp is None:
        return LogLine(line[:LONGEST_MESSAGE], level_of(line), program, None)
    prefix = _PREFIX.match(line[: stamp.start()])
    logger = prefix["who"] if prefix and prefix["who"] else program
    rest = line[stamp.end() :].lstrip(" :]")
    label = prefix["label"] if prefix and prefix["label"] else ""
    message = rest if not label else f"{label}: {rest}".rstrip(": ")
    return LogLine((message or line)[:LONGEST_MESSAGE], level_of(message), logger, _iso(stamp, zone))


def _iso(match: re.Match[str] | None, zone: tzinfo) -> int | None:
    if match is None:
        return None
    text = re.sub(r"[T ]+", " ", match["time"]).replace(",", ".")
    whole, _, fraction = text.partition(".")
    stated = match["zone"]
    offset = "+00:00" if stated in ("Z", "UTC", "GMT") else stated or ""
    return _milliseconds(lambda: datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}{offset}"), zone)


def _syslog_time(match: re.Match[str], now: datetime, zone: tzinfo) -> int | None:
    month = _MONTHS.get(match["month"])
    if month is None:
        return None
    local = now.astimezone(zone)

    def of_year(year: int) -> datetime:
        return datetime.fromisoformat(f"{year}-{month:02}-{int(match['day']):02}T{match['clock']}").replace(tzinfo=zone)

    time = _milliseconds(lambda: of_year(local.year), zone)
    if time is None or time > (now + _TOMORROW).timestamp() * 1000:  # December's lines, read in January
        return _milliseconds(lambda: of_year(local.year - 1), zone)
    return time


def _milliseconds(make: Callable[[], datetime], zone: tzinfo) -> int | None:
    try:
        moment = make()
    except ValueError:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    return round(aware.astimezone(UTC).timestamp() * 1000) if aware.year >= 1971 else None


def _first(fields: Mapping[str, Any], *names: str) -> str | None:
    return next((value for name in names if isinstance(value := fields.get(name), str) and value), None)
