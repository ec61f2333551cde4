"""Operations on the tags of a stream, by its name or by its ARN, one function each."""

from local_aws.kinesis.account import Account
from local_aws.kinesis.errors import InvalidArgument, SerializationFailed
from local_aws.kinesis.streams import Stream
from local_aws.kinesis.validation import (
    LIST,
    REQUIRED_LIST,
    REQUIRED_STREAM_ARN,
    REQUIRED_STRUCTURE,
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

_MAX_TAGS = 50


def add_tags_to_stream(account: Account, body: Body, now: int) -> Answer:
    """AddTagsToStream: up to 50."""
    check(body, {"Tags": REQUIRED_STRUCTURE})
    return _add(account, account.stream(stream_name(body), now), body)


def remove_tags_from_stream(account: Account, body: Body, now: int) -> Answer:
    """RemoveTagsFromStream: those of the keys that are there."""
    check(body, {"TagKeys": REQUIRED_LIST})
    return _remove(account, account.stream(stream_name(body), now), body)


def list_tags_for_stream(account: Account, body: Body, now: int) -> Answer:
    """ListTagsForStream: a page of tags, by key."""
    check(body, {"Limit": Field(kind=int, least=1, most=_MAX_TAGS), "ExclusiveStartTagKey": Field(kind=str, least=1)})
    stream = account.stream(stream_name(body), now)
    start = text(body, "ExclusiveStartTagKey") or ""
    keys = [key for key in sorted(stream.tags) if key > start]
    limit = number(body, "Limit") or _MAX_TAGS
    return {
        "Tags": [{"Key": key, "Value": stream.tags[key]} for key in keys[:limit]],
        "HasMoreTags": len(keys) > limit,
    }


def tag_resource(account: Account, body: Body, now: int) -> Answer:
    """TagResource: as AddTagsToStream, by ARN."""
    check(body, {"ResourceARN": REQUIRED_STREAM_ARN, "Tags": REQUIRED_STRUCTURE})
    return _add(account, _resource(account, body, now), body)


def untag_resource(account: Account, body: Body, now: int) -> Answer:
    """UntagResource: as RemoveTagsFromStream, by ARN."""
    check(body, {"ResourceARN": REQUIRED_STREAM_ARN, "TagKeys": REQUIRED_LIST})
    return _remove(account, _resource(account, body, now), body)


def list_tags_for_resource(account: Account, body: Body, now: int) -> Answer:
    """ListTagsForResource: all tags, by ARN."""
    check(body, {"ResourceARN": REQUIRED_STREAM_ARN, "Tags": LIST})
    tags = _resource(account, body, now).tags
    return {"Tags": [{"Key": key, "Value": tags[key]} for key in sorted(tags)]}


def tags_of(body: Body) -> dict[str, str]:
    """The tags that a request gives. Raises InvalidArgument."""
    tags = structure(body, "Tags") or {}
    if not all(isinstance(value, str) and 0 < len(key) <= 128 and len(value) <= 256 for key, value in tags.items()):
        raise InvalidArgument("A tag has a key of 1 to 128 characters and a value of up to 256.")
    return {key: str(value) for key, value in tags.items()}


def _resource(account: Account, body: Body, now: int) -> Stream:
    return account.stream(required_text(body, "ResourceARN").partition("stream/")[2], now)


def _add(account: Account, stream: Stream, body: Body) -> Answer:
    tags = stream.tags | tags_of(body)
    if len(tags) > _MAX_TAGS:
        raise InvalidArgument(
            f"Failed to add tags to stream {stream.name} under account {stream.account_id} because a given "
            f"stream cannot have more than {_MAX_TAGS} tags associated with it."
        )
    stream.tags = tags
    account.changed(stream)
    return {}


def _remove(account: Account, stream: Stream, body: Body) -> Answer:
    keys = body.get("TagKeys")
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise SerializationFailed("NUMBER_VALUE can not be converted to String")
    stream.tags = {key: value for key, value in stream.tags.items() if key not in keys}
    account.changed(stream)
    return {}
