"""Three clients of Kinesis behind one face: boto3, aiobotocore, and HTTP/2 with botocore's own forms of messages."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import aiobotocore.session
import boto3
import botocore.parsers
import botocore.serialize
import botocore.session
from aiobotocore.config import AioConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from aws_wire.data_plane import DataPlane, ServiceFault
from aws_wire.kinesis import SubscribeToShardEvent

LOCAL_KEYS = {"region_name": "us-east-1", "aws_access_key_id": "local", "aws_secret_access_key": "local"}
CLIENTS = ("boto3", "aiobotocore", "http2")


class Events:
    """The events of one subscription, which ends when they are closed, read or not."""

    def __init__(self, stream: Any, *, is_async: bool) -> None:
        self._stream = stream
        self._iterator = aiter(stream) if is_async else iter(stream)
        self._is_async = is_async

    def __aiter__(self) -> "Events":
        return self

    async def __anext__(self) -> dict[str, Any]:
        if self._is_async:
            event = await anext(self._iterator)
        elif (event := await asyncio.to_thread(next, self._iterator, None)) is None:
            raise StopAsyncIteration
        found: dict[str, Any] = event["SubscribeToShardEvent"]
        return found

    async def aclose(self) -> None:
        """End the subscription."""
        closing = self._stream.close()
        if closing is not None:
            await closing


class TypedEvents:
    """The events of the HTTP/2 data plane, in botocore's form."""

    def __init__(self, events: Any, first: SubscribeToShardEvent | None) -> None:
        self._events = events
        self._first = first

    def __aiter__(self) -> "TypedEvents":
        return self

    async def __anext__(self) -> dict[str, Any]:
        event, self._first = self._first, None
        try:
            return _in_botocores_form(await anext(self._events) if event is None else event)
        except ServiceFault as fault:
            raise _client_error(fault, "SubscribeToShard") from fault

    async def aclose(self) -> None:
        """End the subscription."""
        await self._events.aclose()


