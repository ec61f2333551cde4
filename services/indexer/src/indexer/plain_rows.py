"""Rows that Flink wrote: plain JSON of a sink's columns becomes the document that the aggregator's row would be.

`etl sql flink` describes the sinks (sinks.json); a row is recognised by the names of its columns. What Flink writes
again after a failure makes the very same document, since id, index, body and version follow from the row alone.
Flink's JSON: https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/connectors/table/formats/json/
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import Raw, Struct

from delivery import Document
from event_contract import Rejected
from event_contract.event import MAX_TIME_MS
from indexer.documents import ALIASES, Indexable, Kind, Reader, document_id, index_name, read, version

Convert = Callable[[Any], Any]

_KINDS: Final = ("aggregates", "alerts")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIME: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z?")
_TIME_OF_DAY: Final = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?")
_MILLISECOND: Final = timedelta(milliseconds=1)
_encode: Final = msgspec.json.Encoder(decimal_format="number").encode
_columns: Final = msgspec.json.Decoder(dict[str, Raw])
_text: Final = msgspec.json.Decoder(str | None)
_decimal: Final = msgspec.json.Decoder(Decimal | None)
_double: Final = msgspec.json.Decoder(float | None)
_list: Final = msgspec.json.Decoder(list[Raw] | None)
_map: Final = msgspec.json.Decoder(dict[str, Raw] | None)


class _Sink(Struct, frozen=True):
    stream: str
    name: str
    columns: list[tuple[str, Literal["window_start", "window_end", "key", "value", "unfilled"], Any]]
    told_by: Literal["window", "key", "row"]
    times: list[str]
    severity: str | None = None


class _Description(Struct, frozen=True):
    version: Literal[1]
    rows: list[_Sink]
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class _Known:
    """A sink, and what reads each of its columns."""

    sink: _Sink
    readers: Mapping[str, Convert]


class PlainRows:
    """The sinks that Flink fills.

    Raises:
        ValueError: when the description is none, or two sinks' rows could not be told apart.

    """

    def __init__(self, description: bytes) -> None:
        try:
            described = msgspec.json.decode(description, type=_Description)
        except msgspec.DecodeError as error:
            raise ValueError(f"no description of sinks as `etl sql flink` writes it: {error}") from error
        self._version = version(described.epoch, 0)
        self._epoch = described.epoch
        self._known: dict[tuple[str, frozenset[str]], _Known] = {}
        for sink in described.rows:
            key = sink.stream, frozenset(name for name, _, _ in sink.columns)
            if key in self._known:
                raise ValueError(f"sinks {self._known[key].sink.name} and {sink.name} have the same columns")
            self._known[key] = _Known(sink, {name: _converter(kind) for name, _, kind in sink.columns})

    def read(self, kind: Kind, data: bytes) -> Indexable | Rejected | None:
        """The document of a row of one of the sinks; None for a row that names itself, by an `id`.

        Raises:
            msgspec.DecodeError: for what is no JSON object.

        """
        row = _columns.decode(data)
        known = self._known.get((kind, frozenset(row)))
        if known is None:
            return None if "id" in row else _unknown(row)
        try:
            values = {name: convert(row[name]) for name, convert in known.readers.items()}
        except (msgspec.ValidationError, ValueError) as error:
            return Rejected("wrong_type", f"a row of {known.sink.name}: {error}")
        return self._document(kind, known.sink, values)

    def _document(self, kind: Kind, sink: _Sink, values: Mapping[str, Any]) -> Indexable | Rejected:
        bounds = _bounds(sink, values)
        dated = bounds[1:] if sink.told_by == "window" else [values[name] for name in sink.times]
        time = max((each for each in dated if each is not None), default=None)
        if time is None or None in bounds:
            return Rejected("missing_field", f"a row of {sink.name} says no time, or not both of its window's bounds")
        if not 0 <= time <= MAX_TIME_MS:
            return Rejected("out_of_range", f"a row of {sink.name} is of {time} ms since the epoch")
        key = {name: values[name] for name, role, _ in sink.columns if role == "key"}
        rest = {name: values[name] for name, role, _ in sink.columns if role == "value"}
        identity = _identity(sink, bounds, time, key, rest)
        alert = sink.severity is not None
        body: dict[str, Any] = {"id": identity, "rule" if alert else "query": sink.name}
        if alert:
            body["severity"] = sink.severity
        if alert or not bounds:
            body["time"] = time
        if bounds:
            body |= {"window_start": bounds[0], "window_end": bounds[1]}
        body |= {"key": key, "values": rest, "epoch": self._epoch, "revision": 0}
        index = index_name(ALIASES[kind], time, "" if alert else sink.name)
        return Indexable(Document(index, document_id(identity), _encode(body), self._version), identity, None)


def reader(plain: PlainRows | None) -> Reader:
    """What reads records of any kind: rows of the plain sinks, and all others by themselves."""
    if plain is None:
        return read

    def read_either(kind: Kind, data: bytes) -> Indexable | Rejected:
        found = None
        if kind in _KINDS:
            # What is no JSON object is left for `read` to name.
            with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                found = plain.read(kind, data)
        return read(kind, data) if found is None else found

    return read_either


def load(setting: str) -> PlainRows | None:
    """The sinks of a setting: JSON, or the path of a file with it; None for an empty one. Raises ValueError."""
    if not setting.strip():
        return None
    if setting.lstrip().startswith("{"):
        return PlainRows(setting.encode())
    try:
        return PlainRows(Path(setting).read_bytes())
    except OSError as error:
        raise ValueError(
            f"{setting}: {error.strerror}; run `etl sql flink --output`, or write the JSON itself"
        ) from error


def _unknown(row: Mapping[str, Raw]) -> Rejected:
    names = ", ".join(sorted(row)[:10])
    message = (
        f"no id, and columns that no sink has ({names}): give INDEXER_PLAIN_ROWS the sinks.json of what Flink runs"
    )
    return Rejected("unknown_columns", message)


def _bounds(sink: _Sink, values: Mapping[str, Any]) -> tuple[Any, ...]:
    """The start and end of a row's window; empty of a row without one."""
    if sink.told_by != "window":
        return ()
    names = {role: name for name, role, _ in sink.columns}
    return tuple(values.get(names.get(role, "")) for role in ("window_start", "window_end"))


