"""One shard's lag as it is read, from a Kinesis that answers as scripted, in virtual time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shardline import Checkpoint
from shardline.cli.connection import CommandFailed
from shardline.cli.lag import Lag, Question, measure
from shardline.cli.listing import ListedShard
from shardline.cli.moments import first_records
from shardline.testing import run_in_virtual_time


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetRecords")


def record(number: int, age: float) -> dict[str, Any]:
    return {"SequenceNumber": str(number), "Data": b"x", "ApproximateArrivalTimestamp": time.time() - age}


def page(*records: dict[str, Any], behind: int = 0, following: str | None = "next") -> dict[str, Any]:
    return {"Records": list(records), "MillisBehindLatest": behind, "NextShardIterator": following}


class Kinesis:
    """Gives the answers in their order; an exception is raised."""

    def __init__(self, *answers: Any, iterator: Any = "first") -> None:
        self.answers, self.iterator = list(answers), iterator
        self.asked: list[dict[str, Any]] = []

    async def get_shard_iterator(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        if isinstance(self.iterator, Exception):
            raise self.iterator
        return {"ShardIterator": self.iterator}

    async def get_records(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        found: dict[str, Any] = answer
        return found


def lag_of(kinesis: Kinesis, checkpoint: str = "17") -> Lag:
    question = Question("s", Checkpoint(checkpoint), "w", None)
    return run_in_virtual_time(measure(kinesis, "stream", question))


def test_the_record_at_the_checkpoint_is_passed_over() -> None:
    """The age of the one after it is the lag; two records suffice."""
    kinesis = Kinesis(page(record(17, 60), record(18, 30)))
    lag = lag_of(kinesis)
    assert lag.standing == "behind"
    assert lag.milliseconds == pytest.approx(30_000, abs=2_000)
    assert kinesis.asked[0]["ShardIteratorType"] == "AT_SEQUENCE_NUMBER"
    assert kinesis.asked[1]["Limit"] == 2


def test_an_empty_answer_far_behind_is_not_the_end() -> None:
    """GetRecords may find nothing in a stretch of a shard."""
    lag = lag_of(Kinesis(page(behind=90_000), page(record(17, 99), behind=90_000), page(record(19, 5))))
    assert lag.milliseconds == pytest.approx(5_000, abs=2_000)


def test_the_tip_of_an_open_shard_and_the_end_of_a_closed_one_are_caught_up() -> None:
    assert lag_of(Kinesis(page(record(17, 9)))).standing == "caught up"
    assert lag_of(Kinesis(page(record(17, 9), following=None))).milliseconds == 0


def test_a_throttle_is_waited_out() -> None:
    """Others read the shard too."""
    throttled = refused("ProvisionedThroughputExceededException")
    assert lag_of(Kinesis(throttled, throttled, page(record(17, 9)))).standing == "caught up"


def test_a_checkpoint_that_is_no_position_is_unknown_and_other_refusals_end_the_command() -> None:
    assert lag_of(Kinesis(iterator=refused("InvalidArgumentException"))).standing == "unknown"
    with pytest.raises(CommandFailed, match="IAM policy"):
        lag_of(Kinesis(refused("AccessDeniedException")))


def test_the_first_record_at_a_time_is_searched_for() -> None:
    """Through empty answers, until there is one or the tip is reached."""

    def first(*answers: dict[str, Any]) -> str | None:
        shards: Sequence[ListedShard] = [ListedShard("s", (), 0, 1, "1", None)]
        found = run_in_virtual_time(first_records(Kinesis(*answers), "stream", shards, 5.0))
        return found["s"]

    assert first(page(behind=9), page(record(20, 1))) == "20"
    assert first(page(behind=9), page()) is None
    assert first(page(behind=9, following=None)) is None
