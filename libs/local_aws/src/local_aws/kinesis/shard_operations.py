"""Operations on the shards of a stream, one function each, named as in the API reference."""

from local_aws.kinesis import lineage, transitions
from local_aws.kinesis.account import Account
from local_aws.kinesis.errors import InvalidArgument, LimitExceeded, ValidationFailed
from local_aws.kinesis.shards import Shard
from local_aws.kinesis.stream_operations import Answer, require_room
from local_aws.kinesis.streams import HOUR_MS, Stream
from local_aws.kinesis.tokens import decode_page, encode_page
from local_aws.kinesis.validation import (
    NAME,
    PAGE,
    REQUIRED_COUNT,
    REQUIRED_HASH_KEY,
    REQUIRED_NAME,
    STRUCTURE,
    TIME,
    TOKEN,
    Body,
    Field,
    check,
    number,
    required_text,
    stream_name,
    structure,
    text,
    time,
)

_DAY_MS = 24 * HOUR_MS
_MAX_RESIZES_A_DAY = 10
_FILTER_TYPE = Field(
    kind=str,
    required=True,
    choices=(
        "AFTER_SHARD_ID",
        "AT_TRIM_HORIZON",
        "FROM_TRIM_HORIZON",
        "AT_LATEST",
        "AT_TIMESTAMP",
        "FROM_TIMESTAMP",
    ),
)
_SCALING_TYPE = Field(kind=str, required=True, choices=("UNIFORM_SCALING",))


def list_shards(account: Account, body: Body, now: int) -> Answer:
    """ListShards: a page of shards by index; NextToken alone goes on with the filter it was given."""
    check(
        body,
        {
            "NextToken": TOKEN,
            "ExclusiveStartShardId": NAME,
            "MaxResults": PAGE,
            "StreamCreationTimestamp": TIME,
            "ShardFilter": STRUCTURE,
        },
    )
    name, after, shard_filter = _listing(account, body, now)
    stream = account.stream(name, now)
    shards = [shard for shard in _filtered(stream, shard_filter, now) if shard.name > after]
    limit = number(body, "MaxResults") or 1000
    page = shards[:limit]
    answer: Answer = {"Shards": [shard.describe() for shard in page]}
    if len(shards) > limit:
        following = {"stream": name, "after": page[-1].name, "filter": shard_filter}
        answer["NextToken"] = encode_page(following, now)
    return answer


def split_shard(account: Account, body: Body, now: int) -> Answer:
    """SplitShard: the stream is UPDATING until the two children are there."""
    check(body, {"ShardToSplit": REQUIRED_NAME, "NewStartingHashKey": REQUIRED_HASH_KEY})
    stream = _reshardable(account, body, now)
    shard = stream.shard(required_text(body, "ShardToSplit"))
    hash_key = int(required_text(body, "NewStartingHashKey"))
    lineage.check_split(stream, shard, hash_key)
    require_room(account, 1, now)
    delay = account.settings.update_seconds
    # As text: a journal's numbers have 64 bits.
    transitions.begin(stream, "split", now, delay, shard=shard.name, hash_key=str(hash_key))
    account.changed(stream)
    return {}


def merge_shards(account: Account, body: Body, now: int) -> Answer:
    """MergeShards: the stream is UPDATING until the child is there."""
    check(body, {"ShardToMerge": REQUIRED_NAME, "AdjacentShardToMerge": REQUIRED_NAME})
    stream = _reshardable(account, body, now)
    shard = stream.shard(required_text(body, "ShardToMerge"))
    adjacent = stream.shard(required_text(body, "AdjacentShardToMerge"))
    lineage.check_merge(stream, shard, adjacent)
    delay = account.settings.update_seconds
    transitions.begin(stream, "merge", now, delay, shard=shard.name, adjacent=adjacent.name)
    account.changed(stream)
    return {}


