"""The data plane's decoder and aiobotocore's read the same subscriptions alike."""

import base64
import json
from collections.abc import AsyncIterator
from functools import cache
from types import SimpleNamespace
from typing import Any

import botocore.session
from aiobotocore.eventstream import AioEventStream
from aiobotocore.parsers import AioResponseParserFactory
from botocore.exceptions import EventStreamError
from hypothesis import given
from hypothesis import strategies as st

from aws_wire import event_stream
from aws_wire.data_plane.subscription import SubscriptionDecoder
from aws_wire.errors import ServiceFault
from aws_wire.kinesis import SubscribeToShardEvent

numbers = st.integers(1, 10**56).map(str)
texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
records = st.fixed_dictionaries(
    {
        "SequenceNumber": numbers,
        "PartitionKey": texts,
        "Data": st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode()),
    },
    optional={
        "ApproximateArrivalTimestamp": st.integers(0, 4 * 10**12).map(lambda millis: millis / 1000),
        "EncryptionType": st.sampled_from(["NONE", "KMS"]),
        "Unknown": st.none() | st.lists(st.integers()),
    },
)
children = st.fixed_dictionaries(
    {
        "ShardId": texts,
        "ParentShards": st.lists(texts, min_size=1, max_size=2),
        "HashKeyRange": st.fixed_dictionaries({"StartingHashKey": numbers, "EndingHashKey": numbers}),
    }
)
events = st.fixed_dictionaries(
    {"Records": st.lists(records, max_size=4), "MillisBehindLatest": st.integers(0, 2**40)},
    optional={"ContinuationSequenceNumber": numbers, "ChildShards": st.lists(children, max_size=2)},
)
Frames = list[tuple[dict[str, str], dict[str, Any]]]
frames = st.lists(
    st.tuples(st.just({":message-type": "event", ":event-type": "SubscribeToShardEvent"}), events)
    | st.tuples(st.just({":message-type": "event", ":event-type": "initial-response"}), st.just({}))
    | st.tuples(
        st.fixed_dictionaries(
            {
                ":message-type": st.just("exception"),
                ":exception-type": st.sampled_from(["InternalFailureException", "KMSThrottlingException"]),
            }
        ),
        st.fixed_dictionaries({"message": texts}),
    ),
    max_size=5,
)


@cache
def _shape_and_parser() -> tuple[Any, Any]:
    model = botocore.session.get_session().get_service_model("kinesis").operation_model("SubscribeToShard")
    parser = AioResponseParserFactory().create_parser("json")
    return model.output_shape.members["EventStream"], parser._event_stream_parser


async def theirs(pieces: list[bytes]) -> tuple[list[Any], str | None]:
    """The events that aiobotocore reads, as plain values, and the exception that ended them."""

    async def iter_chunks() -> AsyncIterator[tuple[bytes, bool]]:
        for piece in pieces:
            yield piece, True

    shape, parser = _shape_and_parser()
    raw = SimpleNamespace(content=SimpleNamespace(iter_chunks=iter_chunks))
    read: list[Any] = []
    try:
        async for each in AioEventStream(raw, shape, parser, "SubscribeToShard"):
            # One by one, so that those before an exception stay.
            read += [_plain(each["SubscribeToShardEvent"])] if "SubscribeToShardEvent" in each else []
    except EventStreamError as error:
        return read, error.response["Error"]["Code"]
    return read, None


def _plain(event: dict[str, Any]) -> Any:
    return (
        [
            (
                record["SequenceNumber"],
                record["PartitionKey"],
                record["Data"],
                round(record["ApproximateArrivalTimestamp"].timestamp() * 1000)
                if "ApproximateArrivalTimestamp" in record
                else 0,
            )
            for record in event["Records"]
        ],
        event.get("ContinuationSequenceNumber"),
        event["MillisBehindLatest"],
        [
            (
                child["ShardId"],
                tuple(child["ParentShards"]),
                child["HashKeyRange"]["StartingHashKey"],
                child["HashKeyRange"]["EndingHashKey"],
            )
            for child in event.get("ChildShards", ())
        ],
    )


def ours(pieces: list[bytes]) -> tuple[list[Any], str | None]:
    """The same from the data plane's decoder."""
    read: list[Any] = []
    decoder = SubscriptionDecoder()
    try:
        for piece in pieces:
            read.extend(_our_plain(event) for event in decoder.feed(piece))
    except ServiceFault as fault:
        return read, fault.code
    decoder.end()
    return read, None


def _our_plain(event: SubscribeToShardEvent) -> Any:
    return (
        [(record.sequence_number, record.partition_key, record.data, record.arrived) for record in event.records],
        event.continuation,
        event.millis_behind_latest,
        [
            (
                child.shard_id,
                child.parent_shards,
                child.hash_key_range.starting_hash_key if child.hash_key_range else None,
                child.hash_key_range.ending_hash_key if child.hash_key_range else None,
            )
            for child in event.child_shards or ()
        ],
    )


@given(frames, st.integers(1, 400))
async def test_the_same_frames_give_the_same_records(sent: Frames, piece: int) -> None:
    """Records with their data and arrival, continuation, lag, children and the exception at the end are equal."""
    body = b"".join(event_stream.encode(headers, json.dumps(payload).encode()) for headers, payload in sent)
    pieces = [body[start : start + piece] for start in range(0, len(body), piece)]
    assert ours(pieces) == await theirs(pieces)
