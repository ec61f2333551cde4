"""A team moves between the Java Kinesis Client Library and shardline by stopping one fleet and starting the other.

Both work on one lease table; the stream has plain and aggregated records and is split on the way. The Kinesis double
and ministack stand in for AWS.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from typing import Any

import pytest

pytestmark = [pytest.mark.kcl, pytest.mark.timeout(420)]

PUT = 300
FIRST_RECORD_SECONDS = 150
"""A first worker of the Java library waits up to 30 s on an empty lease table, by chance, before it lists shards."""


def check(fleet: Any, records: list[Any]) -> None:
    """Each record was given once, and each key's in the order in which they were put."""
    seen: dict[str, list[int]] = defaultdict(list)
    for record in records:
        seen[record.key].append(record.data)
    for key, last in fleet.producer.put.items():
        assert seen[key] == list(range(1, last + 1)), f"{key}: {seen[key]}"


def sub_sequences(records: list[Any], worker: str) -> set[int]:
    return {record.sub_sequence_number for record in records if record.worker == worker}


@pytest.mark.parametrize(
    ("first", "second"),
    [("kcl3", "shardline"), ("shardline", "kcl3"), ("kcl2", "shardline"), ("shardline", "kcl2")],
)
def test_the_second_fleet_goes_on_exactly_where_the_first_stopped(first: Any, second: Any, fleet: Any) -> None:
    """The first stops in the middle, after it followed a split; nothing is lost and nothing repeats."""
    fleet.producer.send(PUT)
    fleet.stream.split(0)
    fleet.producer.send(PUT)
    # At least three fifths of what lies in the split shard and its children: beyond the split.
    fleet.start(first, "a-first", limit=fleet.producer.total * 4 // 5)
    fleet.until_stopped("a-first", FIRST_RECORD_SECONDS)
    given = len(fleet.records())
    fleet.producer.send(PUT)
    assert given < fleet.producer.total
    fleet.start(second, "b-second")
    records = fleet.until_all(FIRST_RECORD_SECONDS)
    fleet.stop("b-second")
    assert len(fleet.records()) == fleet.producer.total, f"{len(records) - fleet.producer.total} repeated"
    check(fleet, records)
    assert len({record.shard for record in records[:given]}) > 2, "the first was given nothing beyond the split"
    for worker in ("a-first", "b-second"):
        assert {0, 1} < sub_sequences(records, worker), f"{worker} was given no aggregate"


def test_a_mixed_fleet_loses_nothing(fleet: Any) -> None:
    """A shardline worker joins one of the Java library's on its table, and goes on alone when that one stops.

    While both run nothing is lost. How many shards each has is not promised: the Java leader assigns by measures of
    its own. Hence it is for the minutes of a move, by `beside_kcl=True`; what repeats is printed, not limited.
    """
    fleet.stream.split(0)
    fleet.stream.split(2)
    fleet.producer.send(PUT)
    fleet.start("kcl3", "a-java")
    fleet.until_given("a-java", fleet.producer.total, FIRST_RECORD_SECONDS)
    fleet.start("shardline", "b-python", beside_kcl="yes")
    for _ in range(40):
        fleet.producer.send(10)
        time.sleep(0.5)
    fleet.until_all(30)
    both = fleet.records()
    repeated = len(both) - fleet.producer.total
    fleet.stop("a-java")
    fleet.producer.send(PUT)
    records = fleet.until_all(60)
    fleet.stop("b-python")
    by_worker = Counter(record.worker for record in both)
    print(f"\nwhile both ran: {dict(by_worker)}, repeated {repeated}; in all {len(records) - fleet.producer.total}")
    assert any(record.worker == "b-python" for record in records)