class Kinesis:
    """One client, its calls awaitable whichever it is. It remembers the streams that it makes, to delete them."""

    def __init__(self, client: Any, *, is_async: bool, patience: float) -> None:
        self._client = client
        self._is_async = is_async
        self.patience = patience
        self._made: set[str] = set()

    async def __call__(self, operation: str, **arguments: Any) -> Any:
        """The answer of an operation, named as the SDK's method."""
        answer = await self._call(operation, arguments)
        if operation == "create_stream":
            self._made.add(arguments["StreamName"])
        return answer

    async def _call(self, operation: str, arguments: dict[str, Any]) -> Any:
        method = getattr(self._client, operation)
        return await method(**arguments) if self._is_async else await asyncio.to_thread(method, **arguments)

    async def subscribe(self, consumer_arn: str, shard_id: str, **position: Any) -> Any:
        """The events of a subscription."""
        answer = await self("subscribe_to_shard", ConsumerARN=consumer_arn, ShardId=shard_id, StartingPosition=position)
        return Events(answer["EventStream"], is_async=self._is_async)

    async def clean_up(self) -> None:
        """Delete every stream that was made, with its consumers."""
        for name in self._made:
            with suppress(ClientError):
                await self("delete_stream", StreamName=name, EnforceConsumerDeletion=True)

    async def active_stream(self, shards: int = 1, **options: Any) -> str:
        """The name of a new stream that is ACTIVE; without a shard count where `options` say on demand."""
        name = f"conformance-{uuid.uuid4().hex[:12]}"
        count = {} if "StreamModeDetails" in options else {"ShardCount": shards}
        await self.patiently("create_stream", StreamName=name, **count, **options)
        await self.until_active(name)
        return name

    async def until_active(self, stream: str) -> None:
        """Wait until a change of the stream is over."""
        await self._until(lambda: self._is_active(stream))

    async def active_consumer(self, stream: str) -> str:
        """The ARN of a new consumer that is ACTIVE."""
        arn = await self.stream_arn(stream)
        name = f"consumer-{uuid.uuid4().hex[:8]}"
        answer = await self.patiently("register_stream_consumer", StreamARN=arn, ConsumerName=name)
        consumer: str = answer["Consumer"]["ConsumerARN"]

        async def is_active() -> bool:
            found = await self("describe_stream_consumer", ConsumerARN=consumer)
            return bool(found["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE")

        await self._until(is_active)
        return consumer

    async def patiently(self, operation: str, **arguments: Any) -> Any:
        """The answer of an operation that may be called only so often, asked for again until it is given."""
        deadline = time.monotonic() + self.patience
        while True:
            try:
                return await self(operation, **arguments)
            except ClientError as error:
                if error.response["Error"]["Code"] != "LimitExceededException" or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.2 if self.patience <= 60 else 1)

    async def stream_arn(self, stream: str) -> str:
        """The ARN of a stream."""
        answer = await self("describe_stream_summary", StreamName=stream)
        return str(answer["StreamDescriptionSummary"]["StreamARN"])

    async def shards(self, stream: str) -> list[dict[str, Any]]:
        """All shards of a stream."""
        answer = await self("list_shards", StreamName=stream)
        return list(answer["Shards"])

    async def read(self, stream: str, shard_id: str, kind: str = "TRIM_HORIZON", **position: Any) -> Any:
        """One GetRecords from that position on."""
        answer = await self(
            "get_shard_iterator", StreamName=stream, ShardId=shard_id, ShardIteratorType=kind, **position
        )
        return await self("get_records", ShardIterator=answer["ShardIterator"])

    async def _is_active(self, stream: str) -> bool:
        answer = await self("describe_stream_summary", StreamName=stream)
        return bool(answer["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")

    async def _until(self, holds: Callable[[], Any]) -> None:
        async with asyncio.timeout(self.patience):
            while not await holds():
                await asyncio.sleep(0.02 if self.patience <= 60 else 1)


class Http2Kinesis(Kinesis):
    """Calls and subscriptions over HTTP/2, written and read as botocore writes and reads them."""

    def __init__(self, plane: DataPlane, *, patience: float) -> None:
        super().__init__(None, is_async=True, patience=patience)
        self._plane = plane
        self._model = botocore.session.get_session().get_service_model("kinesis")
        self._names = {botocore.xform_name(name): name for name in self._model.operation_names}
        self._serializer = botocore.serialize.create_serializer("json")
        self._parser = botocore.parsers.create_parser("json")

    async def _call(self, operation: str, arguments: dict[str, Any]) -> Any:
        model = self._model.operation_model(self._names[operation])
        body = self._serializer.serialize_to_request(arguments, model)["body"]
        try:
            answer = await self._plane.call(model.name, body)
        except ServiceFault as fault:
            raise _client_error(fault, model.name) from fault
        return self._parser.parse({"body": answer, "headers": {}, "status_code": 200}, model.output_shape)

    async def subscribe(self, consumer_arn: str, shard_id: str, **position: Any) -> Any:
        """The events of a subscription; a refusal is raised here, as the SDKs do."""
        events = self._plane.subscribe_to_shard(consumer_arn, shard_id, position)
        try:
            return TypedEvents(events, await anext(events))
        except ServiceFault as fault:
            raise _client_error(fault, "SubscribeToShard") from fault


@asynccontextmanager
async def kinesis_client(kind: str, url: str | None, *, patience: float) -> AsyncIterator[Kinesis]:
    """A client of that kind for an address, or for AWS itself with the surroundings' credentials where it is None."""
    options = {} if url is None else {"endpoint_url": url, **LOCAL_KEYS}
    behaviour: Any = {"retries": {"total_max_attempts": 1}, "read_timeout": 30}
    kinesis: Kinesis
    async with AsyncExitStack() as stack:
        if kind == "boto3":
            client = boto3.client("kinesis", config=Config(**behaviour), **options)
            stack.callback(client.close)
            kinesis = Kinesis(client, is_async=False, patience=patience)
        else:
            session = aiobotocore.session.get_session()
            creating = session.create_client("kinesis", config=AioConfig(**behaviour), **options)
            client = await stack.enter_async_context(creating)
            kinesis = Kinesis(client, is_async=True, patience=patience)
        if kind == "http2":
            plane = await stack.enter_async_context(DataPlane.of(client, "http2"))
            kinesis = Http2Kinesis(plane, patience=patience)
        stack.push_async_callback(kinesis.clean_up)
        yield kinesis


def _client_error(fault: ServiceFault, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": fault.code, "Message": fault.message}}, operation)


def _in_botocores_form(event: SubscribeToShardEvent) -> dict[str, Any]:
    content: dict[str, Any] = {
        "Records": [
            {"SequenceNumber": record.sequence_number, "PartitionKey": record.partition_key, "Data": record.data}
            for record in event.records
        ],
        "MillisBehindLatest": event.millis_behind_latest,
    }
    if event.continuation is not None:
        content["ContinuationSequenceNumber"] = event.continuation
    if event.child_shards:
        content["ChildShards"] = [
            {"ShardId": child.shard_id, "ParentShards": list(child.parent_shards)} for child in event.child_shards
        ]
    return content
