"""Names of the S3 objects that a delivery stream writes. Pure.

Sources: "Understand custom prefixes for Amazon S3 objects"
(https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html) and "Configure Amazon S3 object name format"
(https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

MAX_PREFIX = 512
DEFAULT_TIME = "!{timestamp:yyyy/MM/dd/HH}/"
_EXPRESSION = re.compile(r"!\{([^}:]*)(:)([^}]*)\}")
_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|(.)", re.DOTALL)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"

_FIELDS: dict[str, Callable[[datetime, int], str]] = {
    "y": lambda t, n: f"{t.year % 100:02d}" if n == 2 else f"{t.year:0{n}d}",
    "u": lambda t, n: f"{t.year % 100:02d}" if n == 2 else f"{t.year:0{n}d}",
    "M": lambda t, n: f"{t.month:0{n}d}" if n <= 2 else t.strftime("%b" if n == 3 else "%B"),
    "d": lambda t, n: f"{t.day:0{n}d}",
    "D": lambda t, n: f"{t.timetuple().tm_yday:0{n}d}",
    "H": lambda t, n: f"{t.hour:0{n}d}",
    "k": lambda t, n: f"{t.hour or 24:0{n}d}",
    "h": lambda t, n: f"{t.hour % 12 or 12:0{n}d}",
    "K": lambda t, n: f"{t.hour % 12:0{n}d}",
    "a": lambda t, _: "AM" if t.hour < 12 else "PM",
    "m": lambda t, n: f"{t.minute:0{n}d}",
    "s": lambda t, n: f"{t.second:0{n}d}",
    "S": lambda t, n: f"{t.microsecond:06d}".ljust(9, "0")[:n],
    "E": lambda t, n: t.strftime("%a" if n <= 3 else "%A"),
}


class BadPrefix(Exception):
    """A prefix that Firehose would refuse; the message says which rule it breaks. Correct the prefix."""


@dataclass(frozen=True, slots=True)
class ObjectName:
    """What the name of one object is made of: its stream and version, oldest arrival, and a random part."""

    stream: str
    version: int
    arrived: int
    """Arrival of the oldest record in it, in milliseconds since the epoch."""
    random: str
    """A UUID."""


def format_time(pattern: str, moment: datetime) -> str:
    """Format a moment as Java's DateTimeFormatter would; text in single quotes and other signs stay as they are.

    Raises `BadPrefix` for a letter that is no supported field, or an open quote.
    """
    return "".join(_formatted(pattern, moment))


def _formatted(pattern: str, moment: datetime) -> Iterator[str]:
    for token in _TOKEN.finditer(pattern):
        quoted, letter, other = token.group(1, 2, 3)
        if quoted is not None:
            yield quoted.replace("''", "'") or "'"
        elif letter and letter in _FIELDS:
            yield _FIELDS[letter](moment, len(token.group()))
        elif letter or other == "'":
            raise BadPrefix(f"!{{timestamp:{pattern}}} is not a valid DateTimeFormatter pattern")
        else:
            yield other


def check_prefixes(prefix: str, error_prefix: str) -> None:
    """Raise `BadPrefix` if Firehose would refuse this pair of prefixes; "" stands for none."""
    if "firehose:error-output-type" in prefix:
        raise BadPrefix("Prefix cannot contain !{firehose:error-output-type}")
    if _has_expressions(prefix) and "!{firehose:error-output-type}" not in error_prefix:
        raise BadPrefix(
            "ErrorOutputPrefix must contain at least one instance of !{firehose:error-output-type} "
            "when Prefix contains expressions"
        )
    sample = ObjectName("s", 1, 0, "r")
    for value in (prefix, error_prefix):
        if len(_evaluate(value, sample, UTC, "processing-failed")) > MAX_PREFIX:
            raise BadPrefix(f"A prefix cannot be longer than {MAX_PREFIX} characters after evaluation")


def object_key(prefix: str, name: ObjectName, extension: str, zone: tzinfo = UTC) -> str:
    """Give the key of a delivered object: `<evaluated prefix><stream>-<version>-<time>-<uuid><extension>`.

    A prefix without a timestamp expression is followed by `yyyy/MM/dd/HH/`. `extension` includes its dot.
    """
    with_time = prefix if "!{timestamp:" in prefix else prefix + DEFAULT_TIME
    suffix = format_time("yyyy-MM-dd-HH-mm-ss", _moment(name, zone))
    evaluated = _evaluate(with_time, name, zone, "")
    return f"{evaluated}{name.stream}-{name.version}-{suffix}-{name.random}{extension}"


def _has_expressions(prefix: str) -> bool:
    return "!{" in prefix


def _moment(name: ObjectName, zone: tzinfo) -> datetime:
    return (_EPOCH + timedelta(milliseconds=name.arrived)).astimezone(zone)


def _evaluate(prefix: str, name: ObjectName, zone: tzinfo, error_type: str) -> str:
    if prefix.count("!{") != len(_EXPRESSION.findall(prefix)):
        raise BadPrefix("!{ can only appear in a !{namespace:value} expression")

    def value(found: re.Match[str]) -> str:
        namespace, expression = found.group(1), found.group(3)
        if namespace == "timestamp" and expression:
            return format_time(expression, _moment(name, zone))
        if (namespace, expression) == ("firehose", "random-string"):
            return random_string(name.random, found.start())
        if (namespace, expression) == ("firehose", "error-output-type"):
            return error_type
        raise BadPrefix(f"{found.group()} is not a supported expression")

    return _EXPRESSION.sub(value, prefix)


def random_string(seed: str, place: int) -> str:
    """Give 11 letters and digits that follow from the object's random part and the expression's place in the prefix."""
    number = int.from_bytes(hashlib.sha256(f"{seed}/{place}".encode()).digest())
    letters = []
    for _ in range(11):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(letters)
