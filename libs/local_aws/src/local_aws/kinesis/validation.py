"""The form of a request, checked as AWS checks it and complained about in its words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from local_aws.kinesis.errors import InvalidArgument, SerializationFailed, ValidationFailed

Body = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What one member of a request must be."""

    kind: type
    required: bool = False
    least: int | None = None
    most: int | None = None
    pattern: str | None = None
    choices: tuple[str, ...] = ()


_NAME = r"[a-zA-Z0-9_.-]+"
NAME = Field(kind=str, least=1, most=128, pattern=_NAME)
REQUIRED_NAME = Field(kind=str, required=True, least=1, most=128, pattern=_NAME)
STREAM_ARN = Field(kind=str, least=1, most=2048, pattern=r"arn:aws.*:kinesis:.*:\d{12}:stream/\S+")
REQUIRED_STREAM_ARN = Field(
    kind=str, required=True, least=1, most=2048, pattern=r"arn:aws.*:kinesis:.*:\d{12}:stream/\S+"
)
CONSUMER_ARN = Field(
    kind=str,
    least=1,
    most=2048,
    pattern=r"^(arn):aws.*:kinesis:.*:\d{12}:.*stream\/[a-zA-Z0-9_.-]+\/consumer\/[a-zA-Z0-9_.-]+:[0-9]+",
)
HASH_KEY = Field(kind=str, pattern=r"0|([1-9]\d{0,38})")
REQUIRED_HASH_KEY = Field(kind=str, required=True, pattern=r"0|([1-9]\d{0,38})")
SEQUENCE_NUMBER = Field(kind=str, pattern=r"0|([1-9]\d{0,128})")
TOKEN = Field(kind=str, least=1, most=1_048_576)
PAGE = Field(kind=int, least=1, most=10_000)
COUNT = Field(kind=int, least=1)
REQUIRED_COUNT = Field(kind=int, required=True, least=1)
TIME = Field(kind=float)
FLAG = Field(kind=bool)
STRUCTURE = Field(kind=dict)
REQUIRED_STRUCTURE = Field(kind=dict, required=True)
LIST = Field(kind=list)
REQUIRED_LIST = Field(kind=list, required=True)
STREAM_MODE = Field(kind=str, required=True, choices=("PROVISIONED", "ON_DEMAND"))
POSITION_TYPE = Field(
    kind=str,
    required=True,
    choices=("AFTER_SEQUENCE_NUMBER", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "TRIM_HORIZON"),
)

_KIND_NAMES = {str: "String", int: "Integer", float: "Timestamp", bool: "Boolean", dict: "Map", list: "List"}


def check(body: Body, fields: Mapping[str, Field], *, prefix: str = "") -> None:
    """Raise SerializationFailed for a wrong type, or ValidationFailed that lists every broken constraint."""
    failures: list[str] = []
    for name, rule in fields.items():
        value = body.get(name)
        if value is not None:
            _check_type(value, rule)
        failures += _failures(prefix + name[0].lower() + name[1:], value, rule)
    if failures:
        raise constraint_error(*failures)


def constraint_error(*failures: str) -> ValidationFailed:
    """The error that lists these failures."""
    plural = "" if len(failures) == 1 else "s"
    return ValidationFailed(f"{len(failures)} validation error{plural} detected: {'; '.join(failures)}")


def failure(path: str, constraint: str, shown: str = "") -> str:
    """One broken constraint in AWS's words; `shown` is the value as AWS would print it."""
    return f"Value {shown + ' ' if shown else ''}at '{path}' failed to satisfy constraint: Member must {constraint}"


def _check_type(value: object, rule: Field) -> None:
    expected = (int, float) if rule.kind is float else rule.kind
    is_wrong_flag = isinstance(value, bool) and rule.kind is not bool
    if is_wrong_flag or not isinstance(value, expected):
        raise SerializationFailed(f"{_token(value)} can not be converted to {_KIND_NAMES[rule.kind]}")


def _token(value: object) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if isinstance(value, int | float):
        return "NUMBER_VALUE"
    if isinstance(value, str):
        return "STRING_VALUE"
    return "START_ARRAY" if isinstance(value, list) else "START_OBJECT"


def _failures(path: str, value: object, rule: Field) -> list[str]:
    if value is None:
        return [failure(path, "not be null", "null")] if rule.required else []
    shown = f"'{value}'"
    failures = []
    if rule.pattern is not None and not re.fullmatch(rule.pattern, str(value)):
        failures.append(failure(path, f"satisfy regular expression pattern: {rule.pattern}", shown))
    if rule.choices and value not in rule.choices:
        failures.append(failure(path, f"satisfy enum value set: [{', '.join(rule.choices)}]", shown))
    measure = value if isinstance(value, int) else len(str(value))
    quality = "value" if isinstance(value, int) else "length"
    if rule.least is not None and measure < rule.least:
        failures.append(failure(path, f"have {quality} greater than or equal to {rule.least}", shown))
    if rule.most is not None and measure > rule.most:
        failures.append(failure(path, f"have {quality} less than or equal to {rule.most}", shown))
    return failures


# The members of a checked body, given their types back; each returns None where the member is absent.


def text(body: Body, name: str) -> str | None:
    """A string member."""
    value = body.get(name)
    return value if isinstance(value, str) else None


def required_text(body: Body, name: str) -> str:
    """A string member that was checked to be there."""
    value = body[name]
    assert isinstance(value, str)
    return value


def number(body: Body, name: str) -> int | None:
    """An integer member."""
    value = body.get(name)
    return value if isinstance(value, int) else None


def time(body: Body, name: str) -> int | None:
    """A timestamp member (seconds on the wire) in ms."""
    value = body.get(name)
    return round(value * 1000) if isinstance(value, int | float) else None


def structure(body: Body, name: str) -> Body | None:
    """A structure member."""
    value = body.get(name)
    return value if isinstance(value, dict) else None


def stream_name(body: Body) -> str:
    """The stream that a request names, by name or by ARN. Raises ValidationFailed, InvalidArgument."""
    check(body, {"StreamName": NAME, "StreamARN": STREAM_ARN})
    name, arn = text(body, "StreamName"), text(body, "StreamARN")
    from_arn = arn.partition("stream/")[2] if arn is not None else None
    if name is not None and from_arn is not None and name != from_arn:
        raise InvalidArgument("StreamName and StreamARN are for different streams.")
    found = name or from_arn
    if found is None:
        raise InvalidArgument("Either StreamName or StreamARN is required.")
    return found
