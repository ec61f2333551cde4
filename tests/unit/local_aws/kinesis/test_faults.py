"""Faults strike what they name, as often as they say."""

from typing import Any

import pytest

from local_aws.errors import ServiceError
from local_aws.kinesis.errors import InvalidArgument
from local_aws.kinesis.faults import Fault, parse_fault


def test_next_puts_are_throttled(simulate: Any) -> None:
    """`throttle_puts` fails the next `count` records of its stream, and then none."""
    simulation = simulate()
    simulation.active_stream("raw")
    simulation.active_stream("other")
    simulation.account.faults.add(Fault(kind="throttle_puts", stream="raw", count=3))
    assert simulation.put("other", b"x")["FailedRecordCount"] == 0
    answer = simulation.put("raw", *[b"x"] * 5)
    assert [record.get("ErrorCode") for record in answer["Records"]] == [
        *["ProvisionedThroughputExceededException"] * 3,
        None,
        None,
    ]
    assert simulation.account.faults.describe() == []


def test_a_percentage_of_puts_is_throttled(simulate: Any) -> None:
    """With a percentage a record is throttled if its chance is below it."""
    simulation = simulate()
    simulation.active_stream()
    simulation.account.faults.add(Fault(kind="throttle_puts", percent=30, count=None))
    simulation.chances = [0.29, 0.3, 0.9, 0.0]
    answer = simulation.put("raw", *[b"x"] * 4)
    assert ["ErrorCode" in record for record in answer["Records"]] == [True, False, False, True]


def test_calls_fail_with_the_code_asked_for(simulate: Any) -> None:
    """`fail_calls` answers the named operation with the named exception, failures of the service with 500."""
    simulation = simulate()
    simulation.active_stream()
    simulation.account.faults.add(Fault(kind="fail_calls", operation="PutRecords", code="KMSThrottlingException"))
    simulation.account.faults.add(Fault(kind="fail_calls", operation="PutRecords"))
    failures = []
    for _ in range(2):
        with pytest.raises(ServiceError) as raised:
            simulation.put("raw", b"x")
        failures.append((raised.value.code, raised.value.status))
    assert failures == [("KMSThrottlingException", 400), ("InternalFailureException", 500)]
    assert simulation.put("raw", b"x")["FailedRecordCount"] == 0


def test_subscription_faults_name_a_shard(simulate: Any) -> None:
    """A fault of one shard leaves the subscriptions of others alone."""
    faults = simulate().account.faults
    faults.add(Fault(kind="drop_subscription", stream="raw", shard="shardId-000000000001"))
    assert faults.on_subscription("raw", "shardId-000000000000") is None
    assert faults.on_subscription("raw", "shardId-000000000001") is not None
    assert faults.on_subscription("raw", "shardId-000000000001") is None


def test_faults_are_cleared(simulate: Any) -> None:
    """After `clear` nothing strikes."""
    faults = simulate().account.faults
    faults.add(Fault(kind="throttle_puts", count=None))
    faults.clear()
    assert not faults.on_put("raw", "shardId-000000000000")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "earthquake"},
        {"kind": "stall", "stream": 7},
        {"kind": "stall", "count": 0},
        {"kind": "stall", "seconds": "long"},
        {"kind": "stall", "percent": -1},
        {"kind": "stall", "colour": "red"},
    ],
)
def test_faults_that_cannot_be(body: dict[str, object]) -> None:
    """A fault with an unknown kind, member or value is refused."""
    with pytest.raises(InvalidArgument):
        parse_fault(body)
