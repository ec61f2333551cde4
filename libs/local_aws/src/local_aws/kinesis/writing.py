"""PutRecord and PutRecords: check, route, meter, store, journal, then answer."""

import binascii
import re

from local_aws.errors import ServiceError
from local_aws.kinesis import on_demand
from local_aws.kinesis.account import Account
from local_aws.kinesis.errors import InvalidArgument, SerializationFailed, ThroughputExceeded
from local_aws.kinesis.hash_keys import MAX_HASH_KEY, hash_key
from local_aws.kinesis.log import Record
from local_aws.kinesis.settings import MEBIBYTE
from local_aws.kinesis.shards import Shard
from local_aws.kinesis.stream_operations import room_for_shards
from local_aws.kinesis.streams import Stream
from local_aws.kinesis.validation import (
    SEQUENCE_NUMBER,
    Body,
    check,
    constraint_error,
    failure,
    stream_name,
)

Answer = dict[str, object]

MAX_REQUEST_RECORDS = 500
MAX_REQUEST_BYTES = 10 * MEBIBYTE
_HASH_KEY_PATTERN = r"0|([1-9]\d{0,38})"
_hash_key_form = re.compile(_HASH_KEY_PATTERN)


def put_record(account: Account, body: Body, now: int) -> Answer:
    """PutRecord: one record, or ThroughputExceeded."""
    check(body, {"SequenceNumberForOrdering": SEQUENCE_NUMBER})
    stream = account.ready_stream(stream_name(body), now)
    key, encoded, size, hashed = _parse(body, stream, "")
    shard = stream.route(hashed)
    _measure(account, stream, 1, size, now)
    refusal = _refusal(account, stream, shard, size, now)
    if refusal is not None:
        raise ThroughputExceeded(refusal)
    record = stream.append(shard, now, partition_key=key, encoded=encoded, size=size)
    _keep(account, stream, [(shard, record)])
    return {"ShardId": shard.name, "SequenceNumber": str(record.sequence), "EncryptionType": "NONE"}


def put_records(account: Account, body: Body, now: int) -> Answer:
    """PutRecords: an answer a record, in order; a shard over its rate fails some and takes the others.

    Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
    """
    stream = account.ready_stream(stream_name(body), now)
    parsed = _parse_all(body, stream)
    _measure(account, stream, len(parsed), sum(size for _, _, size, _ in parsed), now)
    kept: list[tuple[Shard, Record]] = []
    answers: list[Answer] = []
    for key, encoded, size, hashed in parsed:
        shard = stream.route(hashed)
        refusal = _refusal(account, stream, shard, size, now)
        if refusal is not None:
            answers.append({"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": refusal})
            continue
        record = stream.append(shard, now, partition_key=key, encoded=encoded, size=size)
        kept.append((shard, record))
        answers.append({"SequenceNumber": str(record.sequence), "ShardId": shard.name})
    if kept:
        _keep(account, stream, kept)
    return {"FailedRecordCount": len(parsed) - len(kept), "Records": answers, "EncryptionType": "NONE"}


def _keep(account: Account, stream: Stream, records: list[tuple[Shard, Record]]) -> None:
    try:
        account.journal.records_put(stream, records)
    except OSError as error:
        raise ServiceError("InternalFailureException", f"cannot keep the records: {error}", status=500) from error
    stream.notify({shard.name for shard, _ in records})


def _measure(account: Account, stream: Stream, records: int, size: int, now: int) -> None:
    """Count what is offered to an on-demand stream, which may grow by it."""
    if stream.mode != "ON_DEMAND":
        return
    demand = account.demands.setdefault(stream.stream_id, on_demand.Demand(now))
    demand.add(records, size)
    account.demands[stream.stream_id] = on_demand.offered(
        stream, demand, now, account.settings, room=room_for_shards(account, now)
    )
    if stream.transition is not None:
        account.changed(stream)


