"""The data plane of one client: which transport, signed how, and what answers mean."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Literal, Self

import msgspec

from aws_wire.data_plane.answers import DEADLINES, Answer, Deadlines, Exchanges, fault_of, whole_body
from aws_wire.data_plane.endpoint import CredentialsOf, Endpoint, deadlines_of, endpoint_of
from aws_wire.data_plane.http1 import Http1
from aws_wire.data_plane.http2 import STREAMS_PER_CONNECTION, Http2
from aws_wire.data_plane.signing import Signer
from aws_wire.data_plane.subscription import SubscriptionDecoder
from aws_wire.errors import ConnectionLost, Http2Refused, ServiceFault
from aws_wire.kinesis import SubscribeToShardEvent

Transport = Literal["auto", "http2", "http1"]
"""auto: subscriptions over HTTP/2 unless the server refused it of late, calls over HTTP/1.1, as AWS documents both."""

_TARGET = "Kinesis_20131202"
_CONTENT_TYPE = "application/x-amz-json-1.1"
_OK = 200
_SKEWED = frozenset({"RequestTimeTooSkewed", "RequestExpired", "InvalidSignatureException", "SignatureDoesNotMatch"})
_SKEW = timedelta(minutes=2)


def _now() -> datetime:
    return datetime.now(UTC)


class DataPlane:
    """Calls and subscriptions to the endpoint of an aiobotocore client, with its credentials and its trust.

    It opens its own connections when they are needed; close it with `aclose` or use it as a context manager. The
    client must live longer. Deadlines are for waits on the network alone: a reader may take its time.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        credentials: CredentialsOf,
        transport: Transport = "auto",
        *,
        deadlines: Deadlines = DEADLINES,
        streams_per_connection: int = STREAMS_PER_CONNECTION,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._credentials = credentials
        self._signer = Signer(endpoint.authority, credentials.service, credentials.region)
        self._transport = transport
        self._deadlines = deadlines
        self._clock = clock
        self._skew = timedelta()
        self._http1: Exchanges = Http1(endpoint, deadlines)
        self._http2: Exchanges = Http2(endpoint, deadlines, streams_per_connection)
        self._http2_again = -math.inf
        """When HTTP/2 may be tried again, on the loop's clock."""

    @classmethod
    def of(
        cls,
        client: Any,
        transport: Transport = "auto",
        *,
        deadlines: Deadlines | None = None,
        streams_per_connection: int = STREAMS_PER_CONNECTION,
    ) -> Self:
        """The data plane of `client`, a Kinesis client of aiobotocore; its timeouts are the default deadlines.

        Raises ValueError for an address that is none.
        """
        return cls(
            endpoint_of(client),
            CredentialsOf(client),
            transport,
            deadlines=deadlines_of(client) if deadlines is None else deadlines,
            streams_per_connection=streams_per_connection,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection; what is under way raises ConnectionLost."""
        await asyncio.gather(self._http1.aclose(), self._http2.aclose())

    @property
    def uses_http2(self) -> bool:
        """Whether the next subscription goes over HTTP/2, as far as is known. Only within a running loop."""
        if self._transport != "auto":
            return self._transport == "http2"
        return asyncio.get_running_loop().time() >= self._http2_again

    async def call(self, operation: str, body: bytes, *, seconds: float | None = None) -> bytes:
        """The body of the answer to `operation`, an operation of Kinesis, with `body` as its JSON.

        `seconds` bounds the whole call (default: the answer's deadline). Raises ServiceFault and ConnectionLost.
        Nothing is tried twice.
        """
        exchanges = self._http2 if self._transport == "http2" else self._http1
        try:
            async with asyncio.timeout(self._deadlines.answer if seconds is None else seconds):
                async with self._answer(exchanges, operation, body) as answer:
                    return await whole_body(answer)
        except TimeoutError as error:
            raise ConnectionLost(f"{operation} was not answered in time") from error

    async def subscribe_to_shard(
        self, consumer_arn: str, shard_id: str, starting_position: Mapping[str, Any]
    ) -> AsyncIterator[SubscribeToShardEvent]:
        """Yield the events of one subscription until the service ends it, after five minutes at most.

        `starting_position` is as in AWS's API: Type, and SequenceNumber or Timestamp (a datetime, or seconds since
        the epoch). Raises ServiceFault, before the first event or later; ConnectionLost when the connection or a
        frame is cut, and CorruptFrame (a ValueError). Close the iterator to end the subscription: over HTTP/2 that
        resets its stream alone. Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SubscribeToShard.html
        """
        position = dict(starting_position)
        if isinstance(position.get("Timestamp"), datetime):
            position["Timestamp"] = position["Timestamp"].timestamp()
        body = msgspec.json.encode({"ConsumerARN": consumer_arn, "ShardId": shard_id, "StartingPosition": position})
        async with self._subscribed(body) as answer:
            decoder = SubscriptionDecoder()
            while piece := await answer.read():
                for event in decoder.feed(piece):
                    yield event
            decoder.end()

    @asynccontextmanager
    async def _subscribed(self, body: bytes) -> AsyncIterator[Answer]:
        async with AsyncExitStack() as stack:
            if self.uses_http2:
                try:
                    answer = await stack.enter_async_context(self._answer(self._http2, "SubscribeToShard", body))
                except Http2Refused:
                    if self._transport == "http2":
                        raise
                    self._http2_again = asyncio.get_running_loop().time() + self._deadlines.refusal
                else:
                    yield answer
                    return
            yield await stack.enter_async_context(self._answer(self._http1, "SubscribeToShard", body))

    @asynccontextmanager
    async def _answer(self, exchanges: Exchanges, operation: str, body: bytes) -> AsyncIterator[Answer]:
        headers = await self._headers(operation, body)
        async with exchanges.open(headers, body) as answer:
            if answer.status != _OK:
                fault = await self._fault(answer)
                self._learn_skew(fault, answer.headers.get("date"))
                raise fault
            yield answer

    async def _fault(self, answer: Answer) -> ServiceFault:
        try:
            async with asyncio.timeout(self._deadlines.answer):
                return await fault_of(answer)
        except TimeoutError as error:
            raise ConnectionLost(f"an error answer ({answer.status}) did not end in time") from error

    async def _headers(self, operation: str, body: bytes) -> list[tuple[str, str]]:
        target = f"{_TARGET}.{operation}"
        credentials = await self._credentials.current()
        if credentials is None:
            return [("content-type", _CONTENT_TYPE), ("x-amz-target", target)]
        return self._signer.headers(target, _CONTENT_TYPE, body, credentials, self._clock() + self._skew)

    def _learn_skew(self, fault: ServiceFault, date: str | None) -> None:
        """Sign by the service's clock once it refused a signature and its clock is far from ours."""
        if fault.code not in _SKEWED or not date:
            return
        try:
            skew = parsedate_to_datetime(date) - self._clock()
        except (TypeError, ValueError):
            return
        if abs(skew - self._skew) > _SKEW:
            self._skew = skew
