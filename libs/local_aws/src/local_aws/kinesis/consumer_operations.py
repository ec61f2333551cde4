"""Operations on registered consumers, one function each, and the start of a subscription."""

from collections.abc import Callable

from local_aws.kinesis.account import Account
from local_aws.kinesis.consumers import ACTIVE, CREATING, DELETING, Consumer, consumer_arn
from local_aws.kinesis.errors import InvalidArgument, LimitExceeded, ResourceInUse, ResourceNotFound
from local_aws.kinesis.positions import lowest_sequence
from local_aws.kinesis.settings import milliseconds
from local_aws.kinesis.streams import Stream
from local_aws.kinesis.subscriptions import Subscription
from local_aws.kinesis.tokens import decode_page, encode_page
from local_aws.kinesis.validation import (
    CONSUMER_ARN,
    NAME,
    PAGE,
    POSITION_TYPE,
    REQUIRED_NAME,
    REQUIRED_STREAM_ARN,
    REQUIRED_STRUCTURE,
    SEQUENCE_NUMBER,
    STREAM_ARN,
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

Answer = dict[str, object]

_REQUIRED_CONSUMER_ARN = Field(kind=str, required=True, least=1, most=2048, pattern=CONSUMER_ARN.pattern)


def register_stream_consumer(account: Account, body: Body, now: int) -> Answer:
    """RegisterStreamConsumer: CREATING first; 20 a stream, 5 at once in CREATING, 5 calls a second."""
    check(body, {"StreamARN": REQUIRED_STREAM_ARN, "ConsumerName": REQUIRED_NAME})
    settings = account.settings
    stream = account.ready_stream(stream_name(body), now)
    name = required_text(body, "ConsumerName")
    if name in stream.consumers:
        raise ResourceInUse(
            f"Consumer {name} for stream {stream.arn} under account {stream.account_id} already exists."
        )
    _check_limits(account, stream, now)
    consumer = Consumer(
        name=name,
        arn=consumer_arn(stream.arn, name, now),
        created=now,
        due=now + milliseconds(settings.consumer_seconds),
    )
    stream.consumers[name] = consumer
    account.changed(stream)
    return {"Consumer": consumer.describe()}


def describe_stream_consumer(account: Account, body: Body, now: int) -> Answer:
    """DescribeStreamConsumer: by its ARN, or by its stream's ARN and its name."""
    stream, consumer = _find(account, body, now)
    return {"ConsumerDescription": {**consumer.describe(), "StreamARN": stream.arn}}


def list_stream_consumers(account: Account, body: Body, now: int) -> Answer:
    """ListStreamConsumers: a page of a stream's consumers, by name."""
    check(body, {"StreamARN": REQUIRED_STREAM_ARN, "MaxResults": PAGE, "NextToken": TOKEN})
    stream = account.stream(stream_name(body), now)
    token = text(body, "NextToken")
    after = "" if token is None else str(decode_page(token, now, account.settings).get("after"))
    names = [name for name in sorted(stream.consumers) if name > after]
    limit = number(body, "MaxResults") or 100
    answer: Answer = {"Consumers": [stream.consumers[name].describe() for name in names[:limit]]}
    if len(names) > limit:
        answer["NextToken"] = encode_page({"after": names[limit - 1]}, now)
    return answer


def deregister_stream_consumer(account: Account, body: Body, now: int) -> Answer:
    """DeregisterStreamConsumer: DELETING, then gone; its subscriptions end."""
    stream, consumer = _find(account, body, now)
    consumer.status = DELETING
    consumer.due = now + milliseconds(account.settings.delete_seconds)
    for subscription in account.subscriptions.of_stream(stream.name):
        if subscription.consumer_arn == consumer.arn:
            subscription.end(ResourceNotFound(f"Consumer {consumer.arn} not found."))
    account.changed(stream)
    return {}


def subscribe_to_shard(account: Account, body: Body, now: int, wake: Callable[[], None]) -> Subscription:
    """SubscribeToShard: the subscription, started; give it back to `account.subscriptions.stop`.

    `wake` is called whenever its next step may have something new.
    """
    check(
        body,
        {
            "ConsumerARN": _REQUIRED_CONSUMER_ARN,
            "ShardId": REQUIRED_NAME,
            "StartingPosition": REQUIRED_STRUCTURE,
        },
    )
    position = structure(body, "StartingPosition") or {}
    fields = {"Type": POSITION_TYPE, "SequenceNumber": SEQUENCE_NUMBER, "Timestamp": TIME}
    check(position, fields, prefix="startingPosition.")
    stream, consumer = account.consumer(required_text(body, "ConsumerARN"), now)
    if consumer.status != ACTIVE:
        raise ResourceInUse(f"Consumer {consumer.arn} is not ACTIVE, instead in state {consumer.status}")
    shard = account.ready_stream(stream.name, now).shard(required_text(body, "ShardId"))
    lowest = lowest_sequence(
        stream,
        shard,
        now,
        kind=required_text(position, "Type"),
        number=text(position, "SequenceNumber"),
        timestamp=time(position, "Timestamp"),
        operation="SubscribeToShard",
    )
    subscription = Subscription(
        stream=stream,
        shard=shard,
        consumer_arn=consumer.arn,
        position=shard.log.position_of(lowest),
        started=now,
        settings=account.settings,
        wake=wake,
    )
    account.subscriptions.start(subscription, now)
    return subscription


def _find(account: Account, body: Body, now: int) -> tuple[Stream, Consumer]:
    check(body, {"ConsumerARN": CONSUMER_ARN, "StreamARN": STREAM_ARN, "ConsumerName": NAME})
    arn, name = text(body, "ConsumerARN"), text(body, "ConsumerName")
    if arn is not None:
        return account.consumer(arn, now)
    if name is None or body.get("StreamARN") is None:
        raise InvalidArgument("Either ConsumerARN or both StreamARN and ConsumerName are required.")
    stream = account.stream(stream_name(body), now)
    consumer = stream.consumers.get(name)
    if consumer is None:
        raise ResourceNotFound(f"Consumer {name} for stream {stream.arn} under account {stream.account_id} not found.")
    return stream, consumer


def _check_limits(account: Account, stream: Stream, now: int) -> None:
    settings = account.settings
    creating = sum(consumer.status == CREATING for consumer in stream.consumers.values())
    if len(stream.consumers) >= settings.max_consumers:
        raise LimitExceeded(
            f"This request would exceed the limit of {settings.max_consumers} registered consumers for {stream.place}."
        )
    if creating >= settings.max_creating_consumers:
        raise LimitExceeded(
            f"This request would exceed the limit of {settings.max_creating_consumers} consumers in state "
            f"CREATING for {stream.place}."
        )
    if not account.registrations.allows(1, now):
        raise LimitExceeded("Rate exceeded for RegisterStreamConsumer.")
    account.registrations.take(1)
