"""Checks of the wire: puts, subscriptions over both versions of HTTP, CBOR."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import aiohttp
import cbor2
from aiobotocore.session import get_session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from aws_wire.data_plane import ConnectionLost, DataPlane, ServiceFault
from aws_wire.kinesis import SubscribeToShardEvent
from etl_cli.smoke.account import Account
from etl_cli.smoke.plan import CheckFailed, Names

SHARD = "shardId-000000000000"
_RESUBSCRIBE_SECONDS = 5.0
_CALL_SECONDS = 1.5
"""SubscribeToShard takes one call a second for each consumer and shard, whatever the answer."""
_RECORDS = 20
_CBOR_MAP = 5
_CBOR_EPOCH_TAG = b"\xc1"
_HORIZON = {"Type": "TRIM_HORIZON"}


def timestamp_form(content: bytes) -> str:
    """How a DescribeStreamSummary answer in CBOR writes its timestamp: RFC 8949's tag 1 means seconds. Pure.

    Raises CheckFailed for what is no such answer.
    """
    name = b"StreamCreationTimestamp"
    _, found, after = content.partition(name)
    if not found or content[0] >> 5 != _CBOR_MAP or after[:1] != _CBOR_EPOCH_TAG:
        raise CheckFailed(f"no CBOR map with a tagged timestamp: {content[:80]!r}")
    return {0: "integers (milliseconds)", 7: "floats (seconds)"}.get(after[1] >> 5, f"of type {after[1] >> 5}")


class Wire:
    """The checks of one run, in their order; each returns what was learnt, or raises CheckFailed."""

    def __init__(self, account: Account, names: Names) -> None:
        self._account = account
        self._names = names
        self._consumer = ""
        self._put = 0

    async def put_records(self) -> str:
        """PutRecords as the SDK does it: JSON, each record's own result."""
        records = [{"PartitionKey": f"sdk-{number}", "Data": b"from the SDK"} for number in range(_RECORDS)]
        answer = await self._account.kinesis.put_records(StreamName=self._names.stream, Records=records)
        return self._stored(answer["FailedRecordCount"], answer["Records"])

    async def put_fast(self) -> str:
        """PutRecords signed and sent by our own data plane."""
        data = base64.b64encode(b"from the data plane").decode()
        records = [{"PartitionKey": f"own-{number}", "Data": data} for number in range(_RECORDS)]
        body = json.dumps({"StreamName": self._names.stream, "Records": records}).encode()
        async with DataPlane.of(self._account.kinesis) as plane:
            answer = json.loads(await plane.call("PutRecords", body))
        return self._stored(answer["FailedRecordCount"], answer["Records"])

    async def cbor(self) -> str:
        """An answer in CBOR, as the Java SDK asks for it."""
        client = self._account.kinesis
        content_type = "application/x-amz-cbor-1.1"
        headers = {"Content-Type": content_type, "X-Amz-Target": "Kinesis_20131202.DescribeStreamSummary"}
        body = cbor2.dumps({"StreamName": self._names.stream})
        request = AWSRequest(method="POST", url=f"{client.meta.endpoint_url}/", headers=headers, data=body)
        credentials = await get_session().get_credentials()
        if credentials is None:
            raise CheckFailed("no credentials in the environment")
        SigV4Auth(await credentials.get_frozen_credentials(), "kinesis", client.meta.region_name).add_auth(request)
        async with (
            aiohttp.ClientSession() as session,
            session.post(request.url, data=body, headers=dict(request.headers)) as answer,
        ):
            content = await answer.read()
            told = answer.headers.get("Content-Type", "")
        if answer.status != 200 or told != content_type:
            raise CheckFailed(f"HTTP {answer.status}, {told or 'no type'}: {content[:80]!r}")
        return f"{len(content)} bytes of {told}; timestamps are {timestamp_form(content)}"

    async def register(self) -> str:
        """A fan-out consumer, until it is ACTIVE."""
        began = time.monotonic()
        self._consumer = await self._account.consumer(self._names, "wire")
        return f"ACTIVE after {time.monotonic() - began:.1f} s"

    async def http2(self) -> str:
        """A subscription over HTTP/2: every record put, then idle events, whose interval AWS does not document."""
        async with DataPlane.of(self._account.kinesis, "http2") as plane:
            began = time.monotonic()
            async with aclosing(self._subscribed(plane)) as events:  # type: ignore[type-var]
                first, received = await self._received(events, began)
                gaps: list[float] = []
                last = time.monotonic()
                while len(gaps) < 2:
                    await anext(events)
                    now = time.monotonic()
                    gaps.append(now - last)
                    last = now
        idle = ", ".join(f"{gap:.1f}" for gap in gaps)
        return f"first event after {first * 1000:.0f} ms, {received} records; idle events after {idle} s"

    async def resubscribe(self) -> str:
        """A second subscription within five seconds is refused; after them it takes over from the first."""
        await asyncio.sleep(_RESUBSCRIBE_SECONDS + 1.0)
        async with (
            DataPlane.of(self._account.kinesis, "http2") as plane,
            aclosing(self._subscribed(plane)) as events,  # type: ignore[type-var]
        ):
            await anext(events)
            began = time.monotonic()
            await asyncio.sleep(_CALL_SECONDS)
            refusal = await self._refusal(plane)
            await asyncio.sleep(max(0.0, began + _RESUBSCRIBE_SECONDS + 1.0 - time.monotonic()))
            async with aclosing(self._subscribed(plane)) as newer:  # type: ignore[type-var]
                await anext(newer)
                end = await self._end_of(events)
        return f"refused within 5 s with {refusal}; after 6 s the newer took over, the older {end}"

    async def http1(self) -> str:
        """A subscription over HTTP/1.1, which AWS does not document."""
        await asyncio.sleep(_RESUBSCRIBE_SECONDS + 1.0)
        async with DataPlane.of(self._account.kinesis, "http1") as plane:
            began = time.monotonic()
            async with aclosing(self._subscribed(plane)) as events:  # type: ignore[type-var]
                first, received = await self._received(events, began)
        return f"first event after {first * 1000:.0f} ms, {received} records"

    def _subscribed(self, plane: DataPlane) -> AsyncIterator[SubscribeToShardEvent]:
        return plane.subscribe_to_shard(self._consumer, SHARD, _HORIZON)

    async def _received(self, events: AsyncIterator[SubscribeToShardEvent], began: float) -> tuple[float, int]:
        """Read until every record put so far came; the seconds to the first event, and how many came."""
        first, received = 0.0, 0
        async for event in events:
            first = first or time.monotonic() - began
            received += len(event.records)
            if received >= self._put:
                return first, received
        raise CheckFailed(f"the subscription ended after {received} of {self._put} records")

    async def _refusal(self, plane: DataPlane) -> str:
        try:
            async with aclosing(self._subscribed(plane)) as events:  # type: ignore[type-var]
                await anext(events)
        except ServiceFault as fault:
            if fault.code != "ResourceInUseException":
                raise CheckFailed(f"refused with {fault}, not ResourceInUseException") from fault
            return fault.code
        raise CheckFailed("a second subscription within 5 s was accepted")

    async def _end_of(self, events: AsyncIterator[SubscribeToShardEvent]) -> str:
        """How the older of two subscriptions ends."""
        try:
            async with asyncio.timeout(30):
                async for _ in events:
                    pass
        except ServiceFault as fault:
            return f"ended with {fault.code}"
        except ConnectionLost:
            return "lost its connection"
        except TimeoutError:
            raise CheckFailed("the older subscription was still alive after 30 s") from None
        return "just ended"

    def _stored(self, failed: int, results: list[dict[str, Any]]) -> str:
        shards = {result.get("ShardId") for result in results}
        if failed or shards != {SHARD}:
            raise CheckFailed(f"{failed} of {len(results)} records failed; shards {shards}")
        self._put += len(results)
        return f"{len(results)} records stored, each with its shard and sequence number"
