"""Aggregation by predicted shard, explicit hash keys, and the ways to Kinesis."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from aws_wire import aggregation
from aws_wire.aggregation import UserRecord
from delivery import WRONG_SHARD, Item, KinesisSink, RetryPolicy
from delivery.shard_map import HASH_KEYS, hash_of

HALF = HASH_KEYS // 2
LOW, HIGH = "0", str(HASH_KEYS - 1)


class Stream:
    """Answers from `shards`, by name the first hash key; `listed` may lag behind."""

    def __init__(self, shards: dict[str, int], listed: dict[str, int] | None = None) -> None:
        self.shards = shards
        self.listed = [shards if listed is None else listed, shards]
        self.puts: list[list[dict[str, Any]]] = []

    async def list_shards(self, StreamName: str) -> dict[str, Any]:  # noqa: N803
        shards = self.listed.pop(0) if len(self.listed) > 1 else self.listed[0]
        ordered = sorted(shards.items(), key=lambda shard: shard[1])
        ends = [first - 1 for _, first in ordered[1:]] + [HASH_KEYS - 1]
        return {
            "Shards": [
                {
                    "ShardId": name,
                    "HashKeyRange": {"StartingHashKey": str(first), "EndingHashKey": str(last)},
                    "SequenceNumberRange": {"StartingSequenceNumber": "1"},
                }
                for (name, first), last in zip(ordered, ends, strict=True)
            ]
        }

    async def put_records(self, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.puts.append(Records)
        return {"Records": [{"ShardId": self._of(record), "SequenceNumber": "1"} for record in Records]}

    def _of(self, record: dict[str, Any]) -> str:
        hash_key = hash_of(record["PartitionKey"], record.get("ExplicitHashKey"))
        return max((first, name) for name, first in self.shards.items() if first <= hash_key)[1]


def items(count: int = 40) -> list[Item]:
    return [Item(b"%d" % number, f"key-{number}") for number in range(count)]


async def test_items_of_many_keys_share_a_record_per_shard(at_once):
    """Two shards get one aggregate each, whose explicit hash key lies in the shard and whose keys do too."""
    stream = Stream({"low": 0, "high": HALF})
    outcomes = await KinesisSink(stream, "raw", at_once, aggregate="shard").deliver(items())
    [records] = stream.puts
    assert len(records) == 2
    for record in records:
        users = aggregation.decode(record["Data"])
        assert users is not None
        is_high = int(record["ExplicitHashKey"]) >= HALF
        assert {hash_of(user.partition_key) >= HALF for user in users} == {is_high}
        assert record["PartitionKey"] == users[0].partition_key
    assert {outcome.shard for outcome in outcomes} == {"low", "high"}


async def test_what_went_astray_is_sent_again_and_the_rest_is_not(at_once, observer):
    """The map is old: one aggregate for a shard that was split. Those whose hash lies in the other child go again."""
    stream = Stream({"low": 0, "high": HALF}, listed={"parent": 0})
    outcomes = await KinesisSink(stream, "raw", at_once, aggregate="shard", observer=observer).deliver(items())
    first, second = stream.puts
    [whole], [again] = first, second
    kept = int(whole["ExplicitHashKey"]) >= HALF
    resent = aggregation.decode(again["Data"])
    assert resent is not None
    assert [user.partition_key for user in resent] == [
        item.key for item in items() if (hash_of(item.key) >= HALF) != kept
    ]
    assert observer.retries == [(len(resent), WRONG_SHARD)]
    for item, outcome in zip(items(), outcomes, strict=True):
        assert outcome.shard == ("high" if hash_of(item.key) >= HALF else "low")


async def test_past_the_deadline_what_is_astray_counts_as_undelivered():
    """It may have arrived, in a shard whose readers may drop it: the caller decides."""
    stream = Stream({"low": 0, "high": HALF}, listed={"parent": 0})
    policy = RetryPolicy(base_seconds=1000.0, cap_seconds=1000.0, deadline_seconds=0.01)
    outcomes = await KinesisSink(stream, "raw", policy, aggregate="shard").deliver(items())
    codes = {(outcome.status, outcome.code) for outcome in outcomes}
    assert codes == {("delivered", ""), ("undelivered", WRONG_SHARD)}


async def test_answers_that_never_fit_the_map_end(at_once):
    """A service that names one shard for all is believed in the end: the records are stored."""
    stream = Stream({"only": 0})
    stream.listed = [{"a": 0, "only": HALF}]
    outcomes = await KinesisSink(stream, "raw", at_once, aggregate="shard").deliver(items())
    assert {outcome.status for outcome in outcomes} == {"delivered"}
    assert len(stream.puts) == 11


async def test_without_a_map_items_are_aggregated_by_key(at_once):
    """ListShards that fails stops nothing."""

    class Unlisted(Stream):
        async def list_shards(self, **_: Any) -> dict[str, Any]:
            raise EndpointConnectionError(endpoint_url="http://x")

    stream = Unlisted({"low": 0})
    outcomes = await KinesisSink(stream, "raw", at_once, aggregate="shard").deliver([*items(3), *items(3)])
    assert {outcome.status for outcome in outcomes} == {"delivered"}
    assert [record["PartitionKey"] for record in stream.puts[0]] == ["key-0", "key-1", "key-2"]


async def test_an_explicit_hash_key_goes_with_its_record(at_once):
    """Alone it is the record's own; in an aggregate it is the record's and the user record's; runs do not mix."""
    stream = Stream({"low": 0, "high": HALF})
    sent = [Item(b"1", "a", LOW), Item(b"2", "a", LOW), Item(b"3", "a", HIGH), Item(b"4", "b", HIGH), Item(b"5", "c")]
    outcomes = await KinesisSink(stream, "raw", at_once, parallel=1).deliver(sent)
    first, second = stream.puts
    assert aggregation.decode(first[0]["Data"]) == [UserRecord("a", b"1", LOW), UserRecord("a", b"2", LOW)]
    assert [record.get("ExplicitHashKey") for record in first] == [LOW, HIGH, None]
    assert [(record["Data"], record["ExplicitHashKey"]) for record in second] == [(b"3", HIGH)]
    assert [outcome.shard for outcome in outcomes[:4]] == ["low", "low", "high", "high"]


@pytest.mark.parametrize("hash_key", ["", "-1", "01", "1e3", "٣", str(HASH_KEYS), "9" * 200])
async def test_an_impossible_hash_key_is_rejected_without_a_call(at_once, hash_key):
    """Its neighbours go."""
    stream = Stream({"low": 0})
    outcomes = await KinesisSink(stream, "raw", at_once).deliver([Item(b"1", "a", hash_key), Item(b"2", "b")])
    assert [outcome.status for outcome in outcomes] == ["rejected", "delivered"]
    assert outcomes[0].code == "InvalidExplicitHashKey"


async def test_a_transport_that_is_not_known_is_an_error_of_the_program(at_once):
    """It is said at once, with those there are."""
    with pytest.raises(ValueError, match="aiobotocore"):
        await KinesisSink(Stream({}), "raw", at_once, transport="http3").deliver([Item(b"1", "a")])  # type: ignore[arg-type]
