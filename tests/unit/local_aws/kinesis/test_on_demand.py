"""An on-demand stream grows with what is written to it."""

from typing import Any

import pytest

from local_aws.kinesis.on_demand import Demand, wanted_shards
from local_aws.kinesis.settings import KinesisSettings

MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("records", "size", "wanted"),
    [
        (0, 0, 4),
        (20_000, 10 * MEBIBYTE, 4),  # half of what four shards take in ten seconds
        (20_001, 0, 5),
        (0, 25 * MEBIBYTE, 5),
        (30_000, 0, 6),
        (1_000_000, 0, 8),
    ],
)
def test_capacity_is_double_the_rate(records: int, size: int, wanted: int) -> None:
    """Shards for double the observed rate, never fewer than there are, never more than double at once."""
    assert wanted_shards(Demand(0, records, size), 10_000, 4, KinesisSettings()) == wanted


def grow(simulation: Any, seconds: int, records: int) -> None:
    for _ in range(seconds):
        simulation.call("DescribeLimits")
        for index in range(records // 500):
            simulation.put("raw", *[b"x"] * 500, hash_key=str((index % 4) * 2**126))
        simulation.advance(1)
    simulation.put("raw", b"x")


def test_stream_doubles_under_load(simulate: Any) -> None:
    """Offered twice its capacity, what was refused included, a stream has double its shards a minute later."""
    simulation = simulate()
    simulation.call("CreateStream", StreamName="raw", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    simulation.advance(1)
    grow(simulation, 60, 8000)
    simulation.advance(1)
    summary = simulation.call("DescribeStreamSummary", StreamName="raw")["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["StreamStatus"]) == (8, "ACTIVE")
    shards = simulation.call("ListShards", StreamName="raw")["Shards"]
    assert sum("EndingSequenceNumber" in shard["SequenceNumberRange"] for shard in shards) == 4


def test_quiet_stream_stays(simulate: Any) -> None:
    """Offered less than half of its capacity a stream keeps its shards."""
    simulation = simulate()
    simulation.call("CreateStream", StreamName="raw", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    simulation.advance(1)
    grow(simulation, 61, 1500)
    assert len(simulation.call("ListShards", StreamName="raw")["Shards"]) == 4


def test_provisioned_streams_do_not_grow(simulate: Any) -> None:
    """A provisioned stream refuses what is over its rate, and stays as it is."""
    simulation = simulate()
    simulation.active_stream()
    grow(simulation, 61, 2000)
    assert len(simulation.call("ListShards", StreamName="raw")["Shards"]) == 1


def test_growth_ends_at_the_accounts_limit(simulate: Any) -> None:
    """A stream grows by no more shards than the account has left."""
    simulation = simulate(shard_limit=6)
    simulation.call("CreateStream", StreamName="raw", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    simulation.advance(1)
    grow(simulation, 60, 8000)
    simulation.advance(1)
    limits = simulation.call("DescribeLimits")
    assert limits == {
        "ShardLimit": 6,
        "OpenShardCount": 0,
        "OnDemandStreamCount": 1,
        "OnDemandStreamCountLimit": 50,
    }
    assert len(simulation.account.stream("raw", simulation.now).open_shards) == 6
