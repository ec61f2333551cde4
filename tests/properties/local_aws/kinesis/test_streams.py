"""Whatever is put, split, merged and resized, nothing is lost and nothing is out of order."""

import base64
from itertools import pairwise
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from local_aws.kinesis.account import Account
from local_aws.kinesis.consumer_operations import subscribe_to_shard
from local_aws.kinesis.errors import InvalidArgument, LimitExceeded
from local_aws.kinesis.faults import Faults
from local_aws.kinesis.hash_keys import HASH_KEYS
from local_aws.kinesis.log import Log, Record
from local_aws.kinesis.operations import call
from local_aws.kinesis.settings import KinesisSettings
from local_aws.kinesis.subscriptions import End, Event

START = 1_700_000_000_000

puts = st.tuples(st.just("put"), st.integers(0, HASH_KEYS - 1), st.integers(1, 5))
splits = st.tuples(st.just("split"), st.integers(0, 20), st.integers(0, HASH_KEYS - 1))
merges = st.tuples(st.just("merge"), st.integers(0, 20), st.just(0))
resizes = st.tuples(st.just("resize"), st.integers(1, 8), st.just(0))
pauses = st.tuples(st.just("pause"), st.integers(-500, 5_000), st.just(0))
steps = st.lists(st.one_of(puts, splits, merges, resizes, pauses), max_size=40)


class Run:
    """An account driven by steps, and what it acknowledged: data by sequence number, in order, by shard."""

    def __init__(self) -> None:
        self.now = START
        quick = KinesisSettings(
            create_seconds=0, update_seconds=0, consumer_seconds=0, write_limits=False, read_limits=False, event_bytes=9
        )
        self.account = Account(quick, clock=lambda: self.now, faults=Faults(lambda: 1.0))
        self.call("CreateStream", StreamName="s", ShardCount=2)
        self.acknowledged: list[tuple[str, str, bytes]] = []

    def call(self, operation: str, **body: Any) -> Any:
        return call(self.account, operation, body)

    @property
    def stream(self) -> Any:
        return self.account.stream("s", self.account.now())

    def apply(self, step: tuple[str, int, int]) -> None:
        kind, first, second = step
        try:
            getattr(self, kind)(first, second)
        except (InvalidArgument, LimitExceeded):
            # Not every random reshard is possible; that it is refused cleanly is what the checks afterwards show.
            return

    def put(self, hash_key: int, count: int) -> None:
        data = [f"{len(self.acknowledged) + number}".encode() for number in range(count)]
        records = [
            {"Data": base64.b64encode(d).decode(), "PartitionKey": "k", "ExplicitHashKey": str(hash_key)} for d in data
        ]
        answers = self.call("PutRecords", StreamName="s", Records=records)["Records"]
        self.acknowledged += [(a["ShardId"], a["SequenceNumber"], d) for a, d in zip(answers, data, strict=True)]

    def split(self, index: int, hash_key: int) -> None:
        shard = self.stream.open_shards[index % len(self.stream.open_shards)]
        self.call("SplitShard", StreamName="s", ShardToSplit=shard.name, NewStartingHashKey=str(hash_key))

    def merge(self, index: int, _: int) -> None:
        shards = self.stream.open_shards
        pair = [shards[(index + offset) % len(shards)].name for offset in range(2)]
        self.call("MergeShards", StreamName="s", ShardToMerge=pair[0], AdjacentShardToMerge=pair[1])

    def resize(self, count: int, _: int) -> None:
        self.call("UpdateShardCount", StreamName="s", TargetShardCount=count, ScalingType="UNIFORM_SCALING")

    def pause(self, milliseconds: int, _: int) -> None:
        self.now += milliseconds


def run(script: list[tuple[str, int, int]]) -> Run:
    finished = Run()
    for step in script:
        finished.apply(step)
    return finished


