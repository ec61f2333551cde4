"""The two ways to Kinesis: the fast data plane, and an aiobotocore client as fallback and oracle."""

from typing import Any, Literal, Protocol

from aiobotocore.client import AioBaseClient
from msgspec import convert

from aws_wire.data_plane import DataPlane, ServiceFault
from aws_wire.data_plane import Transport as PlaneTransport
from aws_wire.kinesis import UnreadablePayload
from aws_wire.put_records import (
    ListedShard,
    decode_list_shards,
    decode_put_records,
    encode_list_shards,
    encode_put_records,
)
from delivery.aws import answered, judge_error, judge_records, judge_results
from delivery.batch import Unit
from delivery.outcome import Refused, Retry, Verdict

Transport = Literal["auto", "http2", "http1", "aiobotocore"]


class KinesisCalls(Protocol):
    """The calls that a sink makes."""

    async def put(self, stream: str, units: list[Unit]) -> list[Verdict] | Refused:
        """PutRecords: a verdict for each unit, in order, or `Refused` for the request as a whole."""
        ...

    async def shards(self, stream: str) -> list[ListedShard]:
        """All shards of the stream. Raises what the transport raises, all of it `Exception`."""
        ...

    async def aclose(self) -> None:
        """Close what was opened for these calls."""
        ...


class PlaneCalls:
    """Calls by the data plane; `is_owned` says whether closing these closes the plane."""

    def __init__(self, plane: DataPlane, *, is_owned: bool) -> None:
        self._plane = plane
        self._is_owned = is_owned

    async def put(self, stream: str, units: list[Unit]) -> list[Verdict] | Refused:
        """See KinesisCalls."""
        body = encode_put_records(stream, [(unit.partition_key, unit.payload, unit.hash_key) for unit in units])
        try:
            results = decode_put_records(await self._plane.call("PutRecords", body))
        except ServiceFault as fault:
            return judge_error(fault.code, str(fault), len(units))
        except UnreadablePayload as error:
            return [Retry("MalformedResponse", str(error))] * len(units)
        except OSError as error:
            return [Retry(type(error).__name__, str(error))] * len(units)
        return judge_results(results, len(units))

    async def shards(self, stream: str) -> list[ListedShard]:
        """See KinesisCalls."""
        shards, token = decode_list_shards(await self._plane.call("ListShards", encode_list_shards(stream, None)))
        while token is not None:
            page, token = decode_list_shards(await self._plane.call("ListShards", encode_list_shards(stream, token)))
            shards += page
        return shards

    async def aclose(self) -> None:
        """See KinesisCalls."""
        if self._is_owned:
            await self._plane.aclose()


class ClientCalls:
    """Calls by an aiobotocore client, which stays the caller's own."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def put(self, stream: str, units: list[Unit]) -> list[Verdict] | Refused:
        """See KinesisCalls."""
        records = [_arguments(unit) for unit in units]
        answer = await answered(lambda: self._client.put_records(StreamName=stream, Records=records), len(units))
        return judge_records(answer.get("Records"), len(units)) if isinstance(answer, dict) else answer

    async def shards(self, stream: str) -> list[ListedShard]:
        """See KinesisCalls."""
        shards: list[Any] = []
        request: dict[str, Any] = {"StreamName": stream}
        while True:
            page = await self._client.list_shards(**request)
            shards += page["Shards"]
            if not page.get("NextToken"):
                return convert(shards, list[ListedShard])
            request = {"NextToken": page["NextToken"]}

    async def aclose(self) -> None:
        """See KinesisCalls."""


def calls_of(client: Any, transport: Transport) -> KinesisCalls:
    """The calls for what a sink was given: a data plane, an aiobotocore client, or anything with its methods.

    Raises ValueError for a transport that is not known, or for one of the data plane's where there is no endpoint.
    """
    if isinstance(client, DataPlane):
        return PlaneCalls(client, is_owned=False)
    if transport == "aiobotocore":
        return ClientCalls(client)
    if transport not in _PLANE_TRANSPORTS:
        raise ValueError(f"{transport!r} is no transport; there are {', '.join((*_PLANE_TRANSPORTS, 'aiobotocore'))}.")
    if not isinstance(client, AioBaseClient):
        # A stand-in has no endpoint to go to.
        return ClientCalls(client)
    return PlaneCalls(DataPlane.of(client, _PLANE_TRANSPORTS[transport]), is_owned=True)


_PLANE_TRANSPORTS: dict[str, PlaneTransport] = {"auto": "auto", "http2": "http2", "http1": "http1"}


def _arguments(unit: Unit) -> dict[str, Any]:
    record: dict[str, Any] = {"Data": unit.payload, "PartitionKey": unit.partition_key}
    if unit.hash_key is not None:
        record["ExplicitHashKey"] = unit.hash_key
    return record
