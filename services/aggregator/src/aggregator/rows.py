"""Rows as they travel: a fired window, an alert, a late event and a dead letter, each as one JSON object.

Every row has an id that follows from its content alone, and windows and alerts carry (epoch, revision), so that a row
delivered twice replaces itself.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from delivery import DeadLetter, Item
from shardline import Record, ShardLease
from streaming_sql import LateRow, ResultRow
from streaming_sql.distribution import MissedPartial

STAGE = "aggregator"
SOURCE = "enriched"
"""The stream that tables read."""
Kind = Literal["window", "alert", "late", "dead_letter", "exchange"]

_json = msgspec.json.Encoder(decimal_format="number")
encode_json = _json.encode
"""JSON with exact decimals as numbers."""
_MAX_KEY_CHARACTERS = 256  # of a Kinesis partition key
_MAX_TOLD_CHARACTERS = 256  # of a grouping key in a message: the key itself may be what is too large


class _Owned(msgspec.Struct):
    tenant: str = ""


class _Named(msgspec.Struct):
    id: str = ""


_owned = msgspec.json.Decoder(_Owned)
_named = msgspec.json.Decoder(_Named)


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One row to deliver: what it is, its stream's partition key, its bytes (a dead letter's are its fields).

    `hash_key`, of a message to a key group, takes the place of the key's MD5 in the choice of the shard.
    """

    kind: Kind
    key: str
    data: bytes
    hash_key: str | None = None

    @property
    def item(self) -> Item:
        """The row for a sink."""
        return Item(self.data, self.key, self.hash_key)


@dataclass(frozen=True)
class Stamp:
    """What the rows of one commit share: the lease epoch, the commit's generation, the time of firing in ms."""

    epoch: int
    revision: int
    emitted: int


def window_row(result: ResultRow, stamp: Stamp) -> Row:
    """A result row as a row of `aggregates`, or of `alerts` where its sink has a severity."""
    group = _json.encode(result.key).decode()
    severity = result.sink_options.get("severity")
    body: dict[str, Any] = {"id": _identity(result, group)}
    if severity is None:
        body["query"] = result.query
    else:
        body |= {"rule": result.query, "severity": severity}
    if result.window_start is None:
        body["time"] = result.time
        if result.updating:
            body["current"] = True
    else:
        if severity is not None:
            body["time"] = result.window_end
        body |= {"window_start": result.window_start, "window_end": result.window_end}
    body |= {
        "key": result.key,
        "values": result.values,
        "epoch": stamp.epoch,
        "revision": stamp.revision,
        "emitted": stamp.emitted,
    }
    if result.change == "-D":
        body["deleted"] = True
    return Row("window" if severity is None else "alert", partition_key(group), _json.encode(body))


def _identity(result: ResultRow, group: str) -> str:
    """What names the row: its window and key; without either its time and a digest of all its values."""
    hidden = f"|{_digest(result.identity)}" if result.identity else ""
    if result.window_start is not None:
        return f"{result.query}|{result.window_start}|{result.window_end}|{group}{hidden}"
    if result.key or result.updating:
        return f"{result.query}|{group}{hidden}"
    return f"{result.query}|{result.time}|{_digest(result.values)}"


def _digest(values: Any) -> str:
    return hashlib.blake2b(_json.encode(values), digest_size=12).hexdigest()


def late_row(late: LateRow, record: bytes) -> Row:
    """A late event as a row of `late`. Its id is the event's, in its tenant, and the query's: once a query."""
    event, tenant = late.row.get("id"), _tenant(record)
    identity = f"{event}|{late.query}"
    body = {
        "id": f"{tenant}|{identity}" if tenant else identity,
        "event": event,
        "query": late.query,
        "time": late.time,
        "window_end": late.window_end,
        "watermark": late.watermark,
        "shard": late.shard,
    }
    return Row("late", partition_key(str(event)), _json.encode(body))


def _tenant(record: bytes) -> str:
    try:
        return _owned.decode(record).tenant
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _event_id(record: bytes) -> str | None:
    try:
        return _named.decode(record).id or None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def malformed_row(record: Record, lease: ShardLease) -> Row:
    """The dead letter of a record that is no JSON object, or nothing that a query can evaluate."""
    letter = DeadLetter(
        stage=STAGE,
        stream=lease.stream,
        shard=lease.shard_id,
        sequence_number=record.sequence_number,
        sub_sequence_number=record.sub_sequence_number,
        code="malformed_json",
        message="the record is no JSON object that the queries can read",
        field=None,
        event_id=None,
        original=record.data,
        first_seen=record.arrived,
    )
    return _letter_row(letter)


