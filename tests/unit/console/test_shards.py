"""Shards beside the leases of those who read them."""

from console.shards import Answer, Group, StreamShards, join, share
from shardline import SHARD_END, Checkpoint, Lease, Shard

ENRICHER = Group("enricher", "raw", "enricher-leases")
HALF = 1 << 127


def shard(name: str, low: int = 0, high: int = HALF - 1, *, is_open: bool = True) -> Shard:
    return Shard(name, (), is_open, low, high)


def joined(answer: Answer, lags: dict[tuple[str, str, str], float] | None = None) -> StreamShards:
    return join(["raw"], [ENRICHER], answer, lags or {})[0]


def test_open_shards_come_first_with_their_share_of_the_keys() -> None:
    rows = joined(Answer(shards={"raw": [shard("s-0", is_open=False), shard("s-1", HALF, 2 * HALF - 1)]})).shards
    assert [(row.id, row.state, row.share) for row in rows] == [("s-1", "open", 0.5), ("s-0", "closed", 0.5)]


def test_a_reader_has_its_owner_its_checkpoint_and_its_own_lag() -> None:
    lease = Lease("s-0", Checkpoint("42", 3), owner="task-1")
    answer = Answer(shards={"raw": [shard("s-0")]}, leases={ENRICHER: [lease]})
    lags = {("enricher", "raw", "s-0"): 1.5, ("indexer", "raw", "s-0"): 99.0}
    (reader,) = joined(answer, lags).shards[0].readers
    assert (reader.owner, reader.checkpoint, reader.sub_sequence_number, reader.lag) == ("task-1", "42", 3, 1.5)


def test_during_a_hand_off_the_leaving_owner_still_holds_the_shard() -> None:
    lease = Lease("s-0", Checkpoint("42"), owner="new", checkpoint_owner="old")
    (reader,) = joined(Answer(shards={"raw": [shard("s-0")]}, leases={ENRICHER: [lease]})).shards[0].readers
    assert (reader.owner, reader.handing_to) == ("old", "new")


def test_a_shard_read_to_its_end_has_no_lag() -> None:
    answer = Answer(shards={"raw": [shard("s-0")]}, leases={ENRICHER: [Lease("s-0", Checkpoint(SHARD_END))]})
    (reader,) = joined(answer, {("enricher", "raw", "s-0"): 5}).shards[0].readers
    assert reader.ended
    assert reader.lag is None


def test_a_lease_whose_shard_kinesis_no_longer_lists_is_forgotten() -> None:
    answer = Answer(shards={"raw": []}, leases={ENRICHER: [Lease("s-0", Checkpoint("1"))]})
    assert joined(answer).shards[0].state == "forgotten"


def test_what_did_not_answer_is_said_and_the_rest_is_shown() -> None:
    lease = Lease("s-0", Checkpoint("1"))
    without_kinesis = joined(Answer(leases={ENRICHER: [lease]}, stream_errors={"raw": "cannot connect"}))
    assert without_kinesis.problems == ("Kinesis: unreachable, retrying — cannot connect",)
    assert without_kinesis.shards[0].state == "unknown"
    without_leases = joined(Answer(shards={"raw": [shard("s-0")]}, lease_errors={ENRICHER: "cannot connect"}))
    assert without_leases.problems == ("leases of enricher: unreachable, retrying — cannot connect",)
    assert without_leases.shards[0].readers == ()


def test_a_shard_without_a_range_has_no_share() -> None:
    assert share(Shard("s-0")) is None
