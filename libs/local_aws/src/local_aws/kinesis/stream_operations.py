"""Operations on whole streams, one function each, named as in the API reference.

Each takes the account, the body of the request and the time in ms, and returns the body of the answer.
"""

from local_aws.kinesis import transitions
from local_aws.kinesis.account import Account
from local_aws.kinesis.errors import InvalidArgument, LimitExceeded, ResourceInUse
from local_aws.kinesis.settings import MAX_RECORD_BYTES, milliseconds
from local_aws.kinesis.streams import Stream, Transition
from local_aws.kinesis.tag_operations import tags_of
from local_aws.kinesis.tokens import decode_page, encode_page
from local_aws.kinesis.validation import (
    COUNT,
    FLAG,
    NAME,
    PAGE,
    REQUIRED_COUNT,
    REQUIRED_NAME,
    REQUIRED_STREAM_ARN,
    REQUIRED_STRUCTURE,
    STREAM_MODE,
    STRUCTURE,
    TOKEN,
    Body,
    Field,
    check,
    number,
    required_text,
    stream_name,
    structure,
    text,
)

Answer = dict[str, object]

MAX_RETENTION_HOURS = 8760
_RECORD_SIZE = Field(kind=int, least=1024, most=MAX_RECORD_BYTES // 1024)
_REQUIRED_RECORD_SIZE = Field(kind=int, required=True, least=1024, most=MAX_RECORD_BYTES // 1024)


def create_stream(account: Account, body: Body, now: int) -> Answer:
    """CreateStream: the stream is CREATING first."""
    check(
        body,
        {
            "StreamName": REQUIRED_NAME,
            "ShardCount": COUNT,
            "StreamModeDetails": STRUCTURE,
            "Tags": STRUCTURE,
            "MaxRecordSizeInKiB": _RECORD_SIZE,
        },
    )
    settings = account.settings
    name = required_text(body, "StreamName")
    mode = _mode(body) or "PROVISIONED"
    if account.find(name, now) is not None:
        raise ResourceInUse(f"Stream {name} under account {settings.account_id} already exists.")
    shards = _initial_shards(account, number(body, "ShardCount"), mode)
    require_room(account, shards, now)
    size = number(body, "MaxRecordSizeInKiB")
    stream = Stream(
        name=name,
        arn=account.arn(name),
        account_id=settings.account_id,
        created=now,
        mode=mode,
        retention_hours=settings.retention_hours,
        max_record_bytes=size * 1024 if size else settings.max_record_bytes,
        tags=tags_of(body),
        transition=Transition("create", now + milliseconds(settings.create_seconds), {"shards": shards}),
    )
    account.add(stream)
    account.changed(stream)
    return {}


def delete_stream(account: Account, body: Body, now: int) -> Answer:
    """DeleteStream: the stream is DELETING, then gone with its records."""
    check(body, {"EnforceConsumerDeletion": FLAG})
    stream = account.stream(stream_name(body), now)
    if stream.consumers and body.get("EnforceConsumerDeletion") is not True:
        raise ResourceInUse(
            f"Stream {stream.name} under account {stream.account_id} has registered consumers. "
            "Deregister them or set EnforceConsumerDeletion."
        )
    if stream.status != "DELETING":
        transitions.begin(stream, transitions.DELETE, now, account.settings.delete_seconds)
        account.changed(stream)
    return {}


def describe_stream(account: Account, body: Body, now: int) -> Answer:
    """DescribeStream: the stream with a page of its shards."""
    check(body, {"Limit": PAGE, "ExclusiveStartShardId": NAME})
    stream = account.stream(stream_name(body), now)
    start = text(body, "ExclusiveStartShardId") or ""
    shards = [shard for name, shard in stream.shards.items() if name > start]
    limit = number(body, "Limit") or 100
    return {
        "StreamDescription": {
            **_describe(stream),
            "Shards": [shard.describe() for shard in shards[:limit]],
            "HasMoreShards": len(shards) > limit,
        }
    }


def describe_stream_summary(account: Account, body: Body, now: int) -> Answer:
    """DescribeStreamSummary: the stream without its shards."""
    stream = account.stream(stream_name(body), now)
    return {
        "StreamDescriptionSummary": {
            **_describe(stream),
            "StreamId": stream.stream_id,
            "OpenShardCount": len(stream.open_shards),
            "ConsumerCount": len(stream.consumers),
            "MaxRecordSizeInKiB": stream.max_record_bytes // 1024,
        }
    }


def list_streams(account: Account, body: Body, now: int) -> Answer:
    """ListStreams: a page of the account's streams, by name."""
    check(body, {"Limit": PAGE, "ExclusiveStartStreamName": NAME, "NextToken": TOKEN})
    token = text(body, "NextToken")
    start = text(body, "ExclusiveStartStreamName") or ""
    if token is not None:
        start = str(decode_page(token, now, account.settings).get("after"))
    streams = [stream for stream in account.streams(now) if stream.name > start]
    limit = number(body, "Limit") or 100
    page = streams[:limit]
    answer: Answer = {
        "StreamNames": [stream.name for stream in page],
        "HasMoreStreams": len(streams) > limit,
        "StreamSummaries": [
            {
                "StreamName": stream.name,
                "StreamARN": stream.arn,
                "StreamStatus": stream.status,
                "StreamModeDetails": {"StreamMode": stream.mode},
                "StreamCreationTimestamp": stream.created / 1000,
            }
            for stream in page
        ],
    }
    if len(streams) > limit:
        answer["NextToken"] = encode_page({"after": page[-1].name}, now)
    return answer


def increase_stream_retention_period(account: Account, body: Body, now: int) -> Answer:
    """IncreaseStreamRetentionPeriod: up to a year."""
    stream, hours = _retention_request(account, body, now)
    if hours < stream.retention_hours:
        raise InvalidArgument(
            f"Requested retention period ({hours} hours) for stream {stream.name} can not be shorter than "
            f"existing retention period ({stream.retention_hours} hours). Use DecreaseRetentionPeriod API."
        )
    return _retain(account, stream, hours, now)


def decrease_stream_retention_period(account: Account, body: Body, now: int) -> Answer:
    """DecreaseStreamRetentionPeriod: down to a day; older records become unreadable."""
    stream, hours = _retention_request(account, body, now)
    if hours > stream.retention_hours:
        raise InvalidArgument(
            f"Requested retention period ({hours} hours) for stream {stream.name} can not be longer than "
            f"existing retention period ({stream.retention_hours} hours). Use IncreaseRetentionPeriod API."
        )
    return _retain(account, stream, hours, now)


def update_stream_mode(account: Account, body: Body, now: int) -> Answer:
    """UpdateStreamMode: to or from on-demand. The shards stay as they are."""
    check(body, {"StreamARN": REQUIRED_STREAM_ARN, "StreamModeDetails": REQUIRED_STRUCTURE})
    stream = account.stream(stream_name(body), now)
    transitions.require_active(stream)
    transitions.begin(stream, "mode", now, account.settings.update_seconds, mode=_mode(body) or "")
    account.changed(stream)
    return {}


def update_max_record_size(account: Account, body: Body, now: int) -> Answer:
    """UpdateMaxRecordSize: from 1 MiB to 10 MiB."""
    check(body, {"MaxRecordSizeInKiB": _REQUIRED_RECORD_SIZE})
    stream = account.stream(stream_name(body), now)
    transitions.require_active(stream)
    size = (number(body, "MaxRecordSizeInKiB") or 0) * 1024
    transitions.begin(stream, "record_size", now, account.settings.update_seconds, bytes=size)
    account.changed(stream)
    return {}


def require_room(account: Account, additional: int, now: int) -> None:
    """Raise LimitExceeded if the account may not have that many more open shards."""
    current = sum(len(stream.open_shards) for stream in account.streams(now))
    limit = account.settings.shard_limit
    if current + additional > limit:
        raise LimitExceeded(
            f"This request would exceed the shard limit for the account {account.settings.account_id} in "
            f"{account.settings.region}. Current shard count for the account: {current}. Limit: {limit}. "
            f"Number of additional shards that would have resulted from this request: {additional}."
        )


def room_for_shards(account: Account, now: int) -> int:
    """How many more open shards the account may have."""
    return account.settings.shard_limit - sum(len(stream.open_shards) for stream in account.streams(now))


def _describe(stream: Stream) -> Answer:
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "StreamStatus": stream.status,
        "StreamModeDetails": {"StreamMode": stream.mode},
        "RetentionPeriodHours": stream.retention_hours,
        "StreamCreationTimestamp": stream.created / 1000,
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "NONE",
    }


def _mode(body: Body) -> str | None:
    details = structure(body, "StreamModeDetails")
    if details is None:
        return None
    check(details, {"StreamMode": STREAM_MODE}, prefix="streamModeDetails.")
    return required_text(details, "StreamMode")


def _initial_shards(account: Account, count: int | None, mode: str) -> int:
    if mode == "ON_DEMAND":
        if count is not None:
            raise InvalidArgument("ShardCount cannot be specified for a stream in ON_DEMAND mode.")
        return account.settings.on_demand_shards
    if count is None:
        raise InvalidArgument("ShardCount is required for a stream in PROVISIONED mode.")
    return count


def _retention_request(account: Account, body: Body, now: int) -> tuple[Stream, int]:
    check(body, {"RetentionPeriodHours": REQUIRED_COUNT})
    stream = account.stream(stream_name(body), now)
    transitions.require_active(stream)
    hours = number(body, "RetentionPeriodHours") or 0
    if not 24 <= hours <= MAX_RETENTION_HOURS:
        bound, limit = ("Minimum", 24) if hours < 24 else ("Maximum", MAX_RETENTION_HOURS)
        raise InvalidArgument(
            f"{bound} allowed retention period is {limit} hours. Requested retention period "
            f"({hours} hours) is out of range."
        )
    return stream, hours


def _retain(account: Account, stream: Stream, hours: int, now: int) -> Answer:
    transitions.begin(stream, "retain", now, account.settings.update_seconds, hours=hours)
    account.changed(stream)
    return {}