def _refusal(account: Account, stream: Stream, shard: Shard, size: int, now: int) -> str | None:
    if account.faults.on_put(stream.name, shard.name):
        return _rate_exceeded(stream, shard)
    if not account.settings.write_limits:
        return None
    rates = shard.rates
    if not rates.records.allows(1, now) or not rates.written_bytes.allows(size, now):
        return _rate_exceeded(stream, shard)
    rates.records.take(1)
    rates.written_bytes.take(size)
    return None


def _rate_exceeded(stream: Stream, shard: Shard) -> str:
    return f"Rate exceeded for shard {shard.name} in {stream.place}."


_Parsed = tuple[str, str, int, int]


def _parse_all(body: Body, stream: Stream) -> list[_Parsed]:
    records = body.get("Records")
    if records is None:
        raise constraint_error(failure("records", "not be null", "null"))
    if not isinstance(records, list):
        raise SerializationFailed("Expected list or null")
    if not records:
        raise constraint_error(failure("records", "have length greater than or equal to 1", "'[]'"))
    if len(records) > MAX_REQUEST_RECORDS:
        raise constraint_error(
            failure(
                "records", f"have length less than or equal to {MAX_REQUEST_RECORDS}", f"'[{len(records)} records]'"
            )
        )
    parsed = [_parse(record, stream, f"records.{number}.member.") for number, record in enumerate(records, start=1)]
    if sum(size for _, _, size, _ in parsed) > MAX_REQUEST_BYTES:
        raise InvalidArgument(f"Records size exceeds {MAX_REQUEST_BYTES // MEBIBYTE} MB limit")
    return parsed


def _parse(record: object, stream: Stream, prefix: str) -> _Parsed:
    """Its partition key, its data in base64, the bytes of both, its hash key."""
    if not isinstance(record, dict):
        raise SerializationFailed("Unrecognized collection type class java.lang.String")
    key = record.get("PartitionKey")
    if not isinstance(key, str) or not 0 < len(key) <= 256:
        raise _bad_partition_key(key, prefix)
    encoded = record.get("Data")
    if isinstance(encoded, bytes):  # as CBOR has it
        encoded = binascii.b2a_base64(encoded, newline=False).decode()
    length = _data_length(encoded, prefix)
    assert isinstance(encoded, str)
    size = length + len(key.encode())
    if size > stream.max_record_bytes:
        limit = f"have length less than or equal to {stream.max_record_bytes}"
        raise constraint_error(failure(f"{prefix}data", limit))
    explicit = record.get("ExplicitHashKey")
    hashed = hash_key(key) if explicit is None else _explicit_hash_key(explicit, prefix)
    return key, encoded, size, hashed


def _bad_partition_key(key: object, prefix: str) -> ServiceError:
    path = f"{prefix}partitionKey"
    if key is None:
        return constraint_error(failure(path, "not be null", "null"))
    if not isinstance(key, str):
        return SerializationFailed("NUMBER_VALUE can not be converted to String")
    bound = "greater than or equal to 1" if not key else "less than or equal to 256"
    return constraint_error(failure(path, f"have length {bound}", f"'{key}'"))


def _data_length(encoded: object, prefix: str) -> int:
    if encoded is None:
        raise constraint_error(failure(f"{prefix}data", "not be null", "null"))
    if not isinstance(encoded, str):
        raise SerializationFailed("NUMBER_VALUE can not be converted to a Blob")
    try:
        return len(binascii.a2b_base64(encoded, strict_mode=True)) if encoded else 0
    except (binascii.Error, ValueError) as error:
        raise SerializationFailed(f'"{encoded[:40]}" can not be converted to a Blob: {error}') from error


def _explicit_hash_key(explicit: object, prefix: str) -> int:
    if not isinstance(explicit, str):
        raise SerializationFailed("NUMBER_VALUE can not be converted to String")
    if not _hash_key_form.fullmatch(explicit):
        pattern = f"satisfy regular expression pattern: {_HASH_KEY_PATTERN}"
        raise constraint_error(failure(f"{prefix}explicitHashKey", pattern, f"'{explicit}'"))
    value = int(explicit)
    if value > MAX_HASH_KEY:
        raise InvalidArgument(
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. "
            f"Specified value was {explicit}"
        )
    return value
