"""JSON as text: strict checks and slices, without re-encoding what clients sent."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
import orjson
from msgspec import Raw

from event_contract import errors
from event_contract.errors import Rejected
from event_contract.limits import Limits

_fields: Final = msgspec.json.Decoder(dict[str, Raw])
_elements: Final = msgspec.json.Decoder(list[Raw])

_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[\]{},]', re.DOTALL)
_COMMAS_AN_EVENT: Final = 100


def parse(text: bytes, limits: Limits) -> Any | Rejected:
    """The value of a JSON text that every consumer can read, or why there is none.

    Strict: UTF-8 without a byte order mark, no NaN or Infinity, no lone surrogate, no number beyond a double,
    nested at most `limits.max_depth` deep.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return _explain(text, error)
    if _is_deeper_than(limits.max_depth, text, value):
        return Rejected(errors.TOO_DEEP, f"nested more than {limits.max_depth} levels deep")
    return value


def one_line(text: bytes | Raw) -> Raw:
    """Valid JSON text on one line: line ends, which can only stand between tokens, become spaces."""
    line = bytes(text)
    if b"\n" in line or b"\r" in line:
        line = line.replace(b"\n", b" ").replace(b"\r", b" ")
    return Raw(line)


def fields_of(text: bytes) -> dict[str, Raw] | Rejected:
    """A JSON object's members as slices of `text`; of a repeated name, the last."""
    try:
        return _fields.decode(text)
    except msgspec.ValidationError:
        return Rejected(errors.WRONG_TYPE, "expected a JSON object")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Rejected(errors.MALFORMED_JSON, str(error))


def elements_of(body: bytes, limits: Limits) -> list[bytes] | Rejected:
    """A JSON array's elements as slices, which are yet to be checked one by one by `parse`.

    An array that is not JSON cannot be split: the rejection names the index of the event where it breaks.
    """
    most = limits.max_batch_events
    if body.count(b",") > most * _COMMAS_AN_EVENT and _element_at(body, len(body), stop_above=most) >= most:
        return _too_many(limits)
    try:
        elements = _elements.decode(body)
    except msgspec.ValidationError:
        return Rejected(errors.WRONG_TYPE, "expected a JSON array")
    except RecursionError:
        return Rejected(errors.TOO_DEEP, "nested too deeply")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _locate(body, error)
    if len(elements) > most:
        return _too_many(limits)
    return [bytes(element) for element in elements]


def lines_of(body: bytes, limits: Limits) -> list[bytes] | Rejected:
    """The lines of newline-delimited JSON that are not blank."""
    lines = [line for line in (part.strip(b" \t\r") for part in body.split(b"\n")) if line]
    return lines if len(lines) <= limits.max_batch_events else _too_many(limits)


def _too_many(limits: Limits) -> Rejected:
    return Rejected(errors.BATCH_TOO_LARGE, f"a request holds at most {limits.max_batch_events} events")


def _locate(body: bytes, error: Exception) -> Rejected:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as strict:
        at = len(body.decode(errors="replace")[: strict.pos].encode()) if not _is_utf8_error(strict) else 0
        return Rejected(errors.MALFORMED_JSON, f"event {_element_at(body, at)}: {strict.msg} (byte {at} of the body)")
    return Rejected(errors.MALFORMED_JSON, str(error))


def _element_at(body: bytes, position: int, stop_above: int | None = None) -> int:
    """The index of the array element that holds a byte position: the commas before it at depth 1."""
    depth = index = 0
    for match in _TOKEN.finditer(body, 0, position):
        token = match[0]
        if token in b"[{":
            depth += 1
        elif token in b"]}":
            depth -= 1
        elif token == b"," and depth == 1:
            index += 1
            if stop_above is not None and index >= stop_above:
                break
    return index


def _is_utf8_error(error: orjson.JSONDecodeError) -> bool:
    return "UTF-8" in error.msg


def _explain(text: bytes, error: orjson.JSONDecodeError) -> Rejected:
    message = error.msg
    if message.startswith("UTF-8 byte order mark"):
        return Rejected(errors.MALFORMED_JSON, "a byte order mark is not allowed")
    if _is_utf8_error(error):
        try:
            text.decode()
        except UnicodeDecodeError as place:
            return Rejected(errors.INVALID_UTF8, f"not UTF-8 at byte {place.start}")
    if "depth limit" in message:
        return Rejected(errors.TOO_DEEP, "nested too deeply")
    if "infinity" in message:
        return Rejected(errors.NUMBER_OUT_OF_RANGE, "a number is beyond the range of a double")
    return Rejected(errors.MALFORMED_JSON, f"{message} (line {error.lineno}, column {error.colno})")


def _is_deeper_than(most: int, text: bytes, value: object) -> bool:
    if text.count(b"[") + text.count(b"{") <= most:
        return False
    level = [value]
    for _ in range(most):
        level = [child for node in level for child in _containers_in(node)]
        if not level:
            return False
    return True


def _containers_in(node: object) -> list[object]:
    if isinstance(node, dict):
        return [child for child in node.values() if isinstance(child, (dict, list))]
    if isinstance(node, list):
        return [child for child in node if isinstance(child, (dict, list))]
    return []