def malformed_message(original: bytes, record: Record, lease: ShardLease, place: int) -> Row:
    """The dead letter of a source record that no query can read, the `place`-th such of a message's record."""
    letter = DeadLetter(
        stage=STAGE,
        stream=lease.stream,
        shard=lease.shard_id,
        sequence_number=record.sequence_number,
        sub_sequence_number=place,
        code="malformed_json",
        message="the record is no JSON object that the queries can read",
        field=None,
        event_id=None,
        original=original,
        first_seen=record.arrived,
    )
    return _letter_row(letter)


def oversized_row(original: bytes, stream: str, shard: str, number: str) -> Row:
    """The dead letter of a source record that does not fit a message, which was to be that of the number."""
    message = "its group key is not the partition key, and it is too large for the exchange stream: 1 MB compressed"
    letter = DeadLetter(
        STAGE, stream, shard, number, 0, "too_large_to_exchange", message, None, _event_id(original), original, 0
    )
    return _letter_row(letter)


def oversized_value(node: str, group: Sequence[Any], stream: str, shard: str, number: str) -> Row:
    """The dead letter of one value of a group that does not fit a message, which was to be that of the number.

    Args:
        node: the window aggregate's name, which begins with its query's.
        group: the value alone in its group, as Slices.decoded gives it.
        stream: where the group's rows were read.
        shard: of the stream.
        number: of the message.

    """
    start, mark, key, values, rows = group
    told = encode_json(key).decode()
    if len(told) > _MAX_TOLD_CHARACTERS:
        told = told[:_MAX_TOLD_CHARACTERS] + "..."
    message = (
        f"a value of query {node.partition('/')[0]}, key {told}, slice from {start} ms, {rows} rows, is too large for "
        "the exchange stream: 1 MB compressed; the windows of the slice go without it"
    )
    original = encode_json({"node": node, "start": start, "mark": mark, "key": key, "values": values, "rows": rows})
    letter = DeadLetter(STAGE, stream, shard, number, 0, "too_large_to_exchange", message, None, None, original, 0)
    return _letter_row(letter)


def missed_row(missed: MissedPartial, tag: tuple[int, int]) -> Row:
    """Events that came too late as a sum: of a shard that was idle, for a window that had fired without it.

    A row of `late` for all of them, with `events` for how many, since the single ones are not known any more.
    """
    epoch, number = tag
    group = _json.encode(missed.key).decode()
    body = {
        "id": f"{missed.query}|{missed.shard}|{epoch}|{number}|{missed.time}|{group}",
        "query": missed.query,
        "time": missed.time,
        "window_end": missed.window_end,
        "watermark": missed.watermark,
        "shard": missed.shard,
        "key": missed.key,
        "events": missed.rows,
    }
    return Row("late", partition_key(group), _json.encode(body))


def rejected_row(row: Row, stream: str, code: str, message: str, now_ms: int) -> Row:
    """The dead letter of a row that its sink can never take."""
    identity = msgspec.json.decode(row.data).get("id")
    letter = DeadLetter(STAGE, stream, "", "", 0, code, message, None, identity, row.data, now_ms)
    return _letter_row(letter)


def letter_of(row: Row) -> DeadLetter:
    """The dead letter that a row of that kind stands for."""
    fields = msgspec.json.decode(row.data)
    return DeadLetter(**{**fields, "original": base64.b64decode(fields["original"])})


def _letter_row(letter: DeadLetter) -> Row:
    fields = {
        name: getattr(letter, name)
        for name in (
            *("stage", "stream", "shard", "sequence_number", "sub_sequence_number", "code", "message", "field"),
            *("event_id", "first_seen"),
        )
    }
    original = base64.b64encode(letter.original).decode()
    return Row("dead_letter", partition_key(letter.id), _json.encode({**fields, "original": original}))


def partition_key(text: str) -> str:
    """A partition key of a text: within what Kinesis allows, and never empty."""
    return text[:_MAX_KEY_CHARACTERS] or "-"
