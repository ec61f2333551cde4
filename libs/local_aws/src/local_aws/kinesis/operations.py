"""Every operation that is a plain request and answer, by its name on the wire."""

from collections.abc import Callable

from local_aws.errors import ServiceError
from local_aws.kinesis import (
    account_operations,
    consumer_operations,
    reading,
    shard_operations,
    stream_operations,
    tag_operations,
    writing,
)
from local_aws.kinesis.account import Account
from local_aws.kinesis.consumers import parse_consumer_arn
from local_aws.kinesis.validation import Body, text

Answer = dict[str, object]

OPERATIONS: dict[str, Callable[[Account, Body, int], Answer]] = {
    "AddTagsToStream": tag_operations.add_tags_to_stream,
    "CreateStream": stream_operations.create_stream,
    "DecreaseStreamRetentionPeriod": stream_operations.decrease_stream_retention_period,
    "DeleteStream": stream_operations.delete_stream,
    "DeregisterStreamConsumer": consumer_operations.deregister_stream_consumer,
    "DescribeAccountSettings": account_operations.describe_account_settings,
    "DescribeLimits": account_operations.describe_limits,
    "DescribeStream": stream_operations.describe_stream,
    "DescribeStreamConsumer": consumer_operations.describe_stream_consumer,
    "DescribeStreamSummary": stream_operations.describe_stream_summary,
    "GetRecords": reading.get_records,
    "GetShardIterator": reading.get_shard_iterator,
    "IncreaseStreamRetentionPeriod": stream_operations.increase_stream_retention_period,
    "ListShards": shard_operations.list_shards,
    "ListStreamConsumers": consumer_operations.list_stream_consumers,
    "ListStreams": stream_operations.list_streams,
    "ListTagsForResource": tag_operations.list_tags_for_resource,
    "ListTagsForStream": tag_operations.list_tags_for_stream,
    "MergeShards": shard_operations.merge_shards,
    "PutRecord": writing.put_record,
    "PutRecords": writing.put_records,
    "RegisterStreamConsumer": consumer_operations.register_stream_consumer,
    "RemoveTagsFromStream": tag_operations.remove_tags_from_stream,
    "SplitShard": shard_operations.split_shard,
    "TagResource": tag_operations.tag_resource,
    "UntagResource": tag_operations.untag_resource,
    "UpdateMaxRecordSize": stream_operations.update_max_record_size,
    "UpdateShardCount": shard_operations.update_shard_count,
    "UpdateStreamMode": stream_operations.update_stream_mode,
}


def call(account: Account, operation: str, body: Body) -> Answer:
    """Carry the operation out at the account's present time. Raises ServiceError."""
    now = account.now()
    check_fault(account, operation, body)
    function = OPERATIONS.get(operation)
    if function is None:
        raise ServiceError("UnknownOperationException", f"{operation} is not an operation of this service.")
    return function(account, body, now)


def check_fault(account: Account, operation: str, body: Body) -> None:
    """Raise the error that a fault in force asks for."""
    error = account.faults.on_call(operation, _concerned_stream(body))
    if error is not None:
        raise error


def _concerned_stream(body: Body) -> str | None:
    name, arn, consumer = text(body, "StreamName"), text(body, "StreamARN"), text(body, "ConsumerARN")
    arn = arn or text(body, "ResourceARN")
    if name is not None:
        return name
    if arn is not None:
        return arn.partition("stream/")[2]
    try:
        return None if consumer is None else parse_consumer_arn(consumer)[0]
    except ValueError:
        return None