def update_shard_count(account: Account, body: Body, now: int) -> Answer:
    """UpdateShardCount: between half and double, ten times in 24 hours."""
    check(body, {"TargetShardCount": REQUIRED_COUNT, "ScalingType": _SCALING_TYPE})
    stream = _reshardable(account, body, now)
    target = number(body, "TargetShardCount") or 0
    current = len(stream.open_shards)
    _check_target(current, target)
    require_room(account, target - current, now)
    stream.resizes = [time for time in stream.resizes if time > now - _DAY_MS]
    if len(stream.resizes) >= _MAX_RESIZES_A_DAY:
        raise LimitExceeded(
            f"Maximum number of UpdateShardCount calls ({_MAX_RESIZES_A_DAY}) for {stream.place} in 24 hours "
            "is reached."
        )
    stream.resizes.append(now)
    transitions.begin(stream, "resize", now, account.settings.update_seconds, count=target)
    account.changed(stream)
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "CurrentShardCount": current,
        "TargetShardCount": target,
    }


def _check_target(current: int, target: int) -> None:
    counts = f"Current open shard count: {current}, Target shard count: {target}"
    if target > current * 2:
        raise LimitExceeded(f"UpdateShardCount cannot scale up over double your current open shard count. {counts}")
    if target * 2 < current:
        raise LimitExceeded(f"UpdateShardCount cannot scale down below half your current open shard count. {counts}")


def _reshardable(account: Account, body: Body, now: int) -> Stream:
    stream = account.stream(stream_name(body), now)
    transitions.require_active(stream)
    if stream.mode == "ON_DEMAND":
        raise ValidationFailed(
            f"Stream {stream.name} under account {stream.account_id} is in ON_DEMAND mode: its shards cannot "
            "be changed."
        )
    return stream


def _listing(account: Account, body: Body, now: int) -> tuple[str, str, Body | None]:
    token = text(body, "NextToken")
    if token is None:
        return stream_name(body), text(body, "ExclusiveStartShardId") or "", structure(body, "ShardFilter")
    for other in ("StreamName", "ExclusiveStartShardId", "StreamCreationTimestamp"):
        if body.get(other) is not None:
            raise InvalidArgument(f"NextToken and {other} cannot be provided together.")
    page = decode_page(token, now, account.settings)
    return required_text(page, "stream"), required_text(page, "after"), structure(page, "filter")


def _filtered(stream: Stream, shard_filter: Body | None, now: int) -> list[Shard]:
    shards = list(stream.shards.values())
    if shard_filter is None:
        return shards
    check(shard_filter, {"Type": _FILTER_TYPE, "ShardId": NAME, "Timestamp": TIME}, prefix="shardFilter.")
    kind = required_text(shard_filter, "Type")
    if kind == "AFTER_SHARD_ID":
        return _after(shards, text(shard_filter, "ShardId"))
    if kind == "AT_LATEST":
        return [shard for shard in shards if shard.is_open]
    if kind == "FROM_TRIM_HORIZON":
        return shards
    moment = _moment(stream, kind, time(shard_filter, "Timestamp"), now)
    if kind == "FROM_TIMESTAMP":
        return [shard for shard in shards if shard.closed is None or shard.closed > moment]
    return [shard for shard in shards if shard.existed_at(moment)]


def _after(shards: list[Shard], shard_name: str | None) -> list[Shard]:
    if shard_name is None:
        raise InvalidArgument("ShardId must be provided with a ShardFilter of type AFTER_SHARD_ID.")
    return [shard for shard in shards if shard.name > shard_name]


def _moment(stream: Stream, kind: str, timestamp: int | None, now: int) -> int:
    first = min((shard.created for shard in stream.shards.values()), default=stream.created)
    oldest = max(first, stream.horizon(now))
    if kind == "AT_TRIM_HORIZON":
        return oldest
    if timestamp is None:
        raise InvalidArgument(f"Timestamp must be provided with a ShardFilter of type {kind}.")
    if timestamp > now:
        raise InvalidArgument("The Timestamp of a ShardFilter cannot be in the future.")
    return max(timestamp, oldest)
