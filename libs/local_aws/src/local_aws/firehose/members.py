"""Reading members of a request's JSON body, refused in AWS' words. Pure."""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping

from local_aws.firehose import errors

Body = Mapping[str, object]


def text(body: Body, member: str, *, path: str = "", pattern: str | None = None, longest: int = 0) -> str | None:
    """Give a string member, None if it is absent; `path` is what stands before its name in messages."""
    value = body.get(member)
    where = path + member[0].lower() + member[1:]
    if value is None:
        return None
    if not isinstance(value, str):
        raise errors.not_that_type(member, "a String")
    if longest and len(value) > longest:
        raise errors.validation_failed(value, where, f"Member must have length less than or equal to {longest}")
    if pattern and not re.fullmatch(pattern, value):
        raise errors.validation_failed(value, where, f"Member must satisfy regular expression pattern: {pattern}")
    return value


def required_text(body: Body, member: str, *, path: str = "", pattern: str | None = None, longest: int = 0) -> str:
    """Give a string member that must be there."""
    value = text(body, member, path=path, pattern=pattern, longest=longest)
    if value is None:
        raise errors.missing(path + member[0].lower() + member[1:])
    return value


def choice(body: Body, member: str, choices: tuple[str, ...], *, path: str = "") -> str | None:
    """Give a member that must be one of `choices`."""
    value = text(body, member)
    if value is not None and value not in choices:
        where = path + member[0].lower() + member[1:]
        raise errors.validation_failed(value, where, f"Member must satisfy enum value set: [{', '.join(choices)}]")
    return value


def whole_number(body: Body, member: str, least: int, most: int, *, path: str = "") -> int | None:
    """Give an integer member within its limits, None if it is absent."""
    value = body.get(member)
    where = path + member[0].lower() + member[1:]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise errors.not_that_type(member, "an Integer")
    if value < least:
        raise errors.validation_failed(value, where, f"Member must have value greater than or equal to {least}")
    if value > most:
        raise errors.validation_failed(value, where, f"Member must have value less than or equal to {most}")
    return value


def structure(body: Body, member: str) -> Body | None:
    """Give a member that is a structure, None if it is absent."""
    value = body.get(member)
    if value is not None and not isinstance(value, dict):
        raise errors.not_that_type(member, "a structure")
    return value


def blob(record: object, path: str, largest: int) -> bytes:
    """Give the bytes of a record's `Data`, which is base64 on the wire."""
    if not isinstance(record, dict):
        raise errors.not_that_type("Record", "a structure")
    encoded = record.get("Data")
    if encoded is None:
        raise errors.missing(f"{path}.data")
    if not isinstance(encoded, str):
        raise errors.not_that_type("Data", "a Blob")
    try:
        data = binascii.a2b_base64(encoded, strict_mode=True)
    except ValueError:
        raise errors.not_that_type("Data", "a Blob") from None
    if len(data) > largest:
        shown = f"java.nio.HeapByteBuffer[pos=0 lim={len(data)} cap={len(data)}]"
        raise errors.validation_failed(
            shown, f"{path}.data", f"Member must have length less than or equal to {largest}"
        )
    return data
