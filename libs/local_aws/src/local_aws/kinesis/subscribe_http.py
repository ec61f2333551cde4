"""SubscribeToShard over HTTP/1.1: the model's steps as event-stream frames in a chunked answer."""

import asyncio

import orjson
from aiohttp import web

from aws_wire import event_stream
from local_aws.errors import ServiceError
from local_aws.http import request_id_header
from local_aws.kinesis.account import Account
from local_aws.kinesis.consumer_operations import subscribe_to_shard
from local_aws.kinesis.faults import (
    CORRUPT_FRAME,
    DROP_SUBSCRIPTION,
    STALL,
    SUBSCRIPTION_EXCEPTION,
    TRUNCATE_FRAME,
    Fault,
    fault_error,
)
from local_aws.kinesis.reading import render_children, render_records
from local_aws.kinesis.subscriptions import End, Event, Subscription, Wait

_CONTENT_TYPE = "application/vnd.amazon.eventstream"
_JSON = "application/json"


async def subscribe(account: Account, request: web.Request, body: dict[str, object]) -> web.StreamResponse:
    """Answer with the subscription's events until it ends. Raises ServiceError before the first byte."""
    woken = asyncio.Event()
    subscription = subscribe_to_shard(account, body, account.now(), woken.set)
    response = web.StreamResponse(headers={"Content-Type": _CONTENT_TYPE, **request_id_header()})
    response.enable_chunked_encoding()
    try:
        await response.prepare(request)
        await response.write(_event_frame("initial-response", b"{}"))
        await _send_events(account, subscription, request, response, woken)
        await response.write_eof()
    except ConnectionError:
        # The client went away, or a fault cut the connection: there is nobody to tell.
        pass
    finally:
        account.subscriptions.stop(subscription)
    return response


async def _send_events(
    account: Account,
    subscription: Subscription,
    request: web.Request,
    response: web.StreamResponse,
    woken: asyncio.Event,
) -> None:
    stream_name, shard_name = subscription.stream.name, subscription.shard.name
    while True:
        woken.clear()
        fault = account.faults.on_subscription(stream_name, shard_name)
        if fault is not None and await _strike(fault, request, response):
            return
        now = account.now()
        account.find(stream_name, now)
        match subscription.next_step(now):
            case Event() as event:
                await response.write(_event_frame("SubscribeToShardEvent", render_event(event)))
            case Wait(until):
                await _wait(woken, (until - now) / 1000)
            case End(error):
                if error is not None:
                    await response.write(_exception_frame(error))
                return


def render_event(event: Event) -> bytes:
    """A SubscribeToShardEvent as JSON; at the shard's end it has ChildShards and no ContinuationSequenceNumber."""
    content: dict[str, object] = {
        "Records": render_records(event.records),
        "MillisBehindLatest": event.millis_behind_latest,
    }
    if event.continuation is None:
        content["ChildShards"] = render_children(event.children)
    else:
        content["ContinuationSequenceNumber"] = str(event.continuation)
    return orjson.dumps(content)


async def _wait(woken: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(max(seconds, 0.001)):
            await woken.wait()
    except TimeoutError:
        return


async def _strike(fault: Fault, request: web.Request, response: web.StreamResponse) -> bool:
    """Do what the fault says; whether the subscription is over."""
    frame = _event_frame("SubscribeToShardEvent", b'{"Records":[],"MillisBehindLatest":0}')
    if fault.kind == STALL:
        await asyncio.sleep(fault.seconds)
        return False
    if fault.kind == SUBSCRIPTION_EXCEPTION:
        await response.write(_exception_frame(fault_error(fault)))
        return True
    if fault.kind == CORRUPT_FRAME:
        await response.write(frame[:-1] + bytes((frame[-1] ^ 0xFF,)))
        return True
    assert fault.kind in {TRUNCATE_FRAME, DROP_SUBSCRIPTION}
    if request.transport is not None and fault.kind == DROP_SUBSCRIPTION:
        request.transport.abort()
    elif request.transport is not None:
        # Half a frame has to arrive: a reset could overtake it.
        await response.write(frame[: len(frame) // 2])
        request.transport.close()
    raise ConnectionAbortedError("a fault cut the connection")


def _event_frame(event_type: str, payload: bytes) -> bytes:
    headers = {":message-type": "event", ":event-type": event_type, ":content-type": _JSON}
    return event_stream.encode(headers, payload)


def _exception_frame(error: ServiceError) -> bytes:
    headers = {":message-type": "exception", ":exception-type": error.code, ":content-type": _JSON}
    return event_stream.encode(headers, orjson.dumps({"message": error.message}))
