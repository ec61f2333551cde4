"""Functions of dates and times. The local time zone is UTC: a TIMESTAMP_LTZ shows as it does there."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Any

from streaming_sql.functions import calendar
from streaming_sql.functions.calendar import DAY, SECOND
from streaming_sql.functions.date_parsing import lenient_parser, strict_parser
from streaming_sql.functions.date_patterns import formatter
from streaming_sql.functions.numbers import divide_integers
from streaming_sql.functions.signature import Arguments, Function, Parameter, Signature
from streaming_sql.functions.time_texts import parse_date, parse_timestamp
from streaming_sql.functions.zones import converter
from streaming_sql.types import BIGINT, DATE, STRING, TIMESTAMP, TIMESTAMP_LTZ

_SQL_PATTERN = "yyyy-MM-dd HH:mm:ss"
_LEAST_TIME, _GREATEST_TIME = -62_167_219_200_000, 253_402_300_799_999  # years 0 to 9999
_NO_TIME = -(1 << 63)  # what UNIX_TIMESTAMP gives of a text that is no time


def _in_range(time: int) -> int | None:
    return time if _LEAST_TIME <= time <= _GREATEST_TIME else None


def _to_timestamp_ltz(arguments: Arguments) -> Callable[[Any, int], int | None]:
    precision = arguments[1]
    if not precision.is_constant or precision.value not in {0, 3}:
        raise ValueError("TO_TIMESTAMP_LTZ needs the precision 0 (seconds) or 3 (milliseconds)")
    if precision.value == 3 and arguments[0].type.is_integer:  # of every event of most pipelines
        return lambda number, _: number if _LEAST_TIME <= number <= _GREATEST_TIME else None
    if precision.value == 3:
        return lambda number, _: _in_range(int(number))
    if arguments[0].type.is_approximate:
        return lambda number, _: (
            _in_range(int(number * SECOND)) if _in_range(int(number) * SECOND) is not None else None
        )
    if arguments[0].type.name == "DECIMAL":
        return lambda number, _: _in_range(int(Decimal(number).to_integral_value(ROUND_DOWN)) * SECOND)
    return lambda number, _: _in_range(number * SECOND)


def _patterned(
    arguments: Arguments, place: int, compile_pattern: Callable[[str], Callable[[Any], Any]]
) -> Callable[[str], Callable[[Any], Any]]:
    """What gives the function of a pattern, ready where the pattern is a constant; NULL of a pattern that is none."""
    pattern = arguments[place]
    if pattern.is_constant and pattern.value is not None:
        fixed = compile_pattern(pattern.value)
        return lambda text: fixed

    def compiled(text: str) -> Callable[[Any], Any]:
        try:
            return compile_pattern(text)
        except ValueError:
            return lambda value: None

    return compiled


def _to_timestamp(arguments: Arguments) -> Callable[[str, str], int | None]:
    parser = _patterned(arguments, 1, strict_parser)
    return lambda text, pattern: parser(pattern)(text)


def _to_date(arguments: Arguments) -> Callable[[str, str], int | None]:
    parser = _patterned(arguments, 1, lenient_parser)

    def parse(text: str, pattern: str) -> int | None:
        time = parser(pattern)(text)
        return None if time is None else time // DAY

    return parse


def _date_format(arguments: Arguments) -> Callable[[Any, str], str | None]:
    kind = arguments[0].type
    if kind.is_time:
        written = _patterned(arguments, 1, lambda text: formatter(text, "formatter"))
        return lambda time, pattern: written(pattern)(time)
    simple = _patterned(arguments, 1, lambda text: formatter(text, "simple"))
    parse = lenient_parser(_SQL_PATTERN)

    def reformat(text: str, pattern: str) -> str | None:
        time = parse(text)
        return None if time is None else simple(pattern)(time)

    return reformat


_write_seconds = formatter(_SQL_PATTERN, "simple")
_read_seconds = lenient_parser(_SQL_PATTERN)


def _from_unixtime(seconds: int) -> str:
    return _write_seconds(seconds * SECOND)


def _from_unixtime_as(arguments: Arguments) -> Callable[[int, str], str | None]:
    written = _patterned(arguments, 1, lambda text: formatter(text, "simple"))
    return lambda seconds, pattern: written(pattern)(seconds * SECOND)


def _seconds(time: int | None) -> int:
    return _NO_TIME if time is None else divide_integers(time, SECOND)


def _unix_timestamp(arguments: Arguments) -> Callable[[str, str], int]:
    parser = _patterned(arguments, 1, lenient_parser)
    return lambda text, pattern: _seconds(parser(pattern)(text))


def _convert_tz(text: str, source: str, target: str) -> str | None:
    local = _read_seconds(text)
    seconds = None if local is None else converter(source, target)(local // SECOND)
    return None if seconds is None else _from_unixtime(seconds)


def _part(names: tuple[str, ...], unit: str, summary: str, example: tuple[str, str]) -> Function:
    of_time = calendar.time_part(unit)
    kinds: tuple[Parameter, ...] = ("TIMESTAMP", "TIME") if unit in calendar.TIME_UNITS else ("TIMESTAMP", "DATE")
    calls = {"TIMESTAMP": of_time, "TIME": of_time, "DATE": None if "TIME" in kinds else calendar.date_part(unit)}
    signatures = tuple(Signature((kind,), BIGINT, calls[kind]) for kind in kinds)
    return Function(names, "Time", f"{names[0]}(time)", summary, signatures, (example,))


FUNCTIONS = (
    Function(
        ("TO_TIMESTAMP_LTZ",), "Time", "TO_TIMESTAMP_LTZ(number, precision)",
        "The time of epoch seconds (precision 0) or milliseconds (3); NULL outside the years 0 to 9999.",
        (Signature(("NUMBER", "INTEGER"), TIMESTAMP_LTZ, prepare=_to_timestamp_ltz, nullable=True),),
        (("TO_TIMESTAMP_LTZ(4001, 3)", "1970-01-01 00:00:04.001"),),
    ),
    Function(
        ("TO_TIMESTAMP",), "Time", "TO_TIMESTAMP(text [, pattern])",
        "A text read as yyyy-MM-dd HH:mm:ss, or by a pattern of Java's DateTimeFormatter; NULL if it cannot be.",
        (
            Signature(("TEXT",), TIMESTAMP, parse_timestamp, nullable=True),
            Signature(("TEXT", "TEXT"), TIMESTAMP, prepare=_to_timestamp, nullable=True),
        ),
        (("TO_TIMESTAMP('29.02.2020 12:00', 'dd.MM.yyyy HH:mm')", "2020-02-29 12:00:00.000"),),
    ),
    Function(
        ("TO_DATE",), "Time", "TO_DATE(text [, pattern])",
        "A text read as yyyy-MM-dd, or by a pattern of Java's SimpleDateFormat; NULL if it cannot be.",
        (
            Signature(("TEXT",), DATE, parse_date, nullable=True),
            Signature(("TEXT", "TEXT"), DATE, prepare=_to_date, nullable=True),
        ),
        (("TO_DATE('29/02/2020', 'dd/MM/yyyy')", "2020-02-29"),),
    ),
    Function(
        ("DATE_FORMAT",), "Time", "DATE_FORMAT(time, pattern)", "A time as text by a Java date pattern.",
        (
            Signature(("TIMESTAMP", "TEXT"), STRING, prepare=_date_format, nullable=True),
            Signature(("TEXT", "TEXT"), STRING, prepare=_date_format, nullable=True),
        ),
        (("DATE_FORMAT(TIMESTAMP '2020-02-29 12:34:56', 'yyyyMMdd HH:mm')", "20200229 12:34"),),
    ),
    Function(
        ("FROM_UNIXTIME",), "Time", "FROM_UNIXTIME(seconds [, pattern])", "Epoch seconds as text.",
        (
            Signature(("INTEGER",), STRING, _from_unixtime),
            Signature(("INTEGER", "TEXT"), STRING, prepare=_from_unixtime_as, nullable=True),
        ),
        (("FROM_UNIXTIME(44)", "1970-01-01 00:00:44"),),
    ),
    Function(
        ("UNIX_TIMESTAMP",), "Time", "UNIX_TIMESTAMP(text [, pattern])",
        "Epoch seconds of a text; -9223372036854775808 if it cannot be read, as in Flink.",
        (
            Signature(("TEXT",), BIGINT, lambda text: _seconds(_read_seconds(text))),
            Signature(("TEXT", "TEXT"), BIGINT, prepare=_unix_timestamp),
        ),
        (("UNIX_TIMESTAMP('1970-01-01 08:00:01.001 +0800', 'yyyy-MM-dd HH:mm:ss.SSS X')", "1"),),
    ),
    Function(
        ("CONVERT_TZ",), "Time", "CONVERT_TZ(text, from zone, to zone)",
        "A text yyyy-MM-dd HH:mm:ss of one time zone as the text of another.",
        (Signature(("TEXT", "TEXT", "TEXT"), STRING, _convert_tz, nullable=True),),
        (("CONVERT_TZ('1970-01-01 00:00:00', 'UTC', 'America/Los_Angeles')", "1969-12-31 16:00:00"),),
    ),
    _part(("YEAR",), "YEAR", "The year.", ("YEAR(DATE '1994-09-27')", "1994")),
    _part(("QUARTER",), "QUARTER", "The quarter, 1 to 4.", ("QUARTER(DATE '1994-09-27')", "3")),
    _part(("MONTH",), "MONTH", "The month, 1 to 12.", ("MONTH(DATE '1994-09-27')", "9")),
    _part(("WEEK",), "WEEK", "The ISO week, 1 to 53.", ("WEEK(DATE '1994-09-27')", "39")),
    _part(("DAYOFYEAR",), "DOY", "The day of the year, 1 to 366.", ("DAYOFYEAR(DATE '1994-09-27')", "270")),
    _part(("DAYOFMONTH",), "DAY", "The day of the month, 1 to 31.", ("DAYOFMONTH(DATE '1994-09-27')", "27")),
    _part(("DAYOFWEEK",), "DOW", "The day of the week, 1 (Sunday) to 7.", ("DAYOFWEEK(DATE '1994-09-27')", "3")),
    _part(("HOUR",), "HOUR", "The hour, 0 to 23.", ("HOUR(TIMESTAMP '1994-09-27 13:14:15')", "13")),
    _part(("MINUTE",), "MINUTE", "The minute, 0 to 59.", ("MINUTE(TIMESTAMP '1994-09-27 13:14:15')", "14")),
    _part(("SECOND",), "SECOND", "The second, 0 to 59.", ("SECOND(TIMESTAMP '1994-09-27 13:14:15')", "15")),
)  # fmt: skip
