"""From a record of the raw stream to the events in it, with the formats of AWS's own sources where they are on.

Off by default, so that nobody who can put a record decides what is unpacked. They are asked last, for records in which
nothing else was recognised, and gzip data is no other format: an ordinary event is never taken for one of theirs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, get_args

import msgspec

from event_contract import Arrival, Event, Limits, Rejected, cloudwatch_logs, dms, errors, gzip_text, recognise
from event_contract.json_text import fields_of
from shardline import Record

RawFormat = Literal["cloudwatch-logs", "dms"]
RAW_FORMATS: Final[tuple[RawFormat, ...]] = get_args(RawFormat)
CLOUDWATCH_LOGS: Final[RawFormat] = "cloudwatch-logs"
DMS: Final[RawFormat] = "dms"


@dataclass(frozen=True, slots=True)
class Formats:
    """The formats that are taken beside those which are always recognised, and what a record may unpack to at most."""

    names: frozenset[RawFormat] = frozenset()
    max_unpacked_bytes: int = 16 * 1024 * 1024


EVENTS_ALONE: Final = Formats()


@dataclass(frozen=True, slots=True)
class Part:
    """One of the events that a record holds, counted from 0, or why it is none.

    `original` gives the bytes that a dead letter keeps: what can be put into the stream again for this event alone.
    """

    result: Event | Rejected
    place: int
    original: Callable[[], bytes]


Parts = Iterator[Part]


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A record of a source about itself, without an event: done as soon as it is counted."""

    format: RawFormat


def parse_formats(text: str) -> frozenset[RawFormat]:
    """Formats separated by commas. Raises ValueError that names the wrong one."""
    known: dict[str, RawFormat] = {name: name for name in RAW_FORMATS}
    names = [name for name in (part.strip() for part in text.split(",")) if name]
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is not a format: choose from {', '.join(RAW_FORMATS)}")
    return frozenset(known[name] for name in names)


def events_of(record: Record, position: str, formats: Formats, limits: Limits) -> Event | Rejected | PassedOver | Parts:
    """The event that a record is, why it is none, or the events that it holds, in order.

    `position` (shard, sequence and sub-sequence number) tells the record apart from all others.
    """
    if gzip_text.is_gzip(record.data):
        return _unpacked(record, position, formats, limits)
    result = recognise(
        record.data,
        arrived_ms=record.arrived,
        position=position,
        partition_key=record.partition_key,
        limits=limits,
    )
    if isinstance(result, Rejected) and result.code == errors.UNRECOGNISED:
        return _of_a_source(record, position, formats, limits) or result
    return result


def _unpacked(record: Record, position: str, formats: Formats, limits: Limits) -> Rejected | PassedOver | Parts:
    if CLOUDWATCH_LOGS not in formats.names:
        return _switched_off("gzip data", CLOUDWATCH_LOGS)
    text = gzip_text.unpack(record.data, formats.max_unpacked_bytes)
    if not isinstance(text, Rejected):
        return _logs(text, record, position, limits)
    if text.code == errors.UNPACKED_TOO_LARGE:
        return msgspec.structs.replace(text, message=f"{text.message}: raise ENRICHER_MAX_UNPACKED_BYTES")
    return text


def _of_a_source(
    record: Record, position: str, formats: Formats, limits: Limits
) -> Event | Rejected | PassedOver | Parts | None:
    """What is in JSON that one of AWS's sources put; None where it is of none."""
    fields = fields_of(record.data)
    if isinstance(fields, Rejected):
        return None
    if cloudwatch_logs.looks_like_subscribed(fields):
        if CLOUDWATCH_LOGS not in formats.names:
            return _switched_off("a batch of log events", CLOUDWATCH_LOGS)
        return _logs(record.data, record, position, limits)
    if dms.looks_like_record(fields):
        if DMS not in formats.names:
            return _switched_off("a record of AWS DMS", DMS)
        return dms.parse_event(record.data, _arrival(record, position, limits)) or PassedOver(DMS)
    return None


def _logs(text: bytes, record: Record, position: str, limits: Limits) -> Rejected | PassedOver | Parts:
    batch = cloudwatch_logs.read(text)
    if batch is None:
        return PassedOver(CLOUDWATCH_LOGS)
    if isinstance(batch, Rejected):
        return batch
    events = cloudwatch_logs.events(batch, _arrival(record, position, limits))
    return (Part(event, place, partial(cloudwatch_logs.alone, batch, place)) for place, event in enumerate(events))


def _arrival(record: Record, position: str, limits: Limits) -> Arrival:
    return Arrival(
        received_ms=record.arrived,
        nonce=position.encode(),
        source="kinesis",
        partition_key=record.partition_key,
        limits=limits,
    )


def _switched_off(what: str, name: RawFormat) -> Rejected:
    return Rejected(errors.UNSUPPORTED_FORMAT, f"the record is {what}: add {name} to ENRICHER_RAW_FORMATS to take it")