def _identity(sink: _Sink, bounds: tuple[Any, ...], time: int, key: Mapping[str, Any], rest: Mapping[str, Any]) -> str:
    """As the aggregator names its rows (aggregator.rows)."""
    if bounds:
        return f"{sink.name}|{bounds[0]}|{bounds[1]}|{_encode(key).decode()}"
    if sink.told_by == "key":
        return f"{sink.name}|{_encode(key).decode()}"
    return f"{sink.name}|{time}|{hashlib.blake2b(_encode({**key, **rest}), digest_size=12).hexdigest()}"


def _converter(kind: Any) -> Convert:
    """From a column's JSON to its value as the aggregator has it. Raises ValueError for an unknown type."""
    if isinstance(kind, str) and kind in _CONVERTERS:
        return _CONVERTERS[kind]
    match kind:
        case {"decimal": int(scale)}:
            return lambda raw: _scaled(_decimal.decode(raw), scale)
        case {"array": element}:
            convert = _converter(element)
            return lambda raw: _each(_list.decode(raw), convert)
        case {"map": element}:
            convert = _converter(element)
            return lambda raw: _mapped(_map.decode(raw), lambda name: convert)
        case {"row": [*fields]}:
            readers = {name: _converter(inner) for name, inner in fields}
            return lambda raw: _mapped(_map.decode(raw), lambda name: readers.get(name, _plain))
    raise ValueError(f"no type {kind!r}")


def _each(values: list[Raw] | None, convert: Convert) -> list[Any] | None:
    return None if values is None else [convert(value) for value in values]


def _mapped(values: dict[str, Raw] | None, convert: Callable[[str], Convert]) -> dict[str, Any] | None:
    return None if values is None else {name: convert(name)(value) for name, value in values.items()}


def _scaled(value: Decimal | None, scale: int) -> Decimal | None:
    """With all its digits after the point: Flink writes 900.00 as 900."""
    return None if value is None else Decimal(f"{value:.{scale}f}")


def _plain(raw: Raw) -> Any:
    return msgspec.json.decode(raw)


def _milliseconds(raw: Raw) -> int | None:
    text = _text.decode(raw)
    if text is None:
        return None
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    at = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return (at - _EPOCH) // _MILLISECOND + int((found[7] or "0").ljust(3, "0")[:3])


def _days(raw: Raw) -> int | None:
    text = _text.decode(raw)
    return None if text is None else (datetime.fromisoformat(text).replace(tzinfo=UTC) - _EPOCH).days


def _milliseconds_of_day(raw: Raw) -> int | None:
    text = _text.decode(raw)
    if text is None:
        return None
    found = _TIME_OF_DAY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time of day")
    hour, minute, second = (int(part) for part in found.groups()[:3])
    return ((hour * 60 + minute) * 60 + second) * 1000 + int((found[4] or "0").ljust(3, "0")[:3])


_CONVERTERS: Final[dict[str, Convert]] = {
    "plain": _plain,
    "double": lambda raw: _double.decode(raw),
    "time": _milliseconds,
    "date": _days,
    "time_of_day": _milliseconds_of_day,
}
