"""Positions as people write them."""

from __future__ import annotations

import pytest

from shardline import Checkpoint
from shardline.cli.arguments import destination
from shardline.cli.positions import NotAPosition, Target, parse_place, parse_target

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("trim_horizon", Target("TRIM_HORIZON")),
        ("LATEST", Target("LATEST")),
        ("15m", Target("AT_TIMESTAMP", NOW - 900)),
        ("1.5h", Target("AT_TIMESTAMP", NOW - 5400)),
        ("2d", Target("AT_TIMESTAMP", NOW - 172_800)),
        ("2023-11-14T22:13:20Z", Target("AT_TIMESTAMP", NOW)),
        ("2023-11-14T22:13:20", Target("AT_TIMESTAMP", NOW)),
        ("2023-11-14T23:13:20+01:00", Target("AT_TIMESTAMP", NOW)),
        ("1700000000.5", Target("AT_TIMESTAMP", NOW + 0.5)),
    ],
)
def test_positions_of_every_shard(written: str, target: Target) -> None:
    """Sentinels in any case, times with a zone or in UTC, and how long ago."""
    assert parse_target(written, NOW) == target


@pytest.mark.parametrize("written", ["", "yesterday", "15", "49600000000000000000000007", "SHARD_END"])
def test_what_is_no_position_is_refused_with_what_is(written: str) -> None:
    with pytest.raises(NotAPosition, match="TRIM_HORIZON, LATEST, a time"):
        parse_target(written, NOW)


@pytest.mark.parametrize(
    ("written", "checkpoint"),
    [
        ("s=17", Checkpoint("17", -1)),
        ("s=17.0", Checkpoint("17", -1)),
        ("s=17.4", Checkpoint("17", 3)),
        ("s=latest", Checkpoint("LATEST")),
        ("s=SHARD_END", Checkpoint("SHARD_END")),
    ],
)
def test_a_place_names_the_first_record_to_deliver(written: str, checkpoint: Checkpoint) -> None:
    """So the checkpoint stands right before it."""
    assert parse_place(written) == ("s", checkpoint)


@pytest.mark.parametrize("written", ["17", "=17", "s=", "s=x", "s=17.x", "s=-3"])
def test_a_broken_place_is_refused(written: str) -> None:
    with pytest.raises(NotAPosition, match="SHARD=NUMBER"):
        parse_place(written)


def test_single_shards_may_be_repeated_and_nothing_else() -> None:
    assert destination(["a=1", "b=LATEST"]) == (None, {"a": Checkpoint("1", -1), "b": Checkpoint("LATEST")})
    with pytest.raises(NotAPosition, match="not both"):
        destination(["a=1", "LATEST"])
    with pytest.raises(NotAPosition, match="only SHARD="):
        destination(["LATEST", "TRIM_HORIZON"])