def read_by_iterator(finished: Run, shard: str, limit: int) -> list[tuple[str, str, bytes]]:
    body = {"StreamName": "s", "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    token = finished.call("GetShardIterator", **body)["ShardIterator"]
    found: list[tuple[str, str, bytes]] = []
    while token is not None:
        answer = finished.call("GetRecords", ShardIterator=token, Limit=limit)
        records = parse(shard, answer["Records"])
        found += records
        token = answer.get("NextShardIterator") if records else None
    return found


def parse(shard: str, rendered: Any) -> list[tuple[str, str, bytes]]:
    records = orjson.loads(rendered.as_json())
    return [(shard, record["SequenceNumber"], base64.b64decode(record["Data"])) for record in records]


@given(steps)
@settings(max_examples=60, deadline=None)
def test_open_shards_are_a_partition_of_the_hash_keys(script: list[tuple[str, int, int]]) -> None:
    """After any reshards every hash key has exactly one open shard, and routing finds it."""
    stream = run(script).stream
    shards = stream.open_shards
    assert shards[0].start == 0
    assert shards[-1].end == HASH_KEYS - 1
    assert all(first.end + 1 == second.start for first, second in pairwise(shards))
    assert all(stream.route(key) is shard for shard in shards for key in (shard.start, shard.end))


@given(steps)
@settings(max_examples=60, deadline=None)
def test_children_take_over_exactly_their_parents_keys(script: list[tuple[str, int, int]]) -> None:
    """A closed shard's keys lie within its children; a child has one or two parents, all closed and older."""
    stream = run(script).stream
    for shard in stream.shards.values():
        parents = [stream.shards[name] for name in shard.parents]
        assert all(not parent.is_open and parent.ending < shard.starting for parent in parents)
        children = stream.children_of(shard)
        assert bool(children) != shard.is_open
        if children:
            assert min(child.start for child in children) <= shard.start
            assert max(child.end for child in children) >= shard.end


@given(steps)
@settings(max_examples=60, deadline=None)
def test_sequence_numbers_grow_over_the_whole_stream(script: list[tuple[str, int, int]]) -> None:
    """Numbers of acknowledged records grow strictly, across shards, reshards and clocks that go back."""
    numbers = [int(number) for _, number, _ in run(script).acknowledged]
    assert all(first < second for first, second in pairwise(numbers))
    assert all(len(str(number)) == 56 for number in numbers)


@given(steps, st.integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_iterators_find_every_record_once_in_order(script: list[tuple[str, int, int]], limit: int) -> None:
    """GetRecords from TRIM_HORIZON over all shards gives what was acknowledged, each once, in order in its shard."""
    finished = run(script)
    for shard in finished.stream.shards:
        expected = [record for record in finished.acknowledged if record[0] == shard]
        assert read_by_iterator(finished, shard, limit) == expected


@given(steps)
@settings(max_examples=60, deadline=None)
def test_subscriptions_from_parents_to_children_find_every_record(script: list[tuple[str, int, int]]) -> None:
    """Following ChildShards from the first shards reaches every acknowledged record once, a key's in order."""
    finished = run(script)
    finished.call("RegisterStreamConsumer", StreamARN=finished.account.arn("s"), ConsumerName="c")
    finished.now = finished.account.now()
    (consumer,) = finished.stream.consumers.values()
    waiting = [shard.name for shard in finished.stream.shards.values() if not shard.parents]
    done: set[str] = set()
    found: list[bytes] = []
    while waiting:
        shard = waiting.pop(0)
        if shard in done:
            continue
        parents = finished.stream.shards[shard].parents
        if not done.issuperset(parents):
            waiting.append(shard)
            continue
        found += drain(finished, consumer.arn, shard, waiting)
        done.add(shard)
    assert done == set(finished.stream.shards)
    assert sorted(found) == sorted(data for _, _, data in finished.acknowledged)


def drain(finished: Run, consumer: str, shard: str, waiting: list[str]) -> list[bytes]:
    body = {"ConsumerARN": consumer, "ShardId": shard, "StartingPosition": {"Type": "TRIM_HORIZON"}}
    finished.account.find("s", finished.now)
    subscription = subscribe_to_shard(finished.account, body, finished.account.now(), lambda: None)
    found: list[bytes] = []
    while True:
        finished.now += 20
        step = subscription.next_step(finished.now)
        if isinstance(step, End):
            return found
        if isinstance(step, Event):
            found += [base64.b64decode(record.encoded) for record in step.records]
            waiting += [child.name for child in step.children]
            if not step.records and step.continuation is not None:
                return found


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(0, 200), st.integers(-5, 70))
@settings(max_examples=100, deadline=None)
def test_trimmed_log_reads_as_the_rest_of_the_list(gaps: list[int], before: int, position: int) -> None:
    """A log after trimming reads, from any position, as the list without the records that are too old."""
    log = Log()
    records: list[Record] = []
    arrived = 0
    for number, gap in enumerate(gaps):
        arrived += gap
        records.append(Record(number, arrived, "k", "", 1))
        log.append(records[-1])
    log.trim(before)
    kept = [record for record in records if record.arrived >= before]
    assert list(log.records) == kept
    read, following = log.read(position, max_records=10, max_bytes=7)
    assert read == [record for record in kept if record.sequence >= position][:7]
    assert following == (read[-1].sequence + 1 if read else max(position, log.start, 0)) or not kept
