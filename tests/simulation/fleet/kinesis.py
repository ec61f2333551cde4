"""Kinesis for the fleet: the double's own model, its clock the world's, and a Source for each worker.

Sequence numbers are shown to the fleet with a constant taken off, chosen so that they grow by a digit in the middle
of the run: whoever compares them as strings is found out.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fleet.ledger import Ledger
from fleet.network import Link
from fleet.world import World

from aws_wire.aggregation import UserRecord, encode
from aws_wire.kinesis import (
    GetRecordsAnswer,
    SubscribeToShardEvent,
    UnreadablePayload,
    decode_event,
    decode_get_records,
)
from local_aws.errors import ServiceError
from local_aws.kinesis import operations, sequence
from local_aws.kinesis.account import Account
from local_aws.kinesis.consumer_operations import subscribe_to_shard
from local_aws.kinesis.faults import Faults
from local_aws.kinesis.hash_keys import hash_key
from local_aws.kinesis.log import Record
from local_aws.kinesis.settings import KinesisSettings
from local_aws.kinesis.streams import Stream
from local_aws.kinesis.subscriptions import End, Event, Subscription, Wait
from local_aws.kinesis.tokens import ShardIterator
from shardline.errors import ShardGone, StreamUnavailable, SubscriptionFailed
from shardline.model import AT_TIMESTAMP, Checkpoint, Shard

EPOCH_MS = 1_700_000_000_000
STREAM = "raw"
CONSUMER = "fleet"
_WINDOW_EVENTS = 4
_DIGITS = 40
_ROUNDING = 1e-6
_NAMES = itertools.count()
"""No two sources share the limits that a process keeps for a stream."""


class Kinesis:
    """The service: one stream, its producers' side, and what the world does to it."""

    def __init__(self, world: World, ledger: Ledger, settings: KinesisSettings, shards: int, rollover: float) -> None:
        self.world = world
        self.ledger = ledger
        self.account = Account(settings, clock=self._milliseconds, faults=Faults(world.rng.random))
        self.pipes: list[Pipe] = []
        rolls_over = sequence.compose(EPOCH_MS + round(rollover * 1000), 0, 0)
        self._shift = rolls_over - 10**_DIGITS
        self.call("CreateStream", {"StreamName": STREAM, "ShardCount": shards})

    def call(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        """One operation of the API. Raises ServiceError."""
        answer: dict[str, Any] = operations.call(self.account, operation, body)
        self.note_shards()
        return answer

    @property
    def stream(self) -> Stream:
        """The stream as it is now."""
        return self.account.stream(STREAM, self.account.now())

    def note_shards(self) -> None:
        """Tell the ledger about shards that are new or closed."""
        stream = self.stream
        if len(stream.shards) > len(self.ledger.shards) or stream.transition is not None:
            for shard in stream.shards.values():
                self.ledger.shard_seen(shard.name, shard.parents)
        for shard in stream.shards.values():
            if not shard.is_open:
                self.ledger.shard_closed(shard.name)

    def put(self, records: Sequence[tuple[str, int]], *, explicit: str | None = None) -> None:
        """Put plain records, each a key and its number under that key."""
        entries = [
            {"PartitionKey": key, "Data": _encoded(f"{key}:{number}".encode()), "ExplicitHashKey": explicit}
            for key, number in records
        ]
        answers = self.call("PutRecords", {"StreamName": STREAM, "Records": entries})["Records"]
        for (key, number), answer in zip(records, answers, strict=True):
            if "ErrorCode" in answer:
                raise AssertionError(f"the simulation puts too fast: {answer}")
            self.ledger.put(answer["ShardId"], self.shown(int(answer["SequenceNumber"])), [(key, number)])

    def put_aggregate(self, records: Sequence[tuple[str, int]]) -> None:
        """Put records as one KPL aggregate, where the first one's key belongs."""
        data = encode([UserRecord(key, f"{key}:{number}".encode()) for key, number in records])
        entry = {"PartitionKey": records[0][0], "Data": _encoded(data)}
        (answer,) = self.call("PutRecords", {"StreamName": STREAM, "Records": [entry]})["Records"]
        self.ledger.put(answer["ShardId"], self.shown(int(answer["SequenceNumber"])), records)

    def poll(self, iterator: str) -> tuple[str, bytes]:
        """GetRecords: the shard and the answer's payload, with sequence numbers as shown. Raises ServiceError."""
        account = self.account
        shard_id = ShardIterator.decode(iterator, account.now(), account.settings).shard_name
        answer = self.call("GetRecords", {"ShardIterator": iterator})
        records = _rendered(answer["Records"].records, self.shown)
        following, children = answer.get("NextShardIterator"), answer.get("ChildShards")
        rest = f',"NextShardIterator":"{following}"' if following else ""
        if children is not None:
            rest += f',"ChildShards":{json.dumps(children)}'
        payload = f'{{"Records":[{records}],"MillisBehindLatest":{answer["MillisBehindLatest"]}{rest}}}'
        return shard_id, payload.encode()

    def shard_of(self, key: str) -> str:
        """The open shard where a key belongs now."""
        return self.stream.route(hash_key(key)).name

    def shown(self, number: int) -> int:
        """A sequence number as the fleet sees it."""
        return number - self._shift

    def meant(self, shown: str) -> str:
        """The sequence number that the fleet means."""
        return str(int(shown) + self._shift)

    def _milliseconds(self) -> int:
        return EPOCH_MS + int((self.world.now + _ROUNDING) * 1000)


class Pipe:
    """One subscription's connection: events wait in it, at most a few, until the worker takes them."""

    def __init__(self, kinesis: Kinesis, link: Link) -> None:
        self._kinesis = kinesis
        self._world = kinesis.world
        self._link = link
        self._subscription: Subscription | None = None
        self._arrived: deque[bytes | BaseException | None] = deque()
        self._under_way = 0
        self._waiter: asyncio.Future[None] | None = None
        self._is_over = False
        self._timer = 0
        self._last_arrival = 0.0
        self.stalled_until = 0.0
        self.corrupt_next = False

    def open(self, body: dict[str, Any]) -> None:
        """Subscribe, at the service. Raises ServiceError."""
        account = self._kinesis.account
        operations.check_fault(account, "SubscribeToShard", body)
        self._subscription = subscribe_to_shard(account, body, account.now(), self._advance_soon)
        self._kinesis.pipes.append(self)
        self._advance_soon()

    async def next(self) -> bytes | None:
        """The next payload; None at the end. Raises what broke the connection."""
        while not self._arrived:
            self._waiter = self._link.loop.create_future()
            await self._waiter
        found = self._arrived.popleft()
        if isinstance(found, BaseException):
            raise found
        self._advance_soon()
        return found

    def fail(self, error: BaseException) -> None:
        """Break the connection: what was under way is gone."""
        self._end()
        self._arrived.clear()
        self._arrive(error)

    def close(self) -> None:
        """The worker goes away; the service notices unless the way there is cut or the worker was killed."""
        if not self._link.requests_cut and not self._link.loop.is_killed:
            self._end()

    def _end(self) -> None:
        self._is_over = True
        if self._subscription is not None:
            self._kinesis.account.subscriptions.stop(self._subscription)
        if self in self._kinesis.pipes:
            self._kinesis.pipes.remove(self)

    def _advance_soon(self) -> None:
        self._advance_at(self._world.now)

    def _advance_at(self, when: float) -> None:
        self._timer += 1
        ticket = self._timer
        self._world.at(when, lambda: self._advance() if ticket == self._timer else None)

    def _advance(self) -> None:
        if self._is_over or self._subscription is None or self._under_way + len(self._arrived) >= _WINDOW_EVENTS:
            return
        if self._world.now < self.stalled_until:
            self._advance_at(self.stalled_until)
            return
        self._kinesis.note_shards()
        now = self._kinesis.account.now()
        match self._subscription.next_step(now):
            case Event() as event:
                self._send(self._payload(event))
                self._advance_at((self._kinesis.account.now() - EPOCH_MS + 1) / 1000)
            case Wait(until):
                self._advance_at((until - EPOCH_MS) / 1000 + _ROUNDING)
            case End(error):
                self._end()
                self._send(error)

    def _send(self, message: bytes | BaseException | None) -> None:
        self._under_way += 1
        self._last_arrival = max(self._last_arrival, self._world.now + self._link.latency())

        def deliver() -> None:
            self._under_way -= 1
            self._arrive(message)

        self._world.at(self._last_arrival, lambda: self._link.push(deliver))

    def _arrive(self, message: bytes | BaseException | None) -> None:
        self._arrived.append(message)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _payload(self, event: Event) -> bytes:
        payload = render(event, self._kinesis.shown)
        if self.corrupt_next:
            self.corrupt_next = False
            return payload[: len(payload) // 2]
        return payload


class SourceCounts:
    """How many user records a worker received, by shard, since it last began to read it."""

    def __init__(self) -> None:
        self.received: Counter[str] = Counter()
        self.largest_event = 0
        self._highest: dict[str, int] = {}

    def begin(self, shard_id: str) -> None:
        """Count from 0."""
        self.received[shard_id] = self._highest[shard_id] = 0

    def add(self, shard_id: str, numbers: Sequence[int], users: Callable[[str, int], int]) -> None:
        """Count the Kinesis records that had not come yet."""
        highest = self._highest.get(shard_id, 0)
        count = sum(users(shard_id, number) for number in numbers if number > highest)
        if numbers:
            self._highest[shard_id] = max(highest, numbers[-1])
        self.received[shard_id] += count
        self.largest_event = max(self.largest_event, count)


class SimulatedSource:
    """Shards and subscriptions as one worker sees them; see shardline.reading.stream.Source."""

    def __init__(self, kinesis: Kinesis, link: Link, faults: Counter[str]) -> None:
        self.name = f"simulated stream {next(_NAMES)}"
        self.counts = SourceCounts()
        self._kinesis = kinesis
        self._link = link
        self._faults = faults
        self._arn = ""

    async def list_shards(self) -> list[Shard]:
        """See Source."""
        answer = await self._call("ListShards", {"StreamName": STREAM})
        return [_shard(each) for each in answer["Shards"]]

    async def register(self) -> None:
        """See Source."""
        summary = await self._call("DescribeStreamSummary", {"StreamName": STREAM})
        where = {"StreamARN": summary["StreamDescriptionSummary"]["StreamARN"], "ConsumerName": CONSUMER}
        for _ in range(20):
            try:
                consumer = (await self._call("DescribeStreamConsumer", where))["ConsumerDescription"]
            except ShardGone:
                consumer = await self._registered(where)
            if consumer["ConsumerStatus"] == "ACTIVE":
                self._arn = consumer["ConsumerARN"]
                return
            await asyncio.sleep(0.3)
        raise StreamUnavailable("the consumer does not become ACTIVE")

    async def subscribe(
        self, shard_id: str, position: Checkpoint, *, after: bool
    ) -> AsyncIterator[SubscribeToShardEvent]:
        """See Source."""
        pipe = Pipe(self._kinesis, self._link)
        body = {"ConsumerARN": self._arn, "ShardId": shard_id, "StartingPosition": self._starting(position, after)}
        try:
            with self._translated(shard_id):
                await self._link.call("SubscribeToShard", lambda: pipe.open(body))
                while (payload := await pipe.next()) is not None:
                    event = decode_event(payload)
                    self._count(shard_id, event.records)
                    yield event
        finally:
            pipe.close()

    async def shard_iterator(
        self, shard_id: str, position: Checkpoint, *, after: bool, timestamp: float | None = None
    ) -> str:
        """See Source."""
        starting = self._starting(position, after)
        body = {"StreamName": STREAM, "ShardId": shard_id, "ShardIteratorType": starting["Type"]}
        if "SequenceNumber" in starting:
            body["StartingSequenceNumber"] = starting["SequenceNumber"]
        if timestamp is not None or "Timestamp" in starting:
            moment = starting["Timestamp"] if timestamp is None else timestamp
            body.update(ShardIteratorType=AT_TIMESTAMP, Timestamp=moment)
        with self._translated(shard_id):
            answer = await self._link.call("GetShardIterator", lambda: self._kinesis.call("GetShardIterator", body))
        return str(answer["ShardIterator"])

    async def get_records(self, iterator: str) -> GetRecordsAnswer:
        """See Source."""
        with self._translated(iterator[:20]):
            shard_id, payload = await self._link.call("GetRecords", lambda: self._kinesis.poll(iterator))
            answer = decode_get_records(payload)
        self._count(shard_id, answer.records)
        return answer

    async def retention_seconds(self) -> float:
        """See Source."""
        answer = await self._call("DescribeStreamSummary", {"StreamName": STREAM})
        return float(answer["StreamDescriptionSummary"]["RetentionPeriodHours"] * 3600)

    async def created_seconds(self) -> float | None:
        """See Source."""
        answer = await self._call("DescribeStreamSummary", {"StreamName": STREAM})
        return float(answer["StreamDescriptionSummary"]["StreamCreationTimestamp"])

    async def aclose(self) -> None:
        """See Source."""

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except ServiceError as error:
            self._faults[error.code] += 1
            if error.code == "ResourceNotFoundException":
                raise ShardGone(f"{what}: {error}") from error
            raise SubscriptionFailed(f"{what}: {error}", error.code) from error
        except (OSError, UnreadablePayload) as error:
            raise SubscriptionFailed(f"{what}: {error}") from error

    def _count(self, shard_id: str, records: Sequence[Any]) -> None:
        numbers = [int(record.sequence_number) for record in records]
        self.counts.add(shard_id, numbers, self._kinesis.ledger.users_of)

    async def _registered(self, where: dict[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = (await self._call("RegisterStreamConsumer", where))["Consumer"]
        except StreamUnavailable:
            return {"ConsumerStatus": "CREATING"}
        return answer

    async def _call(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = await self._link.call(operation, lambda: self._kinesis.call(operation, body))
        except ServiceError as error:
            if error.code == "ResourceNotFoundException":
                raise ShardGone(str(error)) from error
            raise StreamUnavailable(str(error)) from error
        except OSError as error:
            raise StreamUnavailable(str(error)) from error
        return answer

    def _starting(self, position: Checkpoint, after: bool) -> dict[str, Any]:
        if position.sequence_number == AT_TIMESTAMP:
            return {"Type": AT_TIMESTAMP, "Timestamp": EPOCH_MS / 1000}
        if position.is_sentinel:
            return {"Type": position.sequence_number}
        kind = "AFTER_SEQUENCE_NUMBER" if after else "AT_SEQUENCE_NUMBER"
        return {"Type": kind, "SequenceNumber": self._kinesis.meant(position.sequence_number)}


def render(event: Event, shown: Callable[[int], int]) -> bytes:
    """The payload of a SubscribeToShardEvent, as AWS writes it."""
    records = _rendered(event.records, shown)
    if event.continuation is not None:
        rest = f'"ContinuationSequenceNumber":"{shown(event.continuation)}"'
    else:
        rest = f'"ChildShards":[{",".join(map(_rendered_child, event.children))}]'
    return f'{{"Records":[{records}],"MillisBehindLatest":{event.millis_behind_latest},{rest}}}'.encode()


def _rendered(records: Iterable[Record], shown: Callable[[int], int]) -> str:
    return ",".join(
        f'{{"SequenceNumber":"{shown(record.sequence)}","ApproximateArrivalTimestamp":{record.arrived / 1000:.3f},'
        f'"Data":"{record.encoded}","PartitionKey":"{record.partition_key}","EncryptionType":"NONE"}}'
        for record in records
    )


def _rendered_child(child: Any) -> str:
    parents = ",".join(f'"{parent}"' for parent in child.parents)
    return (
        f'{{"ShardId":"{child.name}","ParentShards":[{parents}],'
        f'"HashKeyRange":{{"StartingHashKey":"{child.start}","EndingHashKey":"{child.end}"}}}}'
    )


def _shard(listed: dict[str, Any]) -> Shard:
    parents = (listed.get("ParentShardId"), listed.get("AdjacentParentShardId"))
    return Shard(
        shard_id=listed["ShardId"],
        parents=tuple(parent for parent in parents if parent),
        is_open="EndingSequenceNumber" not in listed["SequenceNumberRange"],
        starting_hash_key=int(listed["HashKeyRange"]["StartingHashKey"]),
        ending_hash_key=int(listed["HashKeyRange"]["EndingHashKey"]),
    )


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
