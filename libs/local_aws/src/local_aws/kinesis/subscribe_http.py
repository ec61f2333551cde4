"""SubscribeToShard: the model's steps as event-stream frames in an answer that goes on."""

import asyncio

from aws_wire import event_stream
from local_aws.codecs import Codec
from local_aws.errors import ServiceError
from local_aws.http import Call, request_id_header
from local_aws.kinesis.account import Account
from local_aws.kinesis.consumer_operations import subscribe_to_shard
from local_aws.kinesis.faults import (
    CORRUPT_FRAME,
    CUT_STREAM,
    DROP_SUBSCRIPTION,
    STALL,
    SUBSCRIPTION_EXCEPTION,
    TRUNCATE_FRAME,
    Fault,
    fault_error,
)
from local_aws.kinesis.reading import StoredRecords, render_children
from local_aws.kinesis.subscriptions import End, Event, Subscription, Wait
from local_aws.messages import Channel, StreamingAnswer

_CONTENT_TYPE = "application/vnd.amazon.eventstream"
_JSON = "application/json"
_LINGER_SECONDS = 5.0


def subscribe(account: Account, call: Call) -> StreamingAnswer:
    """Start a subscription; the answer has its events until it ends. Raises ServiceError."""
    feed = _Feed(account, call.codec)
    feed.subscription = subscribe_to_shard(account, call.body, account.now(), feed.wake)
    return StreamingAnswer(feed.send, feed.stop, {"Content-Type": _CONTENT_TYPE, **request_id_header()})


def event_content(event: Event) -> dict[str, object]:
    """A SubscribeToShardEvent; at the shard's end it has ChildShards and no ContinuationSequenceNumber."""
    content: dict[str, object] = {
        "Records": StoredRecords(event.records),
        "MillisBehindLatest": event.millis_behind_latest,
    }
    if event.continuation is None:
        content["ChildShards"] = render_children(event.children)
    else:
        content["ContinuationSequenceNumber"] = str(event.continuation)
    return content


def event_frame(event: Event, codec: Codec) -> bytes:
    """A SubscribeToShardEvent as it is sent."""
    return _frame({":message-type": "event", ":event-type": "SubscribeToShardEvent"}, event_content(event), codec)


def _frame(headers: dict[str, str], content: dict[str, object], codec: Codec) -> bytes:
    content_type = codec.content_type if codec.is_cbor else _JSON
    return event_stream.encode({**headers, ":content-type": content_type}, codec.encode(content))


class _Feed:
    """One subscription on its way to a client."""

    subscription: Subscription

    def __init__(self, account: Account, codec: Codec) -> None:
        self._account = account
        self._codec = codec
        self._woken = asyncio.Event()
        self._limit: asyncio.Timeout | None = None

    def wake(self) -> None:
        """Look for the next step now; a client that does not read the end of its subscription is cut off."""
        self._woken.set()
        if self._limit is not None and self.subscription.is_over:
            self._limit.reschedule(asyncio.get_running_loop().time() + _LINGER_SECONDS)

    def stop(self) -> None:
        """Let go of the subscription."""
        self._account.subscriptions.stop(self.subscription)

    async def send(self, channel: Channel) -> None:
        """Write the events until the subscription ends; raises ConnectionError where a fault cuts it."""
        life = self._account.settings.subscription_seconds + _LINGER_SECONDS
        try:
            async with asyncio.timeout(life) as self._limit:
                await channel.write(self._event("initial-response", {}))
                await self._send_replay(channel)
                await self._send_events(channel)
        except TimeoutError:
            channel.reset()
        finally:
            self._limit = None

    async def _send_replay(self, channel: Channel) -> None:
        account, subscription = self._account, self.subscription
        replay = account.replays.get((subscription.stream.name, self._codec.content_type))
        if replay is None or replay.stream is not subscription.stream:
            return
        while not subscription.is_over and (found := replay.next(subscription.shard, subscription.position)):
            frame, following = found
            fault = account.faults.on_subscription(subscription.stream.name, subscription.shard.name)
            if fault is not None and await self._strike(fault, channel):
                subscription.end()
                return
            await channel.write(frame)
            subscription.position = following

    async def _send_events(self, channel: Channel) -> None:
        account, subscription = self._account, self.subscription
        stream_name, shard_name = subscription.stream.name, subscription.shard.name
        while True:
            self._woken.clear()
            fault = account.faults.on_subscription(stream_name, shard_name)
            if fault is not None and await self._strike(fault, channel):
                return
            now = account.now()
            account.find(stream_name, now)
            match subscription.next_step(now):
                case Event() as event:
                    await channel.write(event_frame(event, self._codec))
                case Wait(until):
                    await self._wait((until - now) / 1000)
                case End(error):
                    if error is not None:
                        await channel.write(self._exception(error))
                    return

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0.001)):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _strike(self, fault: Fault, channel: Channel) -> bool:
        """Do what the fault says; whether the subscription is over."""
        frame = self._event("SubscribeToShardEvent", {"Records": [], "MillisBehindLatest": 0})
        match fault.kind:
            case kind if kind == STALL:
                await asyncio.sleep(fault.seconds)
                return False
            case kind if kind == SUBSCRIPTION_EXCEPTION:
                await channel.write(self._exception(fault_error(fault)))
            case kind if kind == CORRUPT_FRAME:
                await channel.write(frame[:-1] + bytes((frame[-1] ^ 0xFF,)))
            case kind if kind == TRUNCATE_FRAME:
                await channel.write(frame[: len(frame) // 2])
                if fault.cut != CUT_STREAM:
                    channel.close_connection()
            case kind:
                assert kind == DROP_SUBSCRIPTION
                if fault.cut == CUT_STREAM:
                    channel.reset()
                else:
                    channel.reset_connection()
        return True

    def _event(self, event_type: str, content: dict[str, object]) -> bytes:
        return _frame({":message-type": "event", ":event-type": event_type}, content, self._codec)

    def _exception(self, error: ServiceError) -> bytes:
        headers = {":message-type": "exception", ":exception-type": error.code}
        return _frame(headers, {"message": error.message}, self._codec)
