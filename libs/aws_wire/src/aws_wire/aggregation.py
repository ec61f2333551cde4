"""The aggregated record format of the Kinesis Producer Library (KPL): many user records in one record.

An aggregate is the magic number ``F3 89 9A C2``, a protobuf message and the MD5 of that message. The message
holds a table of partition keys, a table of explicit hash keys and the records, which point into both tables.

Source: "KPL aggregated record format", https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
and "Consumer de-aggregation" in the Kinesis Data Streams developer guide.
"""

from collections.abc import Iterable, Sequence
from hashlib import md5
from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

MAGIC = b"\xf3\x89\x9a\xc2"
DIGEST_BYTES = 16

AGGREGATE_OVERHEAD_BYTES = len(MAGIC) + DIGEST_BYTES
"""Bytes that every aggregate adds, whatever it holds."""

KEY_OVERHEAD_BYTES = 6
"""Most bytes that one distinct key adds to its own UTF-8 length."""

RECORD_OVERHEAD_BYTES = 24
"""Most bytes that one user record adds to the length of its data (with fewer than 2**28 keys)."""


class UserRecord(NamedTuple):
    """One record as its producer meant it.

    `explicit_hash_key` is a decimal number below 2**128 that overrides the MD5 of the partition key, or None.
    """

    partition_key: str
    data: bytes
    explicit_hash_key: str | None = None


def encode(records: Sequence[UserRecord]) -> bytes:
    """One Kinesis record's data that holds all of `records`, in their order.

    Which Kinesis partition key the aggregate is put under is the caller's choice; a consumer that checks hash
    ranges drops user records whose own key falls outside the shard, so one key an aggregate is the safe one.
    Raises ValueError when there are no records.
    """
    if not records:
        raise ValueError("An aggregate holds at least one user record.")
    aggregate = _AggregatedRecord()
    partition_keys: dict[str, int] = {}
    hash_keys: dict[str, int] = {}
    add = aggregate.records.add
    for partition_key, data, explicit_hash_key in records:
        record = add(partition_key_index=partition_keys.setdefault(partition_key, len(partition_keys)), data=data)
        if explicit_hash_key is not None:
            record.explicit_hash_key_index = hash_keys.setdefault(explicit_hash_key, len(hash_keys))
    aggregate.partition_key_table.extend(partition_keys)
    aggregate.explicit_hash_key_table.extend(hash_keys)
    body: bytes = aggregate.SerializeToString()
    return b"".join((MAGIC, body, _digest(body)))


def decode(data: bytes) -> list[UserRecord] | None:
    """The user records of an aggregate, in order and never none; None when `data` is to be taken as it is.

    None means: no magic number, a wrong MD5, a broken protobuf message, a key that is not UTF-8, an index
    outside its table, or no records at all. Such a Kinesis record is one plain user record. Tags of user records
    are not kept.
    """
    if not data.startswith(MAGIC) or len(data) <= AGGREGATE_OVERHEAD_BYTES:
        return None
    body = data[len(MAGIC) : -DIGEST_BYTES]
    if _digest(body) != data[-DIGEST_BYTES:]:
        return None
    try:
        aggregate = _AggregatedRecord.FromString(body)
        if not aggregate.records or not aggregate.IsInitialized():
            return None
        partition_keys = list(aggregate.partition_key_table)
        hash_keys = list(aggregate.explicit_hash_key_table)
        if any(isinstance(key, bytes) for key in (*partition_keys, *hash_keys)):  # not UTF-8, says protobuf
            return None
        return _user_records(aggregate.records, partition_keys, hash_keys)
    except (message.DecodeError, IndexError):
        return None


def _user_records(records: Iterable[Any], partition_keys: list[str], hash_keys: list[str]) -> list[UserRecord]:
    return [
        UserRecord(
            partition_keys[record.partition_key_index],
            record.data,
            hash_keys[record.explicit_hash_key_index] if record.HasField("explicit_hash_key_index") else None,
        )
        for record in records
    ]


def _digest(body: bytes) -> bytes:
    return md5(body, usedforsecurity=False).digest()


def _aggregated_record_class() -> Any:
    """The message class, from a descriptor built here, so that no protobuf compiler is needed."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="aws_wire/aggregation.proto", package="aws_wire", syntax="proto2")
    layout: dict[str, list[tuple[str, int, Any, Any, str | None]]] = {
        "Tag": [
            ("key", 1, field.LABEL_REQUIRED, field.TYPE_STRING, None),
            ("value", 2, field.LABEL_OPTIONAL, field.TYPE_STRING, None),
        ],
        "Record": [
            ("partition_key_index", 1, field.LABEL_REQUIRED, field.TYPE_UINT64, None),
            ("explicit_hash_key_index", 2, field.LABEL_OPTIONAL, field.TYPE_UINT64, None),
            ("data", 3, field.LABEL_REQUIRED, field.TYPE_BYTES, None),
            ("tags", 4, field.LABEL_REPEATED, field.TYPE_MESSAGE, ".aws_wire.Tag"),
        ],
        "AggregatedRecord": [
            ("partition_key_table", 1, field.LABEL_REPEATED, field.TYPE_STRING, None),
            ("explicit_hash_key_table", 2, field.LABEL_REPEATED, field.TYPE_STRING, None),
            ("records", 3, field.LABEL_REPEATED, field.TYPE_MESSAGE, ".aws_wire.Record"),
        ],
    }
    for name, fields in layout.items():
        kind = file.message_type.add(name=name)
        for field_name, number, label, value_type, type_name in fields:
            kind.field.add(name=field_name, number=number, label=label, type=value_type, type_name=type_name)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("aws_wire.AggregatedRecord"))


_AggregatedRecord = _aggregated_record_class()
