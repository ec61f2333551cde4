"""Checkpoints and batches."""

from __future__ import annotations

import pytest

from shardline import AT_TIMESTAMP, LATEST, SHARD_END, TRIM_HORIZON, Checkpoint
from shardline.testing import make_batch, records


def test_checkpoints_order_by_place() -> None:
    """Sentinels before and after all numbers; numbers as integers; then the place within an aggregate."""
    in_order = [
        Checkpoint(AT_TIMESTAMP),
        Checkpoint(TRIM_HORIZON),
        Checkpoint(LATEST),
        Checkpoint("9"),
        Checkpoint("10", 0),
        Checkpoint("10", 9),
        Checkpoint("10", 10),
        Checkpoint("100"),
        Checkpoint(SHARD_END),
    ]
    assert sorted({*in_order}) == in_order


def test_checkpoints_of_one_place_are_equal_however_written() -> None:
    """Zero-padded numbers (as some emulators write them) name the same record."""
    assert Checkpoint("007") == Checkpoint("7")
    assert len({Checkpoint("007"), Checkpoint("7")}) == 1


def test_a_checkpoint_that_is_no_place_cannot_be_compared() -> None:
    """A typing error does not silently become a position."""
    with pytest.raises(ValueError, match="invalid literal"):
        assert Checkpoint("LATSET") < Checkpoint("1")


def test_a_batch_made_for_a_test_tells_whether_it_is_done() -> None:
    """And its records count up."""
    batch = make_batch(records(b"a", b"b", first_sequence_number=5), shard_id="shardId-1")
    assert [record.sequence_number for record in batch.records] == ["5", "6"]
    assert not batch.is_done
    batch.done()
    batch.done()
    assert batch.is_done
