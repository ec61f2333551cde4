"""Which shard a hash key belongs to."""

import pytest

from aws_wire.kinesis import HashKeyRange
from aws_wire.put_records import ListedShard, _SequenceNumberRange
from delivery.shard_map import HASH_KEYS, ShardMap, hash_of


def shard(name: str, first: int, last: int, *, closed: bool = False) -> ListedShard:
    ending = _SequenceNumberRange("9" if closed else None)
    return ListedShard(name, HashKeyRange(str(first), str(last)), ending)


SPLIT = ShardMap([shard("parent", 0, HASH_KEYS - 1, closed=True), shard("low", 0, 9), shard("high", 10, HASH_KEYS - 1)])


@pytest.mark.parametrize(("key", "name"), [(0, "low"), (9, "low"), (10, "high"), (HASH_KEYS - 1, "high")])
def test_both_ends_of_a_range_are_its_own(key, name):
    """Records go to open shards alone, and ranges include both ends."""
    assert SPLIT.shard_of(key) == name


def test_a_closed_shard_still_answers_for_its_range():
    """What was answered with a parent's name can be judged."""
    assert SPLIT.holds("parent", 5)
    assert not SPLIT.holds("low", 10)
    assert SPLIT.knows("parent")
    assert not SPLIT.knows("stranger")


def test_a_hole_has_no_shard():
    """In the middle of a reshard a listing may miss a range."""
    holed = ShardMap([shard("a", 10, 19), shard("c", 30, 39)])
    assert [holed.shard_of(key) for key in (0, 9, 10, 19, 20, 29, 30, 40)] == [
        *(None, None, "a", "a", None, None, "c", None)
    ]
    assert ShardMap([]).shard_of(0) is None


def test_the_hash_is_the_keys_md5_unless_one_is_given():
    """As AWS has it: the 128-bit number of the MD5, big-endian (RFC 1321's test vector for "a")."""
    assert hash_of("a") == 0x0CC175B9C0F1B6A831C399E269772661
    assert hash_of("a", "17") == 17
