"""Checkpoints and batches."""

from __future__ import annotations

import pytest

from shardline import AT_TIMESTAMP, LATEST, SHARD_END, TRIM_HORIZON, Checkpoint, LeaseLost
from shardline.testing import HandReceipt, make_batch, records


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


async def test_a_test_may_hold_the_receipt_of_a_batch_made_by_hand() -> None:
    """It hears of done, once, and may lose the lease; what is lost is not done."""
    calls: list[str] = []
    receipt = HandReceipt(lambda: calls.append("done"))
    batch = make_batch(records(b"one"), state=b"before", receipt=receipt)
    assert batch.lease.state == b"before"
    with pytest.raises(LeaseLost):
        await batch.committed()
    await batch.done(b"after")
    batch.done()
    await batch.settled()
    await batch.committed()
    assert (calls, batch.state) == (["done"], b"after")
    lost = make_batch(records(b"one"), receipt=receipt)
    receipt.is_void = True
    lost.done()
    await lost.settled()
    assert (lost.is_done, lost.lease_lost, calls) == (False, True, ["done"])
